//! HTTPS: what the host serves with a certificate, and which certificates it takes.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use spell_tests::{Answer, Client, Host, REVISIONS, Setup, both};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A certificate for `localhost` that it signed itself, and its key, in PEM.
struct Identity {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
}

fn identity() -> Identity {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).expect("certificate");
    Identity { certificate: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().clone() }
}

/// An app with these files for TLS beside it, named on the command line.
fn setup(certificate: &str, key: &str) -> Setup {
    let setup = Setup::new(&both("")).file("tls/cert.pem", certificate).file("tls/key.pem", key);
    let path = |name: &str| setup.directory().join("tls").join(name).to_string_lossy().into_owned();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    setup.arguments(&["--tls-cert", &certificate, "--tls-key", &key])
}

fn connect(app: Client, identity: &Identity, protocols: &[&str]) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(identity.der.clone()).expect("root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").expect("name")).expect("connection");
    StreamOwned::new(connection, TcpStream::connect(app.address).expect("connect"))
}

fn get(host: &Host, identity: &Identity, path: &str) -> Answer {
    let mut stream = connect(host.app, identity, &["http/1.1"]);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").expect("write");
    let mut received = Vec::new();
    // Without a farewell in TLS the end could be anybody's: it has to be there.
    stream.read_to_end(&mut received).expect("a farewell");
    Answer::parse(&received, false)
}

#[test]
fn t01_an_app_is_served_over_tls_alone() {
    let identity = identity();
    let host = setup(&identity.certificate, &identity.key).start();
    assert!(host.stdout().contains(&format!("Serving https://{}", host.app.address)), "{}", host.stdout());
    for revision in REVISIONS {
        assert_eq!(get(&host, &identity, &format!("/{revision}/hello")).text(), "hello");
        let told = get(&host, &identity, &format!("/{revision}/headers")).text();
        assert!(told.contains(&format!("https://localhost/{revision}/headers")), "{told}");
    }
    let mut stream = connect(host.app, &identity, &["h2", "http/1.1"]);
    stream.write_all(b"").unwrap();
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    assert_eq!(stream.conn.alpn_protocol(), Some(b"h2".as_slice()));
    let (received, _) = host.app.dialogue(b"GET /p2/hello HTTP/1.1\r\nhost: a\r\n\r\n", Duration::from_secs(5));
    assert!(!received.starts_with(b"HTTP"), "in the clear nothing is answered");
}

#[test]
fn t01_what_cannot_be_used_is_refused_at_the_start() {
    let (one, other) = (identity(), identity());
    for (certificate, key, reason) in [
        ("", one.key.as_str(), "has no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", &one.key, "not PEM"),
        (&one.certificate, "", "no private key"),
        (&one.certificate, &other.key, "do not go together"),
    ] {
        let ended = setup(certificate, key).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    }
    let missing = Setup::new(&both("")).arguments(&["--tls-cert", "/nonexistent", "--tls-key", "/nonexistent"]).fail();
    assert!(missing.stderr.contains("cannot read /nonexistent"), "{}", missing.stderr);
    for alone in ["--tls-cert", "--tls-key"] {
        let ended = Setup::new(&both("")).arguments(&[alone, Path::new("x.pem").to_str().unwrap()]).fail();
        assert!(ended.code == Some(2) && ended.stderr.contains("--tls-"), "{}", ended.stderr);
    }
}

#[test]
fn a_client_that_never_shakes_hands_holds_nobody_up_and_is_left() {
    let identity = identity();
    let host = setup(&identity.certificate, &identity.key).operator("[host]\nheader_time = \"1s\"\n").start();
    let mut silent: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(host.app.address).unwrap()).collect();
    assert_eq!(get(&host, &identity, "/p2/hello").status, 200);
    let began = Instant::now();
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = stream.read(&mut [0; 1]);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "they were let go of after header_time");
}
