//! Cards F8 to F13: upstreams that answer as no server should, and requests that say one thing and mean another.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::hostile::Arena;
use spell_tests::{Host, REVISIONS, Setup, app, component, encode};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Answers every connection with these bytes, again and again for as long as it is taken, or only once; with none at all, it says
/// nothing and holds the connection.
fn upstream(bytes: Vec<u8>, repeat: Vec<u8>, pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (bytes, repeat) = (bytes.clone(), repeat.clone());
            thread::spawn(move || torment(stream, &bytes, &repeat, pause));
        }
    });
    port
}

fn torment(mut stream: TcpStream, bytes: &[u8], repeat: &[u8], pause: Duration) {
    let mut buffer = [0; 4096];
    let _ = stream.read(&mut buffer);
    let is_silent = bytes.is_empty() && repeat.is_empty();
    if stream.write_all(bytes).is_err() || (repeat.is_empty() && !is_silent) {
        return;
    }
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) && stream.write_all(repeat).is_ok() {
        thread::sleep(pause);
    }
}

/// Servers that answer as none should, by name.
fn upstreams() -> Vec<(&'static str, u16)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let none = Duration::ZERO;
    let slow = Duration::from_millis(300);
    let ok = "HTTP/1.1 200 OK\r\n";
    #[rustfmt::skip]
    let upstreams = vec![
        ("endless-body", upstream(text(&format!("{ok}\r\n")), vec![b'x'; 65_536], none)),
        ("endless-chunks", upstream(text(&format!("{ok}transfer-encoding: chunked\r\n\r\n")), text("4\r\nabcd\r\n"), none)),
        ("endless-head", upstream(text(ok), text("x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"), none)),
        ("head-of-one-line", upstream(text(&format!("{ok}x: ")), vec![b'y'; 65_536], none)),
        ("thousand-headers", upstream(text(&format!("{ok}{}\r\n", "x: y\r\n".repeat(1_000))), Vec::new(), none)),
        ("endless-continues", upstream(Vec::new(), text("HTTP/1.1 100 Continue\r\n\r\n"), none)),
        ("body-by-the-byte", upstream(text(&format!("{ok}\r\n")), text("x"), slow)),
        ("head-by-the-byte", upstream(text(ok), text("x"), slow)),
        ("never-answers", upstream(Vec::new(), Vec::new(), slow)),
        ("length-too-large", upstream(text(&format!("{ok}content-length: 100\r\n\r\nshort")), Vec::new(), none)),
        ("length-no-number", upstream(text(&format!("{ok}content-length: x\r\n\r\n")), Vec::new(), none)),
        ("two-lengths", upstream(text(&format!("{ok}content-length: 1\r\ncontent-length: 2\r\n\r\nab")), Vec::new(), none)),
        ("chunk-size-no-number", upstream(text(&format!("{ok}transfer-encoding: chunked\r\n\r\nzz\r\n")), Vec::new(), none)),
        ("chunk-size-beyond-numbers", upstream(text(&format!("{ok}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n")), Vec::new(), none)),
        ("no-http", upstream(text("SSH-2.0-OpenSSH_9.7\r\n"), Vec::new(), none)),
        ("status-no-number", upstream(text("HTTP/1.1 abc OK\r\n\r\n"), Vec::new(), none)),
        ("status-out-of-range", upstream(text("HTTP/1.1 9999 OK\r\n\r\n"), Vec::new(), none)),
        ("nul-in-header", upstream(text(&format!("{ok}x: a\0b\r\n\r\n")), Vec::new(), none)),
        ("upgrade-unasked", upstream(text("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), vec![b'x'; 100], none)),
        ("moved", upstream(text("HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"), Vec::new(), none)),
    ];
    upstreams
}

/// A host whose guests may ask this machine, within narrow limits.
fn arena_for_loopback() -> Arena {
    // A connection that a guest opened to this very host, and that is kept for its next request, is closed at its other end.
    let operator = "[host]\nheader_time = \"1s\"\n[outbound]\nallow_networks = [\"127.0.0.0/8\"]\nfirst_byte_time = \"1s\"\nidle_time = \"1s\"\nresponse = \"1MiB\"\n";
    let lines = "allowed_outbound_hosts = [\"http://127.0.0.1:*\"]\ntool.spell.limits = { time = \"3s\" }";
    Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, lines)), operator)
}

