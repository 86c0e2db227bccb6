//! A cast: what is asked for is looked up, reserved in the ledger, executed, and recorded with what it used and costs, in that order.
//!
//! It knows the order, and who may be told what. It must never know HTTP, tables or wasmtime.

use crate::Platform;
use crate::cost::Prices;
use crate::ids::{NoRandomness, new_id};
use crate::ledger::{CastRecord, CastState, Ending, Failed, FailedKind, Idempotency, LedgerError, Reserved};
use crate::registry::{Module, RegistryError, Spell};
use crate::runner::Executed;
use crate::running::Place;
use semver::Version;
use spell_types::{CeilingExceeded, Content, Limit, Limits, SpellKey, TenantId, Usage};
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
    /// The version is not cast, because it answers HTTP by itself.
    #[error("version {version} of this spell answers HTTP, and is not cast: send it requests")]
    AnswersHttp {
        /// The spell.
        spell_key: SpellKey,
        /// Which version.
        version: Version,
    },
    /// More casts have ended than were recorded yet.
    #[error("casts that have ended wait to be recorded, and no more begin until they are")]
    RecordsBehind,
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
    /// What the key stands for began before the host ended, and nobody knows what it did.
    #[error("the host ended while this cast ran, and nobody knows what it did: cast again under another key if it may run twice")]
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
        if let Some(running) = self.running {
            let record = running.await.map_err(|_| CastError::Ended)??;
            return Ok(CastAnswer { record, is_replayed: false });
        }
        let cast_id = self.record.id.clone();
        match self.record.state {
            CastState::Running => Err(CastError::InFlight { cast_id }),
            CastState::Indeterminate => Err(CastError::Indeterminate { cast_id }),
            CastState::Ended(_) => Ok(CastAnswer { record: self.record, is_replayed: true }),
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
        let Ready { record, module, limits } = match self.prepare(tenant, &request).await {
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
            if is_new { platform.run(begun, place, module, request.input, limits).await } else { Err(CastError::Ended) }
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
        self.records.idle().await;
    }

    async fn prepare(&self, tenant: &TenantId, request: &CastRequest) -> Result<Ready, CastError> {
        let ready = self.look_up(tenant, &request.spell, request.version.as_ref()).await?;
        if ready.module.answers_http() {
            return Err(CastError::AnswersHttp { spell_key: ready.record.spell_key, version: ready.module.version });
        }
        let (size_bytes, size_bytes_max) = (request.input.bytes.len() as u64, ready.limits.get(Limit::Request));
        if size_bytes > size_bytes_max {
            return Err(CastError::InputTooLarge { size_bytes, size_bytes_max });
        }
        Ok(ready)
    }

    /// What a cast of a spell is made of, whichever way it is given its input.
    pub(crate) async fn look_up(&self, tenant: &TenantId, spell: &str, version: Option<&Version>) -> Result<Ready, CastError> {
        let spell = self.registry.spell(tenant, spell).await?;
        if !spell.about.is_active {
            return Err(CastError::NotActive);
        }
        let module = self.registry.module(tenant, &spell.id, version).await?;
        let limits = self.limits_of(&spell)?;
        let now = time_as_kept((self.now)());
        let record = CastRecord {
            id: new_id("cast", now)?,
            tenant: tenant.clone(),
            spell_id: spell.id,
            spell_key: spell.key,
            spell_name: spell.about.name,
            version: module.version.clone(),
            engine: spell.about.engine,
            created_at: now,
            state: CastState::Running,
        };
        Ok(Ready { record, module, limits })
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
    async fn run(
        &self,
        mut record: CastRecord,
        place: Place,
        module: Module,
        input: Content,
        limits: Limits,
    ) -> Result<CastRecord, CastError> {
        let began = Instant::now();
        let Executed { result, usage } = tokio::select! {
            executed = self.runner.run(module.component, input, &limits) => executed,
            () = place.cancelled() => cancelled(began),
        };
        let ending = ending(result, usage, &self.prices, (self.now)());
        self.ledger.finish(&record.id, ending.clone()).await?;
        record.state = CastState::Ended(Box::new(ending));
        place.end(Arc::new(record.clone()));
        Ok(record)
    }
}

/// How a cast ended in this host, and what it costs: nothing where the host is to blame.
pub(crate) fn ending(result: Result<Content, Failed>, usage: Usage, prices: &Prices, at: SystemTime) -> Ending {
    let is_ours = matches!(&result, Err(failed) if matches!(failed.kind, FailedKind::Busy | FailedKind::Host));
    let cost_cents = if is_ours { 0 } else { prices.wasm_cents(&usage) };
    Ending { result, usage: usage_as_kept(usage), cost_cents, ended_at: time_as_kept(at) }
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
fn cancelled(began: Instant) -> Executed {
    let failed = Failed { kind: FailedKind::Cancelled, code: "cancelled".to_owned(), message: "the cast was cancelled".to_owned() };
    Executed { result: Err(failed), usage: Usage { wall: began.elapsed(), ..Usage::default() } }
}

/// What is needed to execute a cast.
pub(crate) struct Ready {
    pub(crate) record: CastRecord,
    pub(crate) module: Module,
    pub(crate) limits: Limits,
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
