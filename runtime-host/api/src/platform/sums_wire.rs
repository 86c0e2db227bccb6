//! Sums of casts as they stand in answers: times in milliseconds, memory in MiB, percentages, all with two decimals.
//!
//! It knows forms. It must never know how anything is summed up.

use crate::platform::description::choice;
use crate::platform::wire::{day, hundredths, mebibytes, milliseconds, moment};
use serde::Serialize;
use spell_cast::{
    Alert, CastRecord, CastState, EngineSums, FailureCount, Percentiles, Span, SpellSums, SpellTotal, Sums, TopBy, Trend, Watched, percent,
};
use std::collections::BTreeMap;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa::openapi::Object;

/// Engines that are compared also where nothing was cast in them, by their names in records.
const ENGINES_COMPARED: [&str; 2] = ["wasm", "github_actions"];
/// What an alert is about.
const TIME: &str = "time";
const MEMORY: &str = "memory";
const SUCCESS_RATE: &str = "success-rate";

#[derive(Serialize, ToSchema)]
#[schema(as = Executions)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionsShown<'a> {
    pub(crate) executions: Vec<ExecutionShown<'a>>,
    pub(crate) next_cursor: Option<String>,
}

/// A cast that has ended, as a measurement.
#[derive(Serialize, ToSchema)]
#[schema(as = Execution)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionShown<'a> {
    id: &'a str,
    cast_id: &'a str,
    spell_id: &'a str,
    engine: &'static str,
    execution_time_ms: f64,
    memory_used_mb: f64,
    success: bool,
    error_message: Option<&'a str>,
    #[schema(format = DateTime)]
    created_at: String,
}

impl<'a> ExecutionShown<'a> {
    /// There is none of a cast that has not ended, or of which nobody knows how.
    pub(crate) fn of(record: &'a CastRecord) -> Option<Self> {
        let CastState::Ended(ending) = &record.state else { return None };
        Some(Self {
            id: &record.id,
            cast_id: &record.id,
            spell_id: &record.spell_id,
            engine: record.engine.name(),
            execution_time_ms: milliseconds(ending.usage.wall),
            memory_used_mb: mebibytes(ending.usage.memory_bytes_peak),
            success: ending.result.is_ok(),
            error_message: ending.result.as_ref().err().map(|failed| failed.message.as_str()),
            created_at: moment(record.created_at),
        })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Trends)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrendsShown {
    pub(crate) spell_id: String,
    pub(crate) days: u64,
    pub(crate) trends: Vec<TrendShown>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Trend)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrendShown {
    #[schema(format = Date)]
    date: String,
    executions: u64,
    avg_execution_time_ms: f64,
    avg_memory_used_mb: f64,
    success_rate: f64,
    total_cost_cents: u64,
}

impl From<&Trend> for TrendShown {
    fn from(trend: &Trend) -> Self {
        Self {
            date: day(trend.day),
            executions: trend.executions,
            avg_execution_time_ms: milliseconds(trend.wall_mean),
            avg_memory_used_mb: mebibytes(trend.memory_bytes_mean),
            success_rate: percent(trend.completed, trend.executions),
            total_cost_cents: trend.cost_cents,
        }
    }
}

/// Engines by their names, and the time that is meant.
#[derive(Serialize, ToSchema)]
#[schema(as = Engines)]
pub(crate) struct EnginesShown {
    #[schema(format = DateTime)]
    start: String,
    #[schema(format = DateTime)]
    end: String,
    partial: bool,
    #[serde(flatten)]
    engines: BTreeMap<String, EngineShown>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EngineSums)]
#[serde(rename_all = "camelCase")]
struct EngineShown {
    total_executions: u64,
    success_rate: f64,
    avg_execution_time_ms: f64,
    total_cost_cents: u64,
    avg_cost_cents: f64,
}

impl EnginesShown {
    pub(crate) fn new(span: Span, sums: &Sums<EngineSums>) -> Self {
        let none = ENGINES_COMPARED.map(|engine| EngineSums {
            engine: engine.to_owned(),
            executions: 0,
            completed: 0,
            wall_mean: Duration::ZERO,
            cost_cents: 0,
        });
        let engines = none.iter().chain(&sums.entries).map(|sums| (camel_case(&sums.engine), sums.into())).collect();
        Self { start: moment(span.since), end: moment(span.until), partial: sums.is_partial, engines }
    }
}

impl From<&EngineSums> for EngineShown {
    fn from(sums: &EngineSums) -> Self {
        Self {
            total_executions: sums.executions,
            success_rate: percent(sums.completed, sums.executions),
            avg_execution_time_ms: milliseconds(sums.wall_mean),
            total_cost_cents: sums.cost_cents,
            avg_cost_cents: average(sums.cost_cents, sums.executions),
        }
    }
}

/// A name of several words, such as `github_actions`, as it stands among names in JSON.
fn camel_case(name: &str) -> String {
    let mut is_begin = false;
    let letters = name.chars().filter_map(|letter| {
        let is_first = std::mem::replace(&mut is_begin, letter == '_');
        (letter != '_').then(|| if is_first { letter.to_ascii_uppercase() } else { letter })
    });
    letters.collect()
}

