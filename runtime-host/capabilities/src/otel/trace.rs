//! The trace that a request belongs to: read from its headers (W3C Trace Context), or begun here.
//!
//! This module knows ids and the two headers. It must never know what is told about a trace.

use crate::bindings::otel::tracing::{SpanContext, TraceFlags};
use http::{HeaderMap, HeaderName};
use ring::rand::{SecureRandom, SystemRandom};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const TRACE_ID_DIGITS: usize = 32;
const SPAN_ID_DIGITS: usize = 16;
/// Most entries and bytes of a trace's state.
const STATE_ENTRIES_MAX: usize = 32;
const STATE_BYTES_MAX: usize = 512;

/// The digits of an id, in lower case.
pub(super) fn hex(text: &str) -> Option<String> {
    let is_hex = text.len() <= TRACE_ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| text.to_ascii_lowercase())
}

pub(super) fn is_trace_id(digits: &str) -> bool {
    digits.len() == TRACE_ID_DIGITS && !is_zero(digits)
}

pub(super) fn is_span_id(digits: &str) -> bool {
    digits.len() == SPAN_ID_DIGITS && !is_zero(digits)
}

/// Zeros alone stand for no id.
pub(super) fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|byte| byte == b'0')
}

/// The context that a request brought along, if it brought one.
pub(super) fn of_request(headers: &HeaderMap) -> Option<SpanContext> {
    let mut parents = headers.get_all(TRACEPARENT).iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
    let context = read(parent.to_str().ok()?)?;
    let states: Vec<&str> = headers.get_all(TRACESTATE).iter().filter_map(|value| value.to_str().ok()).collect();
    Some(SpanContext { trace_state: read_state(&states.join(",")), ..context })
}

/// `version-trace-parent-flags`; later versions may go on behind another `-`.
fn read(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_lower_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_readable = [version, trace_id, span_id, flags].into_iter().all(is_lower_hex) && version.len() == 2 && flags.len() == 2;
    let is_whole = if version == "00" { parts.next().is_none() } else { version != "ff" };
    if !is_readable || !is_whole || !is_trace_id(trace_id) || !is_span_id(span_id) {
        return None;
    }
    let is_sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    Some(SpanContext {
        trace_id: trace_id.to_owned(),
        span_id: span_id.to_owned(),
        trace_flags: if is_sampled { TraceFlags::SAMPLED } else { TraceFlags::empty() },
        is_remote: true,
        trace_state: Vec::new(),
    })
}

/// The state of a trace; empty if any entry is wrong, or there are too many.
fn read_state(text: &str) -> Vec<(String, String)> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let pairs: Option<Vec<_>> = entries.map(|entry| entry.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))).collect();
    pairs.filter(|pairs| is_state(pairs)).unwrap_or_default()
}

/// The state of a trace as one header has it; empty if any entry is wrong, or there are too many.
pub(super) fn state(pairs: &[(String, String)]) -> String {
    if !is_state(pairs) {
        return String::new();
    }
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn is_state(pairs: &[(String, String)]) -> bool {
    let is_key = |key: &str| {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
        !key.is_empty() && key.bytes().all(is_allowed)
    };
    let is_value = |value: &str| !value.is_empty() && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=');
    let bytes: usize = pairs.iter().map(|(key, value)| key.len().saturating_add(value.len()).saturating_add(2)).sum();
    pairs.len() <= STATE_ENTRIES_MAX && bytes <= STATE_BYTES_MAX && pairs.iter().all(|(key, value)| is_key(key) && is_value(value))
}

/// A trace that begins here.
pub(super) fn begin() -> wasmtime::Result<SpanContext> {
    let mut bytes = [0_u8; (TRACE_ID_DIGITS + SPAN_ID_DIGITS) / 2];
    SystemRandom::new().fill(&mut bytes).map_err(|_| wasmtime::Error::msg("the system has no random bytes"))?;
    let mut digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let span_id = digits.split_off(TRACE_ID_DIGITS);
    Ok(SpanContext { trace_id: digits, span_id, trace_flags: TraceFlags::SAMPLED, is_remote: false, trace_state: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_parent_is_taken_whole_or_not_at_all() {
        for (parents, expected) in [
            (&[format!("00-{TRACE}-{SPAN}-01")][..], Some(true)),
            (&[format!("00-{TRACE}-{SPAN}-00")], Some(false)),
            (&[format!("cc-{TRACE}-{SPAN}-03-later")], Some(true)),
            (&[format!("00-{TRACE}-{SPAN}-01-later")], None),
            (&[format!("ff-{TRACE}-{SPAN}-01")], None),
            (&[format!("00-{}-{SPAN}-01", TRACE.to_uppercase())], None),
            (&[format!("00-{TRACE}-{}-01", "0".repeat(16))], None),
            (&[format!("00-{}-{SPAN}-01", "0".repeat(32))], None),
            (&[format!("00-{TRACE}-{SPAN}")], None),
            (&[format!("00-{SPAN}-{TRACE}-01")], None),
            (&[format!("00-{TRACE}-{SPAN}-+1")], None),
            (&[String::new()], None),
            (&[format!("00-{TRACE}-{SPAN}-01"), format!("00-{TRACE}-{SPAN}-01")], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for parent in parents {
                headers.append(TRACEPARENT, HeaderValue::from_str(parent).unwrap());
            }
            let read = of_request(&headers);
            assert_eq!(read.as_ref().map(|context| context.trace_flags.contains(TraceFlags::SAMPLED)), expected, "{parents:?}");
            if let Some(context) = read {
                assert_eq!((context.trace_id.as_str(), context.span_id.as_str(), context.is_remote), (TRACE, SPAN, true));
            }
        }
    }

    #[test]
    fn a_state_is_taken_whole_or_not_at_all() {
        for (text, entries) in [
            ("a=1, b/c@d=x y", 2),
            ("", 0),
            ("a=1,b", 0),
            ("A=1", 0),
            ("a=1=2", 0),
            (&"a=1,".repeat(32), 32),
            (&"a=1,".repeat(33), 0),
            (&format!("a={}", "x".repeat(600)), 0),
        ] {
            assert_eq!(read_state(text).len(), entries, "{text}");
        }
        assert_eq!(state(&[("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]), "a=1,b=2");
        assert_eq!(state(&[("a".to_owned(), "1,b=2".to_owned())]), "");
    }

    #[test]
    fn every_trace_that_begins_here_is_another() {
        let (one, other) = (begin().unwrap(), begin().unwrap());
        assert!(is_trace_id(&one.trace_id) && is_span_id(&one.span_id));
        assert_ne!(one.trace_id, other.trace_id);
    }
}
