//! Components that speak to real databases and brokers.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, REVISIONS, RealServer, Setup, both, encode};

const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n";

/// A host whose components may reach this destination.
fn host(destination: &str) -> Host {
    Setup::new(&both(&format!("allowed_outbound_hosts = [\"{destination}\"]"))).operator(GRANT_LOOPBACK).start()
}

fn redis(host: &Host, revision: &str, address: &str, lines: &[&str]) -> Vec<Value> {
    let path = format!("/{revision}/redis?address={}&do={}", encode(address), encode(&lines.join("\n")));
    host.app.get(&path).json().as_array().expect("outcomes").clone()
}

#[test]
fn redis_does_what_each_function_says() {
    let server = RealServer::redis(None);
    let address = format!("redis://127.0.0.1:{}", server.port);
    let host = host(&address);
    for revision in REVISIONS {
        let key = |name: &str| format!("{revision}-{name}");
        let (text, number, set) = (key("text"), key("number"), key("set"));
        let table = [
            (format!("get {text}"), json!({ "ok": null })),
            (format!("set {text} héllo"), json!({ "ok": null })),
            (format!("get {text}"), json!({ "ok": "héllo" })),
            (format!("incr {number}"), json!({ "ok": 1 })),
            (format!("incr {number}"), json!({ "ok": 2 })),
            (format!("incr {text}"), json!({ "error": "type-error" })),
            (format!("sadd {set} a b a"), json!({ "ok": 2 })),
            (format!("srem {set} a x"), json!({ "ok": 1 })),
            (format!("smembers {set}"), json!({ "ok": ["b"] })),
            (format!("get {set}"), json!({ "error": "type-error" })),
            (format!("publish {text} message"), json!({ "ok": null })),
            ("PING".to_owned(), json!({ "ok": [{ "status": "PONG" }] })),
            ("ECHO int:-7".to_owned(), json!({ "ok": ["-7"] })),
            (format!("MGET {text} nothing"), json!({ "ok": ["héllo", null] })),
            (format!("STRLEN {text}"), json!({ "ok": [6] })),
            ("EVAL return{1,{'a',{2}},'b'} int:0".to_owned(), json!({ "ok": [1, "a", 2, "b"] })),
            (format!("del {text} {number} {set} nothing"), json!({ "ok": 3 })),
            ("get ".to_owned(), json!({ "ok": null })),
            ("del".to_owned(), json!({ "error": "other: ERR wrong number of arguments for 'del' command" })),
        ];
        let lines: Vec<&str> = table.iter().map(|(line, _)| line.as_str()).collect();
        let outcomes = redis(&host, revision, &address, &lines);
        assert_eq!(outcomes.first(), Some(&json!({ "ok": "open" })), "{revision}");
        for ((line, expected), found) in table.iter().zip(&outcomes[1..]) {
            assert_eq!(found, expected, "{revision} {line}");
        }
        assert_eq!(outcomes.len(), table.len() + 1);
    }
}

#[test]
fn redis_is_told_who_asks_and_for_which_database() {
    let server = RealServer::redis(Some("pass/w@rd"));
    let place = format!("127.0.0.1:{}", server.port);
    let host = host(&format!("redis://{place}"));
    for revision in REVISIONS {
        let open = |address: &str, lines: &[&str]| redis(&host, revision, address, lines);
        let good = format!("redis://:pass%2Fw%40rd@{place}");
        assert_eq!(open(&good, &["set where zero"])[1], json!({ "ok": null }), "{revision}");
        assert_eq!(open(&format!("redis://default:pass%2Fw%40rd@{place}/3"), &["get where"])[1], json!({ "ok": null }), "{revision}");
        assert_eq!(open(&format!("{good}/0"), &["get where"])[1], json!({ "ok": "zero" }), "{revision}");
        assert_eq!(open(&format!("redis://:wrong@{place}"), &[])[0], json!({ "error": "other: the server refuses the credentials" }));
        assert_eq!(open(&format!("{good}/99"), &[])[0], json!({ "error": "other: the server refuses the database" }));
        let anonymous = open(&format!("redis://{place}"), &["get where"]);
        assert_eq!(anonymous[1], json!({ "error": "other: NOAUTH Authentication required." }), "{revision}");
    }
}
