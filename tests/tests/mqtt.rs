//! Components that speak to a real broker of MQTT, and servers that only claim to be one (card H9).

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, REVISIONS, RealServer, Setup, both, encode};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

const PASSWORD: &str = "hunter2secret";
const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\nconnect_time = \"1s\"\nquery_time = \"500ms\"\n";

fn host(allowed: &str, operator: &str) -> Host {
    Setup::new(&both(&format!("allowed_outbound_hosts = [\"{allowed}\"]"))).operator(operator).environment("SPELL_LOG", "debug").start()
}

fn publish(host: &Host, revision: &str, address: &str, lines: &[&str]) -> Vec<Value> {
    let lines = encode(&lines.join("\n"));
    let path = format!("/{revision}/mqtt?address={}&user=spell&password={PASSWORD}&do={lines}", encode(address));
    host.app.get(&path).json().as_array().expect("outcomes").clone()
}

#[test]
fn messages_of_every_quality_arrive() {
    let server = RealServer::mosquitto("spell", PASSWORD);
    let address = format!("mqtt://127.0.0.1:{}", server.port);
    let host = host(&address, GRANT_LOOPBACK);
    for revision in REVISIONS {
        let told = server.subscribed("spell", PASSWORD, "rooms/#", 4, || {
            let address = format!("{address}?client_id={revision}");
            let lines = ["1 rooms/a one", "2 rooms/b two", "0 rooms/+ never", "2 rooms/b again", "0 rooms/c zero"];
            let outcomes = publish(&host, revision, &address, &lines);
            let refused = json!({ "error": "other: a topic has 1 to 65535 bytes, and no wildcard" });
            let done = json!({ "ok": null });
            assert_eq!(outcomes, [done.clone(), done.clone(), done.clone(), refused, done.clone(), done], "{revision}");
        });
        // Each quality has its own way, and none waits for another.
        let mut told: Vec<&str> = told.lines().collect();
        told.sort_unstable();
        let expected = ["message 0 rooms/c zero", "message 1 rooms/a one", "message 2 rooms/b again", "message 2 rooms/b two"];
        assert_eq!(told, expected, "{revision}");
        let large = server.subscribed("spell", PASSWORD, "large", 1, || {
            assert_eq!(publish(&host, revision, &address, &["1 large bytes:300000"])[1], json!({ "ok": null }), "{revision}");
        });
        assert_eq!(large.len(), "message 1 large ".len() + 300_000, "{revision}");
    }
}

#[test]
fn mqtt_needs_the_manifest_and_the_operator_and_shows_no_password() {
    let server = RealServer::mosquitto("spell", "another");
    let port = server.port;
    let granted = host(&format!("mqtt://127.0.0.1:{port}"), GRANT_LOOPBACK);
    let ungranted = host("mqtt://*:*", "");
    for revision in REVISIONS {
        for (address, expected) in [
            (format!("mqtt://127.0.0.1:{port}"), "connection-failed: the server refuses the credentials"),
            (format!("mqtt://127.0.0.1:{}", port ^ 1), "connection-failed: the destination is not in allowed_outbound_hosts"),
            (format!("mqtts://127.0.0.1:{port}"), "connection-failed: the destination is not in allowed_outbound_hosts"),
            (format!("mqtt://localhost:{port}"), "connection-failed: the destination is not in allowed_outbound_hosts"),
            (format!("mqtt://u:{PASSWORD}@10.0.0.1:{port}"), "connection-failed: the destination is not in allowed_outbound_hosts"),
            (format!("mqtt://u:1/{PASSWORD}@127.0.0.1:{port}"), "invalid-address"),
            (format!("ws://127.0.0.1:{port}"), "invalid-address"),
            (format!("127.0.0.1:{port}"), "invalid-address"),
        ] {
            assert_eq!(publish(&granted, revision, &address, &[]), [json!({ "error": expected })], "{revision} {address}");
        }
        for name in ["127.0.0.1", "localhost", "10.0.0.1", "[::1]"] {
            let outcome = publish(&ungranted, revision, &format!("mqtt://{name}:{port}"), &[]);
            assert_eq!(
                outcome,
                [json!({ "error": "connection-failed: the destination's address may not be reached" })],
                "{revision} {name}"
            );
        }
    }
    for host in [&granted, &ungranted] {
        let audit = std::fs::read_to_string(host.state_dir().join("logs/audit.jsonl")).expect("audit");
        let everything = format!("{}{}{}{audit}", host.stdout(), host.stderr(), host.control.get("/metrics").text());
        assert!(!everything.contains(PASSWORD), "a password is shown");
        assert!(audit.contains("outbound-host") || audit.contains("outbound-address"), "{audit}");
    }
}

/// Answers the first message with these bytes, and then again and again with those.
fn claim(first: &'static [u8], then: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer);
                let _ = stream.write_all(first);
                while matches!(stream.read(&mut buffer), Ok(1..)) && stream.write_all(then).is_ok() {}
            });
        }
    });
    port
}

#[test]
fn servers_that_only_claim_to_be_brokers_do_no_harm() {
    let foreign = "the server does not speak the protocol of MQTT";
    let late = "other: no whole answer within the time allowed, the limit outbound.query_time";
    let servers = [
        ("says-nothing", claim(b"", b""), 0, "connection-failed: no connection within the time allowed"),
        ("http", claim(b"HTTP/1.1 400 Bad Request\r\n\r\n", b""), 0, foreign),
        ("refuses", claim(b"\x20\x02\x00\x03", b""), 0, "connection-failed: the server refuses the connection with code 3"),
        ("long-packet", claim(b"\x20\xff\xff\xff\x7f", b""), 0, foreign),
        ("never-acknowledges", claim(b"\x20\x02\x00\x00", b""), 1, late),
        ("acknowledges-another", claim(b"\x20\x02\x00\x00", b"\x40\x02\x00\x09"), 1, foreign),
        ("half-an-acknowledgement", claim(b"\x20\x02\x00\x00", b"\x40\x02"), 1, late),
    ];
    let host = host("mqtt://127.0.0.1:*", GRANT_LOOPBACK);
    for revision in REVISIONS {
        for (name, port, step, expected) in &servers {
            let started = Instant::now();
            let outcomes = publish(&host, revision, &format!("mqtt://127.0.0.1:{port}"), &["1 a x", "1 a x"]);
            assert!(outcomes[*step]["error"].as_str().is_some_and(|error| error.contains(expected)), "{revision} {name}: {outcomes:?}");
            if *step == 1 {
                assert_eq!(outcomes[2]["error"], "other: the connection is closed", "{revision} {name}");
            }
            assert!(started.elapsed() < Duration::from_secs(5), "{revision} {name} took {:?}", started.elapsed());
        }
    }
    assert_eq!(host.control.get("/healthz").status, 200);
}
