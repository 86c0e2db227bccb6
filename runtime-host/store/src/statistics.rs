//! Casts, summed up. It knows columns of casts and how they are added; it must never know who asks, or what a sum is for.
//!
//! Each answer reads one range of an index, from its newest end, and [`CASTS_SUMMED_MAX`] rows of it at most. Averages and totals are of
//! floating point, which never overflows; a sum of integers may.

mod spells;

use crate::Database;
use crate::columns::{Count, Micros, Moment};
use crate::queue::JobError;
use rusqlite::{Connection, Row, params};
use spell_cast::{CASTS_SUMMED_MAX, EngineSums, LedgerError, Recorded, Span, SpellSums, SpellTotal, Statistics, Sums, TopBy, Trend};
use spell_types::TenantId;
use std::time::SystemTime;

type Failure = JobError<LedgerError>;

const MILLISECONDS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;
/// The most rows that are summed up, as SQLite counts.
const ROWS_MAX: i64 = CASTS_SUMMED_MAX as i64;

const TRENDS: &str = "SELECT ended_at_ms / ?4 AS day, count(*) AS executions, count(*) FILTER (WHERE state = 'completed') AS completed,
         CAST(avg(wall_us) AS INTEGER) AS wall_us, CAST(avg(memory_bytes_peak) AS INTEGER) AS memory_bytes,
         CAST(total(cost_cents) AS INTEGER) AS cost_cents
     FROM casts WHERE tenant = ?1 AND spell_id = ?2 AND ended_at_ms >= ?3 GROUP BY day ORDER BY day";

const ENGINES: &str = "SELECT engine, count(*) AS executions, count(*) FILTER (WHERE state = 'completed') AS completed,
         CAST(avg(wall_us) AS INTEGER) AS wall_us, CAST(total(cost_cents) AS INTEGER) AS cost_cents
     FROM (SELECT engine, state, wall_us, cost_cents FROM casts
           WHERE tenant = ?1 AND ended_at_ms >= ?2 AND ended_at_ms < ?3 ORDER BY ended_at_ms DESC LIMIT ?4)
     GROUP BY engine ORDER BY engine";

/// Of several rows, SQLite takes those columns that are not summed up from the one with the largest id.
const TOP: &str = "SELECT spell_id, spell_key, spell_name, max(id), count(*) AS executions,
         count(*) FILTER (WHERE state = 'failed') AS failures, CAST(total(wall_us) AS INTEGER) AS wall_us,
         CAST(total(cost_cents) AS INTEGER) AS cost_cents, sum(count(*)) OVER () AS casts
     FROM (SELECT spell_id, spell_key, spell_name, id, state, wall_us, cost_cents FROM casts
           WHERE tenant = ?1 AND ended_at_ms >= ?2 AND ended_at_ms < ?3 ORDER BY ended_at_ms DESC LIMIT ?4)
     GROUP BY spell_id ORDER BY";

impl Statistics for Database {
    fn trends<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, since: SystemTime) -> Recorded<'a, Vec<Trend>> {
        let (tenant, spell_id) = (tenant.clone(), spell_id.to_owned());
        let sum_up = move |connection: &Connection| trends(connection, &tenant, &spell_id, since);
        Box::pin(async move { self.read(sum_up).await.map_err(to_error) })
    }

    fn engine_sums<'a>(&'a self, tenant: &'a TenantId, span: Span) -> Recorded<'a, Sums<EngineSums>> {
        let tenant = tenant.clone();
        let sum_up = move |connection: &Connection| engines(connection, &tenant, span);
        Box::pin(async move { self.read(sum_up).await.map_err(to_error) })
    }

    fn spell_sums<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, span: Span) -> Recorded<'a, SpellSums> {
        let (tenant, spell_id) = (tenant.clone(), spell_id.to_owned());
        let sum_up = move |connection: &Connection| spells::sums(connection, &tenant, &spell_id, span);
        Box::pin(async move { self.read(sum_up).await.map_err(to_error) })
    }

    fn top_spells<'a>(&'a self, tenant: &'a TenantId, span: Span, by: TopBy, count_max: usize) -> Recorded<'a, Sums<SpellTotal>> {
        let tenant = tenant.clone();
        let sum_up = move |connection: &Connection| top(connection, &tenant, span, by, count_max);
        Box::pin(async move { self.read(sum_up).await.map_err(to_error) })
    }
}

fn trends(connection: &Connection, tenant: &TenantId, spell_id: &str, since: SystemTime) -> Result<Vec<Trend>, Failure> {
    let mut select = connection.prepare_cached(TRENDS)?;
    let trends = select.query_map(params![tenant.as_str(), spell_id, Moment(since), MILLISECONDS_PER_DAY], |row| {
        Ok(Trend {
            day: count(row, "day")?,
            executions: count(row, "executions")?,
            completed: count(row, "completed")?,
            wall_mean: row.get::<_, Micros>("wall_us")?.0,
            memory_bytes_mean: count(row, "memory_bytes")?,
            cost_cents: count(row, "cost_cents")?,
        })
    })?;
    Ok(trends.collect::<Result<_, _>>()?)
}

fn engines(connection: &Connection, tenant: &TenantId, span: Span) -> Result<Sums<EngineSums>, Failure> {
    let mut select = connection.prepare_cached(ENGINES)?;
    let engines = select.query_map(params![tenant.as_str(), Moment(span.since), Moment(span.until), ROWS_MAX], |row| {
        Ok(EngineSums {
            engine: row.get("engine")?,
            executions: count(row, "executions")?,
            completed: count(row, "completed")?,
            wall_mean: row.get::<_, Micros>("wall_us")?.0,
            cost_cents: count(row, "cost_cents")?,
        })
    })?;
    let entries: Vec<EngineSums> = engines.collect::<Result<_, _>>()?;
    let is_partial = entries.iter().map(|sums| sums.executions).sum::<u64>() >= CASTS_SUMMED_MAX as u64;
    Ok(Sums { entries, is_partial })
}

fn top(connection: &Connection, tenant: &TenantId, span: Span, by: TopBy, count_max: usize) -> Result<Sums<SpellTotal>, Failure> {
    let column = match by {
        TopBy::Executions => "executions",
        TopBy::Cost => "cost_cents",
        TopBy::Time => "wall_us",
        TopBy::Failures => "failures",
    };
    let mut select = connection.prepare_cached(&format!("{TOP} {column} DESC, spell_id LIMIT ?5"))?;
    let asked = params![tenant.as_str(), Moment(span.since), Moment(span.until), ROWS_MAX, count_max as i64];
    let mut casts = 0;
    let spells = select.query_map(asked, |row| {
        casts = count(row, "casts")?;
        Ok(SpellTotal {
            spell_id: row.get("spell_id")?,
            spell_key: row.get("spell_key")?,
            spell_name: row.get("spell_name")?,
            executions: count(row, "executions")?,
            failures: count(row, "failures")?,
            wall_total: row.get::<_, Micros>("wall_us")?.0,
            cost_cents: count(row, "cost_cents")?,
        })
    })?;
    let entries: Vec<SpellTotal> = spells.collect::<Result<_, _>>()?;
    Ok(Sums { entries, is_partial: casts >= CASTS_SUMMED_MAX as u64 })
}

fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Count>(column)?.0)
}

fn to_error(error: Failure) -> LedgerError {
    error.reason("statistics", LedgerError::Full, LedgerError::Unavailable)
}

#[cfg(test)]
mod tests;
