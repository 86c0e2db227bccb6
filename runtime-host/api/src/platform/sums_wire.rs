//! Sums of casts as they stand in answers: times in milliseconds, memory in MiB, percentages, all with two decimals.
//!
//! It knows forms. It must never know how anything is summed up.

use crate::platform::wire::{day, hundredths, mebibytes, milliseconds, moment};
use serde::Serialize;
use serde_json::{Map, Value, json};
use spell_cast::{
    Alert, CastRecord, CastState, EngineSums, Percentiles, Span, SpellSums, SpellTotal, Sums, TopBy, Trend, Watched, percent,
};
use std::time::Duration;
use utoipa::ToSchema;

/// Engines that are compared also where nothing was cast in them, by their names in records.
const ENGINES_COMPARED: [&str; 2] = ["wasm", "github_actions"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecutionsShown<'a> {
    pub(crate) executions: Vec<ExecutionShown<'a>>,
    pub(crate) next_cursor: Option<String>,
}

/// A cast that has ended, as a measurement.
#[derive(Serialize)]
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

#[derive(Serialize)]
pub(crate) struct EnginesShown {
    start: String,
    end: String,
    partial: bool,
    #[serde(flatten)]
    engines: Map<String, Value>,
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
        let engines = none.iter().chain(&sums.entries).map(|sums| (camel_case(&sums.engine), engine(sums))).collect();
        Self { start: moment(span.since), end: moment(span.until), partial: sums.is_partial, engines }
    }
}

fn engine(sums: &EngineSums) -> Value {
    json!({
        "totalExecutions": sums.executions,
        "successRate": percent(sums.completed, sums.executions),
        "avgExecutionTimeMs": milliseconds(sums.wall_mean),
        "totalCostCents": sums.cost_cents,
        "avgCostCents": average(sums.cost_cents, sums.executions),
    })
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpellShown {
    spell_id: String,
    days: u64,
    executions: u64,
    success_rate: f64,
    sampled: u64,
    execution_time_ms: PercentilesShown,
    memory_used_mb: PercentilesShown,
    total_cost_cents: u64,
    avg_cost_cents: f64,
    failures: Vec<Value>,
    partial: bool,
}

#[derive(Serialize)]
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

impl SpellShown {
    pub(crate) fn new(spell_id: String, days: u64, sums: &SpellSums) -> Self {
        let failures = sums.failures.iter();
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
            failures: failures
                .map(|failure| json!({ "kind": failure.kind.name(), "code": failure.code, "count": failure.count }))
                .collect(),
            partial: sums.is_partial,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThresholdsShown {
    spell_id: String,
    days: u64,
    ok: bool,
    alerts: Vec<Value>,
}

impl ThresholdsShown {
    pub(crate) fn new(spell_id: String, days: u64, alerts: &[Alert]) -> Self {
        Self { spell_id, days, ok: alerts.is_empty(), alerts: alerts.iter().map(alert).collect() }
    }
}

fn alert(alert: &Alert) -> Value {
    let (kind, message) = match alert.watched {
        Watched::Time => ("time", format!("5 of 100 casts take {} % of the limit on time, or more", alert.percent)),
        Watched::Memory => ("memory", format!("5 of 100 casts have {} % of the limit on memory, or more", alert.percent)),
        Watched::Success => ("success-rate", format!("{} % of the casts give an answer", alert.percent)),
    };
    json!({ "type": kind, "percent": alert.percent, "thresholdPercent": alert.threshold_percent, "message": message })
}

#[derive(Serialize)]
pub(crate) struct TopShown {
    by: &'static str,
    days: u64,
    partial: bool,
    spells: Vec<Value>,
}

impl TopShown {
    pub(crate) fn new(by: TopBy, days: u64, sums: &Sums<SpellTotal>) -> Self {
        Self { by: by.name(), days, partial: sums.is_partial, spells: sums.entries.iter().map(total).collect() }
    }
}

fn total(total: &SpellTotal) -> Value {
    json!({
        "spellId": total.spell_id,
        "spellKey": total.spell_key,
        "spellName": total.spell_name,
        "executions": total.executions,
        "failures": total.failures,
        "totalTimeMs": milliseconds(total.wall_total),
        "totalCostCents": total.cost_cents,
    })
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
