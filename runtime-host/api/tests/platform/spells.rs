//! Spells, and keys, as their clients make and change them.

use crate::client::start;
use serde_json::{Value, json};
use spell_cast::RegistryError;

#[tokio::test]
async fn a_spell_is_made_shown_changed_and_deleted() {
    let host = start().await;
    let asked = json!({
        "key": "hello", "name": "Hello", "description": "greets", "executionEngine": "wasm", "active": true,
        "resourceLimits": { "maxMemoryMB": 64, "maxExecutionTimeMs": 5000 }, "limits": { "fuel": 1000 },
    });
    let made = host.ask("POST", "/api/spells", Some(asked)).await;
    assert_eq!((made.status, made.header("location")), (201, Some("/api/spells/hello")), "{made:?}");
    assert_eq!((made.header("cache-control"), made.header("x-content-type-options")), (Some("no-store"), Some("nosniff")));
    assert_eq!(made.header("content-type"), Some("application/json"));
    let spell = made.json();
    assert_eq!(spell["resourceLimits"], json!({ "maxMemoryMB": 64, "maxExecutionTimeMs": 5000, "maxOutputSizeBytes": 100 << 20 }));
    assert_eq!(spell["limits"], json!({ "memory": 64 << 20, "time": 5000, "fuel": 1000 }));
    assert_eq!((&spell["activeVersion"], &spell["executionEngine"], &spell["active"]), (&Value::Null, &json!("wasm"), &json!(true)));
    let at = spell["createdAt"].as_str().unwrap();
    assert!(at.len() == "2026-01-01T00:00:00.000Z".len() && at.ends_with('Z'), "{at}");
    for name in ["hello", spell["id"].as_str().unwrap()] {
        assert_eq!(host.ask("GET", &format!("/api/spells/{name}"), None).await.json(), spell);
    }
    let change = json!({ "name": "Hi", "active": false, "limits": { "fuel": null, "memory": 1 << 20 } });
    let changed = host.ask("PATCH", "/api/spells/hello", Some(change)).await.json();
    assert_eq!((&changed["name"], &changed["description"], &changed["active"]), (&json!("Hi"), &json!("greets"), &json!(false)));
    assert_eq!(changed["limits"], json!({ "memory": 1 << 20, "time": 5000 }));
    let deleted = host.ask("DELETE", "/api/spells/hello", None).await;
    assert!(deleted.status == 204 && deleted.body.is_empty());
    host.ask("GET", "/api/spells/hello", None).await.refuses(404, "spell-not-found", "Spell not found");
}

#[tokio::test]
async fn what_a_spell_cannot_be_is_refused_with_the_reason() {
    let host = start().await;
    let spell = |more: Value| {
        let mut spell = json!({ "key": "a", "name": "A" });
        spell.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spell
    };
    for (more, code, detail) in [
        (json!({ "key": "A" }), "invalid", "key: a name has small letters"),
        (json!({ "key": "upload-wasm" }), "invalid", "is a path of this API"),
        (json!({ "key": 1 }), "invalid", "expected a string"),
        (json!({ "name": "" }), "invalid", "name must have between 1 and 200 characters"),
        (json!({ "name": "a\u{1b}[31m" }), "invalid", "control characters"),
        (json!({ "description": "x".repeat(4_001) }), "invalid", "description must have between 0 and 4000"),
        (json!({ "executionEngine": "python" }), "invalid", "executionEngine must be one of: wasm, github_actions, hybrid"),
        (json!({ "colour": "red" }), "invalid", "unknown field `colour`"),
        (json!({ "network": ["example.com"] }), "reach-refused", "network: \"example.com\": write <scheme>://<host>"),
        (json!({ "network": "https://example.com" }), "invalid", "expected a sequence"),
        (json!({ "environment": { "API_KEY": "x" } }), "reach-refused", "\"API_KEY\" is refused: its name looks like that of a secret"),
        (json!({ "inputSchema": { "type": 7 } }), "schema-refused", "inputSchema: /type: "),
        (json!({ "outputSchema": { "$ref": "#" } }), "schema-refused", "outputSchema: \"$ref\": \"#\" leads back to itself"),
        (json!({ "resourceLimits": { "maxMemoryMB": 0 } }), "invalid", "maxMemoryMB must be between 1 and 4096"),
        (json!({ "resourceLimits": { "maxMemoryMB": 4097 } }), "invalid", "maxMemoryMB must be between 1 and 4096"),
        (json!({ "resourceLimits": { "maxMemoryMB": 1.5 } }), "invalid", "maxMemoryMB must be between 1 and 4096"),
        (
            json!({ "resourceLimits": { "maxExecutionTimeMs": 99 } }),
            "invalid",
            "maxExecutionTimeMs must be between 100 and 600000 (10 minutes)",
        ),
        (json!({ "resourceLimits": { "maxOutputSizeBytes": -1 } }), "invalid", "maxOutputSizeBytes must be between 1KB and 1GB"),
        (json!({ "resourceLimits": { "maxCpu": 1 } }), "invalid", "unknown field `maxCpu`"),
        (json!({ "resourceLimits": { "maxMemoryMB": 1 }, "limits": { "memory": 1 } }), "invalid", "say it once"),
        (json!({ "limits": { "memroy": 1 } }), "invalid", "unknown field `memroy`"),
        (json!({ "limits": { "fuel": 0.5 } }), "invalid", "limits.fuel must be a whole number"),
        (json!({ "resourceLimits": { "maxMemoryMB": 4096 } }), "ceiling-exceeded", "the operator's ceiling is 2GiB"),
    ] {
        host.ask("POST", "/api/spells", Some(spell(more))).await.refuses(422, code, detail);
    }
    assert_eq!(host.ask("POST", "/api/spells", Some(spell(json!({})))).await.status, 201);
    host.ask("POST", "/api/spells", Some(spell(json!({})))).await.refuses(409, "spell-key-taken", "key a already");
    host.ask("PATCH", "/api/spells/a", Some(json!({ "key": "b" }))).await.refuses(422, "invalid", "unknown field `key`");
    let ceiling = json!({ "limits": { "memory": 3u64 << 30 } });
    host.ask("PATCH", "/api/spells/a", Some(ceiling)).await.refuses(422, "ceiling-exceeded", "ceiling");
}

