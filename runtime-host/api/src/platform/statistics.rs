//! What casts came to: one by one, by the day, by engine, by spell, and how near they come to their limits.
//!
//! It knows what can be asked. It must never know how anything is summed up.

use crate::platform::Api;
use crate::platform::asked::{Asked, At, Page, cut};
use crate::platform::auth::Caller;
use crate::platform::casts::page_of;
use crate::platform::description::codes;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::sums_wire::{
    EnginesShown, ExecutionShown, ExecutionsShown, SpellSumsShown, ThresholdsShown, TopShown, TrendShown, TrendsShown,
};
use crate::platform::when::{days, last_days, span};
use crate::platform::wire::json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use spell_cast::{Scope, Span, Thresholds, TopBy};
use std::sync::Arc;
use std::time::SystemTime;
use utoipa::IntoParams;

/// Executions of a page where nobody says.
const EXECUTIONS_DEFAULT: usize = 100;
/// Spells that come first where nobody says how many.
const TOP_DEFAULT: usize = 10;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExecutionsAsked {
    /// Of this spell alone, by its key or its id.
    #[param(example = "shout")]
    spell: Option<String>,
    /// Entries at most; 100 unless it says otherwise.
    #[param(minimum = 1, maximum = 100, example = 10)]
    limit: Option<usize>,
    /// The last entry of the page before, as that page said.
    cursor: Option<String>,
}

/// Lists what casts took
///
/// Those that have ended, the newest first. A page can have fewer than it may: `nextCursor` says whether there are more.
#[utoipa::path(
    get, path = "/api/v1/executions", operation_id = "listExecutions", tag = "Numbers", params(ExecutionsAsked),
    responses((status = 200, description = "A page", body = ExecutionsShown<'static>, example = json!({
        "executions": [{
            "id": "cast_0199c5a1b2f300112233445566778899", "castId": "cast_0199c5a1b2f300112233445566778899",
            "spellId": "spell_0199c5a1b2f300112233445566778899", "engine": "wasm", "executionTimeMs": 2.0, "memoryUsedMb": 1.13,
            "success": true, "errorMessage": null, "createdAt": "2026-01-31T09:05:07.042Z"
        }], "nextCursor": null
    }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::Invalid, Refusal::SpellNotFound]))))
)]
pub(crate) async fn executions(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Asked(asked): Asked<ExecutionsAsked>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let page = Page { limit: asked.limit, cursor: asked.cursor };
    let count_max = page.count_max_or(EXECUTIONS_DEFAULT)?;
    let mut found = page_of(&api, tenant, asked.spell.as_deref(), page.cursor.as_deref(), count_max + 1).await?;
    let next_cursor = cut(&mut found, count_max, |record| record.id.clone());
    json(StatusCode::OK, &ExecutionsShown { executions: found.iter().filter_map(ExecutionShown::of).collect(), next_cursor })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    /// Days to look back; 30 unless it says otherwise.
    #[param(minimum = 1, maximum = 365, example = 7)]
    days: Option<u64>,
}

