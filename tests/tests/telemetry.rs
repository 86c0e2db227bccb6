//! Components that tell what they do, to a collector on loopback that speaks OTLP as JSON.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, Plugin, Setup, app, guest, run, wait_until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const FLAG: &str = "--experimental-wasi-otel";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
const PARENT: &str = "b7ad6b7169203331";

/// A collector, and the heads and bodies of what came.
#[derive(Clone, Default)]
struct Collector {
    port: u16,
    came: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Collector {
    /// One that answers with this status; without one, never.
    fn start(status: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let collector = Self { port: listener.local_addr().expect("address").port(), ..Self::default() };
        let shared = collector.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                thread::spawn(move || shared.take(stream, status));
            }
        });
        collector
    }

    fn take(&self, mut stream: TcpStream, status: Option<&str>) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).ok().filter(|bytes| *bytes > 0)?;
        }
        let length = head.to_lowercase().split("content-length: ").nth(1)?.split('\r').next()?.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        self.came.lock().expect("lock").push((head, serde_json::from_slice(&body).expect("JSON")));
        let Some(status) = status else {
            thread::park();
            return None;
        };
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}").as_bytes()).ok()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn heads(&self) -> Vec<String> {
        self.came.lock().expect("lock").iter().map(|(head, _)| head.clone()).collect()
    }

    /// The bodies of what came to a path.
    fn at(&self, path: &str) -> Vec<Value> {
        let start = format!("POST {path} HTTP/1.1\r\n");
        self.came.lock().expect("lock").iter().filter(|(head, _)| head.starts_with(&start)).map(|(_, body)| body.clone()).collect()
    }

    /// The first body that comes to a path.
    fn first(&self, path: &str) -> Value {
        wait_until("the collector to be told", || !self.at(path).is_empty());
        self.at(path).swap_remove(0)
    }

    /// How many things of a kind came.
    fn count(&self, path: &str, levels: [&str; 3]) -> usize {
        let list = |value: &Value, level: &str| value[level].as_array().cloned().unwrap_or_default();
        let resources = self.at(path).into_iter().flat_map(|body| list(&body, levels[0]));
        resources.flat_map(|resource| list(&resource, levels[1])).map(|scope| list(&scope, levels[2]).len()).sum()
    }

    fn spans(&self) -> usize {
        self.count("/v1/traces", ["resourceSpans", "scopeSpans", "spans"])
    }

    fn records(&self) -> usize {
        self.count("/v1/logs", ["resourceLogs", "scopeLogs", "logRecords"])
    }
}

fn setup() -> Setup {
    let source = guest("tests_otel");
    Setup::new(&app(&[format!(
        "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"teller\"\n\n[component.teller]\nsource = \"{}\"\n",
        source.display()
    )]))
}

fn start(collector: &Collector) -> Host {
    setup().arguments(&[FLAG]).environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()).start()
}