#[tokio::test]
async fn spells_are_listed_in_pages() {
    let host = start().await;
    for key in ["c", "a", "b"] {
        assert_eq!(host.ask("POST", "/api/spells", Some(json!({ "key": key, "name": key }))).await.status, 201);
    }
    let keys =
        |page: &Value| page["spells"].as_array().unwrap().iter().map(|spell| spell["key"].as_str().unwrap().to_owned()).collect::<String>();
    let first = host.ask("GET", "/api/spells?limit=2", None).await.json();
    assert_eq!((keys(&first).as_str(), &first["nextCursor"]), ("ab", &json!("b")));
    let last = host.ask("GET", "/api/spells?limit=2&cursor=b", None).await.json();
    assert_eq!((keys(&last).as_str(), &last["nextCursor"]), ("c", &Value::Null));
    for (query, status, code) in
        [("limit=0", 422, "invalid"), ("limit=101", 422, "invalid"), ("limit=x", 400, "bad-request"), ("page=1", 400, "bad-request")]
    {
        host.ask("GET", &format!("/api/spells?{query}"), None).await.refuses(status, code, "");
    }
}

#[tokio::test]
async fn what_the_registry_says_has_a_status() {
    let host = start().await;
    let digest = spell_cast::digest_of(b"");
    for (says, status, code) in [
        (RegistryError::Full, 507, "storage-full"),
        (RegistryError::Unavailable, 503, "unavailable"),
        (RegistryError::Corrupt(digest), 500, "module-corrupt"),
        (RegistryError::NoModule, 404, "module-not-found"),
    ] {
        let text = says.to_string();
        *host.memory.registry_says.lock().unwrap() = Some(says);
        host.ask("GET", "/api/spells/a", None).await.refuses(status, code, &text);
    }
}

#[tokio::test]
async fn a_key_is_told_once_and_worth_nothing_once_it_is_revoked() {
    let host = start().await;
    let made = host.ask("POST", "/api/keys", Some(json!({ "name": "ci", "scopes": ["read", "cast", "read"] }))).await;
    let key = made.json();
    let secret = key["key"].as_str().unwrap();
    assert_eq!((made.status, &key["scopes"], &key["prefix"]), (201, &json!(["read", "cast"]), &json!(secret[..11])));
    assert_eq!(host.ask_as(secret, "GET", "/api/spells", None).await.status, 200);
    let listed = host.ask("GET", "/api/keys", None).await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(secret) && listed.json()["keys"].as_array().unwrap().len() == 2);
    let path = format!("/api/keys/{}", key["id"].as_str().unwrap());
    assert_eq!(host.ask("DELETE", &path, None).await.status, 204);
    host.ask_as(secret, "GET", "/api/spells", None).await.refuses(401, "unknown-key", "Invalid or inactive API key");
    host.ask("DELETE", "/api/keys/key_0", None).await.refuses(404, "key-not-found", "API key not found");
    for (body, detail) in [
        (json!({ "name": "x", "scopes": [] }), "scopes must be one or more of: read, cast, upload, admin"),
        (json!({ "name": "x", "scopes": ["root"] }), "scopes must be one or more of"),
        (json!({ "name": "", "scopes": ["read"] }), "name must have"),
        (json!({ "name": "x", "scopes": ["read"], "tenant": "other" }), "unknown field `tenant`"),
    ] {
        host.ask("POST", "/api/keys", Some(body)).await.refuses(422, "invalid", detail);
    }
}
