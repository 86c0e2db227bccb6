//! The platform: tenants keep programs as versions of spells, and cast them, each cast at most once for a key, recorded with what it used
//! and what it costs.
//!
//! This room knows the pipeline, and owns the traits that the outside implements: where spells are kept ([`Registry`]), where casts are
//! recorded ([`Ledger`]) and summed up ([`Statistics`]), where it is kept what they print ([`CastLogs`]), who has which key ([`KeyRing`]),
//! what makes programs components ([`Adapter`]), what executes ([`Runner`], [`Workflows`]), and who is told of the end of casts
//! ([`Webhooks`], [`Courier`]). It must never know HTTP, SQL or wasmtime.

mod adapter;
mod attempts;
mod budget;
mod caster;
mod cost;
mod courier;
mod engines;
mod estimate;
mod ids;
mod keys;
mod ledger;
mod observer;
mod parts;
mod prepare;
mod publish;
mod quota;
mod reach;
mod registry;
mod runner;
mod running;
mod schema;
mod statistics;
mod streamed;
mod thresholds;
mod unrecorded;
mod webhooks;
mod witness;
mod workflows;

pub use adapter::{AdaptHere, AdaptedProgram, Adapter, AdapterError};
pub use budget::{Allowance, Budget, BudgetError, Budgets, CAP_CENTS_MAX, Month, OperatorCap, OverBudget};
pub use caster::{CastAnswer, CastError, CastRequest, Started, cast_defaults};
pub use cost::{Microcents, Prices};
pub use courier::{ATTEMPT_TIME_MAX, Courier, DELIVERIES_AT_ONCE_MAX, Handed, Letter, UrlRefused, Verdict};
pub use engines::{CONFIGURED_FOR_WASM, EngineChoice, FallbackOn};
pub use estimate::{EngineEstimate, Estimate};
pub use ids::NoRandomness;
pub use keys::{ApiKey, KeyRing, KeyRingError, NewApiKey, PREFIX_CHARACTERS, Pepper, Scope, new_api_key};
pub use ledger::{
    CastRecord, CastState, Ending, Failed, FailedKind, IDEMPOTENCY_KEY_BYTES_MAX, IDEMPOTENCY_TIME, Idempotency, Ledger, LedgerError,
    Recorded, Reserved, streamed,
};
pub use observer::CastObserver;
pub use parts::Parts;
pub use publish::{PROGRAM_BYTES_MAX, Upload, UploadError, digest_of};
pub use quota::{Quota, QuotaExceeded, Quotas};
pub use reach::{ENVIRONMENT_BYTES_MAX, NETWORK_ENTRIES_MAX, Reach, ReachError, Reachable, VARIABLES_MAX};
pub use registry::{About, Module, NewModule, Registered, Registry, RegistryError, Spell};
pub use runner::{Executed, Runner};
pub use schema::{
    CHECKED_BYTES_MAX, Mismatch, Mismatches, SCHEMA_BYTES_MAX, SCHEMA_PARTS_MAX, SCHEMA_PATTERNS_MAX, SchemaError, Schemas,
    UNIQUE_BYTES_MAX,
};
pub use spell_adapt::{Abi, App, app_name};
pub use statistics::{
    CASTS_SUMMED_MAX, EngineSums, FAILURE_CODE_BYTES_MAX, FAILURE_OTHER, FAILURES_TOLD_MAX, FailureCount, Percentiles, Span, SpellSums,
    SpellTotal, Statistics, Sums, TopBy, Trend,
};
pub use streamed::{StreamedCast, StreamedRequest};
pub use thresholds::{Alert, Thresholds, Watched, percent};
pub use webhooks::{
    AboutWebhook, Attempted, DELIVERIES_WAITING_MAX, DELIVERY_TIME, Delivery, DeliveryState, Due, Event, FAILING_TIME_MAX, Kept,
    NewWebhook, OffReason, ROTATION_TIME, Sealed, SecretLost, WEBHOOKS_MAX, Webhook, WebhookError, WebhookFailure, WebhookSecret, Webhooks,
};
pub use witness::{CastLog, CastLogs, LOG_BYTES_MAX, LOG_LINES_MAX, LogLine, Stream, Witness};
pub use workflows::{Dispatched, Followed, Heard, Notice, Workflow, WorkflowCast, WorkflowRefused, WorkflowRun, Workflows};

use ids::new_id;
use running::RunningCasts;
use schema::Checkers;
use spell_types::{SpellKey, TenantId};
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};
use unrecorded::UNRECORDED_MAX;

/// All that the platform is made of, and the casts that run in it.
pub struct Platform {
    parts: Parts,
    running: Arc<RunningCasts>,
    checkers: Checkers,
    /// Places for casts that have ended and could not be recorded.
    unrecorded: Arc<Semaphore>,
    /// Told when there may be something to deliver.
    posted: Notify,
}

