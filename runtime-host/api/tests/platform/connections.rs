//! Connections, paths and bodies that the API has bounds for.

use crate::client::start;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_connection_has_more_than_one_request() {
    let host = start().await;
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    for path in ["/api/spells", "/healthz", "/api/v1/casts"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n", host.admin);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut bytes = vec![0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        assert!(bytes[..count].starts_with(b"HTTP/1.1 200"), "{path}");
    }
}

#[tokio::test]
async fn a_connection_without_a_request_ends_with_the_host() {
    let host = start().await;
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = vec![0; 4096];
    assert!(stream.read(&mut bytes).await.unwrap() > 0);
    host.stop.send(()).unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(1), stream.read(&mut bytes)).await;
    assert_eq!(ended.expect("it is not waited for").unwrap(), 0);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let host = start().await;
    for path in ["/api", "/api/", "/api/spell", "/api/v1/cast/x", "/api/keys/a/b", "/api/spells/"] {
        host.ask("GET", path, None).await.refuses(404, "not-found", "no such path");
    }
    for (method, path, allowed) in
        [("PUT", "/api/spells", "POST"), ("GET", "/api/v1/cast", "POST"), ("PATCH", "/api/spells/upload-wasm", "DELETE")]
    {
        let answer = host.ask(method, path, None).await;
        answer.refuses(405, "method-not-allowed", "");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains(allowed)), "{answer:?}");
    }
    for path in ["/", "/apis", "/metricsx"] {
        assert_eq!(host.ask("GET", path, None).await.status, 404);
    }
    host.ask("GET", "/api/spells/%ff", None).await.refuses(400, "bad-request", "UTF-8");
}

#[tokio::test]
async fn a_page_that_names_another_host_reaches_nothing() {
    let host = start().await;
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    let head =
        format!("GET /api/spells HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n", host.admin);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

#[tokio::test]
async fn bodies_are_bounded_whether_or_not_they_say_how_long_they_are() {
    let host = start().await;
    let head = format!("POST /api/spells HTTP/1.1\r\nAuthorization: Bearer {}", host.admin);
    host.raw(&head, &vec![b' '; (1 << 20) + 1]).await.refuses(413, "body-too-large", "more than 1048576 bytes");
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    let head = format!("{head}\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..17 {
        stream.write_all(b"10000\r\n").await.unwrap();
        stream.write_all(&[b' '; 0x10000]).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn json_that_is_too_deep_is_refused_wherever_it_is() {
    let host = start().await;
    host.spell("echo").await;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let cast = |depth: usize| format!("{{\"spell_key\":\"echo\",\"input\":{}}}", nested(depth));
    for (method, path, body) in [
        ("POST", "/api/v1/cast", cast(100_000)),
        ("POST", "/api/v1/cast", cast(100)),
        ("POST", "/api/v1/estimate", cast(100_000)),
        ("POST", "/api/spells", format!("{{\"key\":{}}}", nested(100_000))),
        ("POST", "/api/spells", "[".repeat(100_000)),
        ("PATCH", "/api/budget", nested(100_000)),
    ] {
        let head = format!("{method} {path} HTTP/1.1\r\nAuthorization: Bearer {}\r\nIdempotency-Key: deep", host.admin);
        host.raw(&head, body.as_bytes()).await.refuses(400, "bad-request", "more than 100 deep");
    }
    let answer = host.cast_raw("Idempotency-Key: deep", cast(99).as_bytes()).await;
    assert_eq!((answer.status, answer.json()["output"].to_string()), (201, nested(99)));
}

#[tokio::test]
async fn heads_are_bounded_in_size_and_in_fields() {
    let host = start().await;
    let fields = |count: usize| (0..count).map(|number| format!("\r\nX-{number}: 1")).collect::<String>();
    for (fields, expected) in [(fields(50), 200), (fields(65), 431), (format!("\r\nX: {}", "x".repeat(17 << 10)), 431)] {
        let head = format!("GET /api/spells HTTP/1.1\r\nAuthorization: Bearer {}{fields}", host.admin);
        assert_eq!(host.raw(&head, b"").await.status, expected);
    }
}
