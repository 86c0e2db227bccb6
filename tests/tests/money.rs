//! Money and admission from outside: prices, budgets, estimates, rates and quotas, as an operator sets them and tenants meet them.
//!
//! It knows the API by the byte. It must never know where anything is kept.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Answer, Platform, run};
use std::thread;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

/// Answers with its input. Each number makes another one.
fn echo(number: u32) -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") 2) (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "n") (result i32) (i32.const {number}))
            (func (export "process") (param i32 i32) (result i64)
                (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#
    );
    wat::parse_str(text).expect("a program")
}

/// A platform under what the operator says, with the spell `echo`.
fn platform(directory: &tempfile::TempDir, operator: &str) -> Platform {
    let platform = Platform::start_under(directory, operator);
    assert_eq!(platform.publish("echo", "1.0.0", &echo(0)).status, 201);
    platform
}

fn change_budget(platform: &Platform, cap_cents: &Value) -> Answer {
    let body = json!({ "monthlyCapCents": cap_cents }).to_string();
    platform.request("PATCH", "/api/budget").header("content-type", "application/json").body(body).send()
}

#[test]
fn a_cast_costs_what_the_operator_asks_for() {
    let directory = directory();
    for (prices, cents_min, cents_per_mebibyte) in
        [("", 1, 0.01), ("[prices]\nwasm_cents_min = 50\n", 50, 0.01), ("[prices]\nwasm_mebibyte = 30.5\n", 1, 30.5)]
    {
        let directory = tempfile::tempdir_in(directory.path()).expect("directory");
        let platform = platform(&directory, prices);
        let cast = platform.cast("echo", &json!("a"), "one").json();
        let used = |name: &str| cast["usage"][name].as_f64().expect("a number");
        let (seconds, mebibytes) = (used("wall_time_ms") / 1_000.0, used("memory_bytes_peak") / 1_048_576.0);
        let expected = cents_min.max((0.1 * seconds + cents_per_mebibyte * mebibytes).ceil() as u64);
        assert_eq!(cast["cost_cents"], expected, "{prices}: {cast}");
        assert_eq!(platform.get("/api/budget").json()["currentSpendCents"], expected, "{prices}");
    }
}

#[test]
fn a_budget_is_kept_between_hosts_and_a_hundred_casts_at_its_edge_never_pass_it() {
    let directory = directory();
    let platform = platform(&directory, "[cast]\nbudget = 150\n[prices]\nwasm_cents_min = 7\n");
    let statuses: Vec<u16> = thread::scope(|scope| {
        let cast = |number: usize| platform.cast("echo", &json!("a"), &format!("key-{number}")).status;
        let clients: Vec<_> = (0..100).map(|number| scope.spawn(move || cast(number))).collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 201 | 402 | 429)), "{statuses:?}");
    let cast = statuses.iter().filter(|status| **status == 201).count();
    let budget = platform.get("/api/budget").json();
    assert_eq!((&budget["currentSpendCents"], &budget["reservedCents"]), (&json!(7 * cast), &json!(0)), "{budget}");
    assert!(7 * cast <= 150, "{budget}");
    let state_dir = platform.state_dir().to_string_lossy().into_owned();
    let platform = platform.killed_and_started();
    assert_eq!(platform.get("/api/budget").json()["currentSpendCents"], json!(7 * cast), "{state_dir}");
}

