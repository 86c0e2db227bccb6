//! Who may do what: every route with every kind of key, and what tenants see of each other.

use crate::client::{form, program, start};
use serde_json::json;
use spell_cast::Scope;

/// Every route with the scope that it needs. `{id}` are those of a spell, a module, a cast and a key.
const ROUTES: [(&str, &str, Scope); 30] = [
    ("POST", "/api/spells", Scope::Upload),
    ("GET", "/api/spells", Scope::Read),
    ("GET", "/api/spells/{spell}", Scope::Read),
    ("PATCH", "/api/spells/{spell}", Scope::Upload),
    ("POST", "/api/spells/upload-wasm", Scope::Upload),
    ("GET", "/api/spells/upload-wasm?spellId={spell}", Scope::Read),
    ("POST", "/api/spells/{spell}/versions/1.0.0/activate", Scope::Upload),
    ("POST", "/api/spells/{spell}/rollback", Scope::Upload),
    ("DELETE", "/api/spells/upload-wasm?moduleId={module}", Scope::Upload),
    ("POST", "/api/v1/cast", Scope::Cast),
    ("GET", "/s/{spell}/any/path", Scope::Cast),
    ("GET", "/api/spells/{spell}/versions/1.0.0/export", Scope::Read),
    ("GET", "/api/v1/casts", Scope::Read),
    ("GET", "/api/v1/casts/{cast}", Scope::Read),
    ("GET", "/api/v1/casts/{cast}/events", Scope::Read),
    ("POST", "/api/v1/casts/{cast}/cancel", Scope::Cast),
    ("GET", "/api/v1/spells/{spell}/trends", Scope::Read),
    ("GET", "/api/v1/spells/{spell}/stats", Scope::Read),
    ("GET", "/api/v1/spells/{spell}/thresholds", Scope::Read),
    ("GET", "/api/v1/executions?spell={spell}", Scope::Read),
    ("GET", "/api/v1/stats/engines", Scope::Read),
    ("GET", "/api/v1/stats/top", Scope::Read),
    ("GET", "/api/v1/casts/{cast}/logs", Scope::Read),
    ("POST", "/api/keys", Scope::Admin),
    ("GET", "/api/keys", Scope::Admin),
    ("DELETE", "/api/keys/{key}", Scope::Admin),
    ("GET", "/api/budget", Scope::Read),
    ("PATCH", "/api/budget", Scope::Admin),
    ("POST", "/api/v1/estimate", Scope::Cast),
    ("DELETE", "/api/spells/{spell}", Scope::Upload),
];

const NO_CREDENTIALS: &str = "Missing or invalid Authorization header";

#[tokio::test]
async fn every_route_needs_its_scope_and_says_nothing_without_a_key() {
    let host = start().await;
    let revoked = host.key("acme", &[Scope::Admin]).await;
    let id = host.platform.principal(&revoked).await.unwrap().unwrap().id;
    host.platform.keys.revoke(None, &id, std::time::SystemTime::now()).await.unwrap();
    let unknown = format!("sk_{}", "0".repeat(64));
    for (method, path, scope) in ROUTES {
        let head = |headers: &str| format!("{method} {path} HTTP/1.1{headers}").replace(['{', '}'], "");
        let bearer = |key: &str| format!("\r\nAuthorization: Bearer {key}");
        let basic = format!("\r\nAuthorization: Basic {}", host.admin);
        for malformed in ["", &basic, "\r\nAuthorization: Bearer", &bearer("x"), &bearer(&host.admin).repeat(2)] {
            host.raw(&head(malformed), b"").await.refuses(401, "no-credentials", NO_CREDENTIALS);
        }
        for worthless in [&unknown, &revoked] {
            host.raw(&head(&bearer(worthless)), b"").await.refuses(401, "unknown-key", "Invalid or inactive API key");
        }
        for other in Scope::ALL {
            let key = host.key("acme", &[other]).await;
            let answer = host.raw(&head(&bearer(&key)), b"").await;
            if other == scope || other == Scope::Admin {
                assert!(!matches!(answer.status, 401 | 403), "{method} {path} with {other:?}: {answer:?}");
            } else {
                answer.refuses(403, "scope-missing", &format!("`{}`", scope.name()));
            }
        }
        let lower_case = format!("\r\nauthorization: bearer {}", host.admin);
        assert_ne!(host.raw(&head(&lower_case), b"").await.status, 401);
    }
}

#[tokio::test]
async fn what_is_anothers_looks_exactly_like_what_is_not_there() {
    let host = start().await;
    let spell = host.spell("mine").await;
    let cast = host.cast("k", &json!({ "spell_key": "mine" })).await.json()["cast_id"].clone();
    let module = host.ask("GET", "/api/spells/upload-wasm?spellId=mine", None).await.json()["modules"][0]["id"].clone();
    let key = host.ask("GET", "/api/keys", None).await.json()["keys"][0]["id"].clone();
    let other = host.key("other", &[Scope::Admin]).await;
    for (method, path, scope) in ROUTES.into_iter().filter(|(_, path, _)| path.contains('{')) {
        for own in ["mine", &spell] {
            let filled = |spell: &str, module: &str, cast: &str, key: &str| {
                path.replace("{spell}", spell).replace("{module}", module).replace("{cast}", cast).replace("{key}", key)
            };
            let foreign = filled(own, module.as_str().unwrap(), cast.as_str().unwrap(), key.as_str().unwrap());
            let body = (method == "PATCH").then(|| json!({}));
            let foreign = host.ask_as(&other, method, &foreign, body.clone()).await;
            let absent = host.ask_as(&other, method, &filled("none", "mod_0", "cast_0", "key_0"), body).await;
            assert_eq!((foreign.status, &foreign.body), (404, &absent.body), "{method} {path} ({scope:?})");
        }
    }
    let fields = |spell: &'static str| form(&[("spellId", spell.as_bytes()), ("version", b"2.0.0"), ("wasmFile", &program(0))]);
    let head =
        format!("POST /api/spells/upload-wasm HTTP/1.1\r\nAuthorization: Bearer {other}\r\nContent-Type: multipart/form-data; boundary=b0");
    assert_eq!(host.raw(&head, &fields("mine")).await.body, host.raw(&head, &fields("none")).await.body);
    let head = format!("POST /api/v1/cast HTTP/1.1\r\nAuthorization: Bearer {other}\r\nIdempotency-Key: k");
    let foreign = host.raw(&head, br#"{"spell_key":"mine"}"#).await;
    foreign.refuses(404, "spell-not-found", "Spell not found");
    assert_eq!(foreign.body, host.raw(&head, br#"{"spell_key":"none"}"#).await.body, "the key of another tenant stands for nothing");
    for (list, field) in [("/api/spells", "spells"), ("/api/v1/casts", "casts")] {
        assert_eq!(host.ask_as(&other, "GET", list, None).await.json()[field], json!([]));
    }
    assert_eq!(host.ask_as(&other, "GET", "/api/keys", None).await.json()["keys"].as_array().unwrap().len(), 1);
}
