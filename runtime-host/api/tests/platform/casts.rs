//! Casts as their clients see them: what goes in, what comes out, and what the same key gets.

use crate::client::{Answer, start};
use crate::memory::FAILURES;
use serde_json::{Value, json};
use spell_cast::{CastState, LedgerError};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_cast_answers_with_what_came_out_and_what_it_cost() {
    let host = start().await;
    host.spell("echo").await;
    let answer = host.cast("k1", &json!({ "spell_key": "echo", "input": "hello" })).await;
    let cast = answer.json();
    assert_eq!((answer.status, &cast["output"], &cast["status"]), (201, &json!("hello"), &json!("completed")));
    assert_eq!((&cast["spell_key"], &cast["spell_name"], &cast["version"]), (&json!("echo"), &json!("A spell"), &json!("1.0.0")));
    assert_eq!((&cast["engine"], &cast["cost_cents"]), (&json!("wasm"), &json!(1)));
    let usage = json!({ "wall_time_ms": 1500, "cpu_time_ms": 0, "fuel": 9, "memory_bytes_peak": 50 << 20, "bytes_in": 1, "bytes_out": 2 });
    assert_eq!(cast["usage"], usage);
    assert!(cast["created_at"].is_string() && cast["finished_at"].is_string() && cast["message"].is_string());
    let shown = host.ask("GET", &format!("/api/v1/casts/{}", cast["cast_id"].as_str().unwrap()), None).await;
    assert_eq!((shown.status, shown.json()), (200, cast));
    host.ask("GET", "/api/v1/casts/cast_0", None).await.refuses(404, "cast-not-found", "Cast not found");
}

