//! Spells that are asked by HTTP: who may ask, what they are told, and that each request leaves a record.

use crate::client::{Host, start};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use spell_api::{NotAnswered, ProgramBody, Programs};
use spell_cast::{Failed, FailedKind, OverBudget, Reserved, Scope, Stream, StreamedRequest, streamed};
use spell_types::{BoxFuture, Outcome, Usage};
use std::io::Read as _;
use std::net::SocketAddr;

/// Answers with the head that it is given, unless the path says that it fails.
pub(crate) struct Mirror;

impl Programs for Mirror {
    fn answer<'a>(
        &'a self,
        cast: StreamedRequest,
        request: Request<ProgramBody>,
        client: SocketAddr,
    ) -> BoxFuture<'a, Result<Response<ProgramBody>, NotAnswered>> {
        Box::pin(async move {
            if request.uri().path().ends_with("/nobody") {
                return Err(NotAnswered::Request("nobody can be given this".to_owned()));
            }
            let version = cast.module().version.clone();
            let cast = cast.begin().await?;
            if request.uri().path().ends_with("/trap") {
                let failed = Failed { kind: FailedKind::Trapped, code: "trapped".to_owned(), message: "it trapped".to_owned() };
                cast.end(Err(failed.clone()), Usage::default());
                return Err(failed.into());
            }
            let head = format!("{} {} from {}\n{:?}\n{version}", request.method(), request.uri(), client.ip(), request.headers());
            cast.witness().prints(Stream::Stderr, b"asked\n");
            cast.end(streamed(Outcome::Completed), Usage { bytes_out: head.len() as u64, ..Usage::default() });
            let body = Full::new(Bytes::from(head)).map_err(|never| match never {}).boxed_unsync();
            Ok(Response::builder().status(418).header("cache-control", "max-age=9").body(body).expect("a response"))
        })
    }
}

async fn ask(host: &Host, key: &str, method: &str, path: &str, headers: &str) -> crate::client::Answer {
    host.raw(format!("{method} {path} HTTP/1.1\r\nAuthorization: Bearer {key}\r\n{headers}").trim_end(), b"").await
}

#[tokio::test]
async fn whatever_is_sent_behind_a_spell_reaches_it_without_the_key() {
    let host = start().await;
    host.spell("page").await;
    for (method, path) in [("GET", "/s/page"), ("PUT", "/s/page/"), ("PURGE", "/s/page/a//b?c=%20d"), ("OPTIONS", "/s/page/x")] {
        let answer = ask(&host, &host.admin, method, path, "Spell-Version: 1.0.0\r\nCookie: a=b\r\nX-Api-Key: c").await;
        let text = String::from_utf8(answer.body.clone()).expect("text");
        assert!(answer.status == 418 && text.starts_with(&format!("{method} {path} from 127.0.0.1\n")), "{path}: {answer:?}");
        assert!(text.contains("\"a=b\"") && text.contains("\"x-api-key\"") && text.ends_with("\n1.0.0"), "{text}");
        assert!(!text.contains("authorization") && !text.contains("sk_") && !text.contains("spell-version"), "{text}");
        assert_eq!(answer.header("cache-control"), Some("max-age=9"), "what the program says is not changed");
        assert!(answer.header("spell-cast-id").is_some_and(|id| id.starts_with("cast_")), "{answer:?}");
    }
    host.platform.idle().await;
    let casts = host.ask("GET", "/api/v1/casts", None).await.json();
    assert_eq!(casts["casts"].as_array().map(Vec::len), Some(4), "{casts}");
    assert_eq!((&casts["casts"][0]["status"], &casts["casts"][0]["cost_cents"]), (&json!("completed"), &json!(1)));
}

#[tokio::test]
async fn a_failure_is_a_problem_that_names_the_cast_on_record() {
    let host = start().await;
    host.spell("page").await;
    let answer = ask(&host, &host.admin, "GET", "/s/page/trap", "").await;
    answer.refuses(502, "cast-trapped", "it trapped");
    assert_eq!((answer.header("cache-control"), answer.header("x-content-type-options")), (Some("no-store"), Some("nosniff")));
    host.platform.idle().await;
    let id = answer.json()["cast_id"].as_str().expect("an id").to_owned();
    assert_eq!(answer.header("spell-cast-id"), Some(id.as_str()));
    assert_eq!(host.ask("GET", &format!("/api/v1/casts/{id}"), None).await.json()["status"], "failed");
}

