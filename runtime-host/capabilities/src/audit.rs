//! The record of what guests were refused: one line of JSON for each refusal, and a count of each rule.
//!
//! This module knows rules by name. It must never know how a rule decides, and it never waits.

use crate::LogFile;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A rule that refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The destination is not in `allowed_outbound_hosts`.
    OutboundHost,
    /// The address is one that the operator lets nobody reach.
    OutboundAddress,
    /// The request cannot be sent as it is: no proper URL, or a method that leads elsewhere.
    OutboundRequest,
    /// The limit `outbound_requests` is reached.
    OutboundRequests,
    /// The request, or the component, holds as many connections as it may.
    OutboundConnections,
    /// The key-value store is not among the component's.
    KeyValueStore,
    /// The SQL database is not among the component's.
    SqliteDatabase,
    /// The language model is not among the component's.
    AiModel,
    /// A request told more of itself than it may.
    Telemetry,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Rule; 9] = [
        Rule::OutboundHost,
        Rule::OutboundAddress,
        Rule::OutboundRequest,
        Rule::OutboundRequests,
        Rule::OutboundConnections,
        Rule::KeyValueStore,
        Rule::SqliteDatabase,
        Rule::AiModel,
        Rule::Telemetry,
    ];

    /// Its name in the record and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Rule::OutboundHost => "outbound-host",
            Rule::OutboundAddress => "outbound-address",
            Rule::OutboundRequest => "outbound-request",
            Rule::OutboundRequests => "limit-outbound_requests",
            Rule::OutboundConnections => "outbound-connections",
            Rule::KeyValueStore => "key-value-store",
            Rule::SqliteDatabase => "sqlite-database",
            Rule::AiModel => "ai-model",
            Rule::Telemetry => "telemetry",
        }
    }
}

/// Where refusals are noted. All clones are one record.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    log: LogFile,
    counts: Arc<[AtomicU64; Rule::ALL.len()]>,
}

/// Bytes of what was asked for that are kept.
const SUBJECT_BYTES_MAX: usize = 512;

impl Audit {
    /// A record that is written to this log.
    pub fn new(log: LogFile) -> Audit {
        Audit { log, counts: Arc::default() }
    }

    /// How often a rule has refused something, or would have.
    pub fn count(&self, rule: Rule) -> u64 {
        self.counts.get(rule as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Notes that a component was refused something; `is_enforced` is false where the operator lets it pass and only counts.
    pub(crate) fn refused(&self, component: &str, rule: Rule, subject: &str, is_enforced: bool) {
        if let Some(count) = self.counts.get(rule as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let subject = subject.get(..subject.floor_char_boundary(SUBJECT_BYTES_MAX)).unwrap_or_default();
        let line = json!({ "at_ms": at_ms, "component": component, "rule": rule.name(), "subject": subject, "enforced": is_enforced });
        self.log.append(format!("{line}\n").as_bytes());
    }
}
