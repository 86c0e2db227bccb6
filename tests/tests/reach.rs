//! What casts of the platform reach, and what they may be given and answer: the real binary, and services on loopback.
//!
//! It knows the API by the byte. It must never know how anything is granted.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Answer, Platform, Upstream, wait_until};
use std::fs;

/// What lets a spell reach a service on loopback, if it asks for it.
const LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n";

/// An Extism plugin: makes the request that it is given, and answers with what comes.
const FETCH: &str = r#"(module
    (import "extism:host/env" "input_length" (func $input_length (result i64)))
    (import "extism:host/env" "input_load_u8" (func $input_load (param i64) (result i32)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u8" (func $store (param i64 i32)))
    (import "extism:host/env" "length" (func $length (param i64) (result i64)))
    (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
    (import "extism:host/env" "http_request" (func $request (param i64 i64) (result i64)))
    (memory (export "memory") 1)
    (func (export "fetch") (result i32) (local $block i64) (local $at i64) (local $answer i64)
        (local.set $block (call $alloc (call $input_length)))
        (loop $next
            (call $store (i64.add (local.get $block) (local.get $at)) (call $input_load (local.get $at)))
            (local.set $at (i64.add (local.get $at) (i64.const 1)))
            (br_if $next (i64.lt_u (local.get $at) (call $input_length))))
        (local.set $answer (call $request (local.get $block) (i64.const 0)))
        (call $output_set (local.get $answer) (call $length (local.get $answer)))
        (i32.const 0)))"#;

/// Answers with all of its environment, each variable ended by a zero.
const ENVIRONMENT: &str = r#"(module
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
    (memory (export "memory") 4)
    (func (export "alloc") (param i32) (result i32) (i32.const 131072))
    (func (export "process") (param i32 i32) (result i64)
        (drop (call $sizes (i32.const 1024) (i32.const 1028)))
        (drop (call $get (i32.const 2048) (i32.const 4096)))
        (i64.or (i64.const 0x100000000000) (i64.extend_i32_u (i32.load (i32.const 1028))))))"#;

/// Answers with its input.
const ECHO: &str = r#"(module (memory (export "memory") 2) (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64)
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

fn publish(platform: &Platform, spell: &str, program: &str) {
    let uploaded = platform.publish(spell, "1.0.0", &wat::parse_str(program).expect("a program"));
    assert_eq!(uploaded.status, 201, "{}", uploaded.text());
}

fn change(platform: &Platform, spell: &str, change: &Value) -> Answer {
    let request = platform.request("PATCH", &format!("/api/spells/{spell}")).header("content-type", "application/json");
    request.body(change.to_string()).send()
}

fn changed(platform: &Platform, spell: &str, about: &Value) -> Value {
    let answer = change(platform, spell, about);
    assert_eq!(answer.status, 200, "{about}: {}", answer.text());
    answer.json()
}

/// The status and the output, or what is told of the failure.
fn fetched(platform: &Platform, url: &str, key: &str) -> (u16, String) {
    let answer = platform.cast("fetch", &json!({ "url": url, "method": "GET" }), key);
    let said = answer.json();
    let said = said.get("output").or(said.get("detail")).cloned().unwrap_or_default();
    (answer.status, said.as_str().map_or_else(|| said.to_string(), str::to_owned))
}

#[test]
fn a_cast_reaches_what_its_spell_asks_for_and_the_operator_allows_and_nothing_else() {
    let (directory, upstream) = (directory(), Upstream::start("hello"));
    let platform = Platform::start_under(&directory, LOOPBACK);
    publish(&platform, "fetch", FETCH);
    let url = upstream.url("/");
    let asked = |network: Value| changed(&platform, "fetch", &json!({ "network": network }))["network"].clone();
    let refused = |key: &str| {
        let (status, said) = fetched(&platform, &url, key);
        assert_eq!(status, 422, "{key}: {said}");
    };
    refused("nothing-asked");
    assert_eq!(asked(json!(["http://example.com"])), json!(["http://example.com"]));
    refused("another-host");
    let destination = json!([format!("http://{}", upstream.address)]);
    assert_eq!(asked(destination.clone()), destination);
    assert_eq!(fetched(&platform, &url, "granted"), (201, "hello".to_owned()));
    assert_eq!(upstream.requests().len(), 1);
    asked(json!([]));
    refused("empty-list");
    assert_eq!(upstream.requests().len(), 1, "no packet left");
    let audit = directory.path().join("state/logs/audit.jsonl");
    wait_until("refusals to be noted", || fs::read_to_string(&audit).is_ok_and(|lines| lines.contains("cast")));
}

#[test]
fn what_a_spell_asks_for_opens_no_private_address() {
    let (directory, upstream) = (directory(), Upstream::start("hello"));
    let platform = Platform::start_under(&directory, "[outbound]\nrefusals = \"count\"\n");
    publish(&platform, "fetch", FETCH);
    let port = upstream.address.port();
    for (number, host) in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"].into_iter().enumerate() {
        changed(&platform, "fetch", &json!({ "network": [format!("http://{host}:{port}"), "*://*:*"] }));
        let (status, said) = fetched(&platform, &format!("http://{host}:{port}/"), &number.to_string());
        assert_eq!(status, 422, "{host}: {said}");
    }
    assert!(upstream.requests().is_empty());
}

