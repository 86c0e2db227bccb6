//! Cards H1 to H5: databases and brokers that nobody granted, and servers that answer as none should.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, REVISIONS, RealServer, Setup, both, encode};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\nconnect_time = \"1s\"\nquery_time = \"500ms\"\n";
/// What must never be seen again.
const SECRET: &str = "hunter2secret";

fn redis(host: &Host, revision: &str, address: &str, lines: &[&str]) -> Vec<Value> {
    let path = format!("/{revision}/redis?address={}&do={}", encode(address), encode(&lines.join("\n")));
    host.app.get(&path).json().as_array().expect("outcomes").clone()
}

/// Counts refusals of a rule.
fn refusals(host: &Host, rule: &str) -> usize {
    let audit = std::fs::read_to_string(host.state_dir().join("logs/audit.jsonl")).unwrap_or_default();
    let lines = audit.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["rule"] == rule).count()
}

/// Everything that a host has written.
fn contents(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        text += &if path.is_dir() { contents(&path) } else { String::from_utf8_lossy(&std::fs::read(&path).expect("file")).into_owned() };
    }
    text
}

/// Answers whatever is asked with these bytes, again and again; with none, it holds its tongue.
fn torment(greeting: &'static [u8], repeat: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let repeat = repeat.clone();
            thread::spawn(move || answer(stream, greeting, &repeat));
        }
    });
    port
}

fn answer(mut stream: TcpStream, greeting: &[u8], repeat: &[u8]) {
    let mut buffer = [0; 4096];
    let _ = stream.read(&mut buffer);
    let _ = stream.write_all(greeting);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        if repeat.is_empty() {
            thread::sleep(Duration::from_millis(50));
        } else if stream.write_all(repeat).is_err() {
            return;
        }
    }
}

#[test]
fn redis_needs_the_manifest_and_the_operator() {
    let server = RealServer::redis(None);
    let port = server.port;
    let other = RealServer::redis(None);
    let lines = format!("allowed_outbound_hosts = [\"redis://127.0.0.1:{port}\", \"redis://localhost:{port}\"]");
    let granted = Setup::new(&both(&lines)).operator(GRANT_LOOPBACK).start();
    let ungranted = Setup::new(&both(&lines)).start();
    let none = Setup::new(&both("")).operator(GRANT_LOOPBACK).start();
    let invalid = json!({ "error": "invalid-address" });
    for revision in REVISIONS {
        let open = |host: &Host, address: &str| redis(host, revision, address, &[])[0].clone();
        assert_eq!(open(&granted, &format!("redis://127.0.0.1:{port}")), json!({ "ok": "open" }), "{revision}");
        for address in [
            // Another port, scheme or name, and look-alikes.
            format!("redis://127.0.0.1:{}", other.port),
            format!("rediss://127.0.0.1:{port}"),
            format!("http://127.0.0.1:{port}"),
            format!("redis://127.0.0.2:{port}"),
            format!("redis://2130706433:{port}"),
            format!("redis://u:p@127.0.0.1:{port}@127.0.0.1:{}", other.port),
            format!("redis://127.0.0.1:{}/@127.0.0.1:{port}", other.port),
            format!("redis://127.0.0.1:{port}\\@127.0.0.1:{}", other.port),
            format!("redis://127.0.0.1:{port}/x"),
            "redis+unix:///var/run/redis.sock".to_owned(),
            "unix:///var/run/redis.sock".to_owned(),
            String::new(),
        ] {
            assert_eq!(open(&granted, &address), invalid, "{revision} {address}");
        }
        // What the manifest names and the operator does not: the address, by number and by a name that leads there.
        for name in ["127.0.0.1", "localhost"] {
            let before = refusals(&ungranted, "outbound-address");
            assert_eq!(open(&ungranted, &format!("redis://{name}:{port}")), invalid, "{revision} {name}");
            spell_tests::wait_until("the refusal to be noted", || refusals(&ungranted, "outbound-address") > before);
        }
        assert_eq!(open(&none, &format!("redis://127.0.0.1:{port}")), invalid, "{revision}");
    }
    spell_tests::wait_until("the refusals to be noted", || {
        refusals(&granted, "outbound-host") >= 6 && refusals(&none, "outbound-host") >= 2
    });
    let metrics = ungranted.control.get("/metrics").text();
    assert!(metrics.contains("outbound-address"), "{metrics}");
}

#[test]
fn connections_are_counted() {
    let server = RealServer::redis(None);
    let address = format!("redis://127.0.0.1:{}", server.port);
    let lines = format!("allowed_outbound_hosts = [\"{address}\"]\ntool.spell.limits = {{ outbound_requests = 10 }}");
    let host = Setup::new(&both(&lines)).operator(GRANT_LOOPBACK).start();
    for revision in REVISIONS {
        let outcomes = redis(&host, revision, &address, &["open"; 12]);
        let open = outcomes.iter().filter(|outcome| outcome["ok"] == "open").count();
        assert_eq!(open, 6, "{revision}: {outcomes:?}");
        assert!(outcomes[6..].iter().all(|outcome| outcome["error"] == "too-many-connections"), "{revision}: {outcomes:?}");
    }
    spell_tests::wait_until("the refusals to be noted", || {
        refusals(&host, "outbound-connections") >= 8 && refusals(&host, "limit-outbound_requests") >= 2
    });
    // All are given back: the component has 16 places.
    for revision in REVISIONS {
        for _ in 0..4 {
            assert_eq!(redis(&host, revision, &address, &["open"; 5]).iter().filter(|outcome| outcome["ok"] == "open").count(), 6);
        }
    }
}