/// Sums up the casts of a spell
///
/// One entry for each day, in UTC, on which it was cast.
#[utoipa::path(
    get, path = "/api/v1/spells/{spell}/trends", operation_id = "showTrends", tag = "Numbers",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout"), Days),
    responses((status = 200, description = "The days", body = TrendsShown, example = json!({
        "spellId": "spell_0199c5a1b2f300112233445566778899", "days": 7, "trends": [{
            "date": "2026-01-31", "executions": 1, "avgExecutionTimeMs": 2.0, "avgMemoryUsedMb": 1.13, "successRate": 100.0,
            "totalCostCents": 1
        }]
    }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::SpellNotFound, Refusal::Invalid]))))
)]
pub(crate) async fn trends(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(spell): At<String>,
    Asked(asked): Asked<Days>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let days = days(asked.days)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let since = last_days(days, (api.platform.now)()).since;
    let trends = api.platform.statistics.trends(tenant, &spell.id, since).await?;
    json(StatusCode::OK, &TrendsShown { spell_id: spell.id, days, trends: trends.iter().map(TrendShown::from).collect() })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpanAsked {
    /// A day, or a moment as RFC 3339 has it.
    #[param(example = "2026-01-01")]
    start: Option<String>,
    /// The same; a day is part of the time.
    #[param(example = "2026-01-31")]
    end: Option<String>,
    /// Days to look back, instead of both; 30 unless anything is said.
    #[param(minimum = 1, maximum = 365)]
    days: Option<u64>,
}

impl SpanAsked {
    fn span(&self, now: SystemTime) -> Result<Span, Problem> {
        match (self.days, &self.start, &self.end) {
            (Some(asked), None, None) => Ok(last_days(days(Some(asked))?, now)),
            (Some(_), ..) => Err(Problem::new(Refusal::Invalid, "there are days, and start or end: say one of them")),
            (None, start, end) => span(start.as_deref(), end.as_deref(), now),
        }
    }
}

/// Compares engines
///
/// How often each gave an answer, how long it took, and what it cost.
#[utoipa::path(
    get, path = "/api/v1/stats/engines", operation_id = "compareEngines", tag = "Numbers", params(SpanAsked),
    responses((status = 200, description = "The engines", body = EnginesShown, example = json!({
        "start": "2026-01-01T00:00:00.000Z", "end": "2026-02-01T00:00:00.000Z", "partial": false,
        "wasm": { "totalExecutions": 2, "successRate": 50.0, "avgExecutionTimeMs": 2.25, "totalCostCents": 2, "avgCostCents": 1.0 },
        "githubActions": { "totalExecutions": 0, "successRate": 0.0, "avgExecutionTimeMs": 0.0, "totalCostCents": 0, "avgCostCents": 0.0 }
    }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::Invalid]))))
)]
pub(crate) async fn engines(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<SpanAsked>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let span = asked.span((api.platform.now)())?;
    let sums = api.platform.statistics.engine_sums(tenant, span).await?;
    json(StatusCode::OK, &EnginesShown::new(span, &sums))
}

