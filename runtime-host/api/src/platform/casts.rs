//! Casts: made at most once for a key, shown and listed.
//!
//! It knows the order in which a request is refused. It must never know how a cast is executed.

use crate::platform::asked::{Asked, At, Page, cut};
use crate::platform::auth::Caller;
use crate::platform::body::Place;
use crate::platform::cast_wire::{CastAsked, CastShown, failed};
use crate::platform::description::codes;
use crate::platform::prefer::{PREFERENCE_APPLIED, RESPOND_ASYNC, prefers_async};
use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::json;
use crate::platform::{Api, CASTS, CASTS_SHOWN, body};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spell_cast::{CastAnswer, CastRecord, CastState, IDEMPOTENCY_KEY_BYTES_MAX, Idempotency, Scope, Started};
use spell_types::TenantId;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How long it may take until a cast begins; and how much longer than its spell may take it is waited for: it is loaded, and recorded.
const CAST_GRACE: Duration = Duration::from_secs(30);
/// Longest that a cast is waited for by whoever looks at it, in seconds.
pub(crate) const WAIT_S_MAX: u64 = 60;

/// Casts a spell
///
/// Asked again with the same `Idempotency-Key` and the same body, it answers what it answered and runs nothing. A failed cast is a problem
/// with `cast_id`, `cost_cents` and `usage`.
#[utoipa::path(
    post, path = "/api/v1/cast", operation_id = "cast", tag = "Casts",
    params(
        ("Idempotency-Key" = String, Header, description = "Stands for this cast: visible ASCII, a new one for each",
            min_length = 1, max_length = 255, pattern = "^[!-~]+$", example = "order-1"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: not to wait for the end of the cast (RFC 7240)",
            example = "respond-async"),
    ),
    request_body(content = CastAsked, examples(
        ("text" = (summary = "Text", value = json!({ "spell_key": "shout", "input": "hello" }))),
        ("json" = (summary = "JSON, by a version", value = json!({ "spell_key": "shout", "version": "1.0.0", "input": { "a": [1, 2] } }))),
        ("bytes" = (summary = "Bytes", value = json!({ "spell_key": "shout", "input_base64": "aGVsbG8=" }))),
    )),
    responses(
        (status = 201, description = "The cast, which has completed", body = CastShown<'static>,
            headers(("Idempotent-Replayed" = String, description = "`true` if it is the answer from before")), example = json!({
                "cast_id": "cast_0199c5a1b2f300112233445566778899", "spell_key": "shout", "spell_name": "Shout", "version": "1.0.0",
                "status": "completed", "engine": "wasm", "engine_reason": "Spell configured for WASM execution", "cost_cents": 1,
                "usage": { "wall_time_ms": 2, "cpu_time_ms": 1, "fuel": 81000, "memory_bytes_peak": 1179648, "bytes_in": 5, "bytes_out": 16 },
                "output": "Processed: hello", "created_at": "2026-01-31T09:05:07.042Z", "finished_at": "2026-01-31T09:05:07.044Z",
                "message": "Spell cast successfully"
            })),
        (status = 202, description = "The cast, which is on disk and runs", body = CastShown<'static>,
            headers(
                ("Location" = String, description = "Where it is"),
                ("Preference-Applied" = String, description = "`respond-async`"),
                ("Idempotent-Replayed" = String, description = "`true` if it is the cast from before"),
            ),
            example = json!({
                "cast_id": "cast_0199c5a1b2f300112233445566778899", "spell_key": "shout", "spell_name": "Shout", "version": "1.0.0",
                "status": "running", "engine": "wasm", "engine_reason": "Spell configured for WASM execution", "cost_cents": null,
                "usage": null, "output": null,
                "created_at": "2026-01-31T09:05:07.042Z", "finished_at": null, "message": "The cast runs"
            })),
    ),
    extensions(("x-scope" = json!("cast")), ("x-refusals" = json!(codes(&[
        Refusal::IdempotencyKeyMissing, Refusal::IdempotencyKeyInvalid, Refusal::IdempotencyKeyReused, Refusal::CastInFlight,
        Refusal::CastIndeterminate, Refusal::SpellNotFound, Refusal::ModuleNotFound, Refusal::ModuleCorrupt, Refusal::SpellNotActive,
        Refusal::InputTooLarge, Refusal::InputInvalid, Refusal::GithubNotSetUp, Refusal::RepositoryNotAllowed, Refusal::SpellAnswersHttp, Refusal::CeilingExceeded, Refusal::BudgetExceeded, Refusal::TooManyCasts,
        Refusal::CastRefused, Refusal::CastTrapped, Refusal::CastTimedOut, Refusal::CastLimit, Refusal::CastCancelled, Refusal::CastBusy,
        Refusal::CastFailed, Refusal::OutputInvalid,
    ]))))
)]
pub(crate) async fn cast(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Cast)?;
    let key = idempotency_key(request.headers())?;
    body::is_json(request.headers())?;
    api.takes_work()?;
    let prefers_async = prefers_async(request.headers());
    let (bytes, place) = body::read(&api, request, &body::CAST).await?;
    let asked: CastAsked = body::parse(&bytes)?;
    let request = asked.into_request(Some(Idempotency { key, fingerprint: fingerprint(&bytes) }))?;
    drop(bytes);
    let late = |_| Problem::new(Refusal::Unavailable, "the cast is not done yet and goes on: ask again with the same Idempotency-Key");
    let started = timeout(CAST_GRACE, api.platform.start_cast(tenant, request)).await.map_err(late)??;
    if prefers_async {
        return accepted(started, place);
    }
    let time_max = started.time_max.saturating_add(CAST_GRACE);
    answered(&timeout(time_max, started.ended()).await.map_err(late)??)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// Seconds that the answer may wait for the cast's end.
    #[param(minimum = 0, maximum = 60, example = 1)]
    wait: Option<u64>,
}

