//! The platform from outside: programs are uploaded and cast, keys open what they should, and nothing is cast twice.
//!
//! It knows the API by the byte. It must never know where anything is kept.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Platform, run, slow, spells_directory, wait_until};
use std::fs;
use std::thread;
use std::time::Duration;

/// Writes `Processed: ` before what it is given.
fn processed() -> Vec<u8> {
    fs::read(spells_directory().join("assemblyscript-default-processed.wasm")).expect("run `make components`")
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

#[test]
fn a_program_is_uploaded_cast_paid_for_and_recorded() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let uploaded = platform.publish("shout", "1.0.0", &processed());
    assert_eq!(uploaded.status, 201, "{}", uploaded.text());
    assert_eq!(uploaded.json()["message"], "WASM module uploaded successfully");
    let answer = platform.cast("shout", &json!("Hello WASM!"), "one");
    assert_eq!(answer.status, 201, "{}", answer.text());
    let cast = answer.json();
    for (name, expected) in [
        ("spell_key", json!("shout")),
        ("status", json!("completed")),
        ("cost_cents", json!(1)),
        ("output", json!("Processed: Hello WASM!")),
    ] {
        assert_eq!(cast[name], expected, "{name}: {cast}");
    }
    let recorded = platform.get(&format!("/api/v1/casts/{}", cast["cast_id"].as_str().expect("an id")));
    assert_eq!((recorded.status, &recorded.json()["output"]), (200, &cast["output"]));
    let trends = platform.get("/api/v1/spells/shout/trends?days=30").json();
    assert_eq!((&trends["trends"][0]["executions"], &trends["trends"][0]["totalCostCents"]), (&json!(1), &json!(1)), "{trends}");
}

