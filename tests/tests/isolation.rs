//! Who gets what: every operation with every kind of credentials, and what one tenant sees of another, which is nothing.
//!
//! It knows how a key is shown. It must never know what an operation does.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::described::{Description, Names, Operation};
use spell_tests::{Answer, NO_RATES, Platform, Request, run, spells_directory};
use std::fs;

const SCOPES: [&str; 4] = ["read", "cast", "upload", "admin"];
/// Ids and names in examples.
const EXAMPLES: [&str; 6] = [
    "spell_0199c5a1b2f300112233445566778899",
    "mod_0199c5a1b2f300112233445566778899",
    "cast_0199c5a1b2f300112233445566778899",
    "key_0199c5a1b2f300112233445566778899",
    "hook_0199c5a1b2f300112233445566778899",
    "shout",
];
/// What nobody has.
const ABSENT: [&str; 6] = [
    "spell_ffffffffffff00112233445566778899",
    "mod_ffffffffffff00112233445566778899",
    "cast_ffffffffffff00112233445566778899",
    "key_ffffffffffff00112233445566778899",
    "hook_ffffffffffff00112233445566778899",
    "nobodys",
];

/// Operations that give a name, instead of looking for what has it.
const NAMING: [&str; 1] = ["createSpell"];

/// A platform on which the tenant of its first key has one of everything.
struct Owned {
    platform: Platform,
    description: Description,
    /// What the examples call these things, and what they are called here.
    names: Names,
    program: Vec<u8>,
}

impl Owned {
    fn start(directory: &tempfile::TempDir) -> Self {
        let platform = Platform::start_under(directory, NO_RATES);
        let program = fs::read(spells_directory().join("assemblyscript-default-processed.wasm")).expect("run `make components`");
        let module = platform.publish("treasure", "1.0.0", &program).json();
        let cast = platform.cast("treasure", &json!("hidden"), "own").json();
        let key = platform.post("/api/keys", &json!({ "name": "own", "scopes": ["read"] })).json();
        let webhook = platform.post("/api/webhooks", &json!({ "url": "https://hidden.example/hook", "spell_key": "treasure" })).json();
        let ids = [&module["spellId"], &module["moduleId"], &cast["cast_id"], &key["id"], &webhook["id"], &json!("treasure")];
        let ids = ids.map(|id| id.as_str().expect("an id").to_owned());
        let names = EXAMPLES.iter().map(|example| (*example).to_owned()).zip(ids).collect();
        Self { description: Description::of(&platform.client), platform, names, program }
    }

    /// The operations that need a key.
    fn guarded(&self) -> Vec<Operation> {
        let guarded: Vec<Operation> = self.description.operations().into_iter().filter(|it| it.scope.is_some()).collect();
        assert!(guarded.len() >= 33, "{} operations", guarded.len());
        guarded
    }

