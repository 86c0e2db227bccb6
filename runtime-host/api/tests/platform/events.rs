//! Casts as streams of events: what is told, when it ends, and how long it may take.

use crate::client::{Host, start};
use crate::clock::Clock;
use serde_json::{Value, json};
use spell_cast::CastState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A stream of events that is read from.
struct Events {
    stream: TcpStream,
    read: String,
}

impl Events {
    async fn of(host: &Host, path: &str, headers: &str) -> Events {
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        let head = format!("GET {path}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}{headers}\r\n\r\n", host.admin);
        stream.write_all(head.as_bytes()).await.unwrap();
        Events { stream, read: String::new() }
    }

    /// Reads until there is this, or the host closes.
    async fn until(&mut self, wanted: &str) -> &str {
        let mut bytes = vec![0; 4096];
        while !self.read.contains(wanted) {
            let count = self.stream.read(&mut bytes).await.unwrap();
            if count == 0 {
                break;
            }
            self.read.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        &self.read
    }

    /// Name, id and data of each event so far.
    fn told(&self) -> Vec<(String, String, Value)> {
        let field = |event: &str, name: &str| {
            let values: Vec<_> = event.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect();
            assert_eq!(values.len(), 1, "{name} in {event}");
            values[0].to_owned()
        };
        let events = self.read.split("\n\n").filter(|event| event.contains("event: "));
        events.map(|event| (field(event, "event"), field(event, "id"), serde_json::from_str(&field(event, "data")).unwrap())).collect()
    }

    fn comments(&self) -> usize {
        self.read.lines().filter(|line| line.starts_with(':')).count()
    }
}

/// What stands at the end of a stream that was not cut.
const END: &str = "\r\n0\r\n\r\n";

#[tokio::test]
async fn a_cast_tells_how_far_it_is_and_how_it_ended_however_long_it_takes() {
    let host = start().await;
    host.spell("echo").await;
    let path = host.hold("k").await;
    let running = host.ask("GET", &path, None).await.json();
    let clock = Clock::stop();
    let mut events = Events::of(&host, &path, "").await;
    let head = events.until("\n\n").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-type: text/event-stream\r\n"), "{head}");
    assert_eq!(events.told(), [("running".to_owned(), "1".to_owned(), running.clone())]);
    // Longer than any request, and than any client is waited for.
    clock.pass(200).await;
    host.memory.is_released.send_replace(true);
    events.until(END).await;
    let completed = host.ask("GET", &path, None).await.json();
    assert_eq!(completed["status"], "completed");
    let told = [("running".to_owned(), "1".to_owned(), running), ("completed".to_owned(), "2".to_owned(), completed)];
    assert_eq!(events.told(), told);
    assert!((10..=13).contains(&events.comments()), "one every 15 seconds: {}", events.read);
    assert!(events.read.ends_with(END), "it was not cut: {}", events.read);
    clock.pass(31).await;
    assert_eq!(events.stream.read(&mut [0]).await.unwrap(), 0, "a client that asks nothing more is not waited for");
}

#[tokio::test]
async fn a_cast_that_has_ended_tells_it_once() {
    let host = start().await;
    host.spell("echo").await;
    for (input, is_forgotten, state) in [("x", false, "completed"), ("trap", false, "failed"), ("y", true, "indeterminate")] {
        let cast = host.cast(input, &json!({ "spell_key": "echo", "input": input })).await.json();
        if is_forgotten {
            host.memory.forget_the_end_of_the_last_cast(CastState::Indeterminate);
        }
        let path = format!("/api/v1/casts/{}", cast["cast_id"].as_str().unwrap());
        let shown = host.ask("GET", &path, None).await.json();
        for headers in ["", "\r\nLast-Event-ID: 1", "\r\nLast-Event-ID:"] {
            let mut events = Events::of(&host, &path, headers).await;
            events.until(END).await;
            assert_eq!(events.told(), [(state.to_owned(), "2".to_owned(), shown.clone())], "{headers}");
        }
        let mut seen = Events::of(&host, &path, "\r\nLast-Event-ID: 2").await;
        assert!(seen.until("\r\n\r\n").await.starts_with("HTTP/1.1 204"), "{}", seen.read);
    }
}

#[tokio::test]
async fn a_cast_that_is_cancelled_tells_it_failed() {
    let host = start().await;
    host.spell("echo").await;
    let path = host.hold("k").await;
    let mut events = Events::of(&host, &path, "\r\nLast-Event-ID: 2").await;
    events.until("event: running").await;
    let cancelled = host.ask("POST", &format!("{path}/cancel"), None).await.json();
    events.until(END).await;
    assert_eq!(events.told().last(), Some(&("failed".to_owned(), "2".to_owned(), cancelled)));
}

#[tokio::test]
async fn a_stream_ends_with_the_host_before_the_cast_does() {
    let host = start().await;
    host.spell("echo").await;
    let path = host.hold("k").await;
    let mut events = Events::of(&host, &path, "").await;
    events.until("\n\n").await;
    let _clock = Clock::stop();
    host.stop.send(()).unwrap();
    assert!(events.until(END).await.ends_with(END), "no second passes");
    assert_eq!(events.told().len(), 1);
    assert_eq!(events.stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_no_cast_has_no_events() {
    let host = start().await;
    host.ask("GET", "/api/v1/casts/cast_0/events", None).await.refuses(404, "cast-not-found", "Cast not found");
}
