//! Programs that are fetched from URLs: once, checked by their digest, under the operator's rules, and without trust in the server.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use spell_tests::{Ended, Host, Plugin, Setup, app, guest, run, wait_until};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.1\"]\nfirst_byte_time = \"2s\"\nidle_time = \"1s\"\n";
const PROGRAM_BYTES_MAX: u64 = 256 << 20;

/// How often each path was asked for.
type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

/// A server of programs, and of what is none.
struct Server {
    address: SocketAddr,
    scheme: &'static str,
    asked: Asked,
}

impl Server {
    fn start() -> Self {
        Self::serving("http", answer)
    }

    fn start_tls(config: Arc<ServerConfig>) -> Self {
        Self::serving("https", move |stream, asked| {
            let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            answer(&mut stream, asked)?;
            stream.conn.send_close_notify();
            stream.flush()
        })
    }

    fn serving(scheme: &'static str, serve: impl Fn(std::net::TcpStream, &Asked) -> io::Result<()> + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), scheme, asked: Asked::default() };
        let asked = server.asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (serve, asked) = (serve.clone(), asked.clone());
                thread::spawn(move || serve(stream, &asked));
            }
        });
        server
    }

    fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}/{path}", self.scheme, self.address.port()).replace("http://localhost", "http://127.0.0.1")
    }

    /// A guest as a source, by a path of the server that leads to it.
    fn source(&self, path: &str, name: &str) -> String {
        format!("{{ url = \"{}\", digest = \"{}\" }}", self.url(path), digest(name))
    }

    fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().get(&format!("/{path}")).copied().unwrap_or_default()
    }
}

