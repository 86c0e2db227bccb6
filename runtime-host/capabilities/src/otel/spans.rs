//! Spans, as OTLP has them.
//!
//! This module knows what a span consists of. It must never know who made it.

use super::otlp::{ATTRIBUTES_MAX, Attributes, Whole, count, flags, name, nanoseconds, span_id, trace_id};
use super::trace;
use crate::bindings::otel::tracing::{self as v1, SpanKind, Status};
use serde::Serialize;

/// Most events and links of a span; of those beyond it, only the number is sent.
const EVENTS_MAX: usize = ATTRIBUTES_MAX;
/// Whether a link's span came from elsewhere is known, and whether it did.
const KNOWS_REMOTE_FLAG: u32 = 0x100;
const IS_REMOTE_FLAG: u32 = 0x200;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace_state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    flags: u32,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: Whole<u64>,
    end_time_unix_nano: Whole<u64>,
    attributes: Attributes<'a>,
    dropped_attributes_count: u32,
    events: Vec<Event<'a>>,
    dropped_events_count: u32,
    links: Vec<Link<'a>>,
    dropped_links_count: u32,
    status: SpanStatus<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    time_unix_nano: Whole<u64>,
    name: &'a str,
    attributes: Attributes<'a>,
    dropped_attributes_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace_state: String,
    attributes: Attributes<'a>,
    dropped_attributes_count: u32,
    flags: u32,
}

#[derive(Serialize)]
struct SpanStatus<'a> {
    code: u8,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

/// A span as it is sent; `None` if its ids, or its parent's, are none.
pub(super) fn view(span: &v1::SpanData) -> Option<Span<'_>> {
    let context = &span.span_context;
    let parent_span_id = match span.parent_span_id.as_str() {
        // A span without a parent.
        none if trace::is_zero(none) => None,
        parent => Some(span_id(parent)?),
    };
    let attributes = Attributes(&span.attributes);
    let events: Vec<_> = span.events.iter().take(EVENTS_MAX).map(event).collect();
    let links: Vec<_> = span.links.iter().filter_map(link).take(EVENTS_MAX).collect();
    Some(Span {
        trace_id: trace_id(&context.trace_id)?,
        span_id: span_id(&context.span_id)?,
        trace_state: trace::state(&context.trace_state),
        parent_span_id,
        flags: flags(context.trace_flags),
        name: name(&span.name),
        kind: kind(span.span_kind),
        start_time_unix_nano: nanoseconds(span.start_time),
        end_time_unix_nano: nanoseconds(span.end_time),
        attributes,
        dropped_attributes_count: attributes.dropped(span.dropped_attributes),
        dropped_events_count: span.dropped_events.saturating_add(count(span.events.len() - events.len())),
        events,
        dropped_links_count: span.dropped_links.saturating_add(count(span.links.len() - links.len())),
        links,
        status: status(&span.status),
    })
}

fn event(event: &v1::Event) -> Event<'_> {
    let attributes = Attributes(&event.attributes);
    Event { time_unix_nano: nanoseconds(event.time), name: name(&event.name), attributes, dropped_attributes_count: attributes.dropped(0) }
}

fn link(link: &v1::Link) -> Option<Link<'_>> {
    let (context, attributes) = (&link.span_context, Attributes(&link.attributes));
    let remote = if context.is_remote { KNOWS_REMOTE_FLAG | IS_REMOTE_FLAG } else { KNOWS_REMOTE_FLAG };
    Some(Link {
        trace_id: trace_id(&context.trace_id)?,
        span_id: span_id(&context.span_id)?,
        trace_state: trace::state(&context.trace_state),
        attributes,
        dropped_attributes_count: attributes.dropped(0),
        flags: flags(context.trace_flags) | remote,
    })
}

fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn status(status: &Status) -> SpanStatus<'_> {
    match status {
        Status::Unset => SpanStatus { code: 0, message: "" },
        Status::Ok => SpanStatus { code: 1, message: "" },
        Status::Error(message) => SpanStatus { code: 2, message: name(message) },
    }
}
