//! What casts came to, as clients see it: forms, defaults, and what cannot be asked.

use crate::client::{Host, start};
use crate::memory::HOLD;
use serde_json::{Value, json};

async fn get(host: &Host, path: &str) -> Value {
    let answer = host.ask("GET", path, None).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}

#[tokio::test]
async fn executions_are_casts_that_have_ended() {
    let host = start().await;
    let id = host.spell("echo").await;
    for input in ["fine", "trap"] {
        host.cast(input, &json!({ "spell_key": "echo", "input": input })).await;
    }
    let head = format!("POST /api/v1/cast HTTP/1.1\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k\r\nPrefer: respond-async", host.admin);
    let begun = host.raw(&head, json!({ "spell_key": "echo", "input": HOLD }).to_string().as_bytes()).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    let listed = get(&host, "/api/v1/executions").await;
    let executions = listed["executions"].as_array().unwrap();
    assert_eq!((executions.len(), &listed["nextCursor"]), (2, &Value::Null), "{listed}");
    let mut by_success: Vec<&Value> = executions.iter().collect();
    by_success.sort_by_key(|execution| execution["success"].as_bool());
    for (execution, success, message) in [(by_success[0], false, json!("it says trapped")), (by_success[1], true, Value::Null)] {
        assert!(execution["castId"].as_str().unwrap().starts_with("cast_") && execution["createdAt"].as_str().unwrap().ends_with('Z'));
        let expected = json!({
            "id": execution["castId"], "castId": execution["castId"], "spellId": id, "engine": "wasm", "executionTimeMs": 1500.0,
            "memoryUsedMb": 50.0, "success": success, "errorMessage": message, "createdAt": execution["createdAt"],
        });
        assert_eq!(*execution, expected);
    }
    let first = get(&host, "/api/v1/executions?spell=echo&limit=2").await;
    let rest = get(&host, &format!("/api/v1/executions?limit=2&cursor={}", first["nextCursor"].as_str().unwrap())).await;
    let count = |page: &Value| page["executions"].as_array().unwrap().len();
    assert_eq!((count(&first) + count(&rest), &rest["nextCursor"]), (2, &Value::Null));
    host.ask("GET", "/api/v1/executions?limit=101", None).await.refuses(422, "invalid", "between 1 and 100");
    host.memory.is_released.send_replace(true);
}

#[tokio::test]
async fn trends_are_told_by_the_day() {
    let host = start().await;
    let id = host.spell("echo").await;
    let trends = get(&host, "/api/v1/spells/echo/trends").await;
    assert_eq!((&trends["spellId"], &trends["days"]), (&json!(id), &json!(30)));
    let mut day = trends["trends"][0].clone();
    assert_eq!(day["date"].take().as_str().unwrap().len(), "2026-01-01".len());
    let expected = json!({
        "date": null, "executions": 3, "avgExecutionTimeMs": 12.35, "avgMemoryUsedMb": 1.5, "successRate": 66.67, "totalCostCents": 7,
    });
    assert_eq!(day, expected);
}

#[tokio::test]
async fn engines_stand_beside_each_other() {
    let host = start().await;
    let mut engines = get(&host, "/api/v1/stats/engines?start=2026-01-01&end=2026-01-31").await;
    let wasm = json!({
        "totalExecutions": 7, "successRate": 100.0, "avgExecutionTimeMs": 12.35, "totalCostCents": 10, "avgCostCents": 1.43,
    });
    let github = json!({
        "totalExecutions": 3, "successRate": 66.67, "avgExecutionTimeMs": 12.35, "totalCostCents": 20, "avgCostCents": 6.67,
    });
    let (start, end) = ("2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z");
    assert_eq!(engines, json!({ "start": start, "end": end, "partial": true, "wasm": wasm, "githubActions": github }));
    engines = get(&host, "/api/v1/stats/engines?days=7").await;
    assert!(engines["wasm"].is_object() && engines["start"].as_str() < engines["end"].as_str(), "{engines}");
}

