//! Casts on GitHub's runners: dispatched once, followed to their end, answered with an artifact, and honest where nobody can say.
//!
//! It knows the platform's API and a GitHub that misbehaves. It must never know how either is made.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{APP_TOKEN, Answer, FakeGitHub, Fault, GITHUB_TOKEN, Platform, secret, signature, wait_until};
use std::time::Duration;
use tempfile::TempDir;

struct Setup {
    github: FakeGitHub,
    platform: Platform,
    directory: TempDir,
}

const SECOND_LIMIT: Fault = Fault::Answer(403, Vec::new(), "You have exceeded a secondary rate limit");

/// A platform with the spell `flow`, which is the workflow `spell.yml` of `acme/spells`.
fn setup() -> Setup {
    setup_with("")
}

fn setup_with(more: &str) -> Setup {
    let (github, directory) = (FakeGitHub::start(), tempfile::tempdir().expect("directory"));
    let operator = github.operator(directory.path(), more);
    let platform = Platform::start_under(&directory, &operator);
    let setup = Setup { github, platform, directory };
    // The runs of the fake take ten minutes.
    let made = setup.make("flow", "github_actions", &json!({ "resourceLimits": { "maxExecutionTimeMs": 600_000 } }));
    assert_eq!(made.status, 201, "{}", made.text());
    setup
}

impl Setup {
    fn make(&self, key: &str, engine: &str, more: &Value) -> Answer {
        let mut spell = json!({ "key": key, "name": key, "executionEngine": engine, "workflow": workflow("acme/spells") });
        for (name, value) in more.as_object().expect("an object") {
            spell[name] = value.clone();
        }
        self.platform.post("/api/spells", &spell)
    }

    fn cast(&self, key: &str) -> Answer {
        self.platform.cast("flow", &json!("hello"), key)
    }

    /// Begins a cast that nobody waits for, and tells its id.
    fn begin(&self, key: &str) -> String {
        let begun = self.platform.begin_cast("flow", &json!("hello"), key).header("prefer", "respond-async").send();
        assert_eq!(begun.status, 202, "{}", begun.text());
        begun.json()["cast_id"].as_str().expect("an id").to_owned()
    }

    fn shown(&self, id: &str) -> Value {
        self.platform.get(&format!("/api/v1/casts/{id}")).json()
    }

    fn dispatches(&self) -> usize {
        self.github.seen("/dispatches").len()
    }
}

fn workflow(repository: &str) -> Value {
    json!({ "repository": repository, "file": "spell.yml", "ref": "main" })
}

fn succeeded(answer: &Answer) {
    let said = answer.json();
    assert_eq!((answer.status, &said["output"]), (201, &json!("Cast by a workflow: hello")), "{said}");
}

/// What a refusal or a failure has as its code, and as the reason of a cast.
fn code(answer: &Answer) -> (u16, String, String) {
    let said = answer.json();
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("code"), text("reason"))
}

#[test]
fn a_cast_runs_as_a_workflow_and_is_recorded_with_its_run() {
    let setup = setup();
    setup.github.behave(|github| github.asked_before_end = 3);
    let answer = setup.cast("one");
    succeeded(&answer);
    let cast = answer.json();
    let (id, _) = setup.github.runs()[0];
    for (name, expected) in [
        ("engine", json!("github_actions")),
        ("engine_reason", json!("Spell configured for GitHub Actions execution")),
        ("cost_cents", json!(8)),
        ("version", json!(null)),
        ("status", json!("completed")),
    ] {
        assert_eq!(cast[name], expected, "{name}: {cast}");
    }
    let url = format!("https://github.example/acme/spells/actions/runs/{id}");
    assert_eq!(cast["run"], json!({ "repository": "acme/spells", "file": "spell.yml", "ref": "main", "id": id, "url": url }));
    assert_eq!(setup.shown(cast["cast_id"].as_str().expect("an id")), cast);
    let again = setup.cast("one");
    assert_eq!((again.body, setup.dispatches()), (answer.body, 1), "it is answered again and not cast again");
    let sent: Value = serde_json::from_slice(&setup.github.seen("/dispatches")[0].body).expect("json");
    assert_eq!(sent["inputs"], json!({ "cast_id": cast["cast_id"], "spell_key": "flow", "input": "hello" }));
    let polls: Vec<u16> = setup.github.seen(&format!("/runs/{id}")).iter().map(|seen| seen.status).collect();
    assert!(polls.contains(&304), "what has not changed is not sent again: {polls:?}");
    for blob in setup.github.seen("/blob/") {
        assert!(!blob.head.contains("authorization") && !blob.head.contains("ghp_"), "{}", blob.head);
    }
}

