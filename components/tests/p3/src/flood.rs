//! Floods of calls to a host of WASI 0.3. Knows which call is which; must never stop early.

use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;

use serde_json::json;
use spin_sdk::wasip3::cli::{stderr, stdout};
use spin_sdk::wasip3::clocks::monotonic_clock::{now, wait_for};
use spin_sdk::wasip3::filesystem::preopens::get_directories;
use spin_sdk::wasip3::filesystem::types::PathFlags;
use spin_sdk::wasip3::http::types::{Fields, Response};
use spin_sdk::wasip3::random::random::get_random_bytes;
use spin_sdk::wasip3::wit_bindgen::{StreamWriter, spawn, yield_async};
use spin_sdk::wasip3::wit_stream;
use test_behaviour::{FieldKind, Flood, ResourceKind, Sink, error_name, fields};

use crate::fetch::join;
use crate::response::{start, whole, write};
use crate::{capabilities, key_value};

pub(crate) async fn act(flood: Flood) -> Response {
    match flood {
        Flood::Fields { times, kind, bytes } => whole(200, "application/json", append(times, kind, bytes).into_bytes()),
        Flood::EmptyWrites { to, times } => write_nothing(to, times).await,
        Flood::Timers { times, ms } => {
            (0..times).for_each(|_| spawn(wait_for(ms.saturating_mul(1_000_000))));
            whole(200, "text/plain", b"started".to_vec())
        }
        Flood::Resources { times, kind } => match kind {
            ResourceKind::Pollable => keep_waits(times).await,
            ResourceKind::Fields => keep(times, Fields::new),
            ResourceKind::Stream => keep(times, wit_stream::new::<u8>),
        },
        Flood::PollLoop => loop {
            wait_for(0).await;
        },
        Flood::YieldLoop => loop {
            yield_async().await;
        },
        Flood::Random { bytes } => loop {
            black_box(get_random_bytes(bytes));
        },
        Flood::Clock => loop {
            black_box(now());
        },
        Flood::Variable { name } => loop {
            let _ = black_box(capabilities::variable(&name).await);
        },
        Flood::Files { path, times } => whole(200, "text/plain", look_at_once(&path, times).await.to_string().into_bytes()),
        Flood::KeyValue { key } => loop {
            let _ = black_box(key_value::operate("set", "default", &key, b"value").await);
        },
    }
}

/// How many of these looks at a file, all under way at once, found it.
async fn look_at_once(path: &str, times: u64) -> usize {
    let directories = get_directories();
    let Some((directory, _)) = directories.first() else { return 0 };
    let path = path.trim_start_matches('/');
    let looks = (0..times).map(|_| directory.stat_at(PathFlags::empty(), path.to_owned()));
    join(looks).await.into_iter().filter(Result::is_ok).count()
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

async fn write_nothing(to: Sink, times: u64) -> Response {
    let (mut writer, reader) = wit_stream::new();
    let printed = match to {
        Sink::Stdout => stdout::write_via_stream(reader),
        Sink::Stderr => stderr::write_via_stream(reader),
        Sink::Body => return write_nothing_to_body(times),
    };
    write_nothing_to(&mut writer, times).await;
    drop(writer);
    let _ = printed.await;
    whole(200, "text/plain", b"written".to_vec())
}

fn write_nothing_to_body(times: u64) -> Response {
    let (response, mut writer) = start(200, &[]);
    spawn(async move {
        write_nothing_to(&mut writer, times).await;
        write(&mut writer, b"written\n".to_vec()).await;
    });
    response
}

async fn write_nothing_to(writer: &mut StreamWriter<u8>, times: u64) {
    for _ in 0..times {
        // Whatever the stream says to one write, the next follows.
        let _ = writer.write(Vec::new()).await;
    }
}

fn keep<T>(times: u64, make: impl Fn() -> T) -> Response {
    let kept: Vec<T> = (0..times).map(|_| make()).collect();
    whole(200, "text/plain", black_box(&kept).len().to_string().into_bytes())
}

/// There are no pollables in 0.3: a wait that has been started is what comes closest.
async fn keep_waits(times: u64) -> Response {
    let mut kept = Vec::new();
    for _ in 0..times {
        let mut wait = Box::pin(wait_for(u64::MAX));
        poll_fn(|context| {
            let _ = wait.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        kept.push(wait);
    }
    whole(200, "text/plain", kept.len().to_string().into_bytes())
}
