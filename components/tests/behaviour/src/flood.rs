//! What a guest asks of its host far too often. Knows how often and of what; must never know how a WASI calls it.

use crate::output::FILL;
use crate::query::{Field, Query};

/// One way to ask too often, with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each argument is explained with its behaviour")]
pub enum Flood {
    /// `/fields?n=N&kind=same|new|empty&bytes=B`: appends N fields with values of B bytes; JSON of how many, and of the first error.
    Fields { times: u64, kind: FieldKind, bytes: usize },
    /// `/empty-writes?to=stdout|stderr|body&n=N`: writes nothing N times, then answers "written".
    EmptyWrites { to: Sink, times: u64 },
    /// `/poll-loop`: for ever waits for no time at all.
    PollLoop,
    /// `/yield-loop`: for ever yields without waiting; in 0.2, polls what is ready.
    YieldLoop,
    /// `/timers?n=N&ms=M`: starts N waits and answers "started" without waiting for them.
    Timers { times: u64, ms: u64 },
    /// `/resources?n=N&kind=pollable|fields|stream`: makes N and keeps them all, then answers their number.
    Resources { times: u64, kind: ResourceKind },
    /// `/random-flood?bytes=B`: for ever asks for random bytes.
    Random { bytes: u64 },
    /// `/clock-flood`: for ever asks for the time.
    Clock,
    /// `/variable-flood?name=N`: for ever reads a variable.
    Variable { name: String },
    /// `/file-flood?path=P&n=N`: asks for the state of a file N times, side by side where its WASI can; their number.
    Files { path: String, times: u64 },
    /// `/kv-flood?key=K`: for ever opens the store "default" and sets a key in it.
    KeyValue { key: String },
}

/// Which fields are appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FieldKind {
    SameName,
    NewNames,
    EmptyValue,
}

/// Where to something is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sink {
    Stdout,
    Stderr,
    Body,
}

/// What the host keeps for a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ResourceKind {
    Pollable,
    Fields,
    Stream,
}

impl Flood {
    pub(crate) fn of(segment: &str, query: &Query) -> Option<Self> {
        let kind = query.text("kind", "");
        Some(match segment {
            "fields" => {
                let kind = match kind.as_str() {
                    "new" => FieldKind::NewNames,
                    "empty" => FieldKind::EmptyValue,
                    _ => FieldKind::SameName,
                };
                Self::Fields { times: query.number("n", 1), kind, bytes: query.number("bytes", 16) }
            }
            "empty-writes" => {
                let to = match query.text("to", "").as_str() {
                    "stderr" => Sink::Stderr,
                    "body" => Sink::Body,
                    _ => Sink::Stdout,
                };
                Self::EmptyWrites { to, times: query.number("n", 1) }
            }
            "resources" => {
                let kind = match kind.as_str() {
                    "fields" => ResourceKind::Fields,
                    "stream" => ResourceKind::Stream,
                    _ => ResourceKind::Pollable,
                };
                Self::Resources { times: query.number("n", 1), kind }
            }
            "poll-loop" => Self::PollLoop,
            "yield-loop" => Self::YieldLoop,
            "timers" => Self::Timers { times: query.number("n", 1), ms: query.number("ms", 100) },
            "random-flood" => Self::Random { bytes: query.number("bytes", 16) },
            "clock-flood" => Self::Clock,
            "variable-flood" => Self::Variable { name: query.text("name", "") },
            "file-flood" => Self::Files { path: query.text("path", ""), times: query.number("n", 1) },
            "kv-flood" => Self::KeyValue { key: query.text("key", "key") },
            _ => return None,
        })
    }
}

/// The fields that [`Flood::Fields`] appends.
pub fn fields(times: u64, kind: FieldKind, bytes: usize) -> impl Iterator<Item = Field> {
    (0..times).map(move |number| match kind {
        FieldKind::SameName => ("x-field".to_owned(), vec![FILL; bytes]),
        FieldKind::NewNames => (format!("x-{number}"), vec![FILL; bytes]),
        FieldKind::EmptyValue => ("x-field".to_owned(), Vec::new()),
    })
}