#[tokio::test]
async fn who_may_not_cast_and_what_is_not_there_reaches_nothing() {
    let host = start().await;
    host.spell("page").await;
    let off = host.ask("PATCH", "/api/spells/page", Some(json!({ "limits": { "request": 1024 } }))).await;
    assert_eq!(off.status, 200, "{off:?}");
    host.raw("GET /s/page HTTP/1.1", b"").await.refuses(401, "no-credentials", "Missing or invalid Authorization header");
    let reader = host.key("acme", &[Scope::Read]).await;
    ask(&host, &reader, "GET", "/s/page", "").await.refuses(403, "scope-missing", "`cast`");
    let stranger = host.key("other", &[Scope::Cast]).await;
    let (foreign, absent) = (ask(&host, &stranger, "GET", "/s/page/x", "").await, ask(&host, &host.admin, "GET", "/s/absent/x", "").await);
    absent.refuses(404, "spell-not-found", "Spell not found");
    assert_eq!(foreign.body, absent.body, "what is another's looks like what is not there");
    ask(&host, &host.admin, "GET", "/s/page", "Spell-Version: 2.0.0").await.refuses(404, "module-not-found", "");
    ask(&host, &host.admin, "GET", "/s/page", "Spell-Version: one").await.refuses(422, "invalid", "");
    ask(&host, &host.admin, "GET", "/s/page/nobody", "").await.refuses(400, "bad-request", "nobody can be given this");
    ask(&host, &host.admin, "GET", "/s", "").await.refuses(404, "not-found", "no such path");
    let head = format!("POST /s/page HTTP/1.1\r\nAuthorization: Bearer {}", host.admin);
    host.raw(&head, &[b' '; 1025]).await.refuses(
        413,
        "input-too-large",
        "Input size (1025 bytes) exceeds maximum allowed size (1024 bytes)",
    );
    host.ask("PATCH", "/api/spells/page", Some(json!({ "active": false }))).await;
    ask(&host, &host.admin, "GET", "/s/page", "").await.refuses(422, "spell-not-active", "");
    host.draining.store(true, std::sync::atomic::Ordering::Relaxed);
    ask(&host, &host.admin, "GET", "/s/page", "").await.refuses(503, "unavailable", "about to end");
    host.platform.idle().await;
    let casts = host.ask("GET", "/api/v1/casts", None).await.json();
    assert_eq!(casts["casts"], json!([]), "nothing was cast");
}

#[tokio::test]
async fn a_request_that_budget_or_quotas_do_not_allow_is_refused_and_what_spells_print_is_kept() {
    let host = start().await;
    host.spell("page").await;
    let id = ask(&host, &host.admin, "GET", "/s/page", "").await.header("spell-cast-id").expect("an id").to_owned();
    host.platform.idle().await;
    let log = host.ask("GET", &format!("/api/v1/casts/{id}/logs"), None).await;
    assert!(String::from_utf8_lossy(&log.body).contains("\"text\":\"asked\""), "{log:?}");
    let over = OverBudget { spent_cents: 90, reserved_cents: 0, cap_cents: 100, cost_cents_max: 36 };
    *host.memory.refuses.lock().expect("a lock") = Some(Reserved::OverBudget(over));
    ask(&host, &host.admin, "GET", "/s/page", "").await.refuses(402, "budget-exceeded", "Budget cap exceeded");
    host.platform.idle().await;
    let casts = host.ask("GET", "/api/v1/casts", None).await.json();
    assert_eq!(casts["casts"].as_array().map(Vec::len), Some(1), "what was refused was not cast: {casts}");
}

#[tokio::test]
async fn a_version_is_exported_as_an_archive_that_is_the_same_each_time() {
    let host = start().await;
    host.spell("My.page".to_lowercase().as_str()).await;
    let path = "/api/spells/my.page/versions/1.0.0/export";
    let answer = host.ask("GET", path, None).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/gzip")), "{}", answer.head);
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"my-page-1.0.0.tar.gz\""));
    assert_eq!(host.ask("GET", path, None).await.body, answer.body);
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&answer.body[..]));
    let entries = archive.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a name").display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("bytes");
        (name, bytes)
    });
    let entries: Vec<(String, Vec<u8>)> = entries.collect();
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["spin.toml", "my-page.wasm"]);
    let manifest = String::from_utf8_lossy(&entries[0].1);
    assert!(manifest.contains("version = \"1.0.0\"") && manifest.contains("source = \"my-page.wasm\""), "{manifest}");
    host.ask("GET", "/api/spells/my.page/versions/1.0.1/export", None).await.refuses(404, "module-not-found", "");
    let stranger = host.key("other", &[Scope::Read]).await;
    host.ask_as(&stranger, "GET", path, None).await.refuses(404, "spell-not-found", "Spell not found");
}
