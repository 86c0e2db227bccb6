//! Log records, as OTLP has them.
//!
//! This module knows what a record consists of. It must never know the logs that standard output goes to.

use super::otlp::{AnyValue, Attributes, Whole, flags, name, nanoseconds, span_id, trace_id};
use crate::bindings::otel::logs as v1;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

const SEVERITY_MAX: u8 = 24;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time_unix_nano: Option<Whole<u64>>,
    observed_time_unix_nano: Whole<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity_number: Option<u8>,
    #[serde(skip_serializing_if = "str::is_empty")]
    severity_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<AnyValue<'a>>,
    attributes: Attributes<'a>,
    dropped_attributes_count: u32,
    flags: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    span_id: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    event_name: &'a str,
}

/// A record as it is sent. Ids that are none are left out: what was logged is worth more than where it belongs.
pub(super) fn view(record: &v1::LogRecord) -> LogRecord<'_> {
    let attributes = Attributes::of(record.attributes.as_ref());
    let trace_id = record.trace_id.as_deref().and_then(trace_id);
    LogRecord {
        time_unix_nano: record.timestamp.map(nanoseconds),
        observed_time_unix_nano: record.observed_timestamp.map_or_else(now, nanoseconds),
        severity_number: record.severity_number.filter(|number| (1..=SEVERITY_MAX).contains(number)),
        severity_text: name(record.severity_text.as_deref().unwrap_or_default()),
        body: record.body.as_deref().map(AnyValue),
        attributes,
        dropped_attributes_count: attributes.dropped(0),
        flags: record.trace_flags.map_or(0, flags),
        // Of a span alone, nobody could tell whose it is.
        span_id: trace_id.as_ref().and(record.span_id.as_deref()).and_then(span_id),
        trace_id,
        event_name: name(record.event_name.as_deref().unwrap_or_default()),
    }
}

fn now() -> Whole<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Whole(u64::try_from(since.as_nanos()).unwrap_or_default())
}