#[test]
fn on_an_older_server_the_run_is_found_by_its_name_and_never_by_being_the_newest() {
    for refuses in [None, Some(400), Some(422)] {
        let setup = setup();
        setup.github.begin_another_run();
        setup.github.behave(|github| (github.tells_details, github.refuses_details) = (refuses.is_some(), refuses));
        succeeded(&setup.cast("one"));
        setup.github.begin_another_run();
        succeeded(&setup.cast("two"));
        let asked = |seen: &spell_tests::Seen| String::from_utf8_lossy(&seen.body).contains("return_run_details");
        let asked: Vec<bool> = setup.github.seen("/dispatches").iter().map(asked).collect();
        let expected = if refuses.is_some() { vec![true, false, false] } else { vec![true, true] };
        assert_eq!(asked, expected, "{refuses:?}: what a server does not know is asked once");
        assert_eq!(setup.github.runs().len(), 4);
    }
}

#[test]
fn a_dispatch_without_an_answer_is_looked_for_before_anything_is_sent_again() {
    for (fault, dispatches, runs) in
        [(Fault::DoneInSilence, 1, 1), (Fault::Done(502), 1, 1), (Fault::Answer(502, Vec::new(), "Bad Gateway"), 2, 1)]
    {
        let setup = setup();
        setup.github.fail("dispatch", std::slice::from_ref(&fault));
        succeeded(&setup.cast("one"));
        assert_eq!((setup.dispatches(), setup.github.runs().len()), (dispatches, runs), "{fault:?}");
    }
}

#[test]
fn of_two_runs_for_one_cast_the_first_counts_and_the_other_is_cancelled() {
    let setup = setup();
    setup.github.behave(|github| (github.runs_per_dispatch, github.tells_details) = (2, false));
    let answer = setup.cast("one");
    succeeded(&answer);
    let runs = setup.github.runs();
    assert_eq!((runs[0].1, runs[1].1), (false, true));
    assert_eq!(answer.json()["run"]["id"], json!(runs[0].0));
}

#[test]
fn where_nobody_can_say_the_cast_is_indeterminate_and_not_failed() {
    type Change = fn(&FakeGitHub);
    let ways: [(&str, Change); 5] = [
        ("no answer, and no run", |github| github.fail("dispatch", &[Fault::Silence])),
        ("no answer, and no list", |github| {
            github.fail("dispatch", &[Fault::DoneInSilence]);
            github.behave(|github| github.lists_runs = false);
        }),
        ("a failure, and no list", |github| {
            github.fail("dispatch", &[Fault::Done(502)]);
            github.behave(|github| github.lists_runs = false);
        }),
        ("no name to find it by", |github| {
            github.behave(|github| (github.tells_details, github.names_runs) = (false, false));
        }),
        ("the run is deleted", |github| github.behave(|github| github.runs_are_deleted = true)),
    ];
    for (what, change) in ways {
        let setup = setup();
        change(&setup.github);
        let answer = setup.cast("one");
        assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("cast-indeterminate")), "{what}: {}", answer.text());
        let id = answer.json()["cast_id"].as_str().expect("an id").to_owned();
        let shown = setup.shown(&id);
        assert_eq!((&shown["status"], &shown["cost_cents"]), (&json!("indeterminate"), &json!(null)), "{what}");
        assert_eq!(setup.cast("one").json()["code"], "cast-indeterminate", "{what}");
        assert_eq!(setup.dispatches(), 1, "{what}: it is not sent again");
    }
}

