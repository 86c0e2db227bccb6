//! Casts: made at most once for a key, shown, listed and counted by the day.
//!
//! It knows the order in which a request is refused. It must never know how a cast is executed.

use crate::platform::asked::{Asked, At, Page, cut};
use crate::platform::auth::Caller;
use crate::platform::body::Place;
use crate::platform::cast_wire::{CastAsked, CastShown, failed};
use crate::platform::prefer::{PREFERENCE_APPLIED, RESPOND_ASYNC, prefers_async};
use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::{day, json};
use crate::platform::{Api, CASTS, CASTS_SHOWN, body};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spell_cast::{
    CastAnswer, CastRequest, CastState, EngineChoice, IDEMPOTENCY_KEY_BYTES_MAX, Idempotency, Platform, Scope, Started, Trend,
};
use spell_types::{Limit, TenantId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How much longer than its spell may take a cast is waited for: it is loaded, and recorded twice.
const CAST_GRACE: Duration = Duration::from_secs(30);
/// Longest that a cast is waited for by whoever looks at it, in seconds.
pub(crate) const WAIT_S_MAX: u64 = 60;
/// Days that trends look back where nobody says.
const DAYS_DEFAULT: u64 = 30;
/// Days that trends look back at most.
const DAYS_MAX: u64 = 365;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MIB: f64 = 1_048_576.0;

pub(crate) async fn cast(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Cast)?;
    let key = idempotency_key(request.headers())?;
    body::is_json(request.headers())?;
    api.takes_work()?;
    let prefers_async = prefers_async(request.headers());
    let (bytes, place) = body::read(&api, request, &body::CAST).await?;
    let asked: CastAsked = body::parse(&bytes)?;
    let request = asked.into_request(Idempotency { key, fingerprint: fingerprint(&bytes) })?;
    drop(bytes);
    if prefers_async {
        return accepted(api.platform.start_cast(tenant, request).await?, place);
    }
    let time_max = time_max(&api.platform, tenant, &request).await;
    let late = |_| Problem::new(Refusal::Unavailable, "the cast is not done yet and goes on: ask again with the same Idempotency-Key");
    answered(&timeout(time_max, api.platform.cast(tenant, request)).await.map_err(late)??)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    wait: Option<u64>,
}

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

pub(crate) async fn cancel(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Cast)?;
    let record = api.platform.cancel_cast(tenant, &id).await?;
    json(StatusCode::OK, &CastShown::whole(&record.ok_or_else(not_found)?))
}

/// The answer to whoever asks for a cast that is not there, or another's.
pub(crate) fn not_found() -> Problem {
    Problem::new(Refusal::CastNotFound, "Cast not found")
}

#[derive(Serialize)]
struct CastsShown<'a> {
    casts: Vec<CastShown<'a>>,
    next_cursor: Option<String>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, Asked(page): Asked<Page>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let count_max = page.count_max()?;
    let mut found = api.platform.ledger.casts(tenant, page.cursor.as_deref(), count_max + 1).await?;
    let next_cursor = cut(&mut found, count_max, |record| record.id.clone());
    json(StatusCode::OK, &CastsShown { casts: found.iter().map(CastShown::listed).collect(), next_cursor })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    days: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrendsShown {
    spell_id: String,
    days: u64,
    trends: Vec<TrendShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrendShown {
    date: String,
    executions: u64,
    avg_execution_time_ms: f64,
    avg_memory_used_mb: f64,
    success_rate: f64,
    total_cost_cents: u64,
}

pub(crate) async fn trends(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(spell): At<String>,
    Asked(asked): Asked<Days>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let days = asked.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::new(Refusal::Invalid, format!("days must be between 1 and {DAYS_MAX}")));
    }
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let now = (api.platform.now)();
    let since = now.checked_sub(DAY * days as u32).unwrap_or(std::time::SystemTime::UNIX_EPOCH);
    let trends = api.platform.ledger.trends(tenant, &spell.id, since).await?;
    json(StatusCode::OK, &TrendsShown { spell_id: spell.id, days, trends: trends.iter().map(trend).collect() })
}

fn trend(trend: &Trend) -> TrendShown {
    TrendShown {
        date: day(trend.day),
        executions: trend.executions,
        avg_execution_time_ms: hundredths(trend.wall_mean.as_secs_f64() * 1_000.0),
        avg_memory_used_mb: hundredths(trend.memory_bytes_mean as f64 / MIB),
        success_rate: hundredths(100.0 * trend.completed as f64 / trend.executions.max(1) as f64),
        total_cost_cents: trend.cost_cents,
    }
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
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

/// How long a cast is waited for. What is asked about a spell that is gone is answered from the ledger at once.
async fn time_max(platform: &Platform, tenant: &TenantId, request: &CastRequest) -> Duration {
    let spell = platform.registry.spell(tenant, &request.spell).await.ok();
    // One engine after the other has this time.
    let engines = if spell.as_ref().is_some_and(|spell| spell.about.engine == EngineChoice::Hybrid) { 2 } else { 1 };
    let limits = spell.and_then(|spell| platform.limits_of(&spell).ok());
    let own = limits.map_or(Duration::ZERO, |limits| limits.time().saturating_add(Duration::from_millis(limits.get(Limit::QueueTime))));
    own.saturating_add(CAST_GRACE).saturating_mul(engines)
}