/// Sums up a spell
///
/// Percentiles, cost and failures of its casts.
#[utoipa::path(
    get, path = "/api/v1/spells/{spell}/stats", operation_id = "showSpellSums", tag = "Numbers",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout"), Days),
    responses((status = 200, description = "The sums", body = SpellSumsShown, example = json!({
        "spellId": "spell_0199c5a1b2f300112233445566778899", "days": 7, "executions": 2, "successRate": 50.0, "sampled": 2,
        "executionTimeMs": { "p50": 2.0, "p95": 2.5, "p99": 2.5 }, "memoryUsedMb": { "p50": 1.13, "p95": 1.13, "p99": 1.13 },
        "totalCostCents": 2, "avgCostCents": 1.0, "failures": [{ "kind": "trapped", "code": "unreachable", "count": 1 }],
        "partial": false
    }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::SpellNotFound, Refusal::Invalid]))))
)]
pub(crate) async fn spell(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(spell): At<String>,
    Asked(asked): Asked<Days>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let days = days(asked.days)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let sums = api.platform.statistics.spell_sums(tenant, &spell.id, last_days(days, (api.platform.now)())).await?;
    json(StatusCode::OK, &SpellSumsShown::new(spell.id, days, &sums))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ThresholdsAsked {
    /// Days to look back; 30 unless it says otherwise.
    #[param(minimum = 1, maximum = 365, example = 7)]
    days: Option<u64>,
    /// Of the limit on time, which 95 of 100 casts should stay within; 80 unless it says otherwise.
    #[param(minimum = 0, maximum = 100, example = 80)]
    time_percent: Option<f64>,
    /// Of the limit on memory, likewise.
    #[param(minimum = 0, maximum = 100, example = 80)]
    memory_percent: Option<f64>,
    /// Of the casts, which should give an answer; 95 unless it says otherwise.
    #[param(minimum = 0, maximum = 100, example = 95)]
    success_percent: Option<f64>,
}

impl ThresholdsAsked {
    fn thresholds(&self) -> Result<Thresholds, Problem> {
        let default = Thresholds::default();
        let asked = |name: &str, asked: Option<f64>, default: f64| {
            let is_percent = |percent: &f64| (0.0..=100.0).contains(percent);
            let no_percent = || Problem::new(Refusal::Invalid, format!("{name} must be between 0 and 100"));
            Some(asked.unwrap_or(default)).filter(is_percent).ok_or_else(no_percent)
        };
        Ok(Thresholds {
            time_percent: asked("timePercent", self.time_percent, default.time_percent)?,
            memory_percent: asked("memoryPercent", self.memory_percent, default.memory_percent)?,
            success_percent: asked("successPercent", self.success_percent, default.success_percent)?,
        })
    }
}

/// Tells what somebody should look at
///
/// Whether the casts of a spell come too near its limits, or fail too often.
#[utoipa::path(
    get, path = "/api/v1/spells/{spell}/thresholds", operation_id = "showThresholds", tag = "Numbers",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout"), ThresholdsAsked),
    responses((status = 200, description = "The alerts", body = ThresholdsShown, example = json!({
        "spellId": "spell_0199c5a1b2f300112233445566778899", "days": 7, "ok": false, "alerts": [{
            "type": "success-rate", "percent": 50.0, "thresholdPercent": 95.0, "message": "50 % of the casts give an answer"
        }]
    }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[
        Refusal::SpellNotFound, Refusal::Invalid, Refusal::CeilingExceeded,
    ]))))
)]
pub(crate) async fn thresholds(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(spell): At<String>,
    Asked(asked): Asked<ThresholdsAsked>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let (days, thresholds) = (days(asked.days)?, asked.thresholds()?);
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let limits = api.platform.limits_of(&spell).map_err(|error| Problem::new(Refusal::CeilingExceeded, format!("the spell {error}")))?;
    let sums = api.platform.statistics.spell_sums(tenant, &spell.id, last_days(days, (api.platform.now)())).await?;
    json(StatusCode::OK, &ThresholdsShown::new(spell.id, days, &thresholds.alerts(&sums, &limits)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopAsked {
    /// What comes first has most of this; executions unless it says otherwise.
    #[param(pattern = "^(executions|cost|time|failures)$", example = "cost")]
    by: Option<String>,
    /// Days to look back; 30 unless it says otherwise.
    #[param(minimum = 1, maximum = 365, example = 7)]
    days: Option<u64>,
    /// Spells at most; 10 unless it says otherwise.
    #[param(minimum = 1, maximum = 100, example = 10)]
    limit: Option<usize>,
}

/// Tells which spells come first
///
/// Also those that are deleted since.
#[utoipa::path(
    get, path = "/api/v1/stats/top", operation_id = "listTopSpells", tag = "Numbers", params(TopAsked),
    responses((status = 200, description = "The spells", body = TopShown, example = json!({
        "by": "cost", "days": 7, "partial": false, "spells": [{
            "spellId": "spell_0199c5a1b2f300112233445566778899", "spellKey": "shout", "spellName": "Shout", "executions": 2, "failures": 1,
            "totalTimeMs": 4.5, "totalCostCents": 2
        }]
    }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::Invalid]))))
)]
pub(crate) async fn top(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<TopAsked>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let days = days(asked.days)?;
    let count_max = Page { limit: asked.limit, cursor: None }.count_max_or(TOP_DEFAULT)?;
    let by = asked.by.as_deref().map_or(Some(TopBy::Executions), TopBy::from_name);
    let known = || Problem::new(Refusal::Invalid, format!("by must be one of {}", TopBy::ALL.map(TopBy::name).join(", ")));
    let by = by.ok_or_else(known)?;
    let sums = api.platform.statistics.top_spells(tenant, last_days(days, (api.platform.now)()), by, count_max).await?;
    json(StatusCode::OK, &TopShown::new(by, days, &sums))
}
