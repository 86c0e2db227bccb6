//! Spans and log records. Knows what each consists of; must never know paths.

use crate::bindings::wasi::clocks::wall_clock::Datetime;
use crate::bindings::wasi::otel::logs::{LogRecord, on_emit};
use crate::bindings::wasi::otel::tracing::{
    Event, Link, SpanContext, SpanData, SpanKind, Status, TraceFlags, on_end, on_start, outer_span_context,
};
use crate::bindings::wasi::otel::types::{InstrumentationScope, KeyValue, Resource};
use serde_json::{Value, json};

const SPAN_ID: &str = "00F067AA0BA902B7";

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: value.to_string() }
}

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "tests".to_owned(),
        version: Some("1.0".to_owned()),
        schema_url: Some("https://example.com/scope".to_owned()),
        attributes: vec![attribute("part", json!("all"))],
    }
}

/// Claims to be another service, which a host must not believe.
pub(crate) fn resource() -> Resource {
    let attributes = vec![attribute("service.name", json!("impostor")), attribute("region", json!("here"))];
    Resource { attributes, schema_url: None }
}

pub(crate) fn at(seconds: u64) -> Datetime {
    Datetime { seconds: 1_700_000_000 + seconds, nanoseconds: 5 }
}

/// The request's own context.
pub(crate) fn context() -> Value {
    let [one, other] = [outer_span_context(), outer_span_context()];
    json!({
        "trace": one.trace_id,
        "span": one.span_id,
        "sampled": one.trace_flags.contains(TraceFlags::SAMPLED),
        "remote": one.is_remote,
        "state": one.trace_state,
        "same": one.trace_id == other.trace_id && one.span_id == other.span_id,
    })
}

fn empty() -> SpanData {
    let outer = outer_span_context();
    let flags = TraceFlags::SAMPLED;
    let span_context = SpanContext { span_id: SPAN_ID.to_owned(), trace_flags: flags, is_remote: false, ..outer.clone() };
    SpanData {
        span_context,
        parent_span_id: outer.span_id,
        span_kind: SpanKind::Client,
        name: "work".to_owned(),
        start_time: at(0),
        end_time: at(1),
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
        status: Status::Unset,
        instrumentation_scope: scope(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
    }
}

/// A span with everything that there is.
pub(crate) fn span(is_sampled: bool) -> Value {
    let mut span = empty();
    if !is_sampled {
        span.span_context.trace_flags = TraceFlags::empty();
    }
    span.attributes = vec![attribute("text", json!("hé")), attribute("whole", json!(7)), attribute("list", json!([true, 0.5]))];
    span.events = vec![Event { name: "halfway".to_owned(), time: at(0), attributes: vec![attribute("step", json!(1))] }];
    let linked = |trace_id: &str| Link {
        span_context: SpanContext { trace_id: trace_id.to_owned(), is_remote: true, ..span.span_context.clone() },
        attributes: Vec::new(),
    };
    span.links = vec![linked(&"ab".repeat(16)), linked("none")];
    span.status = Status::Error("broken".to_owned());
    span.dropped_events = 2;
    on_start(&span.span_context);
    on_end(&span);
    json!({ "trace": span.span_context.trace_id, "parent": span.parent_span_id })
}

/// Spans whose ids are none.
pub(crate) fn bad_spans() -> Value {
    let zeros = ["0".repeat(32), "0".repeat(16)];
    for (trace, span_id, parent) in [
        ("", SPAN_ID, ""),
        (zeros[0].as_str(), SPAN_ID, ""),
        ("zz".repeat(16).as_str(), SPAN_ID, ""),
        ("ab".repeat(16).as_str(), zeros[1].as_str(), ""),
        ("ab".repeat(16).as_str(), SPAN_ID, "short"),
    ] {
        let mut span = empty();
        span.span_context.trace_id = trace.to_owned();
        span.span_context.span_id = span_id.to_owned();
        span.parent_span_id = parent.to_owned();
        on_end(&span);
    }
    json!("told")
}

pub(crate) fn flood(spans: usize) -> Value {
    let span = empty();
    for _ in 0..spans {
        on_end(&span);
    }
    json!("told")
}

/// Log records with that many bytes of attributes each, in short values, until a few MiB are told.
pub(crate) fn heavy(bytes: usize) -> Value {
    let attributes: Vec<KeyValue> =
        (0..bytes.div_ceil(4_000)).map(|index| attribute(&format!("k{index}"), json!("x".repeat(4_000)))).collect();
    for _ in 0..32 {
        on_emit(&LogRecord { attributes: Some(attributes.clone()), ..record() });
    }
    json!("told")
}

/// A log record of so many lists in each other.
pub(crate) fn deep(lists: usize) -> Value {
    let body = format!("{}{}", "[".repeat(lists), "]".repeat(lists));
    on_emit(&LogRecord { body: Some(body), ..record() });
    json!("told")
}

fn record() -> LogRecord {
    LogRecord {
        timestamp: Some(at(2)),
        observed_timestamp: None,
        severity_text: Some("WARN".to_owned()),
        severity_number: Some(13),
        body: Some(json!({ "said": "hello" }).to_string()),
        attributes: None,
        event_name: Some("greeted".to_owned()),
        resource: Some(resource()),
        instrumentation_scope: Some(scope()),
        trace_id: None,
        span_id: None,
        trace_flags: None,
    }
}

/// A log record of this request's trace, and one whose ids are none.
pub(crate) fn log() -> Value {
    let outer = outer_span_context();
    on_emit(&LogRecord {
        trace_id: Some(outer.trace_id.clone()),
        span_id: Some(outer.span_id.clone()),
        trace_flags: Some(TraceFlags::SAMPLED),
        ..record()
    });
    on_emit(&LogRecord { trace_id: Some("none".to_owned()), span_id: Some(SPAN_ID.to_owned()), severity_number: Some(99), ..record() });
    json!({ "trace": outer.trace_id, "span": outer.span_id })
}
