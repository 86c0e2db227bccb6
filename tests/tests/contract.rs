//! What a Spin app may rely on: routes, the headers that the host vouches for, and bodies that pass unchanged.

use serde_json::json;
use spell_tests::{Host, REVISIONS, Setup, app, both, component};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

/// The headers that the guest saw, sorted.
fn seen(answer: &spell_tests::Answer) -> Vec<(String, String)> {
    let json = answer.json();
    let pairs = json["headers"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut headers: Vec<_> = pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
    headers.sort();
    headers
}

fn start() -> Host {
    Setup::new(&both("")).start()
}

#[test]
fn s01_a_path_without_a_route_is_404_without_a_body() {
    let host = start();
    for path in ["/", "/nowhere", "/p2x/hello", "/P2/hello"] {
        let answer = host.app.get(path);
        assert_eq!((answer.status, answer.body.len(), answer.is_whole), (404, 0, true), "{path}");
    }
}

#[test]
fn s03_well_known_paths_belong_to_the_host() {
    let everything = "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"p3\"\n".to_owned();
    let host = Setup::new(&app(&[component("p3", "p3", ""), everything])).start();
    assert_eq!(host.app.get("/.well-known/spin/health").text(), "OK");
    assert_eq!(host.app.get("/.well-known/spin/info").json(), json!({ "name": "test", "version": "1.2.3" }));
    assert_eq!(host.app.get("/.well-known/spin/other").status, 404);
    assert_eq!(host.app.get("/.well-known/hello").text(), "hello", "other names are the app's");
}

#[test]
fn h01_h02_h03_h06_a_guest_sees_exactly_the_headers_that_the_host_vouches_for() {
    let routed = |revision: &str| component(revision, revision, "").replace("/...", "/:user_id/...");
    let host = Setup::new(&app(&REVISIONS.map(routed))).start();
    let address = host.app.address;
    for revision in REVISIONS {
        let request = host.app.request("GET", &format!("/{revision}/a%20b/headers?q=1"));
        let answer = request.header("spin-client-addr", "6.6.6.6:6").header("Spin-Bogus", "x").header("x-own", "1").send();
        let mut headers: BTreeMap<_, _> = seen(&answer).into_iter().collect();
        let client = headers.remove("spin-client-addr").unwrap_or_default();
        assert!(client.starts_with("127.0.0.1:") && client != "6.6.6.6:6", "{client}");
        // Whether `host` is among the fields or only the authority is each revision's own business.
        assert!(headers.remove("host").is_none_or(|host| host == address.to_string()));
        let expected = [
            ("spin-base-path", "/".to_owned()),
            ("spin-component-route", format!("/{revision}/:user_id")),
            ("spin-full-url", format!("http://{address}/{revision}/a%20b/headers?q=1")),
            ("spin-matched-route", format!("/{revision}/:user_id/...")),
            ("spin-path-info", "/headers".to_owned()),
            ("spin-path-match-user-id", "a%20b".to_owned()),
            ("spin-raw-component-route", format!("/{revision}/:user_id/...")),
            ("x-own", "1".to_owned()),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value)).into(), "{revision}");
        assert_eq!(answer.json()["authority"], json!(address.to_string()), "{revision}");
    }
}

#[test]
fn h07_a_header_sent_twice_arrives_twice() {
    let host = start();
    for revision in REVISIONS {
        let request = host.app.request("GET", &format!("/{revision}/headers"));
        let answer = request.header("x-a", "1").header("x-a", "2").header("cookie", "a=1").header("cookie", "b=2").send();
        let values = |name: &str| seen(&answer).into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!((values("x-a"), values("cookie")), (vec!["1".into(), "2".into()], vec!["a=1".into(), "b=2".into()]), "{revision}");
    }
}