/// Answers `/program/<guest>` with the guest, `/moved/<guest>` by a redirect to it, and anything else as no server should.
fn answer(mut stream: impl Read + Write, asked: &Asked) -> io::Result<()> {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    *asked.lock().unwrap().entry(path.clone()).or_default() += 1;
    let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().trim();
    let mut to = |place: &str| write!(stream, "HTTP/1.1 307 Moved\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let plain = path.split('?').next().unwrap_or_default();
    if let Some(name) = plain.strip_prefix("/moved/") {
        return to(&format!("/program/{name}"));
    }
    if let Some(name) = plain.strip_prefix("/program/") {
        let wasm = fs::read(guest(name))?;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", wasm.len())?;
        return stream.write_all(&wasm);
    }
    match plain {
        "/loop" => to("/loop"),
        "/private" => to("http://127.0.0.2:1/a.wasm?token=secret"),
        "/metadata" => to("http://169.254.169.254/latest"),
        "/plain" => to(&format!("http://{host}/program/hello_p2")),
        "/named" => to(&format!("http://user:secret@{host}/program/hello_p2")),
        "/large" => write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", PROGRAM_BYTES_MAX + 1),
        "/cut" => write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nasm"),
        "/silent" => {
            thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        "/stalled" => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nasm")?;
            stream.flush()?;
            thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        "/endless" => {
            write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            let piece = vec![0; 1 << 20];
            loop {
                stream.write_all(&piece)?;
            }
        }
        _ => write!(stream, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(name: &str) -> String {
    format!("sha256:{}", hexadecimal(&fs::read(guest(name)).unwrap()))
}

/// A component that answers every path below its name.
fn component(id: &str, source: &str, lines: &str) -> String {
    format!("[[trigger.http]]\nroute = \"/{id}/...\"\ncomponent = \"{id}\"\n[component.{id}]\nsource = {source}\n{lines}\n")
}

/// The names of the files that a cache has.
fn kept(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory.join("fetched")) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn names(guests: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = guests.iter().map(|name| format!("{}.wasm", digest(name).trim_start_matches("sha256:"))).collect();
    names.sort();
    names
}

/// A component, what it depends on, what stands around it, another of the same program, and one that a redirect leads to.
fn whole_app(server: &Server) -> String {
    let (library, middleware) =
        (server.source("program/tests_library", "tests_library"), server.source("program/tests_middleware", "tests_middleware"));
    let caller = server.source("program/tests_caller", "tests_caller");
    let lines = |number: &str| {
        format!(
            "environment = {{ SECRET = \"hidden\" }}\n[component.caller{number}.dependencies]\n\"spell:tests/reach@1.0.0\" = {}\n",
            library.replace(" }", ", inherit_configuration = true }")
        )
    };
    let surrounded = component("caller", &caller, &lines(""))
        .replace("component = \"caller\"\n", &format!("component = \"caller\"\ndependencies = {{ middleware = [{middleware}] }}\n"));
    app(&[
        surrounded,
        component("callertwo", &caller, &lines("two")),
        component("moved", &server.source("moved/hello_p2?token=secret", "hello_p2"), ""),
    ])
}

const WHOLE_APP: [&str; 4] = ["tests_library", "tests_middleware", "tests_caller", "hello_p2"];

fn ask_whole_app(host: &Host) {
    let answer = host.app.get("/caller/dependency/environment/SECRET");
    assert_eq!(answer.header("x-passed"), Some("name-of-the-middleware"), "{}", answer.text());
    assert_eq!(host.app.get("/moved/").status, 200);
}

#[test]
fn programs_are_fetched_once_and_served() {
    let (server, state) = (Server::start(), tempfile::tempdir().unwrap());
    let start = || Setup::new(&whole_app(&server)).operator(GRANT_LOOPBACK).state_dir(state.path()).start();
    let asked = || WHOLE_APP.map(|name| server.asked(&format!("program/{name}")));
    let host = start();
    ask_whole_app(&host);
    let stderr = host.stderr();
    for expected in
        ["Fetching http://127.0.0.1:", "/program/tests_library for component \"caller\": the dependency", "Fetched http://127.0.0.1:"]
    {
        assert!(stderr.contains(expected), "{expected}: {stderr}");
    }
    assert!(stderr.contains("/moved/hello_p2?… for component \"moved\"") && !stderr.contains("token=secret"), "{stderr}");
    assert_eq!((asked(), kept(state.path())), ([1; 4], names(&WHOLE_APP)), "equal programs are one");
    drop(host);

    let host = start();
    ask_whole_app(&host);
    assert_eq!(asked(), [1; 4], "what is there is not fetched again");
    assert!(!host.stderr().contains("Fetching"), "{}", host.stderr());
    drop(host);

    let spoiled = state.path().join("fetched").join(&names(&["tests_library"])[0]);
    for content in ["", "something else"] {
        fs::write(&spoiled, content).unwrap();
        let before = server.asked("program/tests_library");
        let host = start();
        ask_whole_app(&host);
        assert_eq!(server.asked("program/tests_library"), before + 1, "what is spoiled is fetched anew");
        assert!(host.stderr().contains("is not what its name says"), "{}", host.stderr());
    }
    assert_eq!((asked(), kept(state.path())), ([3, 1, 1, 1], names(&WHOLE_APP)));
}

#[test]
fn programs_are_kept_where_the_command_line_says_also_without_a_state_directory() {
    let (server, cache) = (Server::start(), tempfile::tempdir().unwrap());
    let start =
        |arguments: &[&str]| Setup::new(&whole_app(&server)).operator(GRANT_LOOPBACK).state_dir(Path::new("")).arguments(arguments).start();
    for _ in 0..2 {
        let host = start(&["--cache-dir", &cache.path().to_string_lossy()]);
        ask_whole_app(&host);
        assert!(!host.stderr().contains("--cache-dir"), "{}", host.stderr());
        assert!(!host.directory().join(".spell").exists());
    }
    assert_eq!((server.asked("program/tests_caller"), kept(cache.path())), (1, names(&WHOLE_APP)));
    let host = start(&[]);
    ask_whole_app(&host);
    assert_eq!(server.asked("program/tests_caller"), 2, "it was kept in a directory that goes with the host");
}

/// An app of one component with this source, which cannot be served.
fn fail(source: &str, operator: &str) -> Ended {
    let state = tempfile::tempdir().unwrap();
    let ended = Setup::new(&app(&[component("far", source, "")])).operator(operator).state_dir(state.path()).fail();
    assert_eq!((ended.code, kept(state.path())), (Some(1), Vec::new()), "{source}: {}", ended.stderr);
    assert!(!ended.stdout.contains("Serving") && !ended.stderr.contains("panicked"), "{source}: {ended:?}");
    assert!(!ended.stderr.contains("secret"), "{source}: {}", ended.stderr);
    ended
}

#[test]
fn m19_what_cannot_be_fetched_is_refused_with_the_reason_and_nothing_is_kept() {
    let server = Server::start();
    let other = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    for (path, reasons) in [
        ("program/hello_p2", vec![other, &digest("hello_p2"), "if the new one is to be trusted, write its digest"]),
        ("gone", vec!["the server answered 404 Not Found"]),
        ("loop", vec!["redirected more than 5 times"]),
        ("private", vec!["redirected to http://127.0.0.2:1/a.wasm?…: 127.0.0.2 may not be reached", "`allow_networks`"]),
        ("metadata", vec!["169.254.169.254 may not be reached"]),
        ("named", vec!["it has a user name or a password"]),
        ("large", vec!["it is larger than 256 MiB"]),
        ("cut", vec!["it broke off"]),
        ("silent", vec!["there was no answer within 2s", "`outbound.first_byte_time`"]),
        ("stalled", vec!["nothing more arrived for 1s", "`outbound.idle_time`"]),
    ] {
        let url = server.url(path);
        let ended = fail(&format!("{{ url = \"{url}?key=secret\", digest = \"{other}\" }}"), GRANT_LOOPBACK);
        let place = format!("component \"far\": {url}?… cannot be fetched: ");
        for reason in reasons.into_iter().chain([place.as_str()]) {
            assert!(ended.stderr.contains(reason), "{path}: {reason}: {}", ended.stderr);
        }
    }
    let ended = fail("{ url = \"http://127.0.0.1:1/a.wasm\", digest = \"DIGEST\" }".replace("DIGEST", other).as_str(), GRANT_LOOPBACK);
    assert!(ended.stderr.contains("it cannot be reached: Connection refused"), "{}", ended.stderr);
}

#[test]
fn m19_a_body_without_end_is_left_at_the_limit() {
    let ended = fail(&Server::start().source("endless", "hello_p2"), GRANT_LOOPBACK);
    assert!(ended.stderr.contains("it is larger than 256 MiB"), "{}", ended.stderr);
}

#[test]
fn m19_what_is_no_remote_source_is_refused_before_anything_is_asked() {
    let server = Server::start();
    let (url, digest) = (server.url("program/hello_p2"), digest("hello_p2"));
    for (source, reason) in [
        (format!("{{ url = \"{url}\" }}"), "`source` has no `digest`"),
        (format!("{{ url = \"{url}\", digest = \"md5:00\" }}"), "`md5:00` is not a digest"),
        (format!("{{ url = \"{}\", digest = \"{digest}\" }}", url.replace("http:", "ftp:")), "is not an `http` or `https` URL"),
        (format!("{{ url = \"{}\", digest = \"{digest}\" }}", url.replace("//", "//user:secret@")), "has a user name or a password"),
    ] {
        let ended = fail(&source, GRANT_LOOPBACK);
        assert!(ended.stderr.contains(reason), "{reason}: {}", ended.stderr);
    }
    assert!(server.asked.lock().unwrap().is_empty());
}

#[test]
fn what_the_operator_does_not_let_be_reached_is_not_asked() {
    let server = Server::start();
    let source = server.source("program/hello_p2", "hello_p2");
    for operator in [
        "",
        "[outbound]\nrefusals = \"count\"\n",
        "[outbound]\nallow_networks = [\"10.0.0.0/8\"]\n",
        "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\nblock_networks = [\"127.0.0.1\"]\n",
    ] {
        let ended = fail(&source, operator);
        assert!(ended.stderr.contains("127.0.0.1 may not be reached: 127.0.0."), "{operator}: {}", ended.stderr);
        assert!(ended.stderr.contains("`allow_networks`"), "{operator}: {}", ended.stderr);
    }
    let setup = Setup::new(&app(&[component("far", &source, "")])).operator(GRANT_LOOPBACK);
    let ended = setup.runtime_config("[outbound_networking]\nblock_networks = [\"private\"]\n").fail();
    assert!(ended.stderr.contains("127.0.0.1 may not be reached"), "{}", ended.stderr);
    assert!(server.asked.lock().unwrap().is_empty());
    // A component that nothing leads to may be anywhere, and no proxy is asked for what is wanted.
    let unused = format!("[component.unused]\nsource = {}\n", server.source("gone", "hello_p2"));
    let proxy = server.url("proxy");
    let setup = Setup::new(&app(&[component("far", &source, ""), unused])).operator(GRANT_LOOPBACK);
    let host = setup.environment("http_proxy", &proxy).environment("HTTP_PROXY", &proxy).environment("ALL_PROXY", &proxy).start();
    assert_eq!(host.app.get("/far/").status, 200);
    assert_eq!(*server.asked.lock().unwrap(), BTreeMap::from([("/program/hello_p2".to_owned(), 1)]));
}

/// What a server for `localhost` proves itself with, and the authority behind it, in PEM.
fn identity() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = builder.with_single_cert(vec![CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap()], key).unwrap();
    (Arc::new(config), issuer.pem())
}

#[test]
fn over_tls_the_authorities_of_the_machine_are_trusted_and_no_others() {
    let ((config, root), (_, other)) = (identity(), identity());
    let server = Server::start_tls(config);
    // The loopback interface has two addresses by that name.
    let operator = GRANT_LOOPBACK.replace("[\"127.0.0.1\"]", "[\"127.0.0.1\", \"::1\"]");
    let setup = |path: &str, root: &str| {
        let setup = Setup::new(&app(&[component("far", &server.source(path, "hello_p2"), "")])).operator(&operator).file("root.pem", root);
        let file = setup.directory().join("root.pem").to_string_lossy().into_owned();
        setup.environment("SSL_CERT_FILE", &file)
    };
    for path in ["program/hello_p2", "moved/hello_p2"] {
        assert_eq!(setup(path, &root).start().app.get("/far/").status, 200, "{path}");
    }
    for (path, root, reason) in [
        ("program/hello_p2", &other, "invalid peer certificate"),
        ("plain", &root, "it redirects from `https` to `http`, which is not followed"),
    ] {
        let ended = setup(path, root).fail();
        assert!(ended.stderr.contains(reason), "{path}: {}", ended.stderr);
    }
}

fn put(host: &Host, manifest: &str) {
    let new = host.directory().join("new");
    fs::write(&new, manifest).unwrap();
    fs::rename(new, host.directory().join("spin.toml")).unwrap();
}

#[test]
fn a_watched_app_has_the_program_of_its_new_url_or_goes_on_as_it_is() {
    let server = Server::start();
    let of = |source: &str| app(&[component("far", source, "")]);
    let host = Setup::new(&of(&server.source("program/tests_p2", "tests_p2"))).operator(GRANT_LOOPBACK).watched().start();
    assert_eq!(host.app.get("/far/hello").text(), "hello");
    for (number, (source, reason)) in [
        (server.source("gone", "hello_p2"), "the server answered 404"),
        (server.source("program/hello_p2", "hello_p3"), "if the new one is to be trusted"),
        (server.source("stalled", "hello_p2"), "nothing more arrived"),
    ]
    .into_iter()
    .enumerate()
    {
        put(&host, &of(&source));
        wait_until("the failure", || host.stderr().matches("the app from before goes on").count() == number + 1);
        assert!(host.stderr().contains(reason), "{reason}: {}", host.stderr());
        assert_eq!(host.app.get("/far/hello").text(), "hello", "{reason}");
    }
    assert_eq!(kept(host.state_dir()), names(&["tests_p2"]));
    for (path, name, is_new) in [("moved/hello_p2", "hello_p2", true), ("program/tests_p2", "tests_p2", false)] {
        let before = host.stderr().matches("as it is now").count();
        put(&host, &of(&server.source(path, name)));
        wait_until("the app to be replaced", || host.stderr().matches("as it is now").count() > before);
        assert_eq!(host.app.get("/far/unheard-of").status == 200, is_new, "{path}");
    }
    assert_eq!(server.asked("program/tests_p2"), 1, "the first one is still there");
}

#[test]
fn g01_the_programs_of_a_lock_file_are_fetched_to_serve_and_to_compose() {
    let (server, plugin, cache) = (Server::start(), Plugin::new(), tempfile::tempdir().unwrap());
    let source = |name: &str| json!({ "content_type": "application/wasm", "source": server.url(&format!("program/{name}")), "digest": digest(name) });
    let mut lock = json!({
        "spin_lock_version": 1,
        "metadata": { "name": "locked", "origin": "file:///nowhere/spin.toml", "trigger": { "type": "spell" } },
        "triggers": [{ "id": "trigger-a", "trigger_type": "spell", "trigger_config": { "component": "a", "route": "/..." } }],
        "components": [{
            "id": "a",
            "source": source("tests_caller"),
            "env": { "FROM": "lock" },
            "dependencies": { "spell:tests/reach@1.0.0": { "source": source("tests_library"), "inherit": "All" } }
        }]
    });
    let config = plugin.file("spell.toml", GRANT_LOOPBACK).to_string_lossy().into_owned();
    let arguments = ["--config", &config, "--cache-dir", &cache.path().to_string_lossy()];
    let host = plugin.start(&lock, &arguments);
    assert_eq!(host.app.get("/dependency/environment/FROM").text(), "lock");
    drop(host);
    let precompose = |lock, arguments: &[&str]| plugin.precompose(lock, &[&["--precompose-only"], arguments].concat());
    for (arguments, is_fetched) in [(&arguments[..], 1), (&arguments[..2], 2)] {
        let composed = precompose(&lock, arguments);
        assert!(composed.status.success() && composed.stdout.starts_with(b"\0asm"), "{}", String::from_utf8_lossy(&composed.stderr));
        assert_eq!(server.asked("program/tests_library"), is_fetched);
    }
    let refused = precompose(&lock, &[]);
    assert!(!refused.status.success() && refused.stdout.is_empty(), "nobody granted the address");
    lock["components"][0]["source"]["digest"] = json!(null);
    let ended = plugin.fail(&lock);
    assert!(ended.code == Some(1) && ended.stderr.contains("has no `digest`"), "{}", ended.stderr);
}

#[test]
fn the_doctor_fetches_nothing_and_examines_what_was_fetched() {
    let server = Server::start();
    let manifest = app(&[component("far", &server.source("program/guestbook", "guestbook"), "")]);
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("spin.toml"), &manifest).unwrap();
    let path = place.path().to_string_lossy().into_owned();
    let examine = || run(&["doctor", "-f", &path, "--json"]);
    assert_eq!((examine().code, server.asked("program/guestbook")), (Some(0), 0), "{:?}", examine());
    let host =
        Setup::of_file(&place.path().join("spin.toml")).operator(GRANT_LOOPBACK).state_dir_unsaid(&place.path().join(".spell")).start();
    drop(host);
    let ended = examine();
    assert!(ended.code == Some(1) && ended.stdout.contains("key_value_stores"), "{ended:?}");
    assert_eq!(server.asked("program/guestbook"), 1);
}
