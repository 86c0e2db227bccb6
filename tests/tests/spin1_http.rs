//! Components that make requests by the interface of Spin 1: the same rules, and no redirect is followed.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, Setup, Upstream, app, component, encode};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\nfirst_byte_time = \"500ms\"\nquery_bytes = \"64KiB\"\n";

fn start(allowed: &str, operator: &str) -> Host {
    let lines = format!("allowed_outbound_hosts = [\"{allowed}\"]\ntool.spell.limits = {{ outbound_requests = 1 }}");
    Setup::new(&app(&[component("p2", "p2", &lines)])).operator(operator).start()
}

fn ask(host: &Host, query: &str) -> Value {
    host.app.get(&format!("/p2/request1?{query}")).json()
}

/// Answers every connection with these bytes.
fn answering(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&bytes);
            // Kept open, so that a silent one stays silent.
            if bytes.is_empty() {
                std::mem::forget(stream);
            }
        }
    });
    port
}

#[test]
fn requests_of_spin_1_take_the_same_way_out() {
    let upstream = Upstream::start("{}");
    let host = start(&upstream.url(""), GRANT_LOOPBACK);
    let url = encode(&upstream.url("/a"));
    assert_eq!(
        ask(&host, &format!("url={url}&headers={}", encode("x-a:b\nhost:evil\ncontent-length:99\nconnection:close"))),
        json!({ "status": 200, "bytes": 2 })
    );
    assert_eq!(ask(&host, &format!("method=POST&body=5&url={url}")), json!({ "status": 200, "bytes": 2 }));
    let heads = upstream.requests();
    assert!(
        heads[0].starts_with("GET /a HTTP/1.1")
            && heads[0].contains("x-a: b")
            && !heads[0].contains("evil")
            && !heads[0].contains("content-length"),
        "{heads:?}"
    );
    assert!(
        heads[1].starts_with("POST /a HTTP/1.1") && heads[1].contains("content-length: 5") && heads[1].contains("cdn-loop"),
        "{heads:?}"
    );
    let port = upstream.address.port();
    let other = answering(Vec::new());
    for (url, expected) in [
        (format!("http://127.0.0.1:{other}/"), "destination-not-allowed"),
        (format!("https://127.0.0.1:{port}/"), "destination-not-allowed"),
        (format!("http://localhost:{port}/"), "destination-not-allowed"),
        (format!("http://127.0.0.1:{port}@127.0.0.1:{other}/"), "invalid-url"),
        (format!("http://user:pass@127.0.0.1:{port}/"), "invalid-url"),
        ("http://2130706433/".to_owned(), "invalid-url"),
        ("file:///etc/passwd".to_owned(), "invalid-url"),
    ] {
        assert_eq!(ask(&host, &format!("url={}", encode(&url))), json!({ "error": expected }), "{url}");
    }
    assert_eq!(ask(&host, &format!("url={url}&headers={}", encode("a b:c"))), json!({ "error": "request-error" }));
    let ungranted = start("*://*:*", "");
    assert_eq!(ask(&ungranted, &format!("url={url}")), json!({ "error": "destination-not-allowed" }));
    assert_eq!(upstream.requests().len(), 2, "only what is granted arrives");
}

#[test]
fn no_redirect_is_followed_and_answers_end() {
    let target = Upstream::start("{}");
    let redirect =
        |status: &str| answering(format!("HTTP/1.1 {status} X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", target.url("/")).into_bytes());
    let body = |bytes: usize| answering(format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{}", "x".repeat(bytes)).into_bytes());
    let host = start("http://127.0.0.1:*", GRANT_LOOPBACK);
    for (port, expected) in [
        (redirect("301"), json!({ "status": 301, "bytes": 0 })),
        (redirect("302"), json!({ "status": 302, "bytes": 0 })),
        (redirect("307"), json!({ "status": 307, "bytes": 0 })),
        (body(65_536), json!({ "status": 200, "bytes": 65_536 })),
        (body(65_537), json!({ "error": "runtime-error" })),
        (answering(Vec::new()), json!({ "error": "request-error" })),
    ] {
        assert_eq!(ask(&host, &format!("url={}", encode(&format!("http://127.0.0.1:{port}/")))), expected);
    }
    assert!(target.requests().is_empty(), "a redirect was followed");
}
