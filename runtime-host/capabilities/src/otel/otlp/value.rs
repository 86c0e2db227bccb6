//! Values of attributes: JSON in a text, as guests give them, to the values that OTLP knows.
//!
//! This module knows both forms. It must never know what a value is about.

use super::{Double, Whole, cut};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

/// Most bytes of a text in a value; what is longer is cut.
const TEXT_BYTES_MAX: usize = 4 << 10;
/// Most bytes of a value that is read as JSON; a longer one is a text, and cut.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// How deep lists and tables may lie in each other: they are read and written on the guest's own stack, which is small. What is deeper is
/// a text, and cut.
const DEPTH_MAX: usize = 16;

/// What a text of bytes begins with.
const BYTES_PREFIX: &str = "data:application/octet-stream;base64,";

/// A value as a guest gives it. What is no JSON is a text.
pub(in crate::otel) struct AnyValue<'a>(pub(in crate::otel) &'a str);

impl Serialize for AnyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.len() > VALUE_BYTES_MAX || depth(self.0) > DEPTH_MAX {
            let text = self.0.strip_prefix('"').unwrap_or(self.0);
            return one(serializer, "stringValue", cut(text, TEXT_BYTES_MAX));
        }
        match serde_json::from_str::<Value>(self.0) {
            Ok(value) => Known(&value).serialize(serializer),
            Err(_) => one(serializer, "stringValue", cut(self.0, TEXT_BYTES_MAX)),
        }
    }
}

struct Known<'a>(&'a Value);

impl Serialize for Known<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_map(Some(0))?.end(),
            Value::Bool(value) => one(serializer, "boolValue", value),
            Value::Number(number) => serialize_number(serializer, number),
            Value::String(text) => match text.strip_prefix(BYTES_PREFIX).filter(|bytes| is_base64(bytes)) {
                Some(bytes) => one(serializer, "bytesValue", bytes),
                None => one(serializer, "stringValue", cut(text, TEXT_BYTES_MAX)),
            },
            Value::Array(values) => one(serializer, "arrayValue", &Values { values: List(values) }),
            Value::Object(pairs) => one(serializer, "kvlistValue", &Values { values: Pairs(pairs) }),
        }
    }
}

#[derive(Serialize)]
struct Values<T> {
    values: T,
}

struct List<'a>(&'a [Value]);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Known))
    }
}

struct Pairs<'a>(&'a Map<String, Value>);

#[derive(Serialize)]
struct Pair<'a> {
    key: &'a str,
    value: Known<'a>,
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(key, value)| Pair { key: cut(key, super::KEY_BYTES_MAX), value: Known(value) }))
    }
}

fn serialize_number<S: Serializer>(serializer: S, number: &Number) -> Result<S::Ok, S::Error> {
    match number.as_i64() {
        Some(whole) => one(serializer, "intValue", &Whole(whole)),
        None => one(serializer, "doubleValue", &Double(number.as_f64().unwrap_or(f64::NAN))),
    }
}

fn one<S: Serializer, T: Serialize + ?Sized>(serializer: S, kind: &'static str, value: &T) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(kind, value)?;
    map.end()
}

/// How deep the brackets of a JSON text lie in each other at most.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Whether a text has the form of base64, so that whoever reads it does not refuse all that is sent with it.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 && digits.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_as_deep_as_its_brackets_outside_of_texts() {
        for (text, expected) in [("1", 0), ("[[],[[]]]", 3), ("{\"[[[\":[]}", 2), ("[\"\\\"[[\"]", 1), ("]]]][", 1), ("\"[[[", 0)] {
            assert_eq!(depth(text), expected, "{text}");
        }
    }

    #[test]
    fn values_keep_their_kind_and_what_is_too_long_is_cut() {
        let long = format!("\"{}\"", "é".repeat(10_000));
        let vast = format!("\"{}\"", "x".repeat(100_000));
        let deep = "[".repeat(10_000);
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let (deepest, deeper) = (nested(DEPTH_MAX), nested(DEPTH_MAX + 1));
        let empty = json!({ "arrayValue": { "values": [] } });
        let lists = (1..DEPTH_MAX).fold(empty, |inner, _| json!({ "arrayValue": { "values": [inner] } }));
        for (given, expected) in [
            ("\"a\"", json!({ "stringValue": "a" })),
            ("true", json!({ "boolValue": true })),
            ("-7", json!({ "intValue": "-7" })),
            ("9007199254740993", json!({ "intValue": "9007199254740993" })),
            ("18446744073709551615", json!({ "doubleValue": 18446744073709551615.0 })),
            ("0.5", json!({ "doubleValue": 0.5 })),
            ("null", json!({})),
            ("[1,\"b\"]", json!({ "arrayValue": { "values": [{ "intValue": "1" }, { "stringValue": "b" }] } })),
            ("{\"k\":[]}", json!({ "kvlistValue": { "values": [{ "key": "k", "value": { "arrayValue": { "values": [] } } }] } })),
            ("\"data:application/octet-stream;base64,AP8=\"", json!({ "bytesValue": "AP8=" })),
            ("\"data:application/octet-stream;base64,A\"", json!({ "stringValue": "data:application/octet-stream;base64,A" })),
            ("no json", json!({ "stringValue": "no json" })),
            ("", json!({ "stringValue": "" })),
            (&long, json!({ "stringValue": "é".repeat(2 << 10) })),
            (&vast, json!({ "stringValue": "x".repeat(4 << 10) })),
            (&deep, json!({ "stringValue": "[".repeat(4 << 10) })),
            (&deepest, lists),
            (&deeper, json!({ "stringValue": deeper })),
        ] {
            assert_eq!(serde_json::to_value(AnyValue(given)).unwrap(), expected, "{:.40}", given);
        }
    }
}