#[test]
fn limits_and_failures_that_pass_are_waited_out() {
    let setup = setup();
    let soon = |status| Fault::Answer(status, vec![("retry-after", "1")], "You have exceeded a secondary rate limit");
    let primary = Fault::Answer(403, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "API rate limit exceeded");
    let broken = Fault::Answer(502, Vec::new(), "Bad Gateway");
    setup.github.fail("dispatch", &[soon(403), soon(429), primary.clone()]);
    setup.github.fail("run", &[broken.clone(), soon(429), primary, Fault::Silence]);
    setup.github.fail("artifacts", &[broken, soon(403)]);
    succeeded(&setup.cast("one"));
    assert_eq!((setup.dispatches(), setup.github.runs().len()), (4, 1));
}

#[test]
fn a_limit_that_lasts_longer_than_the_cast_may_is_told_and_costs_nothing() {
    let setup = setup();
    let changed = json!({ "resourceLimits": { "maxExecutionTimeMs": 2_000 } });
    let request = setup.platform.request("PATCH", "/api/spells/flow").header("content-type", "application/json");
    assert_eq!(request.body(changed.to_string()).send().status, 200);
    setup.github.fail("dispatch", &[SECOND_LIMIT]);
    let answer = setup.cast("one");
    assert_eq!(code(&answer), (503, "cast-busy".into(), "github-limited".into()), "{}", answer.text());
    assert_eq!(answer.json()["cost_cents"], 0);
}

#[test]
fn what_a_workflow_concluded_with_is_told() {
    for (conclusion, expected) in
        [("failure", (502, "cast-trapped")), ("timed_out", (504, "cast-timed-out")), ("cancelled", (409, "cast-cancelled"))]
    {
        let setup = setup();
        setup.github.behave(|github| github.conclusion = conclusion);
        let answer = setup.cast("one");
        let (status, code, reason) = code(&answer);
        assert_eq!((status, code.as_str()), expected, "{}", answer.text());
        assert_eq!(reason, format!("workflow-{}", conclusion.replace('_', "-")));
        let said = answer.json();
        assert_eq!((&said["cost_cents"], said["run"]["id"].is_u64()), (&json!(8), true), "{said}");
        let shown = setup.shown(said["cast_id"].as_str().expect("an id"));
        assert_eq!(shown["message"], json!(format!("Workflow concluded with: {conclusion}")));
    }
}

#[test]
fn what_github_refuses_to_dispatch_fails_at_no_cost() {
    let setup = setup();
    for (status, expected) in
        [(404, "workflow-not-found"), (403, "github-forbidden"), (422, "workflow-refused"), (401, "github-unauthorized")]
    {
        setup.github.fail("dispatch", &[Fault::Answer(status, Vec::new(), "No")]);
        let answer = setup.cast(expected);
        assert_eq!(code(&answer), (500, "cast-failed".into(), expected.into()), "{}", answer.text());
        assert_eq!(answer.json()["cost_cents"], 0);
    }
    assert!(setup.github.runs().is_empty());
}

#[test]
fn a_run_that_takes_too_long_or_is_cancelled_here_is_cancelled_there() {
    let setup = setup();
    let changed = json!({ "resourceLimits": { "maxExecutionTimeMs": 1_500 } }).to_string();
    let request = setup.platform.request("PATCH", "/api/spells/flow").header("content-type", "application/json");
    setup.github.behave(|github| github.asked_before_end = usize::MAX);
    let id = setup.begin("cancelled");
    wait_until("the run to be followed", || setup.shown(&id)["run"]["id"].is_u64());
    assert_eq!(setup.platform.post(&format!("/api/v1/casts/{id}/cancel"), &json!({})).json()["status"], "failed");
    wait_until("the run to be cancelled", || setup.github.runs()[0].1);
    assert_eq!(request.body(changed).send().status, 200);
    let answer = setup.cast("slow");
    assert_eq!((answer.status, &answer.json()["detail"]), (504, &json!("Execution timeout exceeded")), "{}", answer.text());
    assert_eq!((setup.github.runs().len(), setup.github.runs()[1].1), (2, true));
}

