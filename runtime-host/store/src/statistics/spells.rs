//! One spell's casts, each looked at: percentiles, and ways to fail. It knows the columns; it must never know limits.

use super::{Failure, ROWS_MAX, count};
use crate::columns::{Moment, named};
use crate::percentile::percentile;
use rusqlite::{Connection, Row, params};
use spell_cast::{
    CASTS_SUMMED_MAX, FAILURE_CODE_BYTES_MAX, FAILURE_OTHER, FAILURES_TOLD_MAX, FailedKind, FailureCount, Percentiles, Span, SpellSums,
};
use spell_types::TenantId;
use std::cmp::Reverse;
use std::collections::HashMap;

pub(super) const CASTS: &str = "SELECT wall_us, memory_bytes_peak, cost_cents, failed_kind, failed_code FROM casts
     WHERE tenant = ?1 AND spell_id = ?2 AND ended_at_ms >= ?3 AND ended_at_ms < ?4 ORDER BY ended_at_ms DESC LIMIT ?5";

/// What was read so far: 16 bytes for each cast, and the ways to fail.
#[derive(Default)]
struct Read {
    sums: SpellSums,
    wall_us: Vec<u64>,
    memory_bytes: Vec<u64>,
    failures: HashMap<(&'static str, String), (FailedKind, u64)>,
}

/// What casts of a spell came to.
pub(super) fn sums(connection: &Connection, tenant: &TenantId, spell_id: &str, span: Span) -> Result<SpellSums, Failure> {
    let mut select = connection.prepare_cached(CASTS)?;
    let mut rows = select.query(params![tenant.as_str(), spell_id, Moment(span.since), Moment(span.until), ROWS_MAX])?;
    let mut read = Read::default();
    while let Some(row) = rows.next()? {
        read.take(row)?;
    }
    Ok(read.summed())
}

impl Read {
    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        self.sums.executions += 1;
        self.sums.cost_cents = self.sums.cost_cents.saturating_add(count(row, "cost_cents")?);
        let failed = row.get_ref("failed_kind")?.as_str_or_null()?;
        let has_run = match failed.map(|name| named(name, FailedKind::from_name)).transpose()? {
            None => {
                self.sums.completed += 1;
                true
            }
            Some(kind) => {
                self.fail(kind, row.get_ref("failed_code")?.as_str_or_null()?.unwrap_or_default());
                kind.is_of_the_program()
            }
        };
        if has_run {
            self.wall_us.push(count(row, "wall_us")?);
            self.memory_bytes.push(count(row, "memory_bytes_peak")?);
        }
        Ok(())
    }

    /// Programs have words of their own for failures, so there is a bound to how many are told apart.
    fn fail(&mut self, kind: FailedKind, code: &str) {
        let code = if code.len() > FAILURE_CODE_BYTES_MAX { FAILURE_OTHER } else { code };
        let known = (kind.name(), code.to_owned());
        let is_told = self.failures.len() < FAILURES_TOLD_MAX || self.failures.contains_key(&known);
        let told = if is_told { known } else { (kind.name(), FAILURE_OTHER.to_owned()) };
        self.failures.entry(told).or_insert((kind, 0)).1 += 1;
    }

    fn summed(mut self) -> SpellSums {
        let failures = self.failures.into_iter().map(|((_, code), (kind, count))| FailureCount { kind, code, count });
        let mut failures: Vec<FailureCount> = failures.collect();
        failures.sort_by(|one, other| {
            let key = |failure: &FailureCount| (Reverse(failure.count), failure.kind.name());
            key(one).cmp(&key(other)).then_with(|| one.code.cmp(&other.code))
        });
        SpellSums {
            sampled: self.wall_us.len() as u64,
            wall_us: percentiles(&mut self.wall_us),
            memory_bytes: percentiles(&mut self.memory_bytes),
            failures,
            is_partial: self.sums.executions >= CASTS_SUMMED_MAX as u64,
            ..self.sums
        }
    }
}

fn percentiles(values: &mut [u64]) -> Percentiles {
    Percentiles { p50: percentile(values, 50), p95: percentile(values, 95), p99: percentile(values, 99) }
}
