//! The platform: tenants keep programs as versions of spells, and cast them, each cast at most once for a key, recorded with what it used
//! and what it costs.
//!
//! This room knows the pipeline, and owns the traits that the outside implements: where spells are kept ([`Registry`]), where casts are
//! recorded ([`Ledger`]), who has which key ([`KeyRing`]), what makes programs components ([`Adapter`]), and what executes ([`Runner`]).
//! It must never know HTTP, SQL or wasmtime.

mod adapter;
mod caster;
mod cost;
mod ids;
mod keys;
mod ledger;
mod publish;
mod records;
mod registry;
mod runner;
mod running;
mod streamed;

pub use adapter::{AdaptHere, AdaptedProgram, Adapter, AdapterError};
pub use caster::{CastAnswer, CastError, CastRequest, Started, cast_defaults};
pub use cost::{Microcents, Prices};
pub use ids::NoRandomness;
pub use keys::{ApiKey, KeyRing, KeyRingError, NewApiKey, PREFIX_CHARACTERS, Pepper, Scope, new_api_key};
pub use ledger::{
    CastRecord, CastState, Ending, Failed, FailedKind, IDEMPOTENCY_KEY_BYTES_MAX, IDEMPOTENCY_TIME, Idempotency, Ledger, LedgerError,
    Recorded, Reserved, Trend, streamed,
};
pub use publish::{PROGRAM_BYTES_MAX, Upload, UploadError, digest_of};
pub use records::RECORDS_WAITING_MAX;
pub use registry::{About, EngineChoice, Module, NewModule, Registered, Registry, RegistryError, Spell};
pub use runner::{Executed, Runner};
pub use spell_adapt::{Abi, App, app_name};
pub use streamed::StreamedCast;

use ids::new_id;
use records::Records;
use running::RunningCasts;
use spell_types::{Limits, SpellKey, TenantId};
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What a platform is put together from.
pub struct Parts {
    /// Where spells are kept.
    pub registry: Arc<dyn Registry>,
    /// Where casts are recorded.
    pub ledger: Arc<dyn Ledger>,
    /// Who has which key.
    pub keys: Arc<dyn KeyRing>,
    /// What hashes of keys are made with.
    pub pepper: Pepper,
    /// What executes.
    pub runner: Arc<dyn Runner>,
    /// What casts cost.
    pub prices: Prices,
    /// What spells may use that ask for nothing.
    pub defaults: Limits,
    /// What none may use more of.
    pub ceilings: Limits,
    /// How long casts stay on record, a day at least: for that long, their keys stand for them.
    pub retention: Duration,
    /// What time it is.
    pub now: fn() -> SystemTime,
    /// What makes programs components.
    pub adapter: Arc<dyn Adapter>,
}

/// All that the platform is made of, and the casts that run in it.
pub struct Platform {
    parts: Parts,
    running: Arc<RunningCasts>,
    records: Arc<Records>,
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
        Self { parts, running: Arc::default(), records: Arc::default() }
    }

    /// Makes a spell, which has no version yet.
    pub async fn create_spell(&self, tenant: &TenantId, key: SpellKey, about: About) -> Result<Spell, SpellError> {
        let now = (self.now)();
        let spell = Spell { id: new_id("spell", now)?, tenant: tenant.clone(), key, about, active: None, created_at: now, updated_at: now };
        self.limits_of(&spell)?;
        Ok(self.registry.create(spell).await?)
    }

    /// Says something else of a spell.
    pub async fn change_spell(&self, tenant: &TenantId, spell: Spell) -> Result<Spell, SpellError> {
        self.limits_of(&spell)?;
        Ok(self.registry.change(tenant, &spell.id, spell.about, (self.now)()).await?)
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
    /// It cannot be named.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
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
