//! Before a cast begins: what it is of, what executes it, what it may use and cost, and whether it may be at all.
//!
//! It knows what is refused before anything is reserved. It must never know how a cast goes on.

use crate::Platform;
use crate::caster::{CastError, CastRequest, time_as_kept};
use crate::engines::Plan;
use crate::ids::new_id;
use crate::ledger::{CastRecord, CastState};
use crate::reach::Reach;
use crate::registry::{Module, Spell};
use crate::schema::{Schemas, Side};
use semver::Version;
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
    pub(crate) input_schema: Option<String>,
    pub(crate) output_schema: Option<String>,
}

impl Ready {
    /// Whether the spell takes an input of this size.
    pub(crate) fn takes(&self, size_bytes: u64) -> Result<(), CastError> {
        let size_bytes_max = self.limits.get(Limit::Request);
        if size_bytes > size_bytes_max { Err(CastError::InputTooLarge { size_bytes, size_bytes_max }) } else { Ok(()) }
    }

    /// How long it may take: each engine that may execute it has the time of its spell.
    pub(crate) fn time_max(&self) -> Duration {
        let time_max = self.limits.time().saturating_add(Duration::from_millis(self.limits.get(Limit::QueueTime)));
        time_max.saturating_mul(self.plan.engines().len() as u32)
    }
}

impl Platform {
    /// Looks up what a cast needs, and whether it may be.
    pub(crate) async fn prepare(&self, tenant: &TenantId, request: &CastRequest) -> Result<Ready, CastError> {
        let (spell, module) = self.castable(tenant, &request.spell, request.version.as_ref()).await?;
        let plan = self.plan(&spell, module, request.version.as_ref())?;
        if let Some(module) = plan.module.as_ref().filter(|module| module.answers_http()) {
            return Err(CastError::AnswersHttp { spell_key: spell.key, version: module.version.clone() });
        }
        let ready = self.ready(spell, plan)?;
        ready.takes(request.input.bytes.len() as u64)?;
        self.checkers.check(&ready.record.spell_id, Side::Input, ready.input_schema.as_deref(), &request.input).await?;
        self.hands_over(&ready.plan, &ready.record.spell_key, &request.input, &ready.limits)?;
        Ok(ready)
    }

    /// A spell that may be cast, and the version or the active one, if it is there.
    pub(crate) async fn castable(
        &self,
        tenant: &TenantId,
        spell: &str,
        version: Option<&Version>,
    ) -> Result<(Spell, Option<Module>), CastError> {
        let (spell, module) = self.registry.castable(tenant, spell, version).await?;
        if spell.about.is_active { Ok((spell, module)) } else { Err(CastError::NotActive) }
    }

    /// What a cast of a spell is made of, whichever way it is given its input.
    pub(crate) fn ready(&self, spell: Spell, plan: Plan) -> Result<Ready, CastError> {
        let limits = self.limits_of(&spell)?;
        let now = time_as_kept((self.now)());
        let record = CastRecord {
            id: new_id("cast", now)?,
            tenant: spell.tenant,
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
        let Schemas { input: input_schema, output: output_schema } = spell.about.schemas;
        Ok(Ready { record, plan, limits, cost_cents_max, reach: spell.about.reach, input_schema, output_schema })
    }

    /// The limits of a spell: what it asks for within what the operator allows.
    pub fn limits_of(&self, spell: &Spell) -> Result<Limits, CeilingExceeded> {
        Limits::resolve(&self.defaults, &self.ceilings, &spell.about.limits)
    }
}