#[test]
fn hostile_and_missing_artifacts_fail_the_cast_and_nothing_else() {
    let bomb = vec![("output".to_owned(), vec![0; 32 << 20])];
    let slip = vec![("output".to_owned(), b"x".to_vec()), ("../../spell.db".to_owned(), b"x".to_vec())];
    let setup = setup_with("artifact = \"1MiB\"\n");
    let changed = json!({ "resourceLimits": { "maxOutputSizeBytes": 1 << 20 } }).to_string();
    let request = setup.platform.request("PATCH", "/api/spells/flow").header("content-type", "application/json");
    assert_eq!(request.body(changed).send().status, 200);
    for (what, files, listed, blob_status, expected) in [
        ("bomb", Some(bomb), (None, false), 200, (422, "cast-limit", "response")),
        ("slip", Some(slip), (None, false), 200, (502, "cast-trapped", "bad-artifact")),
        ("other", Some(vec![("else".to_owned(), Vec::new())]), (None, false), 200, (502, "cast-trapped", "bad-artifact")),
        ("expired", None, (None, true), 200, (502, "cast-trapped", "artifact-expired")),
        ("gone", None, (None, false), 410, (502, "cast-trapped", "artifact-expired")),
        ("huge", None, (Some(10 << 30), false), 200, (422, "cast-limit", "artifact")),
    ] {
        setup.github.behave(|github| (github.files, github.listed, github.blob_status) = (files, listed, blob_status));
        let answer = setup.cast(what);
        let (status, code, reason) = code(&answer);
        assert_eq!((status, code.as_str(), reason.as_str()), expected, "{what}: {}", answer.text());
    }
    assert!(setup.github.seen("/zip").len() == 4, "neither what has expired nor what is huge is fetched");
    setup.github.behave(|github| {
        (github.files, github.listed, github.blob_status) =
            (Some(vec![("output.json".into(), b"{\"a\": [1]}".to_vec())]), (None, false), 200);
    });
    assert_eq!(setup.cast("json").json()["output"], json!({ "a": [1] }));
}

#[test]
fn an_app_proves_who_it_is_once_and_again_before_its_token_ends() {
    let (github, directory) = (FakeGitHub::start(), tempfile::tempdir().expect("directory"));
    let operator = github.operator_with_app(directory.path());
    let platform = Platform::start_under(&directory, &operator);
    let setup = Setup { github, platform, directory };
    assert_eq!(setup.make("flow", "github_actions", &json!({})).status, 201);
    for key in ["one", "two"] {
        succeeded(&setup.cast(key));
    }
    assert_eq!(setup.github.seen("/access_tokens").len(), 1, "a token is kept while it lasts");
    // The token is refused: another one is fetched, and nothing is lost.
    setup.github.fail("run", &[Fault::Answer(401, Vec::new(), "Bad credentials")]);
    setup.github.behave(|github| github.token_time_s = 30);
    succeeded(&setup.cast("three"));
    let before = setup.github.seen("/access_tokens").len();
    assert!(before >= 2, "{before}");
    succeeded(&setup.cast("four"));
    assert!(setup.github.seen("/access_tokens").len() > before, "in its last minute a token is not used");
    assert_kept_nowhere(&setup, &[APP_TOKEN, "PRIVATE KEY", "eyJ"]);
}

#[test]
fn secrets_stand_in_no_answer_no_log_and_no_record() {
    let setup = setup();
    let leaky: &'static str = concat!("who shows ", "ghp_0123456789abcdefTOKEN", " may not");
    setup.github.fail("dispatch", &[Fault::Answer(404, Vec::new(), leaky), Fault::Done(502)]);
    setup.github.fail("run", &[Fault::Answer(500, Vec::new(), leaky), Fault::Answer(403, Vec::new(), leaky)]);
    let refused = setup.cast("one");
    assert!(refused.text().contains("who shows … may not"), "{}", refused.text());
    succeeded(&setup.cast("two"));
    assert_kept_nowhere(&setup, &[GITHUB_TOKEN]);
}