#[test]
fn an_operator_keeps_all_spells_from_the_network() {
    let (directory, upstream) = (directory(), Upstream::start("hello"));
    let platform = Platform::start_under(&directory, &format!("{LOOPBACK}[cast]\nnetwork = false\n"));
    publish(&platform, "fetch", FETCH);
    let asked = change(&platform, "fetch", &json!({ "network": [format!("http://{}", upstream.address)] }));
    assert_eq!((asked.status, &asked.json()["code"]), (422, &json!("reach-refused")), "{}", asked.text());
    assert_eq!(fetched(&platform, &upstream.url("/"), "one").0, 422);
    assert!(upstream.requests().is_empty());
}

#[test]
fn requests_beyond_the_limit_of_a_spell_fail() {
    let (directory, upstream) = (directory(), Upstream::start("hello"));
    let platform = Platform::start_under(&directory, LOOPBACK);
    publish(&platform, "fetch", FETCH);
    changed(&platform, "fetch", &json!({ "network": [format!("http://{}", upstream.address)], "limits": { "outbound_requests": 0 } }));
    assert_eq!(fetched(&platform, &upstream.url("/"), "one").0, 422);
    assert!(upstream.requests().is_empty());
}

#[test]
fn a_cast_sees_the_variables_of_its_spell_and_none_of_the_host() {
    let directory = directory();
    let platform = Platform::start(&directory);
    publish(&platform, "environment", ENVIRONMENT);
    let seen = |key: &str| platform.cast("environment", &json!(""), key).json()["output"].clone();
    assert_eq!(seen("none"), "");
    let shown = changed(&platform, "environment", &json!({ "environment": { "PLACE": "here", "MONKEY": "banana" } }));
    assert_eq!(shown["environment"], json!({ "PLACE": "here", "MONKEY": "banana" }));
    assert_eq!(seen("two"), "MONKEY=banana\0PLACE=here\0");
    for (variables, rule) in [
        (json!({ "API_KEY": "x" }), "\"API_KEY\" is refused: its name looks like that of a secret"),
        (json!({ "PLACE": "postgres://user:pass@db/app" }), "\"PLACE\" is refused: its value looks like a secret"),
        (json!({ "A=B": "x" }), "\"A=B\" is refused: it is no proper name"),
    ] {
        let refused = change(&platform, "environment", &json!({ "environment": variables }));
        assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("reach-refused")), "{}", refused.text());
        assert!(refused.json()["detail"].as_str().is_some_and(|detail| detail.contains(rule)), "{}", refused.text());
    }
    let platform = platform.killed_and_started();
    assert_eq!(platform.cast("environment", &json!(""), "again").json()["output"], "MONKEY=banana\0PLACE=here\0");
}

#[test]
fn inputs_and_outputs_are_what_their_schemas_say() {
    let directory = directory();
    let platform = Platform::start(&directory);
    publish(&platform, "echo", ECHO);
    let schema = json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } });
    assert_eq!(changed(&platform, "echo", &json!({ "inputSchema": schema }))["inputSchema"], schema);
    let refused = platform.cast("echo", &json!({ "name": 7 }), "one");
    let said = refused.json();
    assert_eq!((refused.status, &said["code"]), (422, &json!("input-invalid")), "{said}");
    assert_eq!(said["errors"][0]["pointer"], "#/input/name");
    assert!(said["detail"].as_str().is_some_and(|detail| detail.starts_with("Input validation failed: /name: ")), "{said}");
    assert_eq!(platform.cast("echo", &json!({ "name": "Ada" }), "one").status, 201, "the key was not burnt");
    assert_eq!(platform.get("/api/v1/casts").json()["casts"].as_array().map(Vec::len), Some(1));
    changed(&platform, "echo", &json!({ "inputSchema": { "type": "string", "maxLength": 3 }, "outputSchema": { "const": "abc" } }));
    assert_eq!(platform.cast("echo", &json!({ "name": "Ada" }), "no-text").status, 422);
    assert_eq!(platform.cast("echo", &json!("abc"), "text").json()["output"], "abc");
    let failed = platform.cast("echo", &json!("abd"), "output");
    let said = failed.json();
    assert_eq!((failed.status, &said["code"], &said["cost_cents"]), (502, &json!("output-invalid"), &json!(1)), "{said}");
    let again = platform.cast("echo", &json!("abd"), "output");
    assert_eq!((again.status, again.body), (failed.status, failed.body), "it was cast, and is on record");
    for (schema, reason) in [
        (json!({ "$ref": "https://example.com/a" }), "nothing is fetched"),
        (json!({ "type": 7 }), "/type"),
        (json!({ "items": { "$ref": "#" } }), "leads back to itself"),
    ] {
        let refused = change(&platform, "echo", &json!({ "inputSchema": schema }));
        assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("schema-refused")), "{}", refused.text());
        assert!(refused.json()["detail"].as_str().is_some_and(|detail| detail.contains(reason)), "{}", refused.text());
    }
    changed(&platform, "echo", &json!({ "inputSchema": null, "outputSchema": null }));
    assert_eq!(platform.cast("echo", &json!([1]), "anything").status, 201);
}