#[test]
fn h05_a_host_that_is_missing_doubtful_or_internal_is_a_bad_request() {
    let host = start();
    for lines in ["", "host: a\r\nhost: b\r\n", "host: a b\r\n", "host: user@a\r\n", "host: p2.spin.internal\r\n", "host:\r\n"] {
        let answer = host.app.raw(format!("GET /p2/hello HTTP/1.1\r\n{lines}connection: close\r\n\r\n").as_bytes());
        assert_eq!(answer.status, 400, "{lines:?}: {}", answer.text());
    }
    let answer = host.app.raw(b"GET http://a/p2/hello HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
    assert_eq!(answer.status, 400, "the target and the Host disagree");
}

#[test]
fn bytes_that_are_no_request_harm_nobody() {
    let host = start();
    let long = format!("GET /p2/hello HTTP/1.1\r\nhost: a\r\nx: {}\r\nconnection: close\r\n\r\n", "x".repeat(1 << 20));
    let smuggled =
        "POST /p2/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\nGET /";
    for bytes in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", &long] {
        let status = host.app.raw(bytes.as_bytes()).status;
        assert!(status == 0 || (400..500).contains(&status), "{status} for {:?}", bytes.get(..40));
    }
    let smuggled = host.app.raw(smuggled.as_bytes());
    assert!(smuggled.status >= 400 || smuggled.body.is_empty(), "two lengths are never both believed: {}", smuggled.text());
    let connect = host.app.raw(b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\nconnection: close\r\n\r\n");
    assert_eq!(connect.status, 405);
    assert!(host.app.get("/p2/hello").is_success());
}

#[test]
fn s08_head_has_the_head_of_an_answer_and_nothing_more() {
    let host = start();
    for revision in REVISIONS {
        let answer = host.app.request("HEAD", &format!("/{revision}/hello")).send();
        assert_eq!((answer.status, answer.is_whole), (200, true), "{revision}: {:?}", answer.text());
        assert_eq!(answer.header("content-length"), Some("5"), "{revision}");
    }
}

#[test]
fn a_body_comes_back_as_it_was_sent() {
    let host = start();
    let body: Vec<u8> = (0..1_usize << 20).map(|index| (index * 31 % 251) as u8).collect();
    for revision in REVISIONS {
        let request = host.app.request("POST", &format!("/{revision}/echo")).body(body.clone());
        for request in [request.clone(), request.chunked()] {
            let answer = request.send();
            assert!(answer.is_success(), "{revision}: {} {} bytes", answer.status, answer.body.len());
            assert!(answer.body == body, "{revision}: the bytes differ");
        }
        assert!(host.app.request("POST", &format!("/{revision}/echo")).body("").send().is_success());
        let unread = host.app.request("POST", &format!("/{revision}/read-none")).body(body.clone()).send();
        assert_eq!(unread.text(), "read none", "{revision}");
    }
}

#[test]
fn a_status_passes_through_if_it_is_one() {
    let host = start();
    for revision in REVISIONS {
        for code in [200, 201, 204, 301, 304, 404, 418, 500, 503, 599] {
            assert_eq!(host.app.get(&format!("/{revision}/status?code={code}")).status, code, "{revision}");
        }
        for code in [100, 101, 600, 999] {
            let status = host.app.get(&format!("/{revision}/status?code={code}")).status;
            assert!(matches!(status, 200 | 502), "{revision}: {code} became {status}");
        }
    }
}

#[test]
fn s04_a_fixed_answer_needs_no_component() {
    let teapot = "[[trigger.http]]\nroute = \"/teapot\"\nstatic_response = { status_code = 418, headers = { x-tea = \"green\" }, body = \"short and stout\" }\n";
    let host = Setup::new(&app(&[teapot.to_owned(), component("p2", "p2", "")])).start();
    let answer = host.app.get("/teapot");
    assert_eq!((answer.status, answer.header("x-tea"), answer.text().as_str()), (418, Some("green"), "short and stout"));
    assert_eq!(host.app.get("/teapot/hot").status, 404);
}

#[test]
fn a_connection_carries_many_requests() {
    let host = start();
    let request = |path: &str, last: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n{last}\r\n");
    let bytes = request("/p2/hello", "") + &request("/p3/hello", "") + &request("/nowhere", "connection: close\r\n");
    let answer = host.app.raw(bytes.as_bytes());
    let text = answer.text();
    // The first answer's framing does not reach over the others: they follow in its rest.
    assert_eq!((answer.status, text.matches("HTTP/1.1 200").count(), text.matches("HTTP/1.1 404").count()), (200, 1, 1), "{text}");
}

#[test]
fn h04_a_connection_header_is_the_hosts_and_not_the_guests() {
    let host = start();
    for revision in REVISIONS {
        for value in ["keep-alive", "close, x-named"] {
            let request =
                format!("GET /{revision}/headers HTTP/1.1\r\nhost: a\r\nconnection: {value}\r\nconnection: close\r\nx-kept: 1\r\n\r\n");
            let names: Vec<String> = seen(&host.app.raw(request.as_bytes())).into_iter().map(|(name, _)| name).collect();
            assert!(!names.contains(&"connection".to_owned()) && names.contains(&"x-kept".to_owned()), "{revision} {value}: {names:?}");
        }
    }
}

#[test]
fn s02_a_guest_that_fails_is_told_apart_from_a_host_that_does() {
    let host = start();
    for revision in REVISIONS {
        for behaviour in ["trap", "panic", "recurse", "no-response"] {
            let answer = host.app.get(&format!("/{revision}/{behaviour}"));
            assert_eq!((answer.status, answer.header("content-type")), (502, Some("application/problem+json")), "{revision} {behaviour}");
        }
        assert!(host.app.get(&format!("/{revision}/hello")).is_success(), "{revision} goes on");
    }
}

#[test]
fn s05_an_answer_that_breaks_off_is_seen_to_be_cut_and_ends_its_connection() {
    let host = Setup::new(&both("tool.spell.limits = { time = \"1s\" }")).start();
    for revision in REVISIONS {
        let requests = format!(
            "GET /{revision}/sleep-after-headers?ms=60000 HTTP/1.1\r\nhost: a\r\n\r\nGET /{revision}/hello HTTP/1.1\r\nhost: a\r\n\r\n"
        );
        let answer = host.app.raw(requests.as_bytes());
        assert_eq!((answer.status, answer.is_whole), (200, false), "{revision}: {}", answer.text());
        assert!(!answer.text().contains("hello"), "{revision}: {}", answer.text());
    }
}

#[test]
fn s06_an_answer_arrives_as_it_is_made() {
    let host = start();
    for revision in REVISIONS {
        let mut stream = TcpStream::connect(host.app.address).unwrap();
        let request = format!("GET /{revision}/drip?chunks=3&ms=400 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let (mut pieces, mut buffer) = (Vec::new(), [0; 65_536]);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            pieces.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
        }
        assert!(pieces.len() >= 4, "{revision}: {pieces:?}");
    }
}

#[test]
fn s07_a_megabyte_flows_both_ways_at_the_same_time() {
    const BYTES: usize = 1 << 20;
    let host = start();
    for revision in REVISIONS {
        let mut stream = TcpStream::connect(host.app.address).unwrap();
        let head = format!("POST /{revision}/echo HTTP/1.1\r\nhost: a\r\ncontent-length: {BYTES}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![b'x'; BYTES / 2]).unwrap();
        // What was sent first is back before the rest is sent.
        let (mut received, mut buffer) = (0, [0; 65_536]);
        while received < BYTES / 4 {
            received += stream.read(&mut buffer).unwrap();
        }
        stream.write_all(&vec![b'x'; BYTES / 2]).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(received + rest.len() > BYTES, "{revision}: {received} and {}", rest.len());
        assert!(rest.ends_with(b"0\r\n\r\n"), "{revision}: it ends as it should");
    }
}

#[test]
fn s08_every_method_reaches_the_guest() {
    let host = start();
    for revision in REVISIONS {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"] {
            let answer = host.app.request(method, &format!("/{revision}/headers")).send();
            assert_eq!((answer.status, answer.json()["method"].as_str()), (200, Some(method)), "{revision} {method}: {}", answer.text());
        }
    }
}