/// Looks for secrets in all that the platform prints and keeps.
fn assert_kept_nowhere(setup: &Setup, secrets: &[&str]) {
    let casts = setup.platform.get("/api/v1/casts").body;
    let mut kept = vec![("answers".to_owned(), casts), ("log".to_owned(), setup.platform.printed().into_bytes())];
    for entry in std::fs::read_dir(setup.platform.state_dir()).expect("read").flatten() {
        if entry.path().is_file() {
            kept.push((entry.path().display().to_string(), std::fs::read(entry.path()).expect("read")));
        }
    }
    for secret in secrets {
        for (place, bytes) in &kept {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is in {place}");
        }
    }
    assert!(setup.directory.path().exists());
}

#[test]
fn a_signed_webhook_has_the_run_asked_about_at_once_and_no_other_does_anything() {
    let (github, directory) = (FakeGitHub::start(), tempfile::tempdir().expect("directory"));
    secret(&directory.path().join("hook"), "It's a Secret to Everybody\n");
    let operator = github.operator(directory.path(), "webhook_secret_file = \"hook\"\n");
    let operator =
        operator.replace("poll_interval = \"100ms\"\npoll_interval_max = \"200ms\"", "poll_interval = \"1h\"\npoll_interval_max = \"1h\"");
    let platform = Platform::start_under(&directory, &operator);
    let setup = Setup { github, platform, directory };
    assert_eq!(setup.make("flow", "github_actions", &json!({})).status, 201);
    let cast = setup.begin("one");
    wait_until("the run to be asked about", || {
        setup.github.runs().first().is_some_and(|(id, _)| !setup.github.seen(&format!("/runs/{id}")).is_empty())
    });
    let (id, _) = setup.github.runs()[0];
    let body = json!({ "action": "completed", "workflow_run": { "id": id, "status": "completed", "conclusion": "failure" } }).to_string();
    let deliver = |delivery: &str, signature: &str, body: &str| {
        let request = setup.platform.client.request("POST", "/api/webhooks/github").header("x-github-event", "workflow_run");
        let request = request.header("x-github-delivery", delivery).header("x-hub-signature-256", signature);
        request.header("content-type", "application/json").body(body.to_owned()).send()
    };
    let signed = signature("It's a Secret to Everybody", &body);
    for (delivery, signature, body) in [
        ("a", signature("another secret", &body), body.clone()),
        ("a", String::new(), body.clone()),
        ("a", signed.clone(), body.replace("completed", "requested")),
        ("a", signed[7..].to_owned(), body.clone()),
    ] {
        assert_eq!(code(&deliver(delivery, &signature, &body)).1, "webhook-forged");
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(setup.shown(&cast)["status"], "running", "what is forged wakes nobody");
    assert_eq!(deliver("a", &signed, &body).status, 202);
    let shown = setup.platform.get(&format!("/api/v1/casts/{cast}?wait=30")).json();
    assert_eq!(shown["status"], "completed", "what it says of the end is not believed: {shown}");
    let again = deliver("a", &signed, &body);
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("replayed")));
    assert_eq!(deliver("b", &signature("It's a Secret to Everybody", &"x".repeat(2 << 20)), &"x".repeat(2 << 20)).status, 413);
}

#[test]
fn without_an_operator_who_sets_it_up_no_spell_names_a_workflow_and_no_webhook_is_heard() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start(&directory);
    for engine in ["github_actions", "hybrid", "wasm"] {
        let spell = json!({ "key": "flow", "name": "Flow", "executionEngine": engine, "workflow": workflow("acme/spells") });
        let answer = platform.post("/api/spells", &spell);
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("github-not-set-up")), "{engine}: {}", answer.text());
    }
    assert_eq!(platform.client.request("POST", "/api/webhooks/github").body("{}").send().status, 404);
}

