//! What `/metrics` says of casts, uploads and requests, however they ended; and that its labels have a bound.

use crate::client::{Host, start};
use crate::memory::FAILURES;
use serde_json::json;

async fn metrics(host: &Host) -> String {
    String::from_utf8(host.raw("GET /metrics HTTP/1.1", b"").await.body).unwrap()
}

fn assert_says(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line} is missing in\n{text}");
    }
}

#[tokio::test]
async fn casts_are_counted_by_engine_and_outcome_and_replays_apart() {
    let host = start().await;
    host.spell("echo").await;
    for input in FAILURES.iter().map(|(input, ..)| *input).chain(["fine", "fine"]) {
        host.cast(input, &json!({ "spell_key": "echo", "input": input })).await;
    }
    let text = metrics(&host).await;
    for (outcome, count) in
        [("completed", 1), ("refused", 1), ("trapped", 1), ("timed-out", 1), ("limit", 2), ("cancelled", 0), ("busy", 1), ("host", 1)]
    {
        assert_says(&text, &[&format!("spell_platform_casts_total{{engine=\"wasm\",outcome=\"{outcome}\"}} {count}")]);
    }
    assert_says(
        &text,
        &[
            "# TYPE spell_platform_casts counter",
            "spell_platform_replays_total 1",
            "spell_platform_cast_cost_cents_total{engine=\"wasm\"} 6",
            "spell_platform_cast_duration_seconds_count{engine=\"wasm\"} 6",
            "spell_platform_cast_duration_seconds_sum{engine=\"wasm\"} 9.0",
            "spell_platform_cast_memory_bytes_bucket{le=\"33554432.0\",engine=\"wasm\"} 0",
            "spell_platform_cast_memory_bytes_bucket{le=\"67108864.0\",engine=\"wasm\"} 6",
            "wasm_module_loads_total{module=\"echo\"} 1",
            "wasm_call_duration_seconds_count{module=\"echo\",function=\"cast\"} 6",
            "wasm_fuel_consumed_total{module=\"echo\"} 54",
            "wasm_memory_bytes{module=\"echo\"} 52428800",
            "wasm_errors_total{module=\"echo\",type=\"timeout\"} 2",
            "wasm_errors_total{module=\"echo\",type=\"panic\"} 1",
            "wasm_errors_total{module=\"echo\",type=\"oom\"} 1",
        ],
    );
    assert!(text.ends_with("# EOF\n") && !text.contains("acme"), "{text}");
}

#[tokio::test]
async fn requests_are_counted_by_their_route_and_uploads_by_what_became_of_them() {
    let host = start().await;
    host.spell("echo").await;
    host.upload(&[("spellId", b"echo"), ("version", b"2.0.0"), ("wasmFile", b"no program")]).await.refuses(422, "program-refused", "");
    host.upload(&[("spellId", b"none")]).await.refuses(422, "invalid", "");
    for path in ["/api/spells/echo", "/api/spells/none", "/api/spells/others", "/api/v1/casts/x", "/api/made-up", "/api/made-up/too"] {
        host.ask("GET", path, None).await;
    }
    host.ask("MADEUP", "/api/spells", None).await;
    host.raw("GET /api/keys HTTP/1.1", b"").await;
    let text = metrics(&host).await;
    assert_says(
        &text,
        &[
            "spell_platform_uploads_total{outcome=\"kept\"} 1",
            "spell_platform_uploads_total{outcome=\"program-refused\"} 1",
            "spell_platform_uploads_total{outcome=\"invalid\"} 1",
            "spell_platform_requests_total{method=\"GET\",route=\"/api/spells/{spell}\",status=\"200\"} 1",
            "spell_platform_requests_total{method=\"GET\",route=\"/api/spells/{spell}\",status=\"404\"} 2",
            "spell_platform_requests_total{method=\"GET\",route=\"/api/v1/casts/{id}\",status=\"404\"} 1",
            "spell_platform_requests_total{method=\"GET\",route=\"_other\",status=\"404\"} 2",
            "spell_platform_requests_total{method=\"_other\",route=\"/api/spells\",status=\"405\"} 1",
            "spell_platform_requests_total{method=\"GET\",route=\"/api/keys\",status=\"401\"} 1",
            "spell_platform_requests_total{method=\"POST\",route=\"/api/spells/upload-wasm\",status=\"201\"} 1",
        ],
    );
}

#[tokio::test]
async fn spells_beyond_a_bound_are_counted_together() {
    let host = start().await;
    for number in 0..205 {
        let key = format!("spell-{number}");
        host.spell(&key).await;
        assert_eq!(host.cast(&key, &json!({ "spell_key": key })).await.status, 201);
    }
    let text = metrics(&host).await;
    assert_eq!(text.matches("\nwasm_module_loads_total{").count(), 201);
    assert_says(&text, &["wasm_module_loads_total{module=\"_other\"} 5", "wasm_fuel_consumed_total{module=\"_other\"} 45"]);
}