#[test]
fn spells_that_call_spells_in_a_ring_are_stopped() {
    let mut arena = arena_for_loopback();
    let mut wrong = Vec::new();
    // A spell that asks the host for a spell that asks the host …, each time with a path of its own.
    for (caller, called) in [("p2", "p2"), ("p3", "p3"), ("p2", "p3"), ("p3", "p2")] {
        let origin = format!("http://{}", arena.host.app.address);
        let ring = |calls: usize| {
            (0..calls).fold(format!("/{called}/hello"), |path, call| {
                let id = if call % 2 == 0 { caller } else { called };
                format!("/{id}/pipe?url={}", encode(&format!("{origin}{path}")))
            })
        };
        for (calls, status) in [(3, 200), (4, 508), (9, 508)] {
            let attack = |host: &Host| {
                let answer = host.app.get(&ring(calls));
                if answer.status == status { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
            };
            wrong.extend(arena.judge("F15", &format!("{calls}-calls-{caller}-{called}"), attack).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
fn upstreams_that_misbehave_are_errors_to_their_guest_alone() {
    let (mut arena, upstreams) = (arena_for_loopback(), upstreams());
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        for (name, port) in &upstreams {
            let attack = |host: &Host| {
                let started = Instant::now();
                let answer = host.app.get(&format!("/{revision}/fetch?url={}", encode(&format!("http://127.0.0.1:{port}/"))));
                let outcome = answer.text();
                let is_right = match *name {
                    "moved" => outcome.contains("\"status\":302"),
                    // An answer, for as long as the guest has time.
                    "body-by-the-byte" => answer.status == 504,
                    "endless-chunks" => answer.status == 504 || outcome.contains("\"error\""),
                    _ => answer.status == 200 && outcome.contains("\"error\""),
                };
                if is_right && started.elapsed() < Duration::from_secs(5) { Ok(()) } else { Err(format!("{} {outcome}", answer.status)) }
            };
            wrong.extend(arena.judge("F12", &format!("{name}-{revision}"), attack).err());
            let attack = |host: &Host| {
                let started = Instant::now();
                let _ = host.app.get(&format!("/{revision}/pipe?url={}", encode(&format!("http://127.0.0.1:{port}/"))));
                if started.elapsed() < Duration::from_secs(5) { Ok(()) } else { Err(format!("took {:?}", started.elapsed())) }
            };
            wrong.extend(arena.judge("A7", &format!("{name}-{revision}"), attack).err());
        }
    }
    assert!(wrong.is_empty(), "{} failed:\n{}", wrong.len(), wrong.join("\n"));
    arena.close();
}

#[test]
fn requests_that_say_one_thing_and_mean_another_are_refused() {
    let port = upstream(
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n".to_vec(),
        Vec::new(),
        Duration::ZERO,
    );
    let silent = upstream(Vec::new(), Vec::new(), Duration::from_millis(300));
    let mut arena = arena_for_loopback();
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        for nanoseconds in ["0", "1", "18446744073709551615"] {
            let attack = |host: &Host, port: u16| {
                let url = encode(&format!("http://127.0.0.1:{port}/"));
                let times = format!("connect_ns={nanoseconds}&first_byte_ns={nanoseconds}&between_bytes_ns={nanoseconds}");
                let answer = host.app.get(&format!("/{revision}/request?url={url}&{times}"));
                if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
            };
            wrong.extend(arena.judge("F13", &format!("timeouts-of-{nanoseconds}-{revision}"), |host| attack(host, port)).err());
            // Of an upstream that says nothing the guest learns that in the operator's time, however long it would wait itself.
            let name = format!("silence-with-timeouts-of-{nanoseconds}-{revision}");
            wrong.extend(arena.judge("F13", &name, |host| attack(host, silent)).err());
        }
        for (name, more, expected) in [
            ("host-header", format!("headers={}", encode("host:other.test")), "refused-header"),
            ("connection-header", format!("headers={}", encode("connection:x")), "refused-header"),
            ("transfer-encoding-header", format!("headers={}", encode("transfer-encoding:chunked")), "refused-header"),
            ("proxy-header", format!("headers={}", encode("proxy-authorization:x")), "refused-header"),
            ("header-with-line-end", format!("headers={}", encode("x:a\rb")), "refused-header"),
            ("connect-method", "method=CONNECT".to_owned(), "error"),
            ("method-with-line-end", format!("method={}", encode("GET / HTTP/1.1\r\nx:")), "refused-method"),
            ("path-that-is-a-url", format!("path={}", encode("http://169.254.169.254/")), "error"),
            ("path-without-slash", format!("path={}", encode("@169.254.169.254/")), "error"),
            ("path-of-two-slashes", format!("path={}", encode("//169.254.169.254/")), "302"),
            ("path-with-space", format!("path={}", encode("/a b HTTP/1.1\r\nhost: other")), "error"),
            ("path-of-20-kB", format!("path=/{}", "a".repeat(20_000)), "error"),
        ] {
            let attack = |host: &Host| {
                let url = encode(&format!("http://127.0.0.1:{}/", port));
                let answer = host.app.get(&format!("/{revision}/request?url={url}&{more}"));
                if answer.text().contains(expected) { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text())) }
            };
            wrong.extend(arena.judge("F8", &format!("{name}-{revision}"), attack).err());
        }
    }
    assert!(wrong.is_empty(), "{} failed:\n{}", wrong.len(), wrong.join("\n"));
    arena.close();
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let upstream = spell_tests::Upstream::start("direct");
    let lines = "allowed_outbound_hosts = [\"http://127.0.0.1:*\"]";
    let host = Setup::new(&app(&REVISIONS.map(|revision| component(revision, revision, lines))))
        .operator("[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n")
        .environment("http_proxy", "http://127.0.0.1:9")
        .environment("HTTP_PROXY", "http://127.0.0.1:9")
        .environment("ALL_PROXY", "http://127.0.0.1:9")
        .start();
    for revision in REVISIONS {
        let outcome = host.app.get(&format!("/{revision}/fetch?url={}", encode(&upstream.url("/")))).json();
        assert_eq!(outcome[0]["status"], 200, "{outcome}");
        let answer =
            host.app.request("GET", &format!("/{revision}/fetch?url={}", encode(&upstream.url("/")))).header("proxy", "http://127.0.0.1:9");
        assert!(answer.send().is_success());
    }
}
