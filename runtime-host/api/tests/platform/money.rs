//! Budgets, estimates and quotas, as clients are told of them.

use crate::client::start;
use serde_json::{Value, json};
use spell_cast::{Budget, OperatorCap, OverBudget, Quota, QuotaExceeded, RegistryError, Reserved, Scope};

#[tokio::test]
async fn a_cast_that_may_cost_more_than_there_is_left_is_told_the_numbers_and_when_to_ask_again() {
    let host = start().await;
    host.spell("echo").await;
    let over = OverBudget { spent_cents: 1_234, reserved_cents: 5, cap_cents: 1_240, cost_cents_max: 36 };
    let cast = json!({ "spell_key": "echo", "input": "a" });
    for (over, is_for_now) in [(over, false), (OverBudget { spent_cents: 0, reserved_cents: 1_240, ..over }, true)] {
        *host.memory.refuses.lock().unwrap() = Some(Reserved::OverBudget(over));
        let answer = host.cast("k", &cast).await;
        answer.refuses(402, "budget-exceeded", &over.to_string());
        assert!(over.to_string().starts_with("Budget cap exceeded. Current spend: "));
        let problem = answer.json();
        for (member, expected) in [
            ("spent_cents", over.spent_cents),
            ("reserved_cents", over.reserved_cents),
            ("cap_cents", over.cap_cents),
            ("cost_cents_max", over.cost_cents_max),
        ] {
            assert_eq!(problem[member], expected, "{problem}");
        }
        let retry_after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(if is_for_now { retry_after == 1 } else { (1..=31 * 86_400).contains(&retry_after) }, "{retry_after}");
    }
    *host.memory.refuses.lock().unwrap() = None;
    assert_eq!(host.cast("k", &cast).await.status, 201, "what was refused burnt no key");
}

#[tokio::test]
async fn too_many_casts_and_too_much_of_anything_are_told_apart() {
    let host = start().await;
    host.spell("echo").await;
    for (quota, until_s) in [(Quota::Running, 1..=1), (Quota::CastsPerDay, 1..=86_400)] {
        *host.memory.refuses.lock().unwrap() = Some(Reserved::TooMany(QuotaExceeded { quota, limit: 7 }));
        let answer = host.cast("k", &json!({ "spell_key": "echo" })).await;
        answer.refuses(429, "too-many-casts", "7");
        assert_eq!((&answer.json()["quota"], &answer.json()["limit"]), (&json!(quota.name()), &json!(7)));
        assert!(until_s.contains(&answer.header("retry-after").unwrap().parse::<u64>().unwrap()), "{answer:?}");
    }
    *host.memory.registry_says.lock().unwrap() = Some(RegistryError::Quota(QuotaExceeded { quota: Quota::Spells, limit: 9 }));
    let answer = host.ask("POST", "/api/spells", Some(json!({ "key": "one-more", "name": "One more" }))).await;
    answer.refuses(403, "quota-exceeded", "at most 9 spells");
    assert_eq!((&answer.json()["quota"], &answer.json()["limit"]), (&json!("spells"), &json!(9)));
}

#[tokio::test]
async fn a_tenant_sees_its_budget_and_can_have_less_than_the_operator_says_and_never_more() {
    let host = start().await;
    let budget = Budget { operator: OperatorCap::Cents(500), spent_cents: 30, reserved_cents: 20, ..Budget::default() };
    *host.memory.budget.lock().unwrap() = budget;
    let shown = host.ask("GET", "/api/budget", None).await.json();
    for (member, expected) in [
        ("monthlyCapCents", json!(500)),
        ("operatorCapCents", json!(500)),
        ("ownCapCents", Value::Null),
        ("currentSpendCents", json!(30)),
        ("reservedCents", json!(20)),
        ("remainingCents", json!(450)),
    ] {
        assert_eq!(shown[member], expected, "{member}: {shown}");
    }
    let month = shown["month"].as_str().unwrap();
    let resets_at = shown["resetsAt"].as_str().unwrap();
    assert!(month.len() == 7 && resets_at > month && resets_at.ends_with("-01T00:00:00.000Z"), "{shown}");
    let change = async |cap: Value| host.ask("PATCH", "/api/budget", Some(json!({ "monthlyCapCents": cap }))).await;
    let lower = change(json!(40)).await.json();
    assert_eq!((&lower["monthlyCapCents"], &lower["ownCapCents"], &lower["remainingCents"]), (&json!(40), &json!(40), &json!(0)));
    change(json!(501)).await.refuses(422, "ceiling-exceeded", "500 cents a month");
    assert_eq!(change(Value::Null).await.json()["monthlyCapCents"], 500);
    for wrong in [json!(-1), json!(0.5), json!("5"), json!(u64::MAX)] {
        change(wrong).await.refuses(422, "invalid", "");
    }
    host.ask("PATCH", "/api/budget", Some(json!({}))).await.refuses(422, "invalid", "monthlyCapCents is required");
    let reader = host.key("acme", &[Scope::Read]).await;
    host.ask_as(&reader, "PATCH", "/api/budget", Some(json!({ "monthlyCapCents": 1 }))).await.refuses(403, "scope-missing", "admin");
}

#[tokio::test]
async fn an_estimate_tells_the_least_the_most_and_what_casts_took_and_reserves_nothing() {
    let host = start().await;
    host.spell("echo").await;
    let estimate = async |body: Value| host.ask("POST", "/api/v1/estimate", Some(body)).await;
    let first = estimate(json!({ "spell_key": "echo", "input": { "a": 1 } })).await.json();
    let wasm = |expected: Value| json!({ "wasm": { "cost_cents_min": 1, "cost_cents_max": 36, "cost_cents_expected": expected } });
    assert_eq!(first, json!({ "spell_key": "echo", "version": "1.0.0", "engines": wasm(Value::Null) }));
    assert_eq!(host.cast("k", &json!({ "spell_key": "echo" })).await.status, 201);
    let later = estimate(json!({ "spell_key": "echo", "version": "1.0.0" })).await.json();
    assert_eq!(later["engines"], wasm(json!(1)));
    assert_eq!(host.ask("GET", "/api/v1/casts", None).await.json()["casts"].as_array().unwrap().len(), 1);
    estimate(json!({ "spell_key": "none" })).await.refuses(404, "spell-not-found", "Spell not found");
    estimate(json!({ "spell_key": "echo", "version": "2.0.0" })).await.refuses(404, "module-not-found", "");
    estimate(json!({ "spell_key": "echo", "cents": 1 })).await.refuses(422, "invalid", "unknown field");
    let large = "x".repeat(11 << 20);
    estimate(json!({ "spell_key": "echo", "input": large })).await.refuses(413, "input-too-large", "");
}