#[tokio::test]
async fn a_spell_is_told_by_its_percentiles_and_how_near_they_are_to_its_limits() {
    let host = start().await;
    let id = host.spell("echo").await;
    let stats = get(&host, "/api/v1/spells/echo/stats?days=7").await;
    let expected = json!({
        "spellId": id, "days": 7, "executions": 3, "successRate": 66.67, "sampled": 3,
        "executionTimeMs": { "p50": 1.23, "p95": 300000.0, "p99": 300000.0 }, "memoryUsedMb": { "p50": 1.0, "p95": 1.5, "p99": 512.0 },
        "totalCostCents": 7, "avgCostCents": 2.33, "failures": [{ "kind": "limit", "code": "memory", "count": 1 }], "partial": false,
    });
    assert_eq!(stats, expected);
    let alerts = async |query: &str| {
        let told = get(&host, &format!("/api/v1/spells/echo/thresholds{query}")).await;
        let alerts = told["alerts"].as_array().unwrap().clone();
        assert_eq!((told["ok"].as_bool(), &told["spellId"]), (Some(alerts.is_empty()), &json!(id)));
        alerts.into_iter().map(|alert| (alert["type"].as_str().unwrap().to_owned(), alert["percent"].as_f64().unwrap())).collect::<Vec<_>>()
    };
    let (time, success) = (("time".to_owned(), 100.0), ("success-rate".to_owned(), 66.67));
    assert_eq!(alerts("").await, [time.clone(), success.clone()]);
    assert_eq!(alerts("?successPercent=66&days=1").await, [time]);
    assert_eq!(alerts("?timePercent=100&memoryPercent=0.2").await, [("memory".to_owned(), 0.29), success]);
    assert_eq!(alerts("?timePercent=100&successPercent=0").await, []);
}

#[tokio::test]
async fn spells_come_first_by_what_is_asked_for() {
    let host = start().await;
    for (query, by, limit) in
        [("", "executions", 10), ("?by=cost&limit=3", "cost", 3), ("?by=time&days=365", "time", 10), ("?by=failures", "failures", 10)]
    {
        let top = get(&host, &format!("/api/v1/stats/top{query}")).await;
        let spell = json!({
            "spellId": "spell_1", "spellKey": by, "spellName": "A spell", "executions": limit, "failures": 1, "totalTimeMs": 1500.0,
            "totalCostCents": 9,
        });
        assert_eq!((&top["by"], &top["partial"], &top["spells"]), (&json!(by), &json!(false), &json!([spell])));
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_a_reason() {
    let host = start().await;
    host.spell("echo").await;
    for (path, detail) in [
        ("spells/echo/trends?days=0", "between 1 and 365"),
        ("spells/echo/trends?days=366", "between 1 and 365"),
        ("spells/echo/stats?days=366", "between 1 and 365"),
        ("spells/echo/thresholds?days=0", "between 1 and 365"),
        ("spells/echo/thresholds?timePercent=101", "timePercent must be between 0 and 100"),
        ("spells/echo/thresholds?memoryPercent=-1", "memoryPercent must be between 0 and 100"),
        ("spells/echo/thresholds?successPercent=NaN", "successPercent must be between 0 and 100"),
        ("stats/engines?start=yesterday", "start must be a day such as 2026-01-31"),
        ("stats/engines?end=2026-02-30", "end must be a day such as 2026-01-31"),
        ("stats/engines?start=2026-01-02&end=2026-01-01", "start must be before end"),
        ("stats/engines?start=2020-01-01&end=2026-01-01", "at most 365 days before end"),
        ("stats/engines?start=2026-01-01&days=3", "say one of them"),
        ("stats/top?by=name", "by must be one of executions, cost, time, failures"),
        ("stats/top?limit=0", "between 1 and 100"),
    ] {
        host.ask("GET", &format!("/api/v1/{path}"), None).await.refuses(422, "invalid", detail);
    }
    for path in ["stats/top?days=x", "stats/engines?from=2026-01-01", "executions?limit=x"] {
        host.ask("GET", &format!("/api/v1/{path}"), None).await.refuses(400, "bad-request", "");
    }
}

#[tokio::test]
async fn what_a_cast_printed_is_told_in_lines() {
    let host = start().await;
    host.spell("echo").await;
    let logs = async |key: &str, input: &str| {
        let cast = host.cast(key, &json!({ "spell_key": "echo", "input": input })).await.json();
        host.ask("GET", &format!("/api/v1/casts/{}/logs", cast["cast_id"].as_str().unwrap()), None).await
    };
    let silent = logs("silent", "nothing").await;
    assert_eq!((silent.status, silent.body.as_slice(), silent.header("content-type")), (200, &b""[..], Some("application/x-ndjson")));
    let answer = logs("loud", "print one\ntwo \u{1b}[2J\u{9b}").await;
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "{text:?}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let texts: Vec<_> = lines.iter().map(|line| (line["stream"].as_str().unwrap(), line["text"].as_str().unwrap())).collect();
    assert_eq!(texts, [("stdout", "one"), ("stdout", "two \u{1b}[2J\u{9b}")]);
    assert_eq!(host.memory.logs.lock().unwrap().len(), 1, "a silent cast leaves nothing");
    host.ask("GET", "/api/v1/casts/cast_0/logs", None).await.refuses(404, "cast-not-found", "Cast not found");
}