#[test]
fn places_of_a_component_are_waited_for_and_refused_in_time() {
    let server = RealServer::redis(None);
    let address = format!("redis://127.0.0.1:{}", server.port);
    let operator = format!("{GRANT_LOOPBACK}connections_per_component = 1\n");
    let host = Setup::new(&both(&format!("allowed_outbound_hosts = [\"{address}\"]"))).operator(&operator).start();
    for revision in REVISIONS {
        let started = Instant::now();
        let outcomes = redis(&host, revision, &address, &["open"]);
        assert_eq!(outcomes, [json!({ "ok": "open" }), json!({ "error": "too-many-connections" })], "{revision}");
        assert!(started.elapsed() >= Duration::from_secs(1) && started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!(redis(&host, revision, &address, &["PING"])[1], json!({ "ok": [{ "status": "PONG" }] }), "{revision}");
    }
}

#[test]
fn credentials_are_nowhere_to_be_read() {
    let server = RealServer::redis(Some("another"));
    let port = server.port;
    let lines = format!("allowed_outbound_hosts = [\"redis://127.0.0.1:{port}\", \"redis://127.0.0.1:1\"]");
    let host = Setup::new(&both(&lines)).operator(GRANT_LOOPBACK).environment("SPELL_LOG", "debug").start();
    for revision in REVISIONS {
        for address in [
            format!("redis://:{SECRET}@127.0.0.1:{port}"),
            format!("redis://{SECRET}:{SECRET}@127.0.0.1:{port}"),
            format!("redis://:{SECRET}@127.0.0.1:1"),
            format!("redis://:{SECRET}@10.0.0.1:{port}"),
            format!("redis://:{SECRET}@127.0.0.1:{port}/{SECRET}"),
            format!("redis://:12/{SECRET}@127.0.0.1:{port}"),
            format!("redis://{SECRET}@@127.0.0.1:{port}"),
            format!("{SECRET}://127.0.0.1:{port}"),
        ] {
            let outcomes = redis(&host, revision, &address, &[]);
            assert!(outcomes[0]["error"].is_string() && !outcomes[0].to_string().contains(SECRET), "{address}: {outcomes:?}");
        }
    }
    let everything = format!("{}{}{}{}", host.stdout(), host.stderr(), host.control.get("/metrics").text(), contents(host.state_dir()));
    assert!(!everything.contains(SECRET), "a password is shown");
}

#[test]
fn answers_of_redis_end_in_size_and_in_time() {
    let limit = "other: the answer is larger than 4194304 bytes, the limit outbound.query_bytes";
    let late = "other: no whole answer within the time allowed, the limit outbound.query_time";
    let foreign = "other: the server does not speak the protocol of Redis";
    let servers = [
        ("one-long-value", torment(b"$1000000000\r\n", vec![b'x'; 65_536]), limit),
        ("endless-list", torment(b"*1000000000\r\n", b":0\r\n".repeat(10_000)), limit),
        ("endless-nesting", torment(b"", b"*1\r\n".repeat(10_000)), limit),
        ("endless-line", torment(b"+", vec![b'x'; 65_536]), foreign),
        ("never-answers", torment(b"", Vec::new()), late),
        ("half-an-answer", torment(b"$5\r\nab", Vec::new()), late),
        ("http", torment(b"HTTP/1.1 200 OK\r\n\r\n", Vec::new()), foreign),
    ];
    let host = Setup::new(&both("allowed_outbound_hosts = [\"redis://127.0.0.1:*\"]")).operator(GRANT_LOOPBACK).start();
    for revision in REVISIONS {
        for (name, port, expected) in &servers {
            let started = Instant::now();
            let outcomes = redis(&host, revision, &format!("redis://127.0.0.1:{port}"), &["get key", "get key"]);
            assert_eq!(outcomes[1]["error"], *expected, "{revision} {name}");
            assert_eq!(outcomes[2]["error"], "other: the connection is closed", "{revision} {name}: the rest of an answer is not the next");
            assert!(started.elapsed() < Duration::from_secs(5), "{revision} {name} took {:?}", started.elapsed());
        }
        let silent = format!("redis://:{SECRET}@127.0.0.1:{}", servers[4].1);
        assert_eq!(redis(&host, revision, &silent, &[])[0]["error"], "other: no connection within the time allowed", "{revision}");
        let modes = redis(&host, revision, &format!("redis://127.0.0.1:{}", servers[4].1), &["subscribe x", "SUBSCRIBE x", "HELLO int:3"]);
        assert!(modes[1..].iter().all(|outcome| outcome["error"].to_string().contains("is not supported")), "{modes:?}");
    }
    assert_eq!(host.control.get("/healthz").status, 200);
}