/// Shows a cast
///
/// With `wait`, as soon as it has ended, or after that time as it is.
#[utoipa::path(
    get, path = "/api/v1/casts/{id}", operation_id = "showCast", tag = "Casts",
    params(("id" = String, Path, description = "The cast's id", example = "cast_0199c5a1b2f300112233445566778899"), Wait),
    responses((status = 200, description = "The cast", body = CastShown<'static>)),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::CastNotFound, Refusal::Invalid]))))
)]
pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(id): At<String>,
    Asked(asked): Asked<Wait>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let wait_s = asked.wait.unwrap_or(0);
    if wait_s > WAIT_S_MAX {
        return Err(Problem::new(Refusal::Invalid, format!("wait must be between 0 and {WAIT_S_MAX}")));
    }
    if wait_s > 0 {
        // Whether it ended by then stands in the ledger.
        let _ = timeout(Duration::from_secs(wait_s), api.platform.awaited(tenant, &id)).await;
    }
    let record = api.platform.ledger.cast(tenant, &id).await?;
    json(StatusCode::OK, &CastShown::whole(&record.ok_or_else(not_found)?))
}

/// Cancels a cast
///
/// It then has failed. One that has ended stays as it is.
#[utoipa::path(
    post, path = "/api/v1/casts/{id}/cancel", operation_id = "cancelCast", tag = "Casts",
    params(("id" = String, Path, description = "The cast's id", example = "cast_0199c5a1b2f300112233445566778899")),
    responses((status = 200, description = "The cast as it is now", body = CastShown<'static>)),
    extensions(("x-scope" = json!("cast")), ("x-refusals" = json!(codes(&[Refusal::CastNotFound]))))
)]
pub(crate) async fn cancel(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Cast)?;
    let record = api.platform.cancel_cast(tenant, &id).await?;
    json(StatusCode::OK, &CastShown::whole(&record.ok_or_else(not_found)?))
}

