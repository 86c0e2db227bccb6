//! Webhooks over the API: their form, their secrets, and what is refused.

use crate::client::start;
use serde_json::{Value, json};
use spell_cast::Scope;

const URL: &str = "https://example.com/hook";

#[tokio::test]
async fn a_webhook_is_made_changed_tried_and_deleted_and_its_secret_is_told_once() {
    let host = start().await;
    let made = host.ask("POST", "/api/webhooks", Some(json!({ "url": URL, "spell_key": "hello", "description": "ours" }))).await;
    let webhook = made.json();
    assert_eq!(made.status, 201, "{webhook}");
    let (id, secret) = (webhook["id"].as_str().unwrap(), webhook["secret"].as_str().unwrap());
    assert!(id.starts_with("hook_") && secret.starts_with("whsec_") && secret.len() == 6 + 44, "{webhook}");
    let path = format!("/api/webhooks/{id}");
    let shown = host.ask("GET", &path, None).await.json();
    for (name, expected) in [
        ("url", json!(URL)),
        ("events", json!(["cast.completed", "cast.failed", "cast.indeterminate"])),
        ("spell_key", json!("hello")),
        ("active", json!(true)),
        ("secret", Value::Null),
        ("deliveries_waiting", json!(0)),
    ] {
        assert_eq!(shown[name], expected, "{name}: {shown}");
    }
    let changed = host.ask("PATCH", &path, Some(json!({ "spell_key": null, "events": ["cast.failed"], "active": false }))).await.json();
    let expected = (&Value::Null, &json!(["cast.failed"]), &json!(false), &json!(URL));
    assert_eq!((&changed["spell_key"], &changed["events"], &changed["active"], &changed["url"]), expected);
    host.ask("POST", &format!("{path}/test"), None).await.refuses(422, "webhook-not-active", "switch it on first");
    assert_eq!(host.ask("PATCH", &path, Some(json!({ "active": true }))).await.json()["active"], true);
    let rotated = host.ask("POST", &format!("{path}/rotate"), None).await.json();
    assert!(rotated["secret"] != webhook["secret"] && rotated["previous_secret_until"].is_string(), "{rotated}");
    for _ in 0..3 {
        assert_eq!(host.ask("POST", &format!("{path}/test"), None).await.status, 202);
    }
    let page = host.ask("GET", &format!("{path}/deliveries?limit=2"), None).await.json();
    assert_eq!((&page["deliveries"][0]["event"], &page["deliveries"][0]["state"]), (&json!("webhook.test"), &json!("waiting")), "{page}");
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = host.ask("GET", &format!("{path}/deliveries?limit=2&cursor={cursor}"), None).await.json();
    assert_eq!((rest["deliveries"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));
    assert_eq!(host.ask("DELETE", &path, None).await.status, 204);
    host.ask("GET", &path, None).await.refuses(404, "webhook-not-found", "Webhook not found");
    assert_eq!(host.ask("GET", "/api/webhooks", None).await.json(), json!({ "webhooks": [] }));
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_with_what_to_do() {
    let host = start().await;
    for (body, detail) in [
        (json!({}), "url is required"),
        (json!({ "url": "http://example.com" }), "url: it must begin with `https://`"),
        (json!({ "url": "https://example.com/a b" }), "visible ASCII characters"),
        (json!({ "url": format!("https://example.com/{}", "x".repeat(2_000)) }), "between 1 and 2000"),
        (json!({ "url": URL, "events": [] }), "events must be one or more of: cast.completed, cast.failed, cast.indeterminate"),
        (json!({ "url": URL, "events": ["webhook.test"] }), "events must be"),
        (json!({ "url": URL, "spell_key": "a b" }), "spell_key"),
        (json!({ "url": URL, "secret": "mine" }), "unknown field"),
    ] {
        host.ask("POST", "/api/webhooks", Some(body)).await.refuses(422, "invalid", detail);
    }
    for _ in 0..spell_cast::WEBHOOKS_MAX {
        assert_eq!(host.ask("POST", "/api/webhooks", Some(json!({ "url": URL }))).await.status, 201);
    }
    host.ask("POST", "/api/webhooks", Some(json!({ "url": URL }))).await.refuses(409, "webhooks-too-many", "delete one first");
}

#[tokio::test]
async fn webhooks_need_the_scope_admin_and_those_of_others_look_like_none() {
    let host = start().await;
    let id = host.ask("POST", "/api/webhooks", Some(json!({ "url": URL }))).await.json()["id"].clone();
    let other = host.key("other", &[Scope::Admin]).await;
    let less = host.key("acme", &[Scope::Read, Scope::Cast, Scope::Upload]).await;
    for (method, end) in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test"), ("GET", "/deliveries")] {
        let body = (method == "PATCH").then(|| json!({}));
        let path = |id: &str| format!("/api/webhooks/{id}{end}");
        let (foreign, absent) = (path(id.as_str().unwrap()), path("hook_0"));
        host.ask_as(&less, method, &foreign, body.clone()).await.refuses(403, "scope-missing", "`admin`");
        let foreign = host.ask_as(&other, method, &foreign, body.clone()).await;
        foreign.refuses(404, "webhook-not-found", "Webhook not found");
        assert_eq!(foreign.body, host.ask_as(&other, method, &absent, body).await.body, "{method} {end}");
    }
    for method in ["GET", "POST"] {
        host.ask_as(&less, method, "/api/webhooks", None).await.refuses(403, "scope-missing", "`admin`");
    }
    assert_eq!(host.ask_as(&other, "GET", "/api/webhooks", None).await.json(), json!({ "webhooks": [] }));
}