fn get(host: &Host, path: &str) -> Value {
    let answer = host.app.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn get_traced(host: &Host, path: &str, headers: &[(&str, &str)]) -> Value {
    let request = headers.iter().fold(host.app.request("GET", path), |request, (name, value)| request.header(name, value));
    request.send().json()
}

fn dropped(host: &Host, reason: &str) -> u64 {
    let text = host.control.get("/metrics").text();
    let line = format!("spell_telemetry_dropped_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|shown| shown.strip_prefix(&line)).expect("metric").parse().expect("number")
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn scope() -> Value {
    json!({ "name": "tests", "version": "1.0", "attributes": [text("part", "all")], "droppedAttributesCount": 0 })
}

fn own_resource() -> Value {
    json!({ "attributes": [text("service.name", "test"), text("spell.component_id", "teller")], "droppedAttributesCount": 0 })
}

/// What a guest says of itself stands beside what the host says, and never in its place.
fn merged_resource() -> Value {
    let attributes = [text("service.name", "test"), text("spell.component_id", "teller"), text("region", "here")];
    json!({ "attributes": attributes, "droppedAttributesCount": 0 })
}

#[test]
fn a_span_arrives_with_its_ids_times_and_attributes() {
    let collector = Collector::start(Some("200 OK"));
    let host = start(&collector);
    let headers = [("traceparent", format!("00-{TRACE}-{PARENT}-01")), ("tracestate", "a=1,b=2".to_owned())];
    let told = get_traced(&host, "/span", &headers.each_ref().map(|(name, value)| (*name, value.as_str())));
    assert_eq!(told, json!({ "trace": TRACE, "parent": PARENT }));
    let body = collector.first("/v1/traces");
    let group = &body["resourceSpans"][0];
    assert_eq!(group["resource"], own_resource());
    assert_eq!(group["scopeSpans"][0]["scope"], scope());
    assert_eq!(group["scopeSpans"][0]["schemaUrl"], "https://example.com/scope");
    let list = json!({ "arrayValue": { "values": [{ "boolValue": true }, { "doubleValue": 0.5 }] } });
    let whole = |key: &str, value: &str| json!({ "key": key, "value": { "intValue": value } });
    let expected = json!({
        "traceId": TRACE,
        "spanId": SPAN,
        "traceState": "a=1,b=2",
        "parentSpanId": PARENT,
        "flags": 1,
        "name": "work",
        "kind": 3,
        "startTimeUnixNano": "1700000000000000005",
        "endTimeUnixNano": "1700000001000000005",
        "attributes": [text("text", "hé"), whole("whole", "7"), { "key": "list", "value": list }],
        "droppedAttributesCount": 0,
        "events": [{
            "timeUnixNano": "1700000000000000005", "name": "halfway", "attributes": [whole("step", "1")], "droppedAttributesCount": 0,
        }],
        "droppedEventsCount": 2,
        "links": [{
            "traceId": "ab".repeat(16), "spanId": SPAN, "traceState": "a=1,b=2", "attributes": [], "droppedAttributesCount": 0, "flags": 0x301,
        }],
        "droppedLinksCount": 1,
        "status": { "code": 2, "message": "broken" },
    });
    assert_eq!(group["scopeSpans"][0]["spans"], json!([expected]));
    assert!(collector.heads()[0].contains("content-type: application/json"), "{:?}", collector.heads());
}

#[test]
fn log_records_arrive_with_their_bodies_and_without_ids_that_are_none() {
    let collector = Collector::start(Some("200 OK"));
    let host = start(&collector);
    let told = get(&host, "/log");
    let body = collector.first("/v1/logs");
    let group = &body["resourceLogs"][0];
    assert_eq!((&group["resource"], &group["scopeLogs"][0]["scope"]), (&merged_resource(), &scope()));
    let mut records = group["scopeLogs"][0]["logRecords"].as_array().expect("records").clone();
    for record in &mut records {
        let observed = record.as_object_mut().and_then(|record| record.remove("observedTimeUnixNano")).expect("the host's own time");
        assert!(observed.as_str().is_some_and(|time| time.parse::<u64>().is_ok_and(|time| time > 1_700_000_000_000_000_000)), "{observed}");
    }
    let said = json!({ "kvlistValue": { "values": [text("said", "hello")] } });
    let bare = json!({
        "timeUnixNano": "1700000002000000005", "severityText": "WARN", "body": said, "attributes": [], "droppedAttributesCount": 0,
        "flags": 0, "eventName": "greeted",
    });
    let mut whole = bare.clone();
    for (key, value) in
        [("severityNumber", json!(13)), ("traceId", told["trace"].clone()), ("spanId", told["span"].clone()), ("flags", json!(1))]
    {
        whole[key] = value;
    }
    assert_eq!(records, [whole, bare]);
}

#[test]
fn metrics_of_each_kind_arrive_and_one_that_is_none_is_an_error() {
    let collector = Collector::start(Some("200 OK"));
    let host = start(&collector);
    let error = get(&host, "/bad-metrics");
    assert!(error.as_str().is_some_and(|error| error.contains("1 counts of buckets and 1 bounds")), "{error}");
    assert_eq!(get(&host, "/metrics"), Value::Null, "no error");
    let body = collector.first("/v1/metrics");
    let group = &body["resourceMetrics"][0];
    assert_eq!((&group["resource"], &group["scopeMetrics"][0]["scope"]), (&merged_resource(), &scope()));
    let (from, to) = ("1700000000000000005", "1700000003000000005");
    let metric = |name: &str, kind: &str, data: Value| json!({ "name": name, "description": "counted", "unit": "By", kind: data });
    let exemplar = json!({
        "filteredAttributes": [text("who", "me")], "timeUnixNano": to, "asInt": "-3", "traceId": "cd".repeat(16), "spanId": "ab".repeat(8),
    });
    let sum = json!({
        "attributes": [text("route", "/a")], "startTimeUnixNano": from, "timeUnixNano": to, "asInt": "9007199254740993", "exemplars": [exemplar],
    });
    let gauge = |value: Value| json!({ "attributes": [], "timeUnixNano": to, "exemplars": [], "asDouble": value });
    let histogram = json!({
        "attributes": [], "startTimeUnixNano": from, "timeUnixNano": to, "exemplars": [], "count": "3", "sum": 1.5, "min": 0.25,
        "bucketCounts": ["1", "2"], "explicitBounds": [0.5],
    });
    let exponential = json!({
        "attributes": [], "startTimeUnixNano": from, "timeUnixNano": to, "exemplars": [], "count": "4", "sum": 6.0, "scale": -1,
        "zeroCount": "1", "zeroThreshold": 0.0, "positive": { "offset": -2, "bucketCounts": ["1", "2"] },
        "negative": { "offset": 0, "bucketCounts": [] },
    });
    let numbers = [json!(0.5), json!("Infinity"), json!(18446744073709551615.0)].map(gauge);
    assert_eq!(
        group["scopeMetrics"][0]["metrics"],
        json!([
            metric("sum", "sum", json!({ "dataPoints": [sum], "aggregationTemporality": 1, "isMonotonic": true })),
            metric("gauge", "gauge", json!({ "dataPoints": numbers })),
            metric("histogram", "histogram", json!({ "dataPoints": [histogram], "aggregationTemporality": 2 })),
            metric("exponential", "exponentialHistogram", json!({ "dataPoints": [exponential], "aggregationTemporality": 2 })),
        ])
    );
    assert_eq!(dropped(&host, "invalid"), 1);
}

#[test]
fn a_request_belongs_to_the_trace_that_it_names_or_to_one_of_its_own() {
    let collector = Collector::start(Some("200 OK"));
    let host = start(&collector);
    for (flags, is_sampled) in [("01", true), ("00", false)] {
        let named = get_traced(&host, "/context", &[("traceparent", &format!("00-{TRACE}-{PARENT}-{flags}")), ("tracestate", "a=1")]);
        let expected =
            json!({ "trace": TRACE, "span": PARENT, "sampled": is_sampled, "remote": true, "state": [["a", "1"]], "same": true });
        assert_eq!(named, expected);
    }
    let mut traces = Vec::new();
    for parent in [None, None, Some(format!("00-{TRACE}-{}-01", "0".repeat(16))), Some("nonsense".to_owned())] {
        let headers: Vec<_> = parent.iter().map(|parent| ("traceparent", parent.as_str())).collect();
        let own = get_traced(&host, "/context", &headers);
        assert_eq!((&own["sampled"], &own["remote"], &own["same"]), (&json!(true), &json!(false), &json!(true)), "{own}");
        traces.push(own["trace"].as_str().expect("id").to_owned());
    }
    assert!(traces.iter().all(|trace| trace.len() == 32 && trace != TRACE), "{traces:?}");
    traces.sort();
    traces.dedup();
    assert_eq!(traces.len(), 4, "each request has its own");
}

#[test]
fn spans_without_ids_are_counted_and_those_that_nobody_wants_are_not_sent() {
    let collector = Collector::start(Some("200 OK"));
    let host = start(&collector);
    get(&host, "/bad-span");
    get(&host, "/unsampled");
    assert_eq!(dropped(&host, "invalid"), 5);
    assert_eq!(host.stderr().matches("telemetry dropped").count(), 1, "{}", host.stderr());
    get(&host, "/span");
    collector.first("/v1/traces");
    assert_eq!(collector.spans(), 1, "of all of them");
}

#[test]
fn the_operator_says_where_to_as_whom_and_with_what() {
    let [general, logs] = [(); 2].map(|()| Collector::start(Some("202 Accepted")));
    let host = setup()
        .arguments(&[FLAG])
        .environment("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("{}/base/", general.url()))
        .environment("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", &format!("{}/here", logs.url()))
        .environment("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hunter2token,x-tenant=me")
        .environment("OTEL_SERVICE_NAME", "shop")
        .start();
    for path in ["/span", "/log", "/metrics"] {
        get(&host, path);
    }
    let spans = general.first("/base/v1/traces");
    assert_eq!(spans["resourceSpans"][0]["resource"]["attributes"][0], text("service.name", "shop"));
    general.first("/base/v1/metrics");
    logs.first("/here");
    for head in general.heads().into_iter().chain(logs.heads()) {
        assert!(head.contains("authorization: Bearer hunter2token\r\n") && head.contains("x-tenant: me\r\n"), "{head}");
    }
    let ended = host.stop();
    assert!(!ended.stderr.contains("hunter2token") && !ended.stderr.contains("warning"), "{}", ended.stderr);
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://user:hunter2token@127.0.0.1/"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2token"),
    ] {
        let ended = setup().arguments(&[FLAG]).environment(name, value).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains("OTEL_EXPORTER_OTLP_"), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2token"), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_collector_that_is_dead_slow_or_unwilling_slows_nobody() {
    let dead = TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address").port();
    let [slow, unwilling] = [None, Some("503 Service Unavailable")].map(Collector::start);
    for (port, is_answered) in [(dead, true), (unwilling.port, true), (slow.port, false)] {
        let host = setup().arguments(&[FLAG]).environment("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{port}")).start();
        let started = Instant::now();
        for _ in 0..20 {
            get(&host, "/flood/100");
        }
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
        if is_answered {
            wait_until("everything to be dropped", || dropped(&host, "not-delivered") == 2_000);
            assert_eq!(host.stderr().matches("telemetry is dropped until its collector takes it").count(), 1, "{}", host.stderr());
        }
        // Another 10000 spans do not find room behind a message that nobody answers.
        if !is_answered {
            for _ in 0..10 {
                get(&host, "/flood/1000");
            }
            assert!(dropped(&host, "queue-full") >= 1_000, "{}", dropped(&host, "queue-full"));
        }
        let stopping = Instant::now();
        let ended = host.stop();
        assert!(ended.code == Some(0) && stopping.elapsed() < Duration::from_secs(15), "{:?} {}", stopping.elapsed(), ended.stderr);
        assert_eq!(ended.stderr.contains("stopped before all telemetry was sent"), !is_answered, "{}", ended.stderr);
    }
    assert!(unwilling.at("/v1/traces").len() < 50, "nothing is tried twice");
}

#[test]
fn a_request_that_tells_too_much_is_cut_and_the_next_one_is_not() {
    let collector = Collector::start(Some("200 OK"));
    let host = start(&collector);
    get(&host, "/flood/1500");
    assert_eq!(dropped(&host, "request-limit"), 500);
    wait_until("what is within the limit to arrive", || collector.spans() == 1_000);
    // 32 records of 100 KB each: ten of them are within 1 MiB.
    get(&host, "/heavy/100000");
    wait_until("what is within the limit to arrive", || collector.records() == 10);
    assert_eq!(dropped(&host, "request-limit"), 500 + 22);
    get(&host, "/span");
    wait_until("the next request to be heard", || collector.spans() == 1_001);
    assert_eq!(host.stderr().matches("telemetry of a request cut").count(), 2, "{}", host.stderr());
    assert!(host.control.get("/metrics").text().contains("spell_refusals_total{rule=\"telemetry\"} 2"));
    let audit = host.state_dir().join("logs/audit.jsonl");
    wait_until("it to be noted", || std::fs::read_to_string(&audit).unwrap_or_default().matches("\"rule\":\"telemetry\"").count() == 2);
}

#[test]
fn values_that_lie_deep_in_each_other_harm_nobody() {
    let collector = Collector::start(Some("200 OK"));
    let host = start(&collector);
    for lists in [15, 16, 17, 100, 1_000, 30_000, 100_000] {
        get(&host, &format!("/deep/{lists}"));
    }
    wait_until("all of them to arrive", || collector.records() == 7);
}

#[test]
fn what_is_told_last_is_sent_before_the_host_ends() {
    let collector = Collector::start(Some("200 OK"));
    let host = setup().watched().arguments(&[FLAG]).environment("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()).start();
    get(&host, "/span");
    let ended = host.stop();
    assert!(ended.code == Some(0) && !ended.stderr.contains("warning"), "{}", ended.stderr);
    assert_eq!(collector.spans(), 1);
}

#[test]
fn without_the_flag_a_component_that_tells_is_refused_and_the_flag_is_named() {
    let ended = setup().fail();
    assert!(ended.code == Some(1) && ended.stdout.is_empty(), "{ended:?}");
    for part in ["component \"teller\"", "wasi:otel/", FLAG] {
        assert!(ended.stderr.contains(part), "no {part:?} in {}", ended.stderr);
    }
}

#[test]
fn the_plugin_takes_the_flag_as_well_and_the_doctor_leaves_such_components_alone() {
    let lock = json!({
        "spin_lock_version": 0,
        "metadata": { "name": "locked", "origin": "file:///nowhere/spin.toml", "trigger": { "type": "spell" } },
        "triggers": [{ "id": "trigger-a", "trigger_type": "spell", "trigger_config": { "component": "a", "route": "/...", "executor": null } }],
        "components": [{
            "id": "a",
            "source": { "content_type": "application/wasm", "source": format!("file://{}", guest("tests_otel").display()) },
        }]
    });
    let plugin = Plugin::new();
    let ended = plugin.fail(&lock);
    assert!(ended.code == Some(1) && ended.stderr.contains(FLAG), "{}", ended.stderr);
    let host = plugin.start(&lock, &[FLAG]);
    get(&host, "/span");
    assert_eq!(dropped(&host, "no-endpoint"), 1);
    let setup = setup();
    let ended = run(&["doctor", "-f", &setup.directory().to_string_lossy()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "nothing is wrong\n"), "{}", ended.stderr);
}

#[test]
fn without_a_collector_everything_is_counted_and_dropped() {
    let host = setup().arguments(&[FLAG]).start();
    let warning =
        "warning: spans, metrics, log records of components are counted and dropped: OTEL_EXPORTER_OTLP_ENDPOINT names no collector";
    assert_eq!(host.stderr().matches(warning).count(), 1, "{}", host.stderr());
    get(&host, "/span");
    get(&host, "/log");
    assert_eq!(get(&host, "/metrics"), Value::Null, "no error");
    // A span, two records, and six points.
    assert_eq!(dropped(&host, "no-endpoint"), 1 + 2 + 6);
}
