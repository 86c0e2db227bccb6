//! Floods of calls to a host of WASI 0.2. Knows which call is which; must never stop early.

use std::hint::black_box;

use serde_json::json;
use test_behaviour::{FieldKind, Flood, ResourceKind, Sink, error_name, fields};
use wasip2::cli::{stderr, stdout};
use wasip2::clocks::monotonic_clock::{now, subscribe_duration};
use wasip2::http::types::{Fields, ResponseOutparam};
use wasip2::io::poll::poll;
use wasip2::io::streams::OutputStream;
use wasip2::random::random::get_random_bytes;

use crate::response::{send, start};
use crate::{capabilities, key_value};

/// How many empty writes go before a flush.
const FLUSH_EVERY: u64 = 1000;

pub(crate) fn act(flood: Flood, out: ResponseOutparam) {
    match flood {
        Flood::Fields { times, kind, bytes } => send(out, 200, "application/json", append(times, kind, bytes).as_bytes()),
        Flood::EmptyWrites { to, times } => write_nothing(to, times, out),
        Flood::Timers { times, ms } => {
            let waits: Vec<_> = (0..times).map(|_| subscribe_duration(ms.saturating_mul(1_000_000))).collect();
            send(out, 200, "text/plain", b"started");
            std::mem::forget(waits);
        }
        Flood::Resources { times, kind } => match kind {
            ResourceKind::Pollable => keep(times, || subscribe_duration(u64::MAX), out),
            ResourceKind::Fields => keep(times, Fields::new, out),
            ResourceKind::Stream => keep(times, stdout::get_stdout, out),
        },
        Flood::PollLoop => loop {
            subscribe_duration(0).block();
        },
        Flood::YieldLoop => {
            let ready = subscribe_duration(0);
            loop {
                black_box(poll(&[&ready]));
            }
        }
        Flood::Random { bytes } => loop {
            black_box(get_random_bytes(bytes));
        },
        Flood::Clock => loop {
            black_box(now());
        },
        Flood::Variable { name } => loop {
            let _ = black_box(capabilities::variable(&name));
        },
        Flood::Files { path, times } => {
            let found = (0..times).filter(|_| std::fs::metadata(&path).is_ok()).count();
            send(out, 200, "text/plain", found.to_string().as_bytes());
        }
        Flood::KeyValue { key } => loop {
            let _ = black_box(key_value::operate("set", "default", &key, b"value"));
        },
    }
}

fn append(times: u64, kind: FieldKind, bytes: usize) -> String {
    let all = Fields::new();
    let mut appended = 0_u64;
    let refused = fields(times, kind, bytes).find_map(|(name, value)| {
        let refused = all.append(&name, &value).err();
        appended += u64::from(refused.is_none());
        refused
    });
    json!({ "appended": appended, "error": refused.map(|error| error_name(&format!("{error:?}"))) }).to_string()
}

fn write_nothing(to: Sink, times: u64, out: ResponseOutparam) {
    match to {
        Sink::Stdout => write_nothing_to(&stdout::get_stdout(), times),
        Sink::Stderr => write_nothing_to(&stderr::get_stderr(), times),
        Sink::Body => {
            let body = start(out, 200, &[]);
            if let Some(stream) = body.stream() {
                write_nothing_to(stream, times);
            }
            body.write(b"written\n");
            return;
        }
    }
    send(out, 200, "text/plain", b"written");
}

fn write_nothing_to(stream: &OutputStream, times: u64) {
    for turn in 0..times {
        // A host may trap whoever writes without a permit, even nothing.
        if let Ok(0) = stream.check_write() {
            stream.subscribe().block();
            let _ = stream.check_write();
        }
        // Whatever the stream says to one write, the next follows.
        let _ = stream.write(&[]);
        if turn % FLUSH_EVERY == 0 {
            let _ = stream.blocking_flush();
        }
    }
}

fn keep<T>(times: u64, make: impl Fn() -> T, out: ResponseOutparam) {
    let kept: Vec<T> = (0..times).map(|_| make()).collect();
    send(out, 200, "text/plain", kept.len().to_string().as_bytes());
}
