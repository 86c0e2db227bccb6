//! Before a cast begins: what it is of, what executes it, what it may use and cost, and whether it may be at all.
//!
//! It knows what is refused before anything is reserved. It must never know how a cast goes on.

use crate::Platform;
use crate::caster::{CastError, CastRequest, time_as_kept};
use crate::engines::Plan;
use crate::ids::new_id;
use crate::ledger::{CastRecord, CastState};
use crate::reach::Reach;
use crate::registry::Spell;
use crate::schema::Side;
use spell_types::{CeilingExceeded, Limit, Limits, TenantId};
use std::time::Duration;

/// What is needed to execute a cast.
pub(crate) struct Ready {
    pub(crate) record: CastRecord,
    pub(crate) plan: Plan,
    pub(crate) limits: Limits,
    /// The most that it may cost, in all engines that may execute it.
    pub(crate) cost_cents_max: u64,
    pub(crate) reach: Reach,
    pub(crate) output_schema: Option<String>,
}

impl Ready {
    /// How long it may take: each engine that may execute it has the time of its spell.
    pub(crate) fn time_max(&self) -> Duration {
        let time_max = self.limits.time().saturating_add(Duration::from_millis(self.limits.get(Limit::QueueTime)));
        time_max.saturating_mul(self.plan.engines().len() as u32)
    }
}

impl Platform {
    /// Looks up what a cast needs, and whether it may be.
    pub(crate) async fn prepare(&self, tenant: &TenantId, request: &CastRequest) -> Result<Ready, CastError> {
        let (spell, module) = self.registry.castable(tenant, &request.spell, request.version.as_ref()).await?;
        if !spell.about.is_active {
            return Err(CastError::NotActive);
        }
        let plan = self.plan(&spell, module, request.version.as_ref())?;
        let limits = self.limits_of(&spell)?;
        let (size_bytes, size_bytes_max) = (request.input.bytes.len() as u64, limits.get(Limit::Request));
        if size_bytes > size_bytes_max {
            return Err(CastError::InputTooLarge { size_bytes, size_bytes_max });
        }
        self.checkers.check(&spell.id, Side::Input, spell.about.schemas.input.as_deref(), &request.input).await?;
        self.takes(&plan, &spell.key, &request.input, &limits)?;
        let now = time_as_kept((self.now)());
        let record = CastRecord {
            id: new_id("cast", now)?,
            tenant: tenant.clone(),
            spell_id: spell.id,
            spell_key: spell.key,
            spell_name: spell.about.name,
            version: plan.module.as_ref().map(|module| module.version.clone()),
            engine: plan.engine(),
            created_at: now,
            state: CastState::Running,
            engine_reason: plan.reason.to_owned(),
            run: plan.first_run(),
        };
        let costs = plan.engines().into_iter().map(|engine| self.prices.range(engine, &limits).1);
        let cost_cents_max = costs.fold(0, u64::saturating_add);
        Ok(Ready { record, plan, limits, cost_cents_max, reach: spell.about.reach, output_schema: spell.about.schemas.output })
    }

    /// The limits of a spell: what it asks for within what the operator allows.
    pub fn limits_of(&self, spell: &Spell) -> Result<Limits, CeilingExceeded> {
        Limits::resolve(&self.defaults, &self.ceilings, &spell.about.limits)
    }
}