    /// A new key of a tenant.
    fn key(&self, tenant: &str, scope: &str) -> String {
        let state_dir = self.platform.state_dir().to_string_lossy().into_owned();
        let made = run(&["keys", "create", "--tenant", tenant, "--scope", scope, "--state-dir", &state_dir]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        made.stdout.trim().to_owned()
    }

    /// The first example of an operation, without credentials.
    fn request(&self, operation: &Operation, names: &Names) -> Request {
        let requests = operation.requests(&self.platform.client, names, false, &self.program);
        requests.into_iter().next().expect("an example")
    }

    fn ask(&self, operation: &Operation, names: &Names, key: &str) -> Answer {
        self.request(operation, names).header("authorization", &format!("Bearer {key}")).send()
    }

    /// All that the first tenant has.
    fn everything(&self) -> Vec<Value> {
        let (spell, module) = ("/api/spells/treasure", "/api/spells/upload-wasm?spellId=treasure");
        let lists = ["/api/spells", spell, module, "/api/v1/casts", "/api/keys", "/api/webhooks", "/api/budget"];
        lists.map(|path| self.platform.get(path).json()).to_vec()
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

fn refuses(answer: &Answer, status: u16, code: &str, place: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{place}: {}", answer.text());
}

#[test]
fn an_operation_wants_one_good_key_with_its_scope() {
    let directory = directory();
    let owned = Owned::start(&directory);
    let before = owned.everything();
    let keys = SCOPES.map(|scope| (scope, owned.key("acme", scope)));
    let revoked = owned.key("acme", "admin");
    let state_dir = owned.platform.state_dir().to_string_lossy().into_owned();
    let listed: Value =
        serde_json::from_str(&run(&["keys", "list", "--tenant", "acme", "--json", "--state-dir", &state_dir]).stdout).expect("JSON");
    let id = listed.as_array().into_iter().flatten().find(|key| revoked.starts_with(key["prefix"].as_str().unwrap_or("?")));
    assert_eq!(run(&["keys", "revoke", id.expect("the key")["id"].as_str().expect("an id"), "--state-dir", &state_dir]).code, Some(0));
    let unknown = format!("sk_{}", "0".repeat(64));
    let good = &owned.platform.key;
    let malformed: [&[String]; 6] = [
        &[],
        &["Bearer".to_owned()],
        &[format!("Basic {good}")],
        std::slice::from_ref(good),
        &[format!("Bearer {good} {good}")],
        &[format!("Bearer {good}"), format!("Bearer {good}")],
    ];
    for operation in owned.guarded() {
        let place = &operation.id;
        for values in malformed {
            let request = owned.request(&operation, &owned.names);
            let answer = values.iter().fold(request, |request, value| request.header("authorization", value)).send();
            refuses(&answer, 401, "no-credentials", place);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{place}");
        }
        for worthless in [&unknown, &revoked] {
            refuses(&owned.ask(&operation, &owned.names, worthless), 401, "unknown-key", place);
        }
        for (scope, key) in &keys {
            if *scope != "admin" && operation.scope.as_deref() != Some(*scope) {
                refuses(&owned.ask(&operation, &owned.names, key), 403, "scope-missing", &format!("{place} with {scope}"));
            }
        }
    }
    assert_eq!(owned.everything(), before, "what was refused has changed something");
}

#[test]
fn a_key_with_the_scope_of_an_operation_is_enough_for_it() {
    let directory = directory();
    let owned = Owned::start(&directory);
    let keys = SCOPES.map(|scope| (scope, owned.key("acme", scope)));
    for operation in owned.guarded() {
        for (scope, key) in keys.iter().filter(|(scope, _)| *scope == "admin" || operation.scope.as_deref() == Some(*scope)) {
            let answer = owned.ask(&operation, &owned.names, key);
            let is_served = (200..500).contains(&answer.status) && !matches!(answer.status, 401 | 403 | 405);
            assert!(is_served, "{} with {scope}: {} {}", operation.id, answer.status, answer.text());
        }
    }
}

#[test]
fn what_is_anothers_is_answered_as_what_never_was() {
    let directory = directory();
    let owned = Owned::start(&directory);
    let before = owned.everything();
    let absent: Names = EXAMPLES.iter().zip(ABSENT).map(|(example, name)| ((*example).to_owned(), name.to_owned())).collect();
    // A client that sent a name may see it again.
    let unnamed = |answer: &Answer, names: &Names| names.iter().fold(answer.text(), |text, (example, name)| text.replace(name, example));
    for (number, operation) in owned.guarded().iter().enumerate() {
        let key = owned.key(&format!("other-{number}"), "admin");
        // By their ids, and, where a spell can be meant by its key, by that.
        let by_id: Names = owned
            .names
            .iter()
            .map(|(example, name)| {
                let id = &owned.names[0].1;
                (example.clone(), if example == "shout" { id.clone() } else { name.clone() })
            })
            .collect();
        let sent = |names: &Names| format!("{:?}", owned.request(operation, names));
        let is_about = sent(&owned.names) != sent(&absent) && !NAMING.contains(&operation.id.as_str());
        for names in [Some(&owned.names), Some(&by_id).filter(|_| is_about)].into_iter().flatten() {
            let foreign = owned.ask(operation, names, &key);
            if is_about {
                let never = owned.ask(operation, &absent, &key);
                assert_eq!((foreign.status, never.status), (404, 404), "{}: {} and {}", operation.id, foreign.text(), never.text());
                assert_eq!(unnamed(&foreign, names), unnamed(&never, &absent), "{}", operation.id);
                continue;
            }
            // Its own view has nothing of the other's, whatever it is.
            for (example, name) in owned.names.iter().filter(|(example, _)| *example != "shout") {
                assert!(!foreign.text().contains(name.as_str()), "{} shows {example}: {}", operation.id, foreign.text());
            }
        }
    }
    assert_eq!(owned.everything(), before, "another tenant has changed something");
}

#[test]
fn a_cursor_of_another_tenant_leads_nowhere_else_than_one_that_never_was() {
    let directory = directory();
    let owned = Owned::start(&directory);
    let key = owned.key("other", "admin");
    let ask = |method: &str, path: &str, body: Option<Value>| {
        let request = owned.platform.client.request(method, path).header("authorization", &format!("Bearer {key}"));
        match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()).send(),
            None => request.send(),
        }
    };
    for spell in ["aaa", "zzz"] {
        assert_eq!(ask("POST", "/api/spells", Some(json!({ "key": spell, "name": spell }))).status, 201);
    }
    // Both stand at the same place of the order, so the pages after them are the same.
    let (foreign, never) = ("treasure", "treasurf");
    let page = |cursor: &str| ask("GET", &format!("/api/spells?cursor={cursor}"), None);
    assert_eq!((page(foreign).status, page(foreign).body), (200, page(never).body));
    let cast = &owned.names[2].1;
    let never = format!("{}{}", &cast[..cast.len() - 1], if cast.ends_with('0') { '1' } else { '0' });
    let page = |cursor: &str| ask("GET", &format!("/api/v1/casts?cursor={cursor}"), None);
    assert_eq!((page(cast).status, page(cast).body), (page(&never).status, page(&never).body));
}

#[test]
fn nothing_in_a_request_names_a_tenant_but_its_key() {
    let directory = directory();
    let owned = Owned::start(&directory);
    let key = owned.key("other", "admin");
    let post = |path: &str, body: Value| {
        let request = owned.platform.client.request("POST", path).header("authorization", &format!("Bearer {key}"));
        request.header("content-type", "application/json").header("idempotency-key", "own").body(body.to_string()).send()
    };
    for member in ["tenant", "tenant_id", "tenantId", "owner", "id"] {
        let spell = post("/api/spells", json!({ "key": "mine", "name": "Mine", member: "default" }));
        let made = post("/api/keys", json!({ "name": "mine", "scopes": ["read"], member: "default" }));
        let cast = post("/api/v1/cast", json!({ "spell_key": "treasure", member: "default" }));
        for answer in [spell, made, cast] {
            assert_eq!(answer.status, 422, "{member}: {}", answer.text());
        }
    }
    for header in ["x-tenant", "x-tenant-id", "x-api-key", "x-forwarded-user"] {
        let request = owned.platform.client.request("GET", "/api/spells").header("authorization", &format!("Bearer {key}"));
        let answer = request.header(header, &owned.platform.key).send();
        assert_eq!((answer.status, &answer.json()["spells"]), (200, &json!([])), "{header}");
    }
    // The same idempotency key stands for another tenant's cast, or for none.
    let foreign = post("/api/v1/cast", json!({ "spell_key": "treasure", "input": "hidden" }));
    refuses(&foreign, 404, "spell-not-found", "cast");
}

#[test]
fn there_is_one_way_to_show_a_key() {
    let directory = directory();
    let owned = Owned::start(&directory);
    let good = &owned.platform.key;
    let status = |value: &str| owned.platform.client.request("GET", "/api/spells").header("authorization", value).send().status;
    for (value, expected) in [
        (format!("Bearer {good}"), 200),
        (format!("bearer {good}"), 200),
        // HTTP takes spaces around a value for nothing.
        (format!("  Bearer {good}  "), 200),
        (format!("Bearer  {good}"), 401),
        (format!("Bearer\t{good}"), 401),
        (format!("Bearer {good},Bearer {good}"), 401),
        (format!("Bearer {}", good.to_uppercase()), 401),
        (format!("Bearer {}", &good[..good.len() - 1]), 401),
        (format!("Bearer {good}0"), 401),
        ("Bearer sk_\u{e9}".to_owned(), 401),
        (format!("Bearer {good}\0"), 400),
        (format!("Bearer sk_{}", "0".repeat(1 << 20)), 431),
    ] {
        assert_eq!(status(&value), expected, "{:?}", value.chars().take(40).collect::<String>());
    }
    let in_query = owned.platform.client.get(&format!("/api/spells?key={good}"));
    refuses(&in_query, 401, "no-credentials", "a key in the query");
}
