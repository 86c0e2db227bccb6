//! Casts that nobody waits for: begun, looked at later, cancelled, and let end at shutdown.

use crate::client::{Answer, Host, start};
use crate::clock::Clock;
use crate::memory::HOLD;
use serde_json::{Value, json};
use spell_cast::{CastState, Scope};

const ASYNC: &str = "Prefer: respond-async";

fn held() -> Value {
    json!({ "spell_key": "echo", "input": HOLD })
}

impl Host {
    /// Begins a cast without waiting for it.
    pub(crate) async fn begin(&self, key: &str, body: &Value) -> Answer {
        self.cast_raw(&format!("Idempotency-Key: {key}\r\n{ASYNC}"), body.to_string().as_bytes()).await
    }

    /// Begins a cast that is held, and says where it is shown.
    pub(crate) async fn hold(&self, key: &str) -> String {
        let begun = self.begin(key, &held()).await;
        assert_eq!((begun.status, &begun.json()["status"]), (202, &json!("running")), "{begun:?}");
        begun.header("location").unwrap().to_owned()
    }
}

#[tokio::test]
async fn whoever_prefers_not_to_wait_is_told_where_the_cast_is() {
    let host = start().await;
    host.spell("echo").await;
    let begun = host.begin("k", &held()).await;
    let cast = begun.json();
    let path = format!("/api/v1/casts/{}", cast["cast_id"].as_str().unwrap());
    assert_eq!((begun.status, &cast["status"], &cast["output"]), (202, &json!("running"), &Value::Null));
    let headers =
        |answer: &Answer| ["location", "preference-applied", "idempotent-replayed"].map(|name| answer.header(name).map(str::to_owned));
    let (location, applied) = (Some(path.clone()), Some("respond-async".to_owned()));
    assert_eq!(headers(&begun), [location.clone(), applied.clone(), None]);
    let again = host.begin("k", &held()).await;
    assert_eq!((again.status, again.json()), (202, cast));
    assert_eq!(headers(&again), [location.clone(), applied.clone(), Some("true".to_owned())]);
    host.begin("k", &json!({ "spell_key": "echo" })).await.refuses(422, "idempotency-key-reused", "");
    host.cast("k", &held()).await.refuses(409, "cast-in-flight", "");
    host.memory.is_released.send_replace(true);
    let shown = host.ask("GET", &format!("{path}?wait=10"), None).await;
    assert_eq!((shown.status, &shown.json()["output"]), (200, &json!(HOLD)));
    let ended = host.begin("k", &held()).await;
    assert_eq!((ended.status, ended.json(), headers(&ended)), (202, shown.json(), [location, applied, Some("true".to_owned())]));
    let waited = host.cast("k", &held()).await;
    assert_eq!((waited.status, waited.json(), headers(&waited)), (201, shown.json(), [None, None, Some("true".to_owned())]));
    assert_eq!(*host.memory.runs.lock().unwrap(), 1);
}

#[tokio::test]
async fn what_is_refused_is_refused_at_once_and_what_fails_is_seen_later() {
    let host = start().await;
    host.spell("echo").await;
    host.begin("k", &json!({ "spell_key": "none" })).await.refuses(404, "spell-not-found", "");
    host.begin("k", &json!({ "spell_key": "echo", "version": "9.0.0" })).await.refuses(404, "module-not-found", "");
    let begun = host.begin("k", &json!({ "spell_key": "echo", "input": "trap" })).await;
    assert_eq!(begun.status, 202);
    let shown = host.ask("GET", &format!("{}?wait=10", begun.header("location").unwrap()), None).await.json();
    assert_eq!((&shown["status"], &shown["message"]), (&json!("failed"), &json!("it says trapped")));
    host.memory.forget_the_end_of_the_last_cast(CastState::Indeterminate);
    let again = host.begin("k", &json!({ "spell_key": "echo", "input": "trap" })).await;
    assert_eq!((again.status, &again.json()["status"]), (202, &json!("indeterminate")));
}

