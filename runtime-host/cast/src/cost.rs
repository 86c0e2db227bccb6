//! What a cast costs: prices, and how usage becomes cents.
//!
//! It knows numbers. It must never know who pays.

use spell_types::{Limit, Limits, Usage};
use std::time::Duration;

/// Millionths of a cent: prices are whole numbers of them, so that nothing is lost before the one rounding at the end.
pub type Microcents = u64;

const MICROCENTS_PER_CENT: u128 = 1_000_000;
const MIB: u128 = 1 << 20;

/// What an operator asks for.
///
/// ```
/// use spell_cast::Prices;
/// use spell_types::Usage;
/// use std::time::Duration;
///
/// let usage = Usage { wall: Duration::from_secs(10), memory_bytes_peak: 256 << 20, ..Usage::default() };
/// assert_eq!(Prices::default().wasm_cents(&usage), 4);
/// assert_eq!(Prices::default().github_cents(Duration::from_secs(61)), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// For a second of wall time in this host: 0.1 cents.
    pub wasm_second: Microcents,
    /// For a mebibyte of the most memory that a cast had at once: 0.01 cents.
    pub wasm_mebibyte: Microcents,
    /// For a cast in this host at least.
    pub wasm_cents_min: u64,
    /// For a minute that was begun on GitHub's runners: 0.8 cents.
    pub github_minute: Microcents,
    /// For a cast on GitHub's runners at least.
    pub github_cents_min: u64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { wasm_second: 100_000, wasm_mebibyte: 10_000, wasm_cents_min: 1, github_minute: 800_000, github_cents_min: 5 }
    }
}

impl Prices {
    /// Cents for a cast in this host: its time and its memory, rounded up.
    pub fn wasm_cents(&self, usage: &Usage) -> u64 {
        let time = usage.wall.as_millis().saturating_mul(self.wasm_second.into()) / 1_000;
        let memory = u128::from(usage.memory_bytes_peak).saturating_mul(self.wasm_mebibyte.into()).div_ceil(MIB);
        cents(time.saturating_add(memory)).max(self.wasm_cents_min)
    }

    /// Cents for a cast in this host at most: all the time and all the memory that its limits allow.
    pub fn wasm_cents_max(&self, limits: &Limits) -> u64 {
        self.wasm_cents(&Usage { wall: limits.time(), memory_bytes_peak: limits.get(Limit::Memory), ..Usage::default() })
    }

    /// Cents for a run of a workflow: each minute that was begun, rounded up.
    pub fn github_cents(&self, time: Duration) -> u64 {
        let minutes = time.as_millis().div_ceil(60_000);
        cents(minutes.saturating_mul(self.github_minute.into())).max(self.github_cents_min)
    }
}

fn cents(price: u128) -> u64 {
    u64::try_from(price.div_ceil(MICROCENTS_PER_CENT)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_cost_their_time_and_memory_and_a_cent_at_least() {
        for (time_ms, memory_mib, expected) in
            [(100, 50, 1), (1_000, 100, 2), (10_000, 256, 4), (60_000, 512, 12), (10, 1, 1), (300_000, 512, 36), (1_500, 50, 1), (0, 0, 1)]
        {
            let usage = Usage { wall: Duration::from_millis(time_ms), memory_bytes_peak: memory_mib << 20, ..Usage::default() };
            assert_eq!(Prices::default().wasm_cents(&usage), expected, "{time_ms} ms, {memory_mib} MiB");
        }
        let most = Usage { wall: Duration::MAX, memory_bytes_peak: u64::MAX, ..Usage::default() };
        assert!(Prices::default().wasm_cents(&most) > 1 << 60);
        let dearest = Prices { wasm_second: u64::MAX, wasm_mebibyte: u64::MAX, ..Prices::default() };
        assert_eq!(dearest.wasm_cents(&most), u64::MAX);
    }

    #[test]
    fn runs_of_workflows_cost_each_minute_begun_and_five_cents_at_least() {
        for (seconds, expected) in [(0, 5), (59, 5), (360, 5), (361, 6), (600, 8), (3_600, 48)] {
            assert_eq!(Prices::default().github_cents(Duration::from_secs(seconds)), expected, "{seconds} s");
        }
    }
}
