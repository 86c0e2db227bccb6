//! A cast: what is asked for is looked up, reserved in the ledger, executed, and recorded with what it used and costs, in that order.
//!
//! It knows the order, and who may be told what. It must never know HTTP, tables or wasmtime.

use crate::Platform;
use crate::budget::{OverBudget, rest_of_day, rest_of_month};
use crate::ids::{NoRandomness, new_id};
use crate::ledger::{CastRecord, CastState, Ending, Failed, FailedKind, Idempotency, LedgerError, Reserved};
use crate::quota::{Quota, QuotaExceeded};
use crate::reach::Reach;
use crate::registry::{Module, RegistryError, Spell};
use crate::runner::Executed;
use crate::running::Place;
use crate::schema::{Mismatches, Schemas, Side};
use crate::witness::Witness;
use semver::Version;
use spell_types::{CeilingExceeded, Content, Limit, Limits, SpellKey, TenantId, Usage};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// After which time casts that run may have ended.
const SOON: Duration = Duration::from_secs(1);

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
    /// The input is not what the spell takes.
    #[error("Input validation failed: {0}")]
    InputInvalid(#[from] Mismatches),
    /// The version is not cast, because it answers HTTP by itself.
    #[error("version {version} of this spell answers HTTP, and is not cast: send it requests")]
    AnswersHttp {
        /// The spell.
        spell_key: SpellKey,
        /// Which version.
        version: Version,
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
    /// It may cost more than there is left of the budget.
    #[error("{over}")]
    OverBudget {
        /// By how much.
        over: OverBudget,
        /// After which time it is worth asking again.
        retry_after: Duration,
    },
    /// The tenant has as many casts as it can have.
    #[error("{exceeded}")]
    TooMany {
        /// How many these are.
        exceeded: QuotaExceeded,
        /// After which time it is worth asking again.
        retry_after: Duration,
    },
}

/// A cast that has begun, or that was known before.
#[derive(Debug)]
pub struct Started {
    /// How far it is.
    pub record: CastRecord,
    /// Whether it was cast before.
    pub is_known: bool,
    /// How long it may take at most; one that was known before takes none.
    pub time_max: Duration,
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
        let ready = match self.prepare(tenant, &request).await {
            Ok(ready) => ready,
            // What was answered once is answered again, whatever became of the spell since.
            Err(error) => return self.known(tenant, request.idempotency.as_ref()).await?.ok_or(error),
        };
        let time_max = ready.limits.time().saturating_add(Duration::from_millis(ready.limits.get(Limit::QueueTime)));
        // It has its place before anybody can find it: whoever does can wait for it and cancel it.
        let record = ready.record.clone();
        let place = self.running.begin(&record.id);
        let platform = self.clone();
        let (tell, told) = oneshot::channel();
        // What is reserved is run, also if whoever asked goes away in between.
        let running = tokio::spawn(async move {
            let (_, cost_cents_max) = platform.prices.range(ready.record.engine, &ready.limits);
            let reserved = platform.ledger.reserve(ready.record.clone(), request.idempotency, cost_cents_max).await;
            let is_new = matches!(reserved, Ok(Reserved::New));
            let _ = tell.send(reserved);
            if is_new { platform.run(ready, place, request.input).await } else { Err(CastError::Ended) }
        });
        match told.await.map_err(|_| CastError::Ended)?? {
            Reserved::New => Ok(Started { record, is_known: false, time_max, running: Some(running) }),
            known => self.known_cast(known),
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

    /// Looks up what a cast needs, and whether it may be.
    pub(crate) async fn prepare(&self, tenant: &TenantId, request: &CastRequest) -> Result<Ready, CastError> {
        let size_bytes = request.input.bytes.len() as u64;
        let ready = self.look_up(tenant, &request.spell, request.version.as_ref()).await?;
        if ready.module.answers_http() {
            return Err(CastError::AnswersHttp { spell_key: ready.record.spell_key, version: ready.module.version });
        }
        ready.takes(size_bytes)?;
        self.checkers.check(&ready.record.spell_id, Side::Input, ready.input_schema.as_deref(), &request.input).await?;
        Ok(ready)
    }

    /// What a cast of a spell is made of, whichever way it is given its input.
    pub(crate) async fn look_up(&self, tenant: &TenantId, spell: &str, version: Option<&Version>) -> Result<Ready, CastError> {
        let (spell, module) = self.registry.castable(tenant, spell, version).await?;
        if !spell.about.is_active {
            return Err(CastError::NotActive);
        }
        let module = module.ok_or(RegistryError::NoModule)?;
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
        let Schemas { input: input_schema, output: output_schema } = spell.about.schemas;
        Ok(Ready { record, module, limits, reach: spell.about.reach, input_schema, output_schema })
    }

    /// The limits of a spell: what it asks for within what the operator allows.
    pub fn limits_of(&self, spell: &Spell) -> Result<Limits, CeilingExceeded> {
        Limits::resolve(&self.defaults, &self.ceilings, &spell.about.limits)
    }

    async fn known(&self, tenant: &TenantId, idempotency: Option<&Idempotency>) -> Result<Option<Started>, CastError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        self.ledger.known(tenant, idempotency).await?.map(|known| self.known_cast(known)).transpose()
    }

    fn known_cast(&self, reserved: Reserved) -> Result<Started, CastError> {
        match reserved {
            Reserved::Known(record) => {
                self.observer.replayed(&record);
                Ok(Started { record: *record, is_known: true, time_max: Duration::ZERO, running: None })
            }
            refused => Err(self.refused(refused)),
        }
    }

    /// Why nothing is cast, where a reservation came to something else than a new cast.
    pub(crate) fn refused(&self, reserved: Reserved) -> CastError {
        match reserved {
            Reserved::New | Reserved::Known(_) | Reserved::OtherRequest => CastError::OtherRequest,
            Reserved::OverBudget(over) => {
                let retry_after = if over.is_for_now() { SOON } else { rest_of_month((self.now)()) };
                CastError::OverBudget { over, retry_after }
            }
            Reserved::TooMany(exceeded) => {
                let retry_after = if exceeded.quota == Quota::CastsPerDay { rest_of_day((self.now)()) } else { SOON };
                CastError::TooMany { exceeded, retry_after }
            }
        }
    }

    /// Executes what is reserved, and records what comes of it.
    async fn run(self: &Arc<Self>, ready: Ready, place: Place, input: Content) -> Result<CastRecord, CastError> {
        let Ready { record, module, limits, reach, output_schema, .. } = ready;
        let (began, witness) = (Instant::now(), Arc::new(Witness::new(self.now)));
        let Executed { result, usage } = tokio::select! {
            executed = self.runner.run(module.component, input, &limits, &reach, &witness) => executed,
            () = place.cancelled() => cancelled(began),
        };
        let result = match result {
            Ok(output) => self.checked(&record.spell_id, output_schema.as_deref(), output).await,
            failed => failed,
        };
        self.end(record, place, result, usage, &limits, &witness).await
    }

    /// Records how a cast ended, what it used and costs, and what it printed, and tells whoever is to be told.
    pub(crate) async fn end(
        self: &Arc<Self>,
        mut record: CastRecord,
        place: Place,
        result: Result<Content, Failed>,
        usage: Usage,
        limits: &Limits,
        witness: &Witness,
    ) -> Result<CastRecord, CastError> {
        let is_ours = matches!(&result, Err(failed) if failed.kind.is_of_host());
        // Nobody pays for more than was set aside, also if a cast ends a moment behind its limits.
        let (_, cost_cents_max) = self.prices.range(record.engine, limits);
        let cost_cents = if is_ours { 0 } else { self.prices.wasm_cents(&usage).min(cost_cents_max) };
        let ending = Ending { result, usage: usage_as_kept(usage), cost_cents, ended_at: time_as_kept((self.now)()) };
        record.state = CastState::Ended(Box::new(ending.clone()));
        if witness.has_loaded() {
            self.observer.loaded(&record.spell_key);
        }
        // It has ended also if that cannot be recorded.
        self.observer.ended(&record);
        self.record(record, place, ending, witness.log()).await
    }

    /// An output, if it is what the spell answers with.
    async fn checked(&self, spell_id: &str, schema: Option<&str>, output: Content) -> Result<Content, Failed> {
        match self.checkers.check(spell_id, Side::Output, schema, &output).await {
            Ok(()) => Ok(output),
            Err(mismatches) => {
                let message = format!("Output validation failed: {mismatches}");
                Err(Failed { kind: FailedKind::OutputInvalid, code: "output-invalid".to_owned(), message })
            }
        }
    }
}

/// A time in whole milliseconds, as ledgers keep it: what is answered first is what is answered again.
pub(crate) fn time_as_kept(time: SystemTime) -> SystemTime {
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
    pub(crate) reach: Reach,
    input_schema: Option<String>,
    output_schema: Option<String>,
}

impl Ready {
    /// Whether the spell takes an input of this size.
    pub(crate) fn takes(&self, size_bytes: u64) -> Result<(), CastError> {
        let size_bytes_max = self.limits.get(Limit::Request);
        if size_bytes > size_bytes_max { Err(CastError::InputTooLarge { size_bytes, size_bytes_max }) } else { Ok(()) }
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