#[tokio::test]
async fn a_cast_is_waited_for_as_long_as_somebody_says() {
    let host = start().await;
    host.spell("echo").await;
    let path = host.hold("k").await;
    for (wait, status, code) in [("61", 422, "invalid"), ("-1", 400, "bad-request"), ("x", 400, "bad-request")] {
        host.ask("GET", &format!("{path}?wait={wait}"), None).await.refuses(status, code, "");
    }
    host.ask("GET", "/api/v1/casts/cast_0?wait=60", None).await.refuses(404, "cast-not-found", "Cast not found");
    assert_eq!(host.ask("GET", &format!("{path}?wait=0"), None).await.json()["status"], "running");
    let clock = Clock::stop();
    let longest = format!("{path}?wait=60");
    let passing = async {
        clock.pass(59).await;
        host.memory.is_released.send_replace(true);
    };
    assert_eq!(tokio::join!(host.ask("GET", &longest, None), passing).0.json()["status"], "completed");
    host.memory.is_released.send_replace(false);
    let longest = format!("{}?wait=60", host.hold("k2").await);
    let waited = tokio::join!(host.ask("GET", &longest, None), clock.pass(61)).0;
    assert_eq!((waited.status, &waited.json()["status"]), (200, &json!("running")));
}

#[tokio::test]
async fn a_cast_is_cancelled_by_its_own_tenant_and_what_has_ended_stays() {
    let host = start().await;
    host.spell("echo").await;
    let path = host.hold("k").await;
    let cancel = format!("{path}/cancel");
    let other = host.key("other", &[Scope::Admin]).await;
    host.ask_as(&other, "POST", &cancel, None).await.refuses(404, "cast-not-found", "Cast not found");
    host.ask("POST", "/api/v1/casts/cast_0/cancel", None).await.refuses(404, "cast-not-found", "Cast not found");
    assert_eq!(host.ask("GET", &path, None).await.json()["status"], "running");
    let cancelled = host.ask("POST", &cancel, None).await;
    let cast = cancelled.json();
    assert_eq!((cancelled.status, &cast["status"], &cast["message"]), (200, &json!("failed"), &json!("the cast was cancelled")));
    for (method, path) in [("POST", &cancel), ("GET", &path)] {
        let again = host.ask(method, path, None).await;
        assert_eq!((again.status, again.json()), (200, cast.clone()));
    }
    host.cast("k", &held()).await.refuses(409, "cast-cancelled", "the cast was cancelled");
    let done = host.cast("done", &json!({ "spell_key": "echo", "input": 1 })).await.json();
    let cancel = format!("/api/v1/casts/{}/cancel", done["cast_id"].as_str().unwrap());
    assert_eq!(host.ask("POST", &cancel, None).await.json(), done);
}

#[tokio::test]
async fn casts_that_run_at_shutdown_have_a_time_to_end() {
    for (released_after_s, status) in [(8, "completed"), (60, "running")] {
        let host = start().await;
        host.spell("echo").await;
        let path = host.hold("k").await;
        let clock = Clock::stop();
        host.stop.send(()).unwrap();
        clock.pass(released_after_s.min(9)).await;
        assert!(!host.served.is_finished(), "the cast has its time");
        clock.pass(released_after_s.saturating_sub(9)).await;
        host.memory.is_released.send_replace(released_after_s < 9);
        clock.settle().await;
        assert!(host.served.is_finished(), "nothing is waited for any more");
        let tenant = "acme".parse().unwrap();
        let record = host.platform.ledger.cast(&tenant, path.rsplit('/').next().unwrap()).await.unwrap().unwrap();
        assert_eq!(record.state.name(), status);
    }
}

#[tokio::test]
async fn whoever_waits_at_shutdown_is_still_answered() {
    let host = start().await;
    host.spell("echo").await;
    let path = host.hold("k").await;
    let clock = Clock::stop();
    let (stop, released) = (host.stop, &host.memory.is_released);
    let head = format!("GET {path}?wait=60 HTTP/1.1\r\nAuthorization: Bearer {}", host.admin);
    let asked = crate::client::ask_at(host.address, &head, b"");
    let ending = async {
        clock.settle().await;
        stop.send(()).unwrap();
        clock.pass(5).await;
        released.send_replace(true);
    };
    assert_eq!(tokio::join!(asked, ending).0.json()["status"], "completed");
}
