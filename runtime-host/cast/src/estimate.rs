//! What a cast may cost, before it is made: nothing runs for it, and nothing is set aside.
//!
//! It knows prices, limits, and what casts have cost. It must never know what a program does.

use crate::caster::{CastError, CastRequest};
use crate::engines::EngineChoice;
use crate::prepare::Ready;
use crate::{Platform, Prices};
use semver::Version;
use spell_types::{Limits, SpellKey, TenantId, Usage};
use std::time::Duration;

/// What a cast may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Of which spell.
    pub spell_key: SpellKey,
    /// Which version; a workflow has none.
    pub version: Option<Version>,
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
            EngineChoice::GithubActions => (self.github_cents(Duration::ZERO), self.github_cents(limits.time())),
            // The one, and if that fails the other.
            EngineChoice::Hybrid => {
                let (here, there) = (self.range(EngineChoice::Wasm, limits), self.range(EngineChoice::GithubActions, limits));
                (here.0, here.1.saturating_add(there.1))
            }
        }
    }
}

impl Platform {
    /// What a cast may cost, which is refused for the same reasons as the cast would be. Its key is not looked at.
    pub async fn estimate(&self, tenant: &TenantId, request: &CastRequest) -> Result<Estimate, CastError> {
        let Ready { record, plan, limits, .. } = self.prepare(tenant, request).await?;
        let mut engines = Vec::new();
        for engine in plan.engines() {
            let (cost_cents_min, cost_cents_max) = self.prices.range(engine, &limits);
            let mean = self.ledger.cost_cents_mean(tenant, &record.spell_id, engine).await?;
            // Prices and limits may have been others.
            let cost_cents_expected = mean.map(|mean| mean.clamp(cost_cents_min, cost_cents_max));
            engines.push(EngineEstimate { engine, cost_cents_min, cost_cents_max, cost_cents_expected });
        }
        Ok(Estimate { spell_key: record.spell_key, version: record.version, engines })
    }
}
