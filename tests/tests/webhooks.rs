//! Webhooks from outside: the end of a cast is told, signed, until it is taken, and only where the operator lets it be told.
//!
//! It verifies with the library that receivers are told to verify with. It must never know where deliveries are kept.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Answer, Platform, Received, Receiver, wait_until};
use standardwebhooks::Webhook;
use std::collections::BTreeSet;

/// Loopback may be reached, without TLS, and what is not taken is tried again soon: 50 ms, 3 s, 18 s, and so on.
const OPERATOR: &str = "[outbound]\nallow_networks = [\"127.0.0.1\"]\n[webhooks]\nallow_http = true\nretry_first = \"50ms\"\n";
/// Without leave for private addresses.
const OPERATOR_PUBLIC: &str = "[webhooks]\nallow_http = true\nretry_first = \"50ms\"\n";

/// Answers with its input; traps without one.
const ECHO: &str = r#"(module (memory (export "memory") 2) (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64)
        (if (i32.eqz (local.get 1)) (then (unreachable)))
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

fn platform(directory: &tempfile::TempDir, operator: &str) -> Platform {
    let platform = Platform::start_under(directory, operator);
    let published = platform.publish("echo", "1.0.0", &wat::parse_str(ECHO).expect("a program"));
    assert_eq!(published.status, 201, "{}", published.text());
    platform
}

/// An answer with a status and no more.
fn status(line: &'static str) -> impl Fn(usize) -> Option<String> {
    move |_| Some(line.to_owned())
}

/// Makes a webhook, and tells its path and its secret.
fn add(platform: &Platform, about: &Value) -> (String, String) {
    let made = platform.post("/api/webhooks", about);
    assert_eq!(made.status, 201, "{}", made.text());
    let text = |name: &str| made.json()[name].as_str().expect(name).to_owned();
    (format!("/api/webhooks/{}", text("id")), text("secret"))
}

fn cast(platform: &Platform, input: &str, key: &str) -> Answer {
    platform.cast("echo", &json!(input), key)
}

/// Whether a secret signed it.
fn is_signed(received: &Received, secret: &str) -> bool {
    let mut headers = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.header(name).parse().expect("a header"));
    }
    Webhook::new(secret).expect("a secret").verify(&received.body, &headers).is_ok()
}

fn payload(received: &Received) -> Value {
    serde_json::from_slice(&received.body).expect("JSON")
}

/// The newest delivery to a webhook, once it is in a state.
fn delivery(platform: &Platform, path: &str, state: &str) -> Value {
    let newest = || platform.get(&format!("{path}/deliveries")).json()["deliveries"][0].clone();
    wait_until("a delivery to get there", || newest()["state"] == state);
    newest()
}

#[test]
fn the_end_of_a_cast_is_told_once_signed_and_verifiable() {
    let (directory, receiver) = (directory(), Receiver::start(status("204 No Content")));
    let platform = platform(&directory, OPERATOR);
    let (path, secret) = add(&platform, &json!({ "url": receiver.url() }));
    let (_, _) = add(&platform, &json!({ "url": receiver.url(), "spell_key": "another" }));
    let completed = cast(&platform, "hello", "one").json();
    wait_until("the first event", || receiver.received().len() == 1);
    assert_eq!(cast(&platform, "", "two").status, 502);
    wait_until("the second event", || receiver.received().len() == 2);
    let received = receiver.received();
    let told = payload(&received[0]);
    assert_eq!((&told["type"], &told["data"]["cast_id"]), (&json!("cast.completed"), &completed["cast_id"]), "{told}");
    assert_eq!((&told["data"]["status"], &told["data"]["cost_cents"], told["data"].get("output")), (&json!("completed"), &json!(1), None));
    assert_eq!(told["timestamp"], completed["finished_at"]);
    assert_eq!(payload(&received[1])["type"], "cast.failed");
    for one in &received {
        assert!(is_signed(one, &secret), "{one:?}");
        let mut changed = one.clone();
        changed.body.push(b' ');
        assert!(!is_signed(&changed, &secret));
    }
    let first = &received[0];
    for (name, expected) in [
        ("content-type", "application/json"),
        ("user-agent", "Spell-Platform-Webhook/1.0"),
        ("x-spell-event", "cast.completed"),
        ("x-spell-cast-id", completed["cast_id"].as_str().expect("an id")),
        ("x-spell-delivery-attempt", "1"),
    ] {
        assert_eq!(first.header(name), expected, "{name}");
    }
    let delivered = delivery(&platform, &path, "delivered");
    assert_eq!((&delivered["attempts"], &delivered["last_status"], &delivered["last_error"]), (&json!(1), &json!(204), &Value::Null));
    let tested = platform.request("POST", &format!("{path}/test")).send();
    assert_eq!(tested.status, 202, "{}", tested.text());
    wait_until("the test", || receiver.received().len() == 3);
    let test = receiver.received().remove(2);
    assert!(is_signed(&test, &secret) && payload(&test)["type"] == "webhook.test", "{test:?}");
    assert_eq!(test.header("webhook-id"), tested.json()["id"].as_str().expect("an id"));
}

