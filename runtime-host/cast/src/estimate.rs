//! What a cast may cost, before it is made: nothing runs for it, and nothing is set aside.
//!
//! It knows prices, limits, and what casts have cost. It must never know what a program does.

use crate::caster::{CastError, CastRequest, Ready};
use crate::registry::EngineChoice;
use crate::{Platform, Prices};
use semver::Version;
use spell_types::{Limits, SpellKey, TenantId, Usage};

/// What a cast may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Of which spell.
    pub spell_key: SpellKey,
    /// Which version.
    pub version: Version,
    /// In each engine that may execute it.
    pub engines: Vec<EngineEstimate>,
}

/// What a cast may cost in one engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineEstimate {
    /// Which one.
    pub engine: EngineChoice,
    /// What it costs at least.
    pub cost_cents_min: u64,
    /// What it costs at most, which is what a cast sets aside.
    pub cost_cents_max: u64,
    /// What the last casts of the spell there have cost on average, if there were some.
    pub cost_cents_expected: Option<u64>,
}

impl Prices {
    /// The least and the most that a cast costs in an engine under limits.
    pub fn range(&self, engine: EngineChoice, limits: &Limits) -> (u64, u64) {
        match engine {
            EngineChoice::Wasm => (self.wasm_cents(&Usage::default()), self.wasm_cents_max(limits)),
        }
    }
}

impl Platform {
    /// What a cast may cost, which is refused for the same reasons as the cast would be. Its key is not looked at.
    pub async fn estimate(&self, tenant: &TenantId, request: &CastRequest) -> Result<Estimate, CastError> {
        let Ready { record, limits, .. } = self.prepare(tenant, request).await?;
        let (cost_cents_min, cost_cents_max) = self.prices.range(record.engine, &limits);
        let mean = self.ledger.cost_cents_mean(tenant, &record.spell_id, record.engine).await?;
        // Prices and limits may have been others.
        let cost_cents_expected = mean.map(|mean| mean.clamp(cost_cents_min, cost_cents_max));
        let engines = vec![EngineEstimate { engine: record.engine, cost_cents_min, cost_cents_max, cost_cents_expected }];
        Ok(Estimate { spell_key: record.spell_key, version: record.version, engines })
    }
}