#[test]
fn the_same_key_and_request_is_answered_the_same_and_cast_once_also_after_the_host_was_killed() {
    let directory = directory();
    let mut platform = Platform::start(&directory);
    assert_eq!(platform.publish("shout", "1.0.0", &processed()).status, 201);
    let first = platform.cast("shout", &json!("a"), "once");
    for round in 0..2 {
        let again = platform.cast("shout", &json!("a"), "once");
        assert_eq!((again.status, &again.body), (first.status, &first.body), "round {round}");
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        let other = platform.cast("shout", &json!("b"), "once");
        assert_eq!(other.status, 422, "{}", other.text());
        platform = platform.killed_and_started();
    }
    assert_eq!(platform.get("/api/v1/casts").json()["casts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_cast_that_ended_with_its_host_is_never_run_again() {
    let directory = directory();
    let platform = Platform::start(&directory);
    // It runs for as long as this takes.
    let made = platform.post("/api/spells", &json!({ "key": "slow", "name": "Slow", "limits": { "fuel": u64::MAX / 2 } }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(platform.upload("slow", "1.0.0", &slow(u64::MAX)).status, 201);
    let pending = platform.begin_cast("slow", &json!("a"), "lost").begin();
    wait_until("the cast to run", || {
        let casts = platform.get("/api/v1/casts").json();
        casts["casts"][0]["status"] == "running"
    });
    let meanwhile = platform.cast("slow", &json!("a"), "lost");
    assert_eq!(meanwhile.status, 409, "{}", meanwhile.text());
    drop(pending);
    let platform = platform.killed_and_started();
    let after = platform.cast("slow", &json!("a"), "lost");
    assert_eq!((after.status, &after.json()["code"]), (409, &json!("cast-indeterminate")), "{}", after.text());
    assert_eq!(platform.get("/api/v1/casts").json()["casts"][0]["status"], "indeterminate");
}

/// A platform with one place to run, which a cast has; and the cast's id.
fn occupied(directory: &tempfile::TempDir, queue_time: &str) -> (Platform, String) {
    let platform = Platform::start_under(directory, &format!("[cast]\nconcurrency = 1\nqueue_time = \"{queue_time}\"\n"));
    let made = platform.post("/api/spells", &json!({ "key": "slow", "name": "Slow", "limits": { "fuel": u64::MAX / 2 } }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(platform.upload("slow", "1.0.0", &slow(u64::MAX)).status, 201);
    let cast = json!({ "spell_key": "slow", "input": "a" }).to_string();
    let request = platform.request("POST", "/api/v1/cast").header("idempotency-key", "one").header("prefer", "respond-async");
    let begun = request.header("content-type", "application/json").body(cast).send();
    assert_eq!(begun.status, 202, "{}", begun.text());
    (platform, begun.json()["cast_id"].as_str().expect("an id").to_owned())
}

#[test]
fn an_upload_that_finds_no_place_to_be_tried_is_told_so_and_takes_none_from_a_cast() {
    let directory = directory();
    let (platform, id) = occupied(&directory, "100ms");
    wait_until("the place to be taken", || platform.publish("shout", "1.0.0", &processed()).status == 503);
    assert_eq!(platform.get(&format!("/api/v1/casts/{id}")).json()["status"], "running");
}

#[test]
fn an_upload_waits_for_a_place_to_be_tried() {
    let directory = directory();
    let (platform, id) = occupied(&directory, "30s");
    assert_eq!(platform.post("/api/spells", &json!({ "key": "shout", "name": "Shout" })).status, 201);
    let uploaded = thread::scope(|scope| {
        let uploading = scope.spawn(|| platform.upload("shout", "1.0.0", &processed()));
        // Long enough for the upload to come to the place while it is taken.
        thread::sleep(Duration::from_millis(500));
        assert_eq!(platform.post(&format!("/api/v1/casts/{id}/cancel"), &json!({})).status, 200);
        uploading.join().expect("an answer")
    });
    assert_eq!(uploaded.status, 201, "{}", uploaded.text());
}

#[test]
fn a_hundred_clients_with_one_key_cast_once() {
    let directory = directory();
    let platform = Platform::start(&directory);
    assert_eq!(platform.publish("slow", "1.0.0", &slow(20_000_000)).status, 201);
    let answers: Vec<(u16, Vec<u8>)> = thread::scope(|scope| {
        let cast = || platform.cast("slow", &json!("a"), "same");
        let clients: Vec<_> = (0..100).map(|_| scope.spawn(cast)).collect();
        clients.into_iter().map(|client| client.join().expect("an answer")).map(|answer| (answer.status, answer.body)).collect()
    });
    let answered: Vec<&Vec<u8>> = answers.iter().filter(|(status, _)| *status == 201).map(|(_, body)| body).collect();
    assert!(answers.iter().all(|(status, _)| matches!(status, 201 | 409)), "{answers:?}");
    assert!(!answered.is_empty() && answered.iter().all(|body| *body == answered[0]));
    assert_eq!(platform.get("/api/v1/casts").json()["casts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn versions_are_kept_and_the_active_one_is_swapped() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let echo = slow(1);
    for (version, program, status) in [
        ("1.0.0", processed(), 201),
        ("1.0.0", processed(), 201),
        ("1.0.0", echo.clone(), 409),
        ("1.1.0", echo, 201),
        ("not semver", processed(), 422),
        ("2.0.0", b"not a program".to_vec(), 422),
    ] {
        let uploaded = platform.publish("shout", version, &program);
        assert_eq!(uploaded.status, status, "{version}: {}", uploaded.text());
    }
    let output = |key: &str| platform.cast("shout", &json!("x"), key).json()["output"].clone();
    assert_eq!(output("new"), "x");
    assert_eq!(platform.post("/api/spells/shout/rollback", &json!({})).json()["activeVersion"], "1.0.0");
    assert_eq!(output("old"), "Processed: x");
    assert_eq!(platform.post("/api/spells/shout/versions/1.1.0/activate", &json!({})).status, 200);
    let modules = platform.get("/api/spells/upload-wasm?spellId=shout").json();
    let versions: Vec<&Value> = modules["modules"].as_array().expect("modules").iter().map(|module| &module["version"]).collect();
    assert_eq!((versions, &modules["total"]), (vec![&json!("1.1.0"), &json!("1.0.0")], &json!(2)));
    let (active, other) = (modules["modules"][0]["id"].clone(), modules["modules"][1]["id"].clone());
    let delete =
        |id: &Value| platform.request("DELETE", &format!("/api/spells/upload-wasm?moduleId={}", id.as_str().expect("an id"))).send();
    assert_eq!((delete(&active).status, delete(&other).status, delete(&other).status), (409, 200, 404));
}

#[test]
fn limits_of_a_spell_end_its_casts() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let made = platform.post("/api/spells", &json!({ "key": "slow", "name": "Slow", "resourceLimits": { "maxExecutionTimeMs": 200 } }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(platform.upload("slow", "1.0.0", &slow(u64::MAX)).status, 201);
    let answer = platform.cast("slow", &json!("a"), "one");
    assert_eq!((answer.status, &answer.json()["detail"]), (504, &json!("Execution timeout exceeded")), "{}", answer.text());
    let again = platform.cast("slow", &json!("a"), "one");
    assert_eq!((again.status, again.body), (answer.status, answer.body), "a failure is an answer as well");
    assert_eq!(platform.cast("absent", &json!("a"), "two").status, 404);
}

#[test]
fn the_command_line_makes_keys_pushes_casts_and_lists() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let state_dir = platform.state_dir().to_string_lossy().into_owned();
    let made =
        run(&["keys", "create", "--tenant", "acme", "--scope", "upload", "--scope", "cast", "--scope", "read", "--state-dir", &state_dir]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let key = made.stdout.trim().to_owned();
    let server = format!("http://{}", platform.client.address);
    let spell = |arguments: &[&str]| {
        let ended = run(&[arguments, &["--server", &server, "--key", &key]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    };
    let program = directory.path().join("shout.wasm");
    fs::write(&program, processed()).expect("write");
    let program = program.to_string_lossy().into_owned();
    assert!(spell(&["push", &program]).starts_with("shout 1.0.0 (assemblyscript) sha256 "));
    spell(&["push", &program, "--version", "1.1.0"]);
    assert_eq!(spell(&["cast", "shout", "--input", "hi"]), "Processed: hi\n");
    let answer: Value = serde_json::from_str(&spell(&["cast", "shout", "--input", "hi", "--json"])).expect("JSON");
    assert_eq!((&answer["version"], &answer["cost_cents"]), (&json!("1.1.0"), &json!(1)));
    assert!(spell(&["ls"]).contains("shout") && spell(&["versions", "shout"]).contains("1.1.0"));
    assert_eq!(spell(&["rollback", "shout"]), "shout 1.0.0\n");
    let of_other = run(&["ls", "--server", &server, "--key", &platform.key, "--json"]);
    assert_eq!(of_other.stdout.trim(), "[]", "tenants do not see each other's spells");
    spell(&["rm", "shout"]);
    assert_eq!(spell(&["ls", "--json"]).trim(), "[]");
    let listed = run(&["keys", "list", "--tenant", "acme", "--json", "--state-dir", &state_dir]).stdout;
    assert!(!listed.contains(&key) && listed.contains(&key[..11]), "{listed}");
    let keys: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(run(&["keys", "revoke", keys[0]["id"].as_str().expect("an id"), "--state-dir", &state_dir]).code, Some(0));
    let refused = run(&["ls", "--server", &server, "--key", &key]);
    assert!(refused.code == Some(1) && refused.stderr.contains("Invalid or inactive API key [401]"), "{}", refused.stderr);
}