#[tokio::test]
async fn inputs_become_bytes_and_outputs_become_json() {
    let host = start().await;
    host.spell("echo").await;
    for (index, (input, output)) in [
        (r#""input": "grüße\n""#, r#""grüße\n""#),
        (r#""input": { "b": 1, "a": [ 12345678901234567890123, 1.50 ] }"#, r#"{"b":1,"a":[12345678901234567890123,1.50]}"#),
        (r#""input": null"#, "null"),
        (r#""input": "{}""#, r#""{}""#),
        (r#""input_base64": "aGk=""#, r#""hi""#),
        (r#""input_base64": "/wA=""#, r#"{"base64":"/wA="}"#),
        (r#""version": "1.0.0""#, r#""""#),
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!("{{ \"spell_key\": \"echo\", {input} }}");
        let answer = host.cast_raw(&format!("Idempotency-Key: k{index}"), body.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 201 && text.contains(&format!("\"output\":{output},")), "{input}: {text}");
    }
}

#[tokio::test]
async fn a_cast_that_fails_is_a_problem_with_its_cost() {
    let host = start().await;
    host.spell("echo").await;
    let expected = [
        (422, "cast-refused", "it says bad-input", 1),
        (502, "cast-trapped", "it says trapped", 1),
        (504, "cast-timed-out", "Execution timeout exceeded", 1),
        (422, "cast-limit", "Memory usage exceeded limit", 1),
        (422, "cast-limit", "it says fuel", 1),
        (503, "cast-busy", "it says busy", 0),
        (500, "module-corrupt", "it says module-corrupt", 0),
        (507, "storage-full", "it says storage-full", 0),
        (500, "cast-failed", "it says host", 0),
    ];
    for ((input, _, reason), (status, code, detail, cost_cents)) in FAILURES.into_iter().zip(expected) {
        let answer = host.cast(input, &json!({ "spell_key": "echo", "input": input })).await;
        answer.refuses(status, code, detail);
        let problem = answer.json();
        assert_eq!(
            (&problem["cost_cents"], &problem["usage"]["fuel"], &problem["reason"]),
            (&json!(cost_cents), &json!(9), &json!(reason))
        );
        assert_eq!(problem["limit"], if code == "cast-limit" { json!(reason) } else { Value::Null });
        let shown = host.ask("GET", &format!("/api/v1/casts/{}", problem["cast_id"].as_str().unwrap()), None).await.json();
        assert_eq!((&shown["status"], &shown["output"]), (&json!("failed"), &Value::Null));
        is_replay(&answer, &host.cast(input, &json!({ "spell_key": "echo", "input": input })).await);
    }
    assert_eq!(*host.memory.runs.lock().unwrap(), FAILURES.len(), "no replay runs anything");
}

fn is_replay(first: &Answer, again: &Answer) {
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), (None, Some("true")));
}

#[tokio::test]
async fn the_same_key_answers_with_the_same_bytes_and_runs_once() {
    let host = start().await;
    host.spell("echo").await;
    let body = json!({ "spell_key": "echo", "input": { "a": 1 } });
    let first = host.cast("k", &body).await;
    is_replay(&first, &host.cast("k", &body).await);
    assert_eq!(host.ask("DELETE", "/api/spells/echo", None).await.status, 204);
    is_replay(&first, &host.cast("k", &body).await);
    assert_eq!(*host.memory.runs.lock().unwrap(), 1);
    host.cast("k", &json!({ "spell_key": "echo", "input": { "a": 2 } })).await.refuses(422, "idempotency-key-reused", "");
    host.cast("other", &body).await.refuses(404, "spell-not-found", "Spell not found");
}

#[tokio::test]
async fn a_key_stands_for_one_request_however_far_it_is() {
    let host = start().await;
    host.spell("echo").await;
    let body = json!({ "spell_key": "echo", "input": 1 });
    let id = host.cast("k", &body).await.json()["cast_id"].clone();
    let other = json!({ "spell_key": "echo", "input": 2 });
    host.cast("k", &other).await.refuses(422, "idempotency-key-reused", "Idempotency-Key reuse with different payload");
    for (state, status, code, detail) in [
        (CastState::Running, "running", "cast-in-flight", "Request is already being processed"),
        (CastState::Indeterminate, "indeterminate", "cast-indeterminate", "nobody knows what this cast did"),
    ] {
        host.memory.forget_the_end_of_the_last_cast(state);
        let answer = host.cast("k", &body).await;
        answer.refuses(409, code, detail);
        let retryable = if status == "running" { Value::Null } else { json!(false) };
        assert_eq!((&answer.json()["cast_id"], &answer.json()["retryable"]), (&id, &retryable));
        let shown = host.ask("GET", &format!("/api/v1/casts/{}", id.as_str().unwrap()), None).await.json();
        assert_eq!((&shown["status"], &shown["cost_cents"], &shown["output"]), (&json!(status), &Value::Null, &Value::Null));
    }
}

#[tokio::test]
async fn what_cannot_be_cast_is_refused_before_anything_runs() {
    let host = start().await;
    host.spell("echo").await;
    assert_eq!(host.ask("POST", "/api/spells", Some(json!({ "key": "empty", "name": "E" }))).await.status, 201);
    assert_eq!(host.ask("PATCH", "/api/spells/echo", Some(json!({ "limits": { "request": 10 } }))).await.status, 200);
    for (body, status, code, detail) in [
        (json!({}), 422, "invalid", "spell_key is required and must be a string"),
        (json!({ "spell_key": 1 }), 422, "invalid", "spell_key is required and must be a string"),
        (json!({ "spell_key": "echo", "version": "1" }), 422, "invalid", "version must be a semantic version"),
        (json!({ "spell_key": "echo", "input": 1, "input_base64": "" }), 422, "invalid", "say one of them"),
        (json!({ "spell_key": "echo", "input_base64": "?" }), 422, "invalid", "input_base64 must be base64"),
        (json!({ "spell_key": "echo", "inputs": 1 }), 422, "invalid", "unknown field `inputs`"),
        (json!([1]), 422, "invalid", ""),
        (json!({ "spell_key": "none" }), 404, "spell-not-found", "Spell not found"),
        (json!({ "spell_key": "empty" }), 404, "module-not-found", "WASM module not found for spell"),
        (json!({ "spell_key": "echo", "version": "2.0.0" }), 404, "module-not-found", "WASM module not found for spell"),
        (json!({ "spell_key": "echo", "input": "eleven bytes" }), 413, "input-too-large", "Input size (12 bytes) exceeds"),
        (json!({ "spell_key": "echo", "input": "x".repeat(14 << 20) }), 413, "input-too-large", "more than 14680064 bytes"),
    ] {
        host.cast("k", &body).await.refuses(status, code, detail);
    }
    host.cast_raw("Idempotency-Key: k", b"{").await.refuses(400, "bad-request", "no JSON");
    let surrogate = br#"{"spell_key":"echo","input":"\ud800"}"#;
    host.cast_raw("Idempotency-Key: k", surrogate).await.refuses(422, "invalid", "string of Unicode");
    host.cast_raw("Idempotency-Key: k\r\nContent-Type: text/plain", b"{}").await.refuses(415, "media-type", "application/json");
    assert_eq!(host.ask("PATCH", "/api/spells/echo", Some(json!({ "active": false }))).await.status, 200);
    host.cast("k", &json!({ "spell_key": "echo" })).await.refuses(422, "spell-not-active", "Spell is not active");
    assert_eq!(*host.memory.runs.lock().unwrap(), 0);
}

#[tokio::test]
async fn an_idempotency_key_is_one_short_word() {
    let host = start().await;
    host.spell("echo").await;
    let body = br#"{"spell_key":"echo"}"#;
    host.cast_raw("", body).await.refuses(400, "idempotency-key-missing", "Idempotency-Key header is required");
    let long = format!("Idempotency-Key: {}", "x".repeat(256));
    for headers in ["Idempotency-Key:", "Idempotency-Key: a b", "Idempotency-Key: é", "Idempotency-Key: a\r\nIdempotency-Key: a", &long] {
        host.cast_raw(headers, body).await.refuses(400, "idempotency-key-invalid", "visible ASCII");
    }
    assert_eq!(host.cast_raw(&long[..long.len() - 1], body).await.status, 201);
}

#[tokio::test]
async fn a_ledger_or_a_host_that_takes_nothing_has_a_status() {
    let host = start().await;
    host.spell("echo").await;
    let body = json!({ "spell_key": "echo" });
    for (says, status, code) in [(LedgerError::Full, 507, "storage-full"), (LedgerError::Unavailable, 503, "unavailable")] {
        *host.memory.ledger_says.lock().unwrap() = Some(says);
        host.cast("k", &body).await.refuses(status, code, &says.to_string());
    }
    host.draining.store(true, Ordering::Relaxed);
    host.cast("k", &body).await.refuses(503, "unavailable", "about to end");
    assert_eq!(host.ask("GET", "/api/v1/casts", None).await.status, 200, "what is there can be looked at");
}

#[tokio::test]
async fn casts_are_listed_without_output() {
    let host = start().await;
    host.spell("echo").await;
    host.spell("silent").await;
    for key in ["k1", "k2", "k3"] {
        assert_eq!(host.cast(key, &json!({ "spell_key": "echo", "input": key })).await.status, 201);
    }
    let first = host.ask("GET", "/api/v1/casts?limit=2", None).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let last = host.ask("GET", &format!("/api/v1/casts?limit=2&cursor={cursor}"), None).await.json();
    assert_eq!((first["casts"].as_array().unwrap().len(), last["casts"].as_array().unwrap().len()), (2, 1));
    assert!(last["next_cursor"].is_null() && first["casts"][0].get("output").is_none(), "{first}");
    for (spell, count) in [("echo", 3), ("silent", 0)] {
        let casts = host.ask("GET", &format!("/api/v1/casts?spell={spell}"), None).await.json();
        assert_eq!(casts["casts"].as_array().unwrap().len(), count, "{spell}");
    }
    host.ask("GET", "/api/v1/casts?spell=none", None).await.refuses(404, "spell-not-found", "Spell not found");
}
