//! OTLP as JSON: the pieces that spans, metrics and log records have in common, each bounded while it is written.
//!
//! This module knows the encoding. It must never know who reports, or where it is sent.

mod bounded;
mod value;

pub(super) use bounded::{TooLarge, encode};
pub(super) use value::AnyValue;

use super::trace::{hex, is_span_id, is_trace_id};
use crate::bindings::otel::types::{InstrumentationScope, KeyValue};
use crate::bindings::otel::{Datetime, tracing::TraceFlags};
use serde::{Serialize, Serializer};

/// Most attributes of one thing; of those beyond it, only the number is sent. The same for events and links of a span.
pub(super) const ATTRIBUTES_MAX: usize = 128;
/// Most bytes of an attribute's name; one with a longer name counts as dropped.
pub(super) const KEY_BYTES_MAX: usize = 256;
/// Most bytes of a name, a description, a unit, a version, or the address of a schema.
const NAME_BYTES_MAX: usize = 1 << 10;

/// A text that is cut at [`NAME_BYTES_MAX`].
pub(super) fn name(text: &str) -> &str {
    cut(text, NAME_BYTES_MAX)
}

/// The beginning of a text.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default()
}

/// Attributes, as many as are kept.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a [KeyValue]);

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(attributes: Option<&'a Vec<KeyValue>>) -> Attributes<'a> {
        Attributes(attributes.map(Vec::as_slice).unwrap_or_default())
    }

    fn kept(self) -> impl Iterator<Item = &'a KeyValue> {
        self.0.iter().filter(|attribute| !attribute.key.is_empty() && attribute.key.len() <= KEY_BYTES_MAX).take(ATTRIBUTES_MAX)
    }

    /// How many are left out, with those that the guest has left out already.
    pub(super) fn dropped(self, before: u32) -> u32 {
        before.saturating_add(count(self.0.len().saturating_sub(self.kept().count())))
    }
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.kept().map(|attribute| Attribute { key: &attribute.key, value: AnyValue(&attribute.value) }))
    }
}

/// A number of things that were left out.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scope<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    attributes: Attributes<'a>,
    dropped_attributes_count: u32,
}

impl<'a> Scope<'a> {
    pub(super) fn new(scope: &'a InstrumentationScope) -> Scope<'a> {
        let attributes = Attributes(&scope.attributes);
        Scope {
            name: name(&scope.name),
            version: name(scope.version.as_deref().unwrap_or_default()),
            attributes,
            dropped_attributes_count: attributes.dropped(0),
        }
    }
}

/// A whole number of 64 bits, which JSON has to carry as a text.
pub(super) struct Whole<T>(pub(super) T);

impl<T: std::fmt::Display> Serialize for Whole<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A floating-point number; those that JSON has no word for are texts.
pub(super) struct Double(pub(super) f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            number if number.is_finite() => serializer.serialize_f64(number),
            number if number.is_nan() => serializer.serialize_str("NaN"),
            number if number > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

/// Nanoseconds since 1970; 0, which stands for "unknown", where they do not fit.
pub(super) fn nanoseconds(time: Datetime) -> Whole<u64> {
    let seconds = time.seconds.checked_mul(1_000_000_000);
    Whole(seconds.and_then(|seconds| seconds.checked_add(u64::from(time.nanoseconds))).unwrap_or_default())
}

/// An id of a trace, in lower case; `None` if it is none.
pub(super) fn trace_id(text: &str) -> Option<String> {
    hex(text).filter(|id| is_trace_id(id))
}

/// An id of a span, in lower case; `None` if it is none.
pub(super) fn span_id(text: &str) -> Option<String> {
    hex(text).filter(|id| is_span_id(id))
}

/// Flags of W3C, which are the lowest byte.
pub(super) fn flags(flags: TraceFlags) -> u32 {
    u32::from(flags.contains(TraceFlags::SAMPLED))
}
