//! How near casts of a spell come to what the spell may use, and how often they fail.
//!
//! It is handed sums and limits. It must never know where they come from.

use crate::statistics::SpellSums;
use spell_types::{Limit, Limits};

/// From where on somebody should look, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Of the limit on time, that 95 of 100 casts should stay within.
    pub time_percent: f64,
    /// Of the limit on memory, likewise.
    pub memory_percent: f64,
    /// Of the casts, that should give an answer.
    pub success_percent: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { time_percent: 80.0, memory_percent: 80.0, success_percent: 95.0 }
    }
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// The 95th percentile of time, in percent of its limit.
    Time,
    /// The 95th percentile of memory, in percent of its limit.
    Memory,
    /// The casts that gave an answer, in percent of those that ended.
    Success,
}

/// Something that somebody should look at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alert {
    /// What it is.
    pub watched: Watched,
    /// How much it is, in percent.
    pub percent: f64,
    /// How much it should be at most, or at least.
    pub threshold_percent: f64,
}

impl Thresholds {
    /// What is beyond its threshold. Nothing is, where nothing was cast.
    pub fn alerts(&self, sums: &SpellSums, limits: &Limits) -> Vec<Alert> {
        let time = percent(sums.wall_us.p95, limits.get(Limit::Time).saturating_mul(1_000));
        let memory = percent(sums.memory_bytes.p95, limits.get(Limit::Memory));
        let success = percent(sums.completed, sums.executions);
        let high = [(Watched::Time, time, self.time_percent), (Watched::Memory, memory, self.memory_percent)];
        let high = high.into_iter().filter(|(_, percent, threshold)| sums.sampled > 0 && percent > threshold);
        let low = [(Watched::Success, success, self.success_percent)];
        let low = low.into_iter().filter(|(_, percent, threshold)| sums.executions > 0 && percent < threshold);
        high.chain(low).map(|(watched, percent, threshold_percent)| Alert { watched, percent, threshold_percent }).collect()
    }
}

/// How much of a whole a part is, with two decimals. All of nothing is nothing.
pub fn percent(part: u64, whole: u64) -> f64 {
    (10_000.0 * part as f64 / whole.max(1) as f64).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Percentiles;

    fn sums(wall_us: u64, memory_bytes: u64, executions: u64, completed: u64) -> SpellSums {
        let of = |p95| Percentiles { p95, ..Percentiles::default() };
        let (wall_us, memory_bytes) = (of(wall_us), of(memory_bytes));
        SpellSums { executions, completed, sampled: executions, wall_us, memory_bytes, ..SpellSums::default() }
    }

    #[test]
    fn what_is_beyond_its_threshold_is_told_and_nothing_else() {
        let mut limits = Limits::default();
        limits.set(Limit::Time, 1_000);
        limits.set(Limit::Memory, 1_000);
        for (sums, expected) in [
            (sums(0, 0, 0, 0), vec![]),
            (sums(800_000, 800, 100, 95), vec![]),
            (sums(800_100, 800, 100, 95), vec![(Watched::Time, 80.01)]),
            (sums(800_000, 801, 100, 100), vec![(Watched::Memory, 80.1)]),
            (sums(1, 1, 3, 2), vec![(Watched::Success, 66.67)]),
            (sums(2_000_000, 1_000, 1, 0), vec![(Watched::Time, 200.0), (Watched::Memory, 100.0), (Watched::Success, 0.0)]),
        ] {
            let alerts = Thresholds::default().alerts(&sums, &limits);
            assert_eq!(alerts.iter().map(|alert| (alert.watched, alert.percent)).collect::<Vec<_>>(), expected, "{sums:?}");
        }
        let strict = Thresholds { time_percent: 0.0, memory_percent: 0.0, success_percent: 100.0 };
        assert_eq!(
            strict.alerts(&sums(1, 1, 1_000, 999), &limits).len(),
            2,
            "a thousandth of a limit is not even a hundredth of a percent"
        );
        assert!(strict.alerts(&sums(1_000, 0, 0, 0), &limits).is_empty(), "nothing was cast");
    }

    #[test]
    fn limits_that_are_none_are_never_near() {
        assert!(Thresholds::default().alerts(&sums(u64::MAX / 2, 1 << 40, 1, 1), &Limits::unbounded()).is_empty());
    }
}
