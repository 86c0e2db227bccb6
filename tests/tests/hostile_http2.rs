//! Card E4: floods of HTTP/2 frames, each legal or nearly so.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::hostile::Arena;
use spell_tests::{Client, Host, component};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

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
    let mut arena = Arena::start(&[], &[component("p2", "p2", "")], "[host]\nheader_time = \"1s\"\nheader_bytes = \"16KiB\"\n");
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
