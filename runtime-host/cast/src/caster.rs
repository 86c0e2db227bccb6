//! A cast: what is asked for is looked up, reserved in the ledger, executed, and recorded with what it used and costs, in that order.
//!
//! It knows the order, and who may be told what. It must never know HTTP, tables or wasmtime.

use crate::Platform;
use crate::attempts::Attempted;
use crate::engines::Plan;
use crate::ids::{NoRandomness, new_id};
use crate::ledger::{CastRecord, CastState, Ending, Failed, FailedKind, Idempotency, LedgerError, Reserved};
use crate::registry::{RegistryError, Spell};
use crate::runner::Executed;
use crate::running::Place;
use crate::workflows::WorkflowRefused;
use semver::Version;
use spell_types::{CeilingExceeded, Content, Limit, Limits, TenantId, Usage};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What is to be cast.
#[derive(Debug, Clone)]
pub struct CastRequest {
    /// Which spell: its key, or its id.
    pub spell: String,
    /// Which version; the active one if nobody says.
    pub version: Option<Version>,
    /// With what.
    pub input: Content,
    /// Under which key.
    pub idempotency: Option<Idempotency>,
}

/// A cast that has an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct CastAnswer {
    /// What is recorded of it.
    pub record: CastRecord,
    /// Whether it was cast before, and is answered with once more.
    pub is_replayed: bool,
}

/// Why nothing was cast.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// The spell, or a version of it, is not there.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The spell is switched off.
    #[error("Spell is not active")]
    NotActive,
    /// The input is larger than the spell takes.
    #[error("Input size ({size_bytes} bytes) exceeds maximum allowed size ({size_bytes_max} bytes)")]
    InputTooLarge {
        /// How large it is.
        size_bytes: u64,
        /// How large it may be.
        size_bytes_max: u64,
    },
    /// The spell asks for more than the operator allows.
    #[error("the spell {0}")]
    Ceiling(#[from] CeilingExceeded),
    /// The key stands for another request.
    #[error("Idempotency-Key reuse with different payload")]
    OtherRequest,
    /// What the key stands for has not ended yet.
    #[error("Request is already being processed")]
    InFlight {
        /// The cast.
        cast_id: String,
    },
    /// Nobody knows what it did, or what the key stands for did.
    #[error(
        "nobody knows what this cast did: the host ended, or whoever ran it fell silent; cast again under another key if it may run twice"
    )]
    Indeterminate {
        /// The cast.
        cast_id: String,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It cannot be named.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// No workflow can make it.
    #[error(transparent)]
    Workflow(#[from] WorkflowRefused),
    /// The host ends.
    #[error("the host ended the cast")]
    Ended,
}

/// A cast that has begun, or that was known before.
#[derive(Debug)]
pub struct Started {
    /// How far it is.
    pub record: CastRecord,
    /// Whether it was cast before.
    pub is_known: bool,
    running: Option<JoinHandle<Result<CastRecord, CastError>>>,
}

impl Started {
    /// Waits until it has ended. One that was known before is answered with if it has.
    pub async fn ended(self) -> Result<CastAnswer, CastError> {
        let is_replayed = self.running.is_none();
        let record = match self.running {
            Some(running) => running.await.map_err(|_| CastError::Ended)??,
            None => self.record,
        };
        match record.state {
            CastState::Running => Err(CastError::InFlight { cast_id: record.id }),
            CastState::Indeterminate => Err(CastError::Indeterminate { cast_id: record.id }),
            CastState::Ended(_) => Ok(CastAnswer { record, is_replayed }),
        }
    }
}

impl Platform {
    /// Casts a spell, or answers with what a cast under the same key came to.
    pub async fn cast(self: &Arc<Self>, tenant: &TenantId, request: CastRequest) -> Result<CastAnswer, CastError> {
        self.start_cast(tenant, request).await?.ended().await
    }

    /// Begins a cast, or finds the one that the same key stands for. A cast that has begun ends by itself, also when nobody waits for it.
    pub async fn start_cast(self: &Arc<Self>, tenant: &TenantId, request: CastRequest) -> Result<Started, CastError> {
        let Ready { record, plan, limits } = match self.prepare(tenant, &request).await {
            Ok(ready) => ready,
            // What was answered once is answered again, whatever became of the spell since.
            Err(error) => return self.known(tenant, request.idempotency.as_ref()).await?.ok_or(error),
        };
        // It has its place before anybody can find it: whoever does can wait for it and cancel it.
        let place = self.running.begin(&record.id);
        let (platform, begun) = (self.clone(), record.clone());
        let (tell, told) = oneshot::channel();
        // What is reserved is run, also if whoever asked goes away in between.
        let running = tokio::spawn(async move {
            let reserved = platform.ledger.reserve(begun.clone(), request.idempotency).await;
            let is_new = matches!(reserved, Ok(Reserved::New));
            let _ = tell.send(reserved);
            if is_new { platform.run(begun, place, plan, request.input, limits).await } else { Err(CastError::Ended) }
        });
        match told.await.map_err(|_| CastError::Ended)?? {
            Reserved::New => Ok(Started { record, is_known: false, running: Some(running) }),
            known => known_cast(known),
        }
    }

    /// Asks a cast of a tenant to end. `None` if there is none; one that has ended stays as it is.
    pub async fn cancel_cast(&self, tenant: &TenantId, id: &str) -> Result<Option<CastRecord>, CastError> {
        if self.ledger.cast(tenant, id).await?.is_none() {
            return Ok(None);
        }
        self.running.cancel(id);
        // One that ends in this moment is answered with as it ended.
        self.awaited(tenant, id).await
    }

    /// A cast of a tenant, as soon as it has ended.
    pub async fn awaited(&self, tenant: &TenantId, id: &str) -> Result<Option<CastRecord>, CastError> {
        // Whose it is, is looked at first: others learn nothing, not even by how long it takes.
        let Some(record) = self.ledger.cast(tenant, id).await? else { return Ok(None) };
        if !matches!(record.state, CastState::Running) {
            return Ok(Some(record));
        }
        match self.running.ended(id).await {
            Some(record) => Ok(Some((*record).clone())),
            None => Ok(self.ledger.cast(tenant, id).await?),
        }
    }

    /// Ready when no cast runs in this process: what has ended by then is recorded.
    pub async fn idle(&self) {
        self.running.idle().await;
    }

    async fn prepare(&self, tenant: &TenantId, request: &CastRequest) -> Result<Ready, CastError> {
        let spell = self.registry.spell(tenant, &request.spell).await?;
        if !spell.about.is_active {
            return Err(CastError::NotActive);
        }
        let plan = self.plan(tenant, &spell, request.version.as_ref()).await?;
        let limits = self.limits_of(&spell)?;
        let (size_bytes, size_bytes_max) = (request.input.bytes.len() as u64, limits.get(Limit::Request));
        if size_bytes > size_bytes_max {
            return Err(CastError::InputTooLarge { size_bytes, size_bytes_max });
        }
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
        Ok(Ready { record, plan, limits })
    }

    /// The limits of a spell: what it asks for within what the operator allows.
    pub fn limits_of(&self, spell: &Spell) -> Result<Limits, CeilingExceeded> {
        Limits::resolve(&self.defaults, &self.ceilings, &spell.about.limits)
    }

    async fn known(&self, tenant: &TenantId, idempotency: Option<&Idempotency>) -> Result<Option<Started>, CastError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        self.ledger.known(tenant, idempotency).await?.map(known_cast).transpose()
    }

    /// Executes what is reserved, and records what comes of it.
    async fn run(&self, mut record: CastRecord, place: Place, plan: Plan, input: Content, limits: Limits) -> Result<CastRecord, CastError> {
        record.state = match self.execute(&mut record, &place, plan, input, &limits).await {
            Attempted::Ended { executed: Executed { result, usage }, cost_cents } => {
                let ending = Ending { result, usage: usage_as_kept(usage), cost_cents, ended_at: time_as_kept((self.now)()) };
                self.ledger.finish(&record.id, ending.clone()).await?;
                CastState::Ended(Box::new(ending))
            }
            Attempted::Unknown => {
                self.ledger.lose(&record.id).await?;
                CastState::Indeterminate
            }
        };
        place.end(Arc::new(record.clone()));
        Ok(record)
    }
}