/// The answer to whoever asks for a cast that is not there, or another's.
pub(crate) fn not_found() -> Problem {
    Problem::new(Refusal::CastNotFound, "Cast not found")
}

#[derive(Serialize, ToSchema)]
#[schema(as = Casts)]
struct CastsShown<'a> {
    casts: Vec<CastShown<'a>>,
    next_cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct CastsAsked {
    /// Of this spell alone, by its key or its id.
    #[param(example = "shout")]
    spell: Option<String>,
    /// Entries at most; 50 unless it says otherwise.
    #[param(minimum = 1, maximum = 100, example = 10)]
    limit: Option<usize>,
    /// The last entry of the page before, as that page said.
    cursor: Option<String>,
}

/// Lists casts
///
/// The newest first, without their output, a page at a time.
#[utoipa::path(
    get, path = "/api/v1/casts", operation_id = "listCasts", tag = "Casts", params(CastsAsked),
    responses((status = 200, description = "A page", body = CastsShown<'static>, example = json!({ "casts": [], "next_cursor": null }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::Invalid, Refusal::SpellNotFound]))))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<CastsAsked>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let page = Page { limit: asked.limit, cursor: asked.cursor };
    let count_max = page.count_max()?;
    let mut found = page_of(&api, tenant, asked.spell.as_deref(), page.cursor.as_deref(), count_max + 1).await?;
    let next_cursor = cut(&mut found, count_max, |record| record.id.clone());
    json(StatusCode::OK, &CastsShown { casts: found.iter().map(CastShown::listed).collect(), next_cursor })
}

/// Casts of a tenant, or of one of its spells, the newest first.
pub(crate) async fn page_of(
    api: &Api,
    tenant: &TenantId,
    spell: Option<&str>,
    before: Option<&str>,
    count_max: usize,
) -> Result<Vec<CastRecord>, Problem> {
    let Some(spell) = spell else { return Ok(api.platform.ledger.casts(tenant, before, count_max).await?) };
    let spell = api.platform.registry.spell(tenant, spell).await?;
    Ok(api.platform.ledger.casts_of_spell(tenant, &spell.id, before, count_max).await?)
}

/// What a cast came to, the same bytes each time that somebody asks.
fn answered(answer: &CastAnswer) -> Result<Response, Problem> {
    let record = &answer.record;
    let mut response = match &record.state {
        CastState::Ended(ending) => match &ending.result {
            Err(why) => failed(record, ending, why).into_response(),
            Ok(_) => json(StatusCode::CREATED, &CastShown::whole(record))?,
        },
        CastState::Running | CastState::Indeterminate => json(StatusCode::CREATED, &CastShown::whole(record))?,
    };
    if answer.is_replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// A cast that nobody waits for. Its input counts as memory of requests until it has ended.
fn accepted(started: Started, place: Place) -> Result<Response, Problem> {
    let is_known = started.is_known;
    let location = format!("{CASTS_SHOWN}/{}", started.record.id);
    let shown = json(StatusCode::ACCEPTED, &CastShown::whole(&started.record))?;
    tokio::spawn(async move {
        // Whatever became of it is recorded.
        let _ = started.ended().await;
        drop(place);
    });
    let headers = [(LOCATION, location), (PREFERENCE_APPLIED, RESPOND_ASYNC.to_owned())];
    let mut response = (headers, shown).into_response();
    if is_known {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = keys.next().ok_or_else(|| Problem::new(Refusal::IdempotencyKeyMissing, "Idempotency-Key header is required"))?;
    let (bytes, is_one) = (key.as_bytes(), keys.next().is_none());
    let is_key = (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    let detail = || format!("Idempotency-Key must be one header of 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters");
    let key = std::str::from_utf8(bytes).ok().filter(|_| is_one && is_key);
    key.map(str::to_owned).ok_or_else(|| Problem::new(Refusal::IdempotencyKeyInvalid, detail()))
}

/// What makes two requests the same.
fn fingerprint(body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(format!("POST {CASTS}\n")).chain_update(body).finalize().into()
}