#[test]
fn what_is_not_taken_is_tried_again_under_the_same_name_and_no_redirect_is_followed() {
    let (directory, elsewhere) = (directory(), Receiver::start(status("200 OK")));
    let location = format!("302 Found\r\nlocation: {}", elsewhere.url());
    let answers = move |number| match number {
        0 => Some("500 Internal Server Error".to_owned()),
        1 => Some(location.clone()),
        _ => Some("200 OK".to_owned()),
    };
    let receiver = Receiver::start(answers);
    let platform = platform(&directory, OPERATOR);
    let (path, secret) = add(&platform, &json!({ "url": receiver.url() }));
    assert_eq!(cast(&platform, "hello", "one").status, 201);
    wait_until("the third attempt", || receiver.received().len() == 3);
    let received = receiver.received();
    let names: BTreeSet<_> = received.iter().map(|one| (one.header("webhook-id"), one.body.as_slice())).collect();
    assert!(names.len() == 1 && received.iter().all(|one| is_signed(one, &secret)), "{received:?}");
    let attempts: Vec<_> = received.iter().map(|one| one.header("x-spell-delivery-attempt")).collect();
    assert_eq!(attempts, ["1", "2", "3"]);
    assert_eq!(delivery(&platform, &path, "delivered")["attempts"], 3);
    assert_eq!(platform.get(&path).json()["failing_since"], Value::Null);
    assert!(elsewhere.received().is_empty());
}

#[test]
fn a_private_address_is_not_told_of_anything_unless_the_operator_grants_it() {
    let (directory, receiver) = (directory(), Receiver::start(status("200 OK")));
    let platform = platform(&directory, OPERATOR_PUBLIC);
    for url in [receiver.url(), "http://169.254.169.254/latest".to_owned(), "https://[::1]/".to_owned(), "http://0x7f000001/".to_owned()] {
        let refused = platform.post("/api/webhooks", &json!({ "url": url }));
        assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("invalid")), "{url}: {}", refused.text());
    }
    // A name is judged when it is called.
    let url = format!("http://localhost:{}/hook", receiver.address.port());
    let (path, _) = add(&platform, &json!({ "url": url }));
    assert_eq!(cast(&platform, "hello", "one").status, 201);
    let tried = || platform.get(&format!("{path}/deliveries")).json()["deliveries"][0].clone();
    wait_until("an attempt", || tried()["attempts"].as_u64() > Some(0));
    assert_eq!(tried()["last_error"], "its address may not be reached");
    assert!(receiver.received().is_empty());
}

#[test]
fn without_leave_for_http_a_url_has_tls() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let refused = platform.post("/api/webhooks", &json!({ "url": "http://example.com/hook" }));
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("webhooks.allow_http"), "{}", refused.text());
}

#[test]
fn a_host_that_was_killed_tells_what_it_had_not_told_under_the_same_name() {
    let (directory, receiver) = (directory(), Receiver::start(|number| (number > 0).then(|| "200 OK".to_owned())));
    let platform = platform(&directory, OPERATOR);
    let (path, secret) = add(&platform, &json!({ "url": receiver.url() }));
    assert_eq!(cast(&platform, "hello", "one").status, 201);
    wait_until("the first attempt", || receiver.received().len() == 1);
    let platform = platform.killed_and_started();
    wait_until("another one", || receiver.received().len() == 2);
    let received = receiver.received();
    let names: BTreeSet<_> = received.iter().map(|one| one.header("webhook-id")).collect();
    assert!(names.len() == 1 && received.iter().all(|one| is_signed(one, &secret)), "{received:?}");
    assert_eq!(delivery(&platform, &path, "delivered")["last_status"], 200);
}

#[test]
fn an_endpoint_that_does_not_answer_keeps_nobody_else_waiting_and_gets_one_at_a_time() {
    let (directory, silent, quick) = (directory(), Receiver::start(|_| None), Receiver::start(status("200 OK")));
    let platform = platform(&directory, OPERATOR);
    for receiver in [&silent, &quick] {
        add(&platform, &json!({ "url": receiver.url() }));
    }
    for key in ["one", "two", "three"] {
        assert_eq!(cast(&platform, "hello", key).status, 201);
    }
    wait_until("all events at the one that answers", || quick.received().len() == 3);
    wait_until("an attempt at the other", || !silent.received().is_empty());
    assert_eq!(silent.received().len(), 1);
}

#[test]
fn an_endpoint_that_says_it_is_gone_is_switched_off() {
    let (directory, receiver) = (directory(), Receiver::start(status("410 Gone")));
    let platform = platform(&directory, OPERATOR);
    let (path, _) = add(&platform, &json!({ "url": receiver.url() }));
    assert_eq!(cast(&platform, "hello", "one").status, 201);
    assert_eq!(delivery(&platform, &path, "failed")["last_status"], 410);
    let webhook = platform.get(&path).json();
    assert_eq!((&webhook["active"], &webhook["off_reason"]), (&json!(false), &json!("gone")), "{webhook}");
    assert_eq!(cast(&platform, "hello", "two").status, 201);
    assert_eq!(platform.get(&format!("{path}/deliveries")).json()["deliveries"].as_array().map(Vec::len), Some(1));
}

#[test]
fn while_a_secret_takes_the_place_of_another_both_sign() {
    let (directory, receiver) = (directory(), Receiver::start(status("200 OK")));
    let platform = platform(&directory, OPERATOR);
    let (path, old) = add(&platform, &json!({ "url": receiver.url() }));
    let rotated = platform.request("POST", &format!("{path}/rotate")).send().json();
    let new = rotated["secret"].as_str().expect("a secret");
    assert_eq!(cast(&platform, "hello", "one").status, 201);
    wait_until("the event", || receiver.received().len() == 1);
    let received = receiver.received().remove(0);
    assert!(new != old && is_signed(&received, new) && is_signed(&received, &old), "{received:?}");
    assert_eq!(received.header("webhook-signature").split(' ').count(), 2);
    assert!(platform.get("/api/webhooks").json()["webhooks"][0].get("secret").is_none());
}
