//! Cards E: clients that send what no client should, or send it too slowly, or never stop.

use serde_json::json;
use spell_tests::hostile::Arena;
use spell_tests::{Client, Host, REVISIONS, component};
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
    let connect = |_| {
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

/// An HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("length").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:method: GET`, `:scheme: http`, `:path: /p2/sleep?ms=100`, `:authority: a`, as HPACK without a table of its own.
fn head() -> Vec<u8> {
    let mut head = vec![0x82, 0x86];
    for (index, value) in [(4_u8, "/p2/sleep?ms=100"), (1, "a")] {
        head.push(index);
        head.push(u8::try_from(value.len()).expect("short"));
        head.extend_from_slice(value.as_bytes());
    }
    head
}

/// Sends a preface and then frames, for as long as the server takes them; what it sent by then.
fn flood(client: Client, frames: impl Iterator<Item = Vec<u8>> + Send) -> (Vec<u8>, bool) {
    let stream = TcpStream::connect(client.address).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    stream.set_write_timeout(Some(Duration::from_secs(5))).expect("timeout");
    let mut received = Vec::new();
    let is_closed = thread::scope(|scope| {
        let mut writing = stream.try_clone().expect("clone");
        scope.spawn(move || {
            let mut batch = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            batch.extend(frame(SETTINGS, 0, 0, &[]));
            for frame in frames {
                batch.extend(frame);
                if batch.len() > 32 << 10 {
                    if writing.write_all(&batch).is_err() {
                        return;
                    }
                    batch.clear();
                }
            }
            let _ = writing.write_all(&batch);
        });
        let mut reading = &stream;
        let mut buffer = [0; 16 << 10];
        loop {
            match reading.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    });
    (received, is_closed)
}

/// Whether the server said GOAWAY.
fn has_goaway(mut received: &[u8]) -> bool {
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = received {
        if *kind == GOAWAY {
            return true;
        }
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        received = rest.get(length..).unwrap_or_default();
    }
    false
}

type Frames = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// Streams with odd numbers, as clients have.
fn streams(count: u32) -> impl Iterator<Item = u32> + Send {
    (0..count).map(|index| index * 2 + 1)
}

#[test]
fn floods_of_http_2_frames_end_their_connection() {
    let mut arena = arena();
    let mut wrong = Vec::new();
    let floods: Vec<(&str, Frames)> = vec![
        (
            "rapid-reset",
            Box::new(streams(20_000).flat_map(|stream| {
                [frame(HEADERS, END_STREAM | END_HEADERS, stream, &head()), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())]
            })),
        ),
        (
            "continuation",
            Box::new(
                std::iter::once(frame(HEADERS, END_STREAM, 1, &head()))
                    .chain((0..20_000).map(|_| frame(CONTINUATION, 0, 1, &[0x00, 0x01, b'x', 0x01, b'y']))),
            ),
        ),
        ("header-bomb", Box::new(std::iter::once(frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb())))),
        ("data-on-no-stream", Box::new((0..1_000).map(|_| frame(DATA, 0, 0, &[])))),
        ("data-on-closed-stream", Box::new((0..20_000).map(|_| frame(DATA, 0, 999, &[])))),
        ("zero-window-update", Box::new((0..1_000).map(|_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 0])))),
        ("window-overflow", Box::new((0..10).map(|_| frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])))),
        ("frame-too-large", Box::new(std::iter::once(frame(DATA, 0, 1, &vec![0; 20_000])))),
        ("settings-of-odd-size", Box::new(std::iter::once(frame(SETTINGS, 0, 0, &[1, 2, 3])))),
        ("ping-of-odd-size", Box::new(std::iter::once(frame(PING, 0, 0, &[1])))),
        ("even-stream", Box::new(std::iter::once(frame(HEADERS, END_STREAM | END_HEADERS, 2, &head())))),
        ("broken-hpack", Box::new(std::iter::once(frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 64])))),
    ];
    for (name, frames) in floods {
        let attack = |host: &Host| {
            let (received, is_closed) = flood(host.app, frames);
            if is_closed && (has_goaway(&received) || name == "header-bomb") {
                Ok(())
            } else {
                Err(format!("closed: {is_closed}, {} bytes", received.len()))
            }
        };
        wrong.extend(arena.judge("E4", name, attack).err());
    }
    // What is allowed without bound by the protocol is answered or ignored, and costs the others nothing.
    let endured: Vec<(&str, Frames)> = vec![
        ("ping", Box::new((0..20_000).map(|_| frame(PING, 0, 0, &[0; 8])))),
        ("settings", Box::new((0..20_000).map(|_| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])))),
        ("more-streams-than-allowed", Box::new(streams(2_000).map(|stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, &head())))),
        ("streams-without-end", Box::new(streams(500).map(|stream| frame(HEADERS, END_HEADERS, stream, &head())))),
        (
            "empty-data",
            Box::new(std::iter::once(frame(HEADERS, END_HEADERS, 1, &head())).chain((0..50_000).map(|_| frame(DATA, 0, 1, &[])))),
        ),
    ];
    for (name, frames) in endured {
        let attack = |host: &Host| {
            let (received, _) = flood(host.app, frames);
            if received.is_empty() { Err("no answer at all".to_owned()) } else { Ok(()) }
        };
        wrong.extend(arena.judge("E4", name, attack).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

/// A header that is put into the table once, and then named ten thousand times.
fn bomb() -> Vec<u8> {
    let mut bomb = head();
    bomb.extend_from_slice(&[0x40, 0x01, b'x', 0x7f, 0x80 | 0x41, 0x1d]);
    bomb.truncate(head().len());
    // A literal with indexing: name "x", a value of 4,000 bytes, which the table of 4,096 holds.
    bomb.extend_from_slice(&[0x40, 0x01, b'x', 0x7f, 0xa1, 0x1e]);
    bomb.extend(std::iter::repeat_n(b'a', 4_000));
    // The newest entry of the table has the number 62.
    bomb.extend(std::iter::repeat_n(0xbe, 10_000));
    bomb
}
