//! Cards E: clients that send what no client should, or send it too slowly, or never stop.

use serde_json::json;
use spell_tests::hostile::Arena;
use spell_tests::{Host, REVISIONS, component};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

const SILENCE_MAX: Duration = Duration::from_secs(2);
const OPERATOR: &str = "[host]\nheader_time = \"1s\"\nheader_bytes = \"16KiB\"\nconnections = 3000\n";

fn arena() -> Arena {
    Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, "")), OPERATOR)
}

/// The statuses of all answers in what a server sent.
fn statuses(received: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(received);
    let heads = text.split("HTTP/1.").skip(1);
    heads.filter_map(|head| head.get(2..5)?.parse().ok()).collect()
}

/// A request that hides another one: it may be refused, it may be served, but the hidden one is never answered.
struct Smuggled {
    name: &'static str,
    head: &'static str,
    /// What must be answered to the visible one.
    status: u16,
}

const HIDDEN: &str = "GET /p2/hello HTTP/1.1\r\nhost: a\r\n\r\n";

#[rustfmt::skip]
const SMUGGLED: &[Smuggled] = &[
    Smuggled { name: "two-lengths", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 38\r\n\r\n", status: 400 },
    Smuggled { name: "list-of-lengths", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: 0, 38\r\n\r\n", status: 400 },
    Smuggled { name: "length-with-plus", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: +0\r\n\r\n", status: 400 },
    Smuggled { name: "negative-length", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", status: 400 },
    Smuggled { name: "hexadecimal-length", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: 0x0\r\n\r\n", status: 400 },
    Smuggled { name: "length-beyond-numbers", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999999\r\n\r\n", status: 400 },
    Smuggled { name: "empty-length", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: \r\n\r\n", status: 400 },
    Smuggled { name: "length-then-chunked", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length: 43\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", status: 200 },
    Smuggled { name: "chunked-then-length", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 43\r\n\r\n0\r\n\r\n", status: 200 },
    Smuggled { name: "chunked-not-last", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", status: 400 },
    Smuggled { name: "unknown-encoding", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", status: 400 },
    Smuggled { name: "encoding-with-tab", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n", status: 400 },
    Smuggled { name: "space-before-colon", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n", status: 400 },
    Smuggled { name: "space-before-length", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-length : 38\r\n\r\n", status: 400 },
    Smuggled { name: "folded-header", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\nx: y\r\n transfer-encoding: chunked\r\n\r\n", status: 400 },
    Smuggled { name: "folded-encoding", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n", status: 400 },
    Smuggled { name: "chunked-in-1.0", head: "POST /p2/count HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", status: 400 },
    Smuggled { name: "nul-in-header", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n", status: 400 },
    Smuggled { name: "bare-carriage-return", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\nx: a\rtransfer-encoding: chunked\r\n\r\n", status: 400 },
    Smuggled { name: "no-colon", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding chunked\r\n\r\n", status: 400 },
    Smuggled { name: "empty-name", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\n: chunked\r\n\r\n", status: 400 },
    Smuggled { name: "control-in-name", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\nx\x01y: z\r\n\r\n", status: 400 },
    Smuggled { name: "chunk-size-with-plus", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n+0\r\n\r\n", status: 0 },
    Smuggled { name: "chunk-size-in-hexadecimal", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0x0\r\n\r\n", status: 0 },
    Smuggled { name: "chunk-size-beyond-numbers", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff0\r\n\r\n", status: 0 },
    Smuggled { name: "chunk-without-end", head: "POST /p2/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", status: 0 },
];

#[test]
fn no_request_hides_another() {
    let mut arena = arena();
    let mut wrong = Vec::new();
    for case in SMUGGLED {
        wrong.extend(
            arena
                .judge("E3", case.name, |host| {
                    let (received, is_closed) = host.app.dialogue(format!("{}{HIDDEN}", case.head).as_bytes(), SILENCE_MAX);
                    let statuses = statuses(&received);
                    // 0: what a guest makes of half a body is its own affair, if there is only one answer.
                    let is_right = statuses.len() <= 1 && (case.status == 0 || statuses == [case.status]) && is_closed;
                    if is_right { Ok(()) } else { Err(format!("answers {statuses:?}, closed: {is_closed}")) }
                })
                .err(),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

/// A request that is refused, or served, alone.
struct Malformed {
    name: &'static str,
    request: String,
    status: u16,
}

fn malformed() -> Vec<Malformed> {
    let of = |name, request: String, status| Malformed { name, request, status };
    let get = |line: &str, headers: &str| format!("{line}\r\n{headers}\r\n");
    vec![
        of("no-host", get("GET /p2/hello HTTP/1.1", ""), 400),
        of("two-hosts", get("GET /p2/hello HTTP/1.1", "host: a\r\nhost: b\r\n"), 400),
        of("same-host-twice", get("GET /p2/hello HTTP/1.1", "host: a\r\nhost: a\r\n"), 400),
        of("empty-host", get("GET /p2/hello HTTP/1.1", "host:\r\n"), 400),
        of("host-with-user", get("GET /p2/hello HTTP/1.1", "host: user@a\r\n"), 400),
        of("host-with-path", get("GET /p2/hello HTTP/1.1", "host: a/b\r\n"), 400),
        of("host-with-space", get("GET /p2/hello HTTP/1.1", "host: a b\r\n"), 400),
        of("host-with-bad-port", get("GET /p2/hello HTTP/1.1", "host: a:99999999\r\n"), 400),
        of("internal-host", get("GET /p2/hello HTTP/1.1", "host: p3.spin.internal\r\n"), 400),
        of("internal-host-in-capitals", get("GET /p2/hello HTTP/1.1", "host: P3.SPIN.INTERNAL.\r\n"), 400),
        of("other-host-in-target", get("GET http://other/p2/hello HTTP/1.1", "host: a\r\n"), 400),
        of("connect", get("CONNECT a:80 HTTP/1.1", "host: a:80\r\n"), 405),
        of("asterisk", get("OPTIONS * HTTP/1.1", "host: a\r\n"), 404),
        of("http-2-preface-in-1.1", "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n".to_owned(), 404),
        of("unknown-version", get("GET /p2/hello HTTP/3.7", "host: a\r\n"), 400),
        of("no-version", get("GET /p2/hello", "host: a\r\n"), 400),
        of("nonsense", "\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03\r\n\r\n".to_owned(), 400),
        of("method-with-bytes", get("G\x01T /p2/hello HTTP/1.1", "host: a\r\n"), 400),
        of("space-in-target", get("GET /p2/he llo HTTP/1.1", "host: a\r\n"), 400),
        of("fragment-in-target", get("GET /p2/hello#top HTTP/1.1", "host: a\r\n"), 200),
        of("dots-in-target", get("GET /p2/../p3/hello HTTP/1.1", "host: a\r\n"), 200),
        of("escaped-dots-in-target", get("GET /p2/%2e%2e/%2e%2e/hello HTTP/1.1", "host: a\r\n"), 200),
        of("unknown-route", get("GET /%2e%2e/p2x/hello HTTP/1.1", "host: a\r\n"), 404),
        of("long-target", get(&format!("GET /p2/{} HTTP/1.1", "a".repeat(70_000)), "host: a\r\n"), 431),
        of("very-long-target-of-few-bytes-more", get(&format!("GET /p2/{} HTTP/1.1", "a".repeat(15_000)), "host: a\r\n"), 404),
        of("large-header", get("GET /p2/hello HTTP/1.1", &format!("host: a\r\nx: {}\r\n", "a".repeat(20_000))), 431),
        of("many-headers", get("GET /p2/hello HTTP/1.1", &format!("host: a\r\n{}", "x: y\r\n".repeat(101))), 431),
        of("hundred-headers", get("GET /p2/hello HTTP/1.1", &format!("host: a\r\n{}", "x: y\r\n".repeat(90))), 200),
        of("bytes-in-header", get("GET /p2/hello HTTP/1.1", "host: a\r\nx: \u{e9}\u{fffd}\r\n"), 200),
        of("upgrade", get("GET /p2/hello HTTP/1.1", "host: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"), 200),
        of("trace", get("TRACE /p2/headers HTTP/1.1", "host: a\r\n"), 200),
        of("declared-too-large", get("POST /p2/count HTTP/1.1", "host: a\r\ncontent-length: 18446744073709551615\r\n"), 431),
        of("declared-over-the-limit", get("POST /p2/count HTTP/1.1", "host: a\r\ncontent-length: 10485761\r\n"), 413),
        of("expect-over-the-limit", get("POST /p2/count HTTP/1.1", "host: a\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n"), 413),
        of(
            "encoded-body",
            "POST /p2/count HTTP/1.1\r\nhost: a\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\u{8}\0".to_owned(),
            200,
        ),
    ]
}

#[test]
fn malformed_requests_are_refused_and_odd_ones_served() {
    let mut arena = arena();
    let mut wrong = Vec::new();
    for case in malformed() {
        wrong.extend(
            arena
                .judge("E2", case.name, |host| {
                    let request = case.request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
                    let (received, is_closed) = host.app.dialogue(request.as_bytes(), SILENCE_MAX);
                    let statuses = statuses(&received);
                    let is_right = statuses == [case.status] && is_closed;
                    if is_right { Ok(()) } else { Err(format!("answers {statuses:?} for {}, closed: {is_closed}", case.status)) }
                })
                .err(),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
fn what_only_the_host_may_say_is_not_believed_of_a_client() {
    let mut arena = arena();
    for revision in REVISIONS {
        let verdict = arena.judge("E10", revision, |host| {
            let mut request = host.app.request("GET", &format!("/{revision}/headers"));
            for name in ["spin-full-url", "Spin-Client-Addr", "SPIN-PATH-INFO", "spin-anything", "spin-path-match-x", "x-forwarded-for"] {
                request = request.header(name, "forged");
            }
            let seen = request.send().json();
            let headers = seen["headers"].as_array().cloned().unwrap_or_default();
            let forged: Vec<_> = headers.iter().filter(|header| header[1] == json!("forged")).map(|header| header[0].clone()).collect();
            if forged == [json!("x-forwarded-for")] { Ok(()) } else { Err(format!("{forged:?} reached the guest")) }
        });
        assert_eq!(verdict, Ok(()));
    }
    arena.close();
}

/// Opens so many connections, each of which sends something and then does as it likes.
fn connections(host: &Host, count: usize, begin: &[u8]) -> Vec<TcpStream> {
    let connect = |number: usize| {
        // What is attacked with is that they stay. Requests of all at once would have others wait for their turn, as they should.
        if number % 25 == 24 {
            thread::sleep(Duration::from_millis(15));
        }
        let mut stream = TcpStream::connect(host.app.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        stream.write_all(begin).ok()?;
        Some(stream)
    };
    (0..count).filter_map(connect).collect()
}

/// Whether the server closes a connection within a time.
fn is_closed_within(stream: &mut TcpStream, time_max: Duration) -> bool {
    let started = Instant::now();
    let mut buffer = [0; 4096];
    while started.elapsed() < time_max {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
    false
}

#[test]
fn slow_clients_do_not_slow_others() {
    let mut arena = arena();
    let heads: [(&str, &[u8]); 4] = [
        ("silent", b""),
        ("half-a-line", b"GET /p2/he"),
        ("half-a-head", b"GET /p2/hello HTTP/1.1\r\nhost: a\r\nx"),
        ("silent-after-a-request", b"GET /p2/hello HTTP/1.1\r\nhost: a\r\n\r\n"),
    ];
    let mut wrong = Vec::new();
    for (name, begin) in heads {
        wrong.extend(
            arena
                .judge("E1", name, |host| {
                    let mut open = connections(host, 1_000, begin);
                    let opened = open.len();
                    // One byte at a time does not buy more time.
                    for stream in &mut open {
                        let _ = stream.write_all(b"a");
                    }
                    let closed =
                        open.iter_mut().map(|stream| is_closed_within(stream, Duration::from_secs(5))).filter(|closed| *closed).count();
                    if (opened, closed) == (1_000, 1_000) { Ok(()) } else { Err(format!("{closed} of {opened} were closed")) }
                })
                .err(),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
#[ignore = "shows that the attacks are attacks: `make torture` runs it"]
fn slow_clients_stay_without_a_limit() {
    let arena = Arena::start(&[], &[], "[host]\nheader_time = \"60s\"\n");
    let mut open = connections(&arena.host, 10, b"GET /p2/he");
    thread::sleep(Duration::from_secs(3));
    let closed = open.iter_mut().filter_map(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(10))).ok()?;
        is_closed_within(stream, Duration::from_millis(1)).then_some(())
    });
    assert_eq!(closed.count(), 0);
}

#[test]
fn slow_bodies_and_slow_readers_end_with_the_time_of_their_request() {
    let limits = "tool.spell.limits = { time = \"1s\" }";
    let mut arena = Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, limits)), OPERATOR);
    let mut wrong = Vec::new();
    for revision in REVISIONS {
        for (name, begin) in [
            ("body-that-never-comes", format!("POST /{revision}/count HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n")),
            ("chunk-that-never-comes", format!("POST /{revision}/count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab")),
            (
                "continue-that-never-comes",
                format!("POST /{revision}/count HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n"),
            ),
        ] {
            let attack = |host: &Host| {
                let started = Instant::now();
                let mut open = connections(host, 32, begin.as_bytes());
                let mut statuses = Vec::new();
                for stream in &mut open {
                    let mut received = Vec::new();
                    let _ = stream.read_to_end(&mut received);
                    statuses.extend(
                        String::from_utf8_lossy(&received).rsplit("HTTP/1.1 ").next().and_then(|head| head.get(..3)).map(str::to_owned),
                    );
                }
                let is_right =
                    statuses.len() == 32 && statuses.iter().all(|status| status == "504") && started.elapsed() < Duration::from_secs(4);
                if is_right { Ok(()) } else { Err(format!("{statuses:?} after {:?}", started.elapsed())) }
            };
            wrong.extend(arena.judge("E1", &format!("{name}-{revision}"), attack).err());
        }
        let attack = |host: &Host| {
            // Nobody reads: the buffers fill, and then the guest waits until its time is over.
            let open = connections(host, 16, format!("GET /{revision}/body?bytes=10000000 HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes());
            thread::sleep(Duration::from_millis(1_600));
            let answered = host.app.get(&format!("/{revision}/hello")).is_success();
            drop(open);
            if answered { Ok(()) } else { Err("no place came back".to_owned()) }
        };
        wrong.extend(arena.judge("D4", &format!("answer-that-nobody-reads-{revision}"), attack).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
fn many_requests_in_one_connection_are_answered_in_order() {
    let mut arena = arena();
    let verdict = arena.judge("E9", "thousand-pipelined", |host| {
        let mut requests = "GET /p2/hello HTTP/1.1\r\nhost: a\r\n\r\n".repeat(999);
        requests.push_str("GET /p2/hello HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let stream = TcpStream::connect(host.app.address).map_err(|error| error.to_string())?;
        let mut received = Vec::new();
        thread::scope(|scope| {
            let mut writing = stream.try_clone().expect("clone");
            scope.spawn(move || writing.write_all(requests.as_bytes()));
            let _ = (&stream).read_to_end(&mut received);
        });
        let statuses = statuses(&received);
        if statuses == vec![200; 1_000] { Ok(()) } else { Err(format!("{} answers", statuses.len())) }
    });
    assert_eq!(verdict, Ok(()));
    arena.close();
}
