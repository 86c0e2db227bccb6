//! Rates, as clients meet them: what is told with each answer, and what is refused before anything is read.

use crate::client::{start, start_with};
use serde_json::json;
use spell_api::Rates;
use spell_cast::Scope;

#[tokio::test]
async fn answers_tell_how_many_requests_are_left() {
    let host = start_with(Rates { key: 3, tenant: 100, ..Rates::default() }).await;
    let answer = host.ask("GET", "/api/spells", None).await;
    assert_eq!(answer.header("ratelimit-policy"), Some("\"key\";q=3;w=60, \"tenant\";q=100;w=60"));
    assert_eq!(answer.header("ratelimit"), Some("\"key\";r=2;t=20, \"tenant\";r=99;t=1"));
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining")), (Some("3"), Some("2")));
    assert!(answer.header("x-ratelimit-reset").unwrap().ends_with('Z'), "{answer:?}");
    let unlimited = start().await.ask("GET", "/api/spells", None).await;
    assert_eq!((unlimited.header("ratelimit"), unlimited.header("x-ratelimit-limit")), (None, None));
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_refused_before_its_body_and_burns_no_idempotency_key() {
    let host = start_with(Rates { key: 1, ..Rates::default() }).await;
    assert_eq!(host.ask("GET", "/api/spells", None).await.status, 200);
    let answer = host.cast("k", &json!({ "spell_key": "echo" })).await;
    answer.refuses(429, "rate-limited", "there may be 1 in a minute by `rate.key`");
    assert_eq!((&answer.json()["limit"], answer.header("x-ratelimit-remaining")), (&json!("rate.key"), Some("0")));
    assert!((1..=60).contains(&answer.header("retry-after").unwrap().parse::<u64>().unwrap()), "{answer:?}");
    assert_eq!(*host.memory.runs.lock().unwrap(), 0);
    let fresh = host.key("acme", &[Scope::Admin]).await;
    assert_eq!(host.ask_as(&fresh, "GET", "/api/spells", None).await.status, 200, "another key has a limit of its own");
    // A body that never comes is not waited for.
    let head = format!("POST /api/v1/cast HTTP/1.1\r\nAuthorization: Bearer {}\r\nIdempotency-Key: k", host.admin);
    assert_eq!(host.raw(&head, b"").await.status, 429);
}

#[tokio::test]
async fn the_keys_of_a_tenant_share_a_limit_and_other_tenants_do_not() {
    let host = start_with(Rates { tenant: 2, ..Rates::default() }).await;
    let keys = [host.key("acme", &[Scope::Read]).await, host.key("acme", &[Scope::Read]).await, host.key("acme", &[Scope::Read]).await];
    let mut statuses = Vec::new();
    for key in &keys {
        statuses.push(host.ask_as(key, "GET", "/api/spells", None).await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    let other = host.key("other", &[Scope::Read]).await;
    assert_eq!(host.ask_as(&other, "GET", "/api/spells", None).await.status, 200);
}

#[tokio::test]
async fn who_shows_no_key_or_a_wrong_one_may_ask_less_often_and_no_header_makes_it_another() {
    let host = start_with(Rates { without_key: 2, ..Rates::default() }).await;
    let unknown = format!("sk_{}", "0".repeat(64));
    assert_eq!(host.ask_as(&unknown, "GET", "/api/spells", None).await.status, 401);
    assert_eq!(host.raw("GET /api/spells HTTP/1.1", b"").await.status, 401);
    for forwarded in ["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2", "X-Real-IP: 192.0.2.3", "X-Forwarded-For: 127.0.0.1"] {
        let answer = host.raw(&format!("GET /api/spells HTTP/1.1\r\n{forwarded}"), b"").await;
        answer.refuses(429, "rate-limited", "`rate.without_key`");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    assert_eq!(host.ask("GET", "/api/spells", None).await.status, 200, "a key that is worth something is counted elsewhere");
}

#[tokio::test]
async fn health_and_metrics_are_never_refused() {
    let host = start_with(Rates { key: 1, tenant: 1, address: 1, without_key: 1 }).await;
    for _ in 0..5 {
        for path in ["/healthz", "/metrics"] {
            let answer = host.raw(&format!("GET {path} HTTP/1.1"), b"").await;
            assert_eq!((answer.status, answer.header("ratelimit")), (200, None), "{path}");
        }
    }
}
