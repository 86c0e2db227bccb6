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
    EnginesShown, ExecutionShown, ExecutionsShown, SpellShown, ThresholdsShown, TopShown, TrendShown, TrendsShown,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExecutionsAsked {
    spell: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

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
    get, path = "/api/v1/spells/{spell}/trends", operation_id = "showTrends", tag = "Casts",
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpanAsked {
    start: Option<String>,
    end: Option<String>,
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

pub(crate) async fn engines(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<SpanAsked>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let span = asked.span((api.platform.now)())?;
    let sums = api.platform.statistics.engine_sums(tenant, span).await?;
    json(StatusCode::OK, &EnginesShown::new(span, &sums))
}

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
    json(StatusCode::OK, &SpellShown::new(spell.id, days, &sums))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ThresholdsAsked {
    days: Option<u64>,
    time_percent: Option<f64>,
    memory_percent: Option<f64>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopAsked {
    by: Option<String>,
    days: Option<u64>,
    limit: Option<usize>,
}

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