#[test]
fn who_has_spent_too_much_is_told_so_burns_no_key_and_goes_on_when_there_is_more() {
    let directory = directory();
    let platform = platform(&directory, "[cast]\nbudget = 20\n");
    let refused = platform.cast("echo", &json!("a"), "one");
    assert_eq!((refused.status, &refused.json()["code"]), (402, &json!("budget-exceeded")), "{}", refused.text());
    let expected = "Budget cap exceeded. Current spend: 0 cents ($0.00), Monthly cap: 20 cents ($0.20), Estimated cost: 36 cents ($0.36)";
    assert_eq!(refused.json()["detail"], expected);
    assert!(refused.header("retry-after").is_some());
    let estimate = platform.post("/api/v1/estimate", &json!({ "spell_key": "echo" })).json();
    assert_eq!(estimate["engines"]["wasm"]["cost_cents_max"], 36);
    let state_dir = platform.state_dir().to_string_lossy().into_owned();
    let budgets = |arguments: &[&str]| run(&[&["budgets"], arguments, &["--state-dir", &state_dir]].concat());
    for (cents, status) in [("36", 201), ("default", 402), ("none", 201)] {
        let set = budgets(&["set", "--tenant", "default", "--cents", cents]);
        assert_eq!(set.code, Some(0), "{}", set.stderr);
        let key = if cents == "none" { "two" } else { "one" };
        let input = if cents == "default" { "another" } else { "a" };
        let key = if cents == "default" { "three" } else { key };
        let answer = platform.cast("echo", &json!(input), key);
        assert_eq!(answer.status, status, "{cents}: {}", answer.text());
    }
    let listed: Value = serde_json::from_str(&budgets(&["list", "--json"]).stdout).expect("JSON");
    assert_eq!((&listed[0]["tenant"], &listed[0]["operator"], &listed[0]["spent_cents"]), (&json!("default"), &json!("none"), &json!(2)));
    assert!(budgets(&["list"]).stdout.contains("default"));
    assert_eq!(budgets(&["set", "--tenant", "default", "--cents", "some"]).code, Some(2));
}

#[test]
fn a_tenant_lowers_its_own_budget_and_cannot_raise_it_above_the_operators() {
    let directory = directory();
    let platform = platform(&directory, "[cast]\nbudget = 500\n");
    let lowered = change_budget(&platform, &json!(30));
    assert_eq!((lowered.status, &lowered.json()["monthlyCapCents"]), (200, &json!(30)), "{}", lowered.text());
    assert_eq!(platform.cast("echo", &json!("a"), "one").status, 402);
    let raised = change_budget(&platform, &json!(501));
    assert_eq!((raised.status, &raised.json()["code"]), (422, &json!("ceiling-exceeded")));
    assert_eq!(change_budget(&platform, &Value::Null).json()["monthlyCapCents"], 500);
    assert_eq!(platform.cast("echo", &json!("a"), "one").status, 201);
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_ask_again_and_health_is_always_told() {
    let directory = directory();
    let platform = Platform::start_under(&directory, "[rate]\nkey = 2\nwithout_key = 1\n");
    let first = platform.get("/api/spells");
    assert_eq!((first.status, first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), (200, Some("2"), Some("1")));
    assert_eq!(first.header("ratelimit-policy"), Some("\"key\";q=2;w=60, \"tenant\";q=30000;w=60"));
    assert_eq!(platform.get("/api/spells").status, 200);
    let refused = platform.cast("echo", &json!("a"), "one");
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("rate-limited")), "{}", refused.text());
    let retry_after: u64 = refused.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("seconds");
    assert!((1..=60).contains(&retry_after), "{retry_after}");
    let statuses: Vec<u16> = (0..3).map(|_| platform.client.request("GET", "/api/spells").send().status).collect();
    assert_eq!(statuses, [401, 429, 429]);
    for _ in 0..5 {
        assert_eq!(platform.client.request("GET", "/healthz").send().status, 200);
    }
}

#[test]
fn a_tenant_has_so_much_of_everything_and_is_told_of_what() {
    let directory = directory();
    let platform = platform(&directory, "[quota]\nspells = 2\nversions = 1\nkeys = 2\ncasts_per_day = 2\n");
    let make = |key: &str| platform.post("/api/spells", &json!({ "key": key, "name": key }));
    assert_eq!(make("second").status, 201);
    let key = || platform.post("/api/keys", &json!({ "name": "more", "scopes": ["read"] }));
    assert_eq!(key().status, 201);
    for (refused, quota, limit) in
        [(make("third"), "spells", 2), (platform.upload("echo", "2.0.0", &echo(1)), "versions", 1), (key(), "keys", 2)]
    {
        let problem = refused.json();
        assert_eq!((refused.status, &problem["code"]), (403, &json!("quota-exceeded")), "{problem}");
        assert_eq!((&problem["quota"], &problem["limit"]), (&json!(quota), &json!(limit)), "{problem}");
    }
    for key in ["one", "two", "two"] {
        assert_eq!(platform.cast("echo", &json!("a"), key).status, 201, "{key}");
    }
    let refused = platform.cast("echo", &json!("a"), "three");
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("too-many-casts")), "{}", refused.text());
    assert_eq!(refused.json()["quota"], "casts_per_day");
}