#[derive(Serialize, ToSchema)]
#[schema(as = SpellSums)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpellSumsShown {
    spell_id: String,
    days: u64,
    executions: u64,
    success_rate: f64,
    /// Casts that the percentiles are of.
    sampled: u64,
    execution_time_ms: PercentilesShown,
    memory_used_mb: PercentilesShown,
    total_cost_cents: u64,
    avg_cost_cents: f64,
    failures: Vec<FailureShown>,
    partial: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Percentiles)]
struct PercentilesShown {
    p50: f64,
    p95: f64,
    p99: f64,
}

impl PercentilesShown {
    fn new(of: &Percentiles, shown: impl Fn(u64) -> f64) -> Self {
        Self { p50: shown(of.p50), p95: shown(of.p95), p99: shown(of.p99) }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Failure)]
struct FailureShown {
    kind: &'static str,
    code: String,
    count: u64,
}

impl From<&FailureCount> for FailureShown {
    fn from(failure: &FailureCount) -> Self {
        Self { kind: failure.kind.name(), code: failure.code.clone(), count: failure.count }
    }
}

impl SpellSumsShown {
    pub(crate) fn new(spell_id: String, days: u64, sums: &SpellSums) -> Self {
        Self {
            spell_id,
            days,
            executions: sums.executions,
            success_rate: percent(sums.completed, sums.executions),
            sampled: sums.sampled,
            execution_time_ms: PercentilesShown::new(&sums.wall_us, |us| milliseconds(Duration::from_micros(us))),
            memory_used_mb: PercentilesShown::new(&sums.memory_bytes, mebibytes),
            total_cost_cents: sums.cost_cents,
            avg_cost_cents: average(sums.cost_cents, sums.executions),
            failures: sums.failures.iter().map(FailureShown::from).collect(),
            partial: sums.is_partial,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Thresholds)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThresholdsShown {
    spell_id: String,
    days: u64,
    ok: bool,
    alerts: Vec<AlertShown>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Alert)]
#[serde(rename_all = "camelCase")]
struct AlertShown {
    #[schema(schema_with = watched)]
    r#type: &'static str,
    percent: f64,
    threshold_percent: f64,
    message: String,
}

impl ThresholdsShown {
    pub(crate) fn new(spell_id: String, days: u64, alerts: &[Alert]) -> Self {
        Self { spell_id, days, ok: alerts.is_empty(), alerts: alerts.iter().map(AlertShown::from).collect() }
    }
}

impl From<&Alert> for AlertShown {
    fn from(alert: &Alert) -> Self {
        let Alert { percent, threshold_percent, .. } = *alert;
        let (r#type, message) = match alert.watched {
            Watched::Time => (TIME, format!("5 of 100 casts take {percent} % of the limit on time, or more")),
            Watched::Memory => (MEMORY, format!("5 of 100 casts have {percent} % of the limit on memory, or more")),
            Watched::Success => (SUCCESS_RATE, format!("{percent} % of the casts give an answer")),
        };
        Self { r#type, percent, threshold_percent, message }
    }
}

fn watched() -> Object {
    choice(&[TIME, MEMORY, SUCCESS_RATE])
}

#[derive(Serialize, ToSchema)]
#[schema(as = Top)]
pub(crate) struct TopShown {
    #[schema(schema_with = top_by)]
    by: &'static str,
    days: u64,
    partial: bool,
    spells: Vec<TotalShown>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SpellTotal)]
#[serde(rename_all = "camelCase")]
struct TotalShown {
    spell_id: String,
    spell_key: String,
    spell_name: String,
    executions: u64,
    failures: u64,
    total_time_ms: f64,
    total_cost_cents: u64,
}

impl TopShown {
    pub(crate) fn new(by: TopBy, days: u64, sums: &Sums<SpellTotal>) -> Self {
        Self { by: by.name(), days, partial: sums.is_partial, spells: sums.entries.iter().map(TotalShown::from).collect() }
    }
}

impl From<&SpellTotal> for TotalShown {
    fn from(total: &SpellTotal) -> Self {
        Self {
            spell_id: total.spell_id.clone(),
            spell_key: total.spell_key.clone(),
            spell_name: total.spell_name.clone(),
            executions: total.executions,
            failures: total.failures,
            total_time_ms: milliseconds(total.wall_total),
            total_cost_cents: total.cost_cents,
        }
    }
}

fn top_by() -> Object {
    choice(&TopBy::ALL.map(TopBy::name))
}

fn average(sum: u64, count: u64) -> f64 {
    hundredths(sum as f64 / count.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_named_as_members_in_json_are() {
        for (name, expected) in [("wasm", "wasm"), ("github_actions", "githubActions"), ("a_b_c", "aBC"), ("", "")] {
            assert_eq!(camel_case(name), expected);
        }
    }
}