/// A time in whole milliseconds, as ledgers keep it: what is answered first is what is answered again.
fn time_as_kept(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UNIX_EPOCH + Duration::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Usage in whole microseconds, for the same reason.
fn usage_as_kept(usage: Usage) -> Usage {
    let whole = |duration: Duration| Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    Usage { wall: whole(usage.wall), cpu: whole(usage.cpu), ..usage }
}

/// What is left of an execution that was dropped: how long it took.
pub(crate) fn cancelled(began: Instant) -> Executed {
    let failed = Failed { kind: FailedKind::Cancelled, code: "cancelled".to_owned(), message: "the cast was cancelled".to_owned() };
    Executed { result: Err(failed), usage: Usage { wall: began.elapsed(), ..Usage::default() } }
}

/// What is needed to execute a cast.
struct Ready {
    record: CastRecord,
    plan: Plan,
    limits: Limits,
}

fn known_cast(reserved: Reserved) -> Result<Started, CastError> {
    match reserved {
        Reserved::Known(record) => Ok(Started { record: *record, is_known: true, running: None }),
        Reserved::New | Reserved::OtherRequest => Err(CastError::OtherRequest),
    }
}

/// What casts of the platform may use where nobody says otherwise: more than requests of an app, which somebody waits for.
pub fn cast_defaults() -> Limits {
    let mut limits = Limits::default();
    for (limit, value) in [(Limit::Memory, 512 << 20), (Limit::Time, 300_000), (Limit::Response, 100 << 20)] {
        limits.set(limit, value);
    }
    limits
}
