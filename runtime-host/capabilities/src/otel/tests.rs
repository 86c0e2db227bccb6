//! What becomes of things that are larger, or more, than they may be; the rest is tested from outside.

use super::otlp::{ATTRIBUTES_MAX, Attributes, KEY_BYTES_MAX};
use super::*;
use crate::bindings::otel::Datetime;
use crate::{Grants, OutboundRules, TlsRoots};
use serde_json::{Value, json};
use spell_types::Limits;
use types::KeyValue;

fn attribute(key: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: "1".to_owned() }
}

fn value<T: Serialize>(told: &T) -> Value {
    serde_json::to_value(told).unwrap()
}

fn span(attributes: Vec<KeyValue>) -> trace_interface::SpanData {
    let context = SpanContext { trace_flags: TraceFlags::SAMPLED, ..trace::begin().unwrap() };
    let event =
        |name: String| trace_interface::Event { name, time: Datetime { seconds: u64::MAX, nanoseconds: 0 }, attributes: Vec::new() };
    let link = trace_interface::Link { span_context: context.clone(), attributes: Vec::new() };
    trace_interface::SpanData {
        span_context: context,
        parent_span_id: "0000000000000000".to_owned(),
        span_kind: trace_interface::SpanKind::Internal,
        name: "n".repeat(5_000),
        start_time: Datetime { seconds: u64::MAX, nanoseconds: 0 },
        end_time: Datetime { seconds: 1, nanoseconds: 2 },
        attributes,
        events: (0..200).map(|index| event(index.to_string())).collect(),
        links: vec![link; 200],
        status: trace_interface::Status::Ok,
        instrumentation_scope: types::InstrumentationScope { name: String::new(), version: None, schema_url: None, attributes: Vec::new() },
        dropped_attributes: u32::MAX,
        dropped_events: 1,
        dropped_links: 0,
    }
}

#[test]
fn attributes_are_kept_up_to_a_number_and_a_length_of_their_names() {
    let names = ["k".repeat(KEY_BYTES_MAX), "k".repeat(KEY_BYTES_MAX + 1), String::new()];
    let some: Vec<KeyValue> = names.iter().map(|name| attribute(name)).collect();
    assert_eq!((value(&Attributes(&some)).as_array().unwrap().len(), Attributes(&some).dropped(3)), (1, 5));
    let many: Vec<KeyValue> = (0..ATTRIBUTES_MAX + 7).map(|index| attribute(&index.to_string())).collect();
    assert_eq!((value(&Attributes(&many)).as_array().unwrap().len(), Attributes(&many).dropped(0)), (ATTRIBUTES_MAX, 7));
}

#[test]
fn of_what_a_span_has_too_much_the_number_is_told() {
    let span = span(vec![attribute("")]);
    let told = value(&spans::view(&span).unwrap());
    let numbers = ["droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"].map(|key| told[key].clone());
    assert_eq!(numbers, [json!(u32::MAX), json!(73), json!(72)]);
    assert_eq!((told["events"].as_array().unwrap().len(), told["links"].as_array().unwrap().len()), (128, 128));
    assert_eq!(told["name"].as_str().unwrap().len(), 1 << 10);
    let times = (&told["startTimeUnixNano"], &told["endTimeUnixNano"], &told["events"][0]["timeUnixNano"]);
    assert_eq!(times, (&json!("0"), &json!("1000000002"), &json!("0")), "a time that does not fit is unknown");
    assert_eq!(told.get("parentSpanId"), None);
}

#[test]
fn a_host_without_telemetry_takes_nothing_and_says_so_where_it_can() {
    let mut host = std::sync::Arc::new(Grants::none("test")).host(&Limits::default());
    trace_interface::Host::on_end(&mut host, span(Vec::new())).unwrap();
    assert!(matches!(host.way(Signal::Metrics, 1), Err(NotTaken::NoTelemetry)));
}

#[test]
fn what_is_too_much_ends_what_a_request_may_tell() {
    let settings = TelemetrySettings { traces: Some("http://127.0.0.1:1/".to_owned()), ..TelemetrySettings::default() };
    let telemetry = Arc::new(Telemetry::new(&settings, OutboundRules::default(), &TlsRoots::web().unwrap()).unwrap());
    let source = Some(Arc::new(TelemetrySource::new(&telemetry, "shop", "test")));
    let mut host = Arc::new(Grants { telemetry: source, ..Grants::none("test") }).host(&Limits::default());
    let mut tell = |attributes: Vec<KeyValue>| trace_interface::Host::on_end(&mut host, span(attributes)).unwrap();
    tell(vec![attribute("a")]);
    assert_eq!(telemetry.dropped(Dropped::RequestLimit), 0);
    let large = KeyValue { key: "a".to_owned(), value: format!("[{}1]", "0,".repeat(30_000)) };
    tell(vec![large; 100]);
    tell(vec![attribute("a")]);
    assert_eq!(telemetry.dropped(Dropped::RequestLimit), 2, "the small one behind it as well");
    assert_eq!(host.grants.audit.count(Rule::Telemetry), 1);
}