impl Deref for Platform {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Platform {
    /// A platform in which nothing runs yet.
    pub fn new(parts: Parts) -> Self {
        let unrecorded = Arc::new(Semaphore::new(UNRECORDED_MAX));
        Self { parts, running: Arc::default(), checkers: Checkers::default(), unrecorded, posted: Notify::new() }
    }

    /// How many casts have begun in this process and not ended.
    pub fn running_casts(&self) -> usize {
        self.running.count()
    }

    /// Makes a spell, which has no version yet.
    pub async fn create_spell(&self, tenant: &TenantId, key: SpellKey, about: About) -> Result<Spell, SpellError> {
        let now = (self.now)();
        let spell = Spell { id: new_id("spell", now)?, tenant: tenant.clone(), key, about, active: None, created_at: now, updated_at: now };
        self.check_spell(&spell).await?;
        Ok(self.registry.create(spell).await?)
    }

    /// Says something else of a spell.
    pub async fn change_spell(&self, tenant: &TenantId, spell: Spell) -> Result<Spell, SpellError> {
        self.check_spell(&spell).await?;
        Ok(self.registry.change(tenant, &spell.id, spell.about, (self.now)()).await?)
    }

    /// Whether a spell may be what is said of it.
    async fn check_spell(&self, spell: &Spell) -> Result<(), SpellError> {
        self.limits_of(spell)?;
        self.allows(spell)?;
        spell.about.reach.check(self.reachable)?;
        let schemas = spell.about.schemas.clone();
        if schemas == Schemas::default() {
            return Ok(());
        }
        let checked = tokio::task::spawn_blocking(move || schemas.check()).await.map_err(|_| SpellError::Schemas)?;
        checked.map_err(|(name, error)| SpellError::Schema { name, error })
    }

    /// Makes a key, which is told this once.
    pub async fn create_key(&self, tenant: TenantId, name: String, scopes: Vec<Scope>) -> Result<(ApiKey, String), KeyError> {
        let NewApiKey { key, secret } = new_api_key(tenant, name, scopes, (self.now)())?;
        self.keys.add(key.clone(), self.pepper.hash(&secret)).await?;
        Ok((key, secret))
    }

    /// Forgets casts that were on record for long enough, and tells how many.
    pub async fn forget_old_casts(&self) -> Result<u64, LedgerError> {
        let Some(before) = (self.now)().checked_sub(self.retention.max(IDEMPOTENCY_TIME)) else { return Ok(0) };
        let mut forgotten = 0;
        loop {
            let some = self.ledger.forget_some(before).await?;
            forgotten += some;
            if some == 0 {
                return Ok(forgotten);
            }
        }
    }

    /// Forgets deliveries that ended long ago, and tells how many.
    pub async fn forget_old_deliveries(&self) -> Result<u64, WebhookError> {
        let Some(before) = (self.now)().checked_sub(DELIVERY_TIME) else { return Ok(0) };
        let mut forgotten = 0;
        loop {
            let some = self.webhooks.forget_some_deliveries(before).await?;
            forgotten += some;
            if some == 0 {
                return Ok(forgotten);
            }
        }
    }

    /// The budget of a tenant in this month.
    pub async fn budget(&self, tenant: &TenantId) -> Result<Budget, LedgerError> {
        self.budgets.budget(tenant, Month::of((self.now)())).await
    }

    /// Keeps what a tenant says of its budget: less than the operator does, or nothing.
    pub async fn set_budget(&self, tenant: &TenantId, cap_cents: Option<u64>) -> Result<Budget, BudgetError> {
        let operator_cap = self.budget(tenant).await?.operator_cap_cents();
        if let (Some(asked), Some(cap_cents)) = (cap_cents, operator_cap)
            && asked > cap_cents
        {
            return Err(BudgetError::AboveOperator { cap_cents });
        }
        self.budgets.set_own_cap(tenant, cap_cents).await?;
        Ok(self.budget(tenant).await?)
    }

    /// Who shows this key, if it is one and still worth something.
    pub async fn principal(&self, secret: &str) -> Result<Option<ApiKey>, KeyRingError> {
        let found = self.keys.find(self.pepper.hash(secret)).await?;
        Ok(found.filter(|key| key.revoked_at.is_none()))
    }
}

/// Why a spell is not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum SpellError {
    /// It cannot be kept.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It asks for more than the operator allows.
    #[error("the spell {0}")]
    Ceiling(#[from] spell_types::CeilingExceeded),
    /// It asks for a workflow that it cannot have.
    #[error(transparent)]
    Workflow(#[from] WorkflowRefused),
    /// It cannot be named.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// It may not ask to reach this.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// A schema cannot be used.
    #[error("{name}: {error}")]
    Schema {
        /// Which one.
        name: &'static str,
        /// Why not.
        error: SchemaError,
    },
    /// The host could not look at the schemas.
    #[error("the schemas cannot be looked at")]
    Schemas,
}

/// Why a key is not made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be kept.
    #[error(transparent)]
    KeyRing(#[from] KeyRingError),
    /// It cannot be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}