#[test]
fn only_repositories_of_the_operator_are_used_and_only_for_what_they_can_be_handed() {
    let setup = setup();
    for (repository, file, status, expected) in [
        ("acme/other", "spell.yml", 403, "repository-not-allowed"),
        ("acme/..", "spell.yml", 422, "invalid"),
        ("acme/spells", "../x.yml", 422, "invalid"),
        ("acme/spells", "spell.sh", 422, "invalid"),
    ] {
        let more = json!({ "workflow": { "repository": repository, "file": file, "ref": "main" } });
        let answer = setup.make("other", "github_actions", &more);
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(expected)), "{}", answer.text());
    }
    let spell = json!({ "key": "none", "name": "None", "executionEngine": "github_actions" });
    assert!(setup.platform.post("/api/spells", &spell).text().contains("needs a workflow"));
    let large = setup.platform.cast("flow", &json!("x".repeat(65_536)), "large");
    assert_eq!((large.status, &large.json()["code"]), (413, &json!("input-too-large")), "{}", large.text());
    assert!(large.text().contains("65535"), "{}", large.text());
    let bytes = json!({ "spell_key": "flow", "input_base64": "/w==" }).to_string();
    let request = setup.platform.request("POST", "/api/v1/cast").header("content-type", "application/json");
    assert_eq!(request.header("idempotency-key", "bytes").body(bytes).send().status, 422);
    assert!(setup.github.seen("/dispatches").is_empty(), "nothing of this is sent");
}

fn program(body: &str) -> Vec<u8> {
    wat::parse_str(body).expect("a program")
}

/// What breaks, and what says no.
fn traps() -> Vec<u8> {
    program("(module (func (export \"main\") (result i32) unreachable))")
}

fn refuses() -> Vec<u8> {
    program("(module (func (export \"main\") (result i32) (i32.const 3)))")
}

#[test]
fn hybrid_falls_back_on_what_another_engine_could_cure_and_on_nothing_else() {
    let setup = setup();
    let without = setup.make("bare", "hybrid", &json!({}));
    assert_eq!(without.status, 201, "{}", without.text());
    let answer = setup.platform.cast("bare", &json!("hello"), "bare");
    succeeded(&answer);
    assert_eq!(answer.json()["engine_reason"], "Hybrid mode but no WASM module available");
    for (key, engine, more, program, expected) in [
        ("cures", "hybrid", json!({}), traps(), (201, "github_actions")),
        ("listed", "hybrid", json!({ "fallbackOn": ["busy", "trapped"] }), traps(), (201, "github_actions")),
        ("unlisted", "hybrid", json!({ "fallbackOn": ["busy"] }), traps(), (502, "wasm")),
        ("says-no", "hybrid", json!({}), refuses(), (422, "wasm")),
        ("plain", "wasm", json!({}), traps(), (502, "wasm")),
    ] {
        assert_eq!(setup.make(key, engine, &more).status, 201, "{key}");
        assert_eq!(setup.platform.upload(key, "1.0.0", &program).status, 201, "{key}");
        let answer = setup.platform.cast(key, &json!("hello"), key);
        let id = answer.json()["cast_id"].as_str().expect("an id").to_owned();
        let shown = setup.shown(&id);
        assert_eq!((answer.status, shown["engine"].as_str().unwrap_or_default()), expected, "{key}: {shown}");
        let reason = match expected.1 {
            "wasm" if engine == "wasm" => "Spell configured for WASM execution",
            "wasm" => "Hybrid mode with WASM module available",
            _ => "Hybrid mode fell back to GitHub Actions: WASM execution failed with trapped",
        };
        assert_eq!(shown["engine_reason"], reason, "{key}");
        // A cent for what was used here, and eight for ten minutes there.
        let cost_cents = if expected.1 == "wasm" { 1 } else { 9 };
        assert_eq!(shown["cost_cents"], cost_cents, "{key}: {shown}");
        assert_eq!(shown["version"], "1.0.0", "{key}");
    }
    assert_eq!(setup.dispatches(), 3);
}
