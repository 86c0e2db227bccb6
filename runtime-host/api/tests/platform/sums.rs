//! Sums of casts as somebody made them up, and logs in one map.
//!
//! It knows the traits of the pipeline. It must never know HTTP.

use crate::memory::Memory;
use spell_cast::*;
use spell_types::TenantId;
use std::time::{Duration, SystemTime};

fn ready<'a, T: Send + 'a>(value: T) -> Recorded<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Statistics for Memory {
    fn trends<'a>(&'a self, _: &'a TenantId, _: &'a str, since: SystemTime) -> Recorded<'a, Vec<Trend>> {
        let day = since.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() / 86_400;
        let (wall_mean, memory_bytes_mean) = (Duration::from_micros(12_345), 3 << 19);
        ready(vec![Trend { day, executions: 3, completed: 2, wall_mean, memory_bytes_mean, cost_cents: 7 }])
    }

    fn engine_sums<'a>(&'a self, _: &'a TenantId, _: Span) -> Recorded<'a, Sums<EngineSums>> {
        let sums = |engine: &str, executions, completed, cost_cents| EngineSums {
            engine: engine.to_owned(),
            executions,
            completed,
            wall_mean: Duration::from_micros(12_345),
            cost_cents,
        };
        ready(Sums { entries: vec![sums("github_actions", 3, 2, 20), sums("wasm", 7, 7, 10)], is_partial: true })
    }

    fn spell_sums<'a>(&'a self, _: &'a TenantId, _: &'a str, _: Span) -> Recorded<'a, SpellSums> {
        let of = |p50, p95, p99| Percentiles { p50, p95, p99 };
        let failure = FailureCount { kind: FailedKind::Limit, code: "memory".to_owned(), count: 1 };
        ready(SpellSums {
            executions: 3,
            completed: 2,
            cost_cents: 7,
            sampled: 3,
            wall_us: of(1_234, 300_000_000, 300_000_001),
            memory_bytes: of(1 << 20, 3 << 19, 512 << 20),
            failures: vec![failure],
            is_partial: false,
        })
    }

    fn top_spells<'a>(&'a self, _: &'a TenantId, _: Span, by: TopBy, count_max: usize) -> Recorded<'a, Sums<SpellTotal>> {
        let total = SpellTotal {
            spell_id: "spell_1".to_owned(),
            spell_key: by.name().to_owned(),
            spell_name: "A spell".to_owned(),
            executions: count_max as u64,
            failures: 1,
            wall_total: Duration::from_millis(1_500),
            cost_cents: 9,
        };
        ready(Sums { entries: vec![total], is_partial: false })
    }
}

impl CastLogs for Memory {
    fn keep_log<'a>(&'a self, cast_id: &'a str, log: CastLog) -> Recorded<'a, ()> {
        self.logs.lock().unwrap().insert(cast_id.to_owned(), log);
        ready(())
    }

    fn log<'a>(&'a self, _: &'a TenantId, cast_id: &'a str) -> Recorded<'a, CastLog> {
        ready(self.logs.lock().unwrap().get(cast_id).cloned().unwrap_or_default())
    }
}
