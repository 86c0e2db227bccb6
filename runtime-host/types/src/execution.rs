//! What one execution used, how it ended, and the record that is kept of it.

use crate::Limit;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What an execution used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// From admission to the last byte of the answer.
    pub wall: Duration,
    /// CPU time of the threads while they worked for it: guest code and host calls, waiting excluded.
    pub cpu: Duration,
    /// Fuel burnt: guest instructions, bulk operations by the byte.
    pub fuel: u64,
    /// The most linear memory it had at once, in bytes, all memories together.
    pub memory_bytes_peak: u64,
    /// Bytes of request body that were read.
    pub bytes_in: u64,
    /// Bytes of response body that were sent.
    pub bytes_out: u64,
}

/// How an execution ended. Every execution has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The guest answered, and the answer was sent whole.
    Completed,
    /// The guest trapped, returned an error, or ended without an answer.
    Trapped,
    /// The guest's answer could not be sent as it was: a bad status, a bad header, or a body that broke off.
    BadResponse,
    /// It met a limit. Waiting limits ([`Limit::Concurrency`], [`Limit::Queue`], [`Limit::QueueTime`]) mean that it never started.
    LimitExceeded(Limit),
    /// The client went away before the answer was complete.
    Cancelled,
    /// The host had no place left to run anything.
    HostBusy,
    /// The host failed; never the guest's doing.
    HostFailed,
}

impl Outcome {
    /// A short permanent name, for metrics and the record: `completed`, `trapped`, `limit-memory`, ….
    ///
    /// ```
    /// use spell_types::{Limit, Outcome};
    /// assert_eq!(Outcome::LimitExceeded(Limit::QueueTime).name(), "limit-queue_time");
    /// assert_eq!(Outcome::from_name("limit-queue_time"), Some(Outcome::LimitExceeded(Limit::QueueTime)));
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Completed => "completed",
            Outcome::Trapped => "trapped",
            Outcome::BadResponse => "bad-response",
            Outcome::Cancelled => "cancelled",
            Outcome::HostBusy => "host-busy",
            Outcome::HostFailed => "host-failed",
            Outcome::LimitExceeded(limit) => match limit {
                Limit::Memory => "limit-memory",
                Limit::TableElements => "limit-table_elements",
                Limit::Fuel => "limit-fuel",
                Limit::Time => "limit-time",
                Limit::Request => "limit-request",
                Limit::Response => "limit-response",
                Limit::Concurrency => "limit-concurrency",
                Limit::Queue => "limit-queue",
                Limit::QueueTime => "limit-queue_time",
                Limit::OutboundRequests => "limit-outbound_requests",
                Limit::Depth => "limit-depth",
                Limit::Log => "limit-log",
            },
        }
    }

    /// The outcome with this [`name`](Outcome::name).
    pub fn from_name(name: &str) -> Option<Outcome> {
        Self::all().find(|outcome| outcome.name() == name)
    }

    /// Every outcome there is.
    pub fn all() -> impl Iterator<Item = Outcome> {
        let plain =
            [Outcome::Completed, Outcome::Trapped, Outcome::BadResponse, Outcome::Cancelled, Outcome::HostBusy, Outcome::HostFailed];
        plain.into_iter().chain(Limit::ALL.into_iter().map(Outcome::LimitExceeded))
    }
}

/// One finished execution, as it is kept.
#[derive(Debug, Clone)]
pub struct ExecutionRecord {
    /// When it ended.
    pub ended_at: SystemTime,
    /// The component that ran.
    pub component: Arc<str>,
    /// The route that led to it, as written in the manifest.
    pub route: Arc<str>,
    /// The HTTP status that was sent; 0 where none was.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// What it used.
    pub usage: Usage,
}

/// Where finished executions go. Called on the request path: it must neither block nor wait.
pub trait ExecutionSink: Send + Sync {
    /// Takes note of an execution, or counts it as dropped.
    fn record(&self, record: ExecutionRecord);
}
