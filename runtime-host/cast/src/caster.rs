//! A cast: what is asked for is looked up, reserved in the ledger, executed, and recorded with what it used and costs, in that order.
//!
//! It knows the order, and who may be told what. It must never know HTTP, tables or wasmtime.

use crate::Platform;
use crate::attempts::{Attempted, Here};
use crate::budget::{OverBudget, rest_of_day, rest_of_month};
use crate::ids::NoRandomness;
use crate::ledger::{CastRecord, CastState, Ending, Failed, FailedKind, Idempotency, LedgerError, Reserved};
use crate::prepare::Ready;
use crate::quota::{Quota, QuotaExceeded};
use crate::registry::RegistryError;
use crate::runner::Executed;
use crate::running::Place;
use crate::schema::{Mismatches, Side};
use crate::witness::Witness;
use crate::workflows::WorkflowRefused;
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
        let ready = match self.prepare(tenant, &request).await {
            Ok(ready) => ready,
            // What was answered once is answered again, whatever became of the spell since.
            Err(error) => return self.known(tenant, request.idempotency.as_ref()).await?.ok_or(error),
        };
        let time_max = ready.time_max();
        // It has its place before anybody can find it: whoever does can wait for it and cancel it.
        let record = ready.record.clone();
        let place = self.running.begin(&record.id);
        let platform = self.clone();
        let (tell, told) = oneshot::channel();
        // What is reserved is run, also if whoever asked goes away in between.
        let run = async move {
            let reserved = platform.ledger.reserve(ready.record.clone(), request.idempotency, ready.cost_cents_max).await;
            let is_new = matches!(reserved, Ok(Reserved::New));
            let _ = tell.send(reserved);
            if is_new { platform.run(ready, place, request.input).await } else { Err(CastError::Ended) }
        };
        // Pinned first: a task would move all of this several times.
        let running = tokio::spawn(Box::pin(run));
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
        let Ready { mut record, plan, limits, cost_cents_max, reach, output_schema, .. } = ready;
        let here = Here { limits: &limits, reach: &reach, witness: Arc::new(Witness::new(self.now)) };
        let attempted = self.execute(&mut record, &place, plan, input, &here).await;
        if here.witness.has_loaded() {
            self.observer.loaded(&record.spell_key);
        }
        let Attempted::Ended { executed: Executed { result, usage }, cost_cents } = attempted else {
            return self.lose(record, place).await;
        };
        let result = match result {
            Ok(output) => self.checked(&record.spell_id, output_schema.as_deref(), output).await,
            failed => failed,
        };
        self.end(record, place, result, usage, cost_cents.min(cost_cents_max), &here.witness).await
    }

    /// Records how a cast ended, what it used and costs, and what it printed, and tells whoever is to be told. Nobody pays for more than was
    /// set aside, also if a cast ends a moment behind its limits.
    pub(crate) async fn end(
        self: &Arc<Self>,
        mut record: CastRecord,
        place: Place,
        result: Result<Content, Failed>,
        usage: Usage,
        cost_cents: u64,
        witness: &Witness,
    ) -> Result<CastRecord, CastError> {
        let ending = Ending { result, usage: usage_as_kept(usage), cost_cents, ended_at: time_as_kept((self.now)()) };
        record.state = CastState::Ended(Box::new(ending.clone()));
        // It has ended also if that cannot be recorded.
        self.observer.ended(&record);
        self.record(record, place, ending, witness.log()).await
    }

    /// Records that nobody knows what a cast did.
    async fn lose(&self, mut record: CastRecord, place: Place) -> Result<CastRecord, CastError> {
        self.ledger.lose(&record.id).await?;
        self.posted.notify_one();
        record.state = CastState::Indeterminate;
        place.end(Arc::new(record.clone()));
        Ok(record)
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
pub(crate) fn cancelled(began: Instant) -> Executed {
    let failed = Failed { kind: FailedKind::Cancelled, code: "cancelled".to_owned(), message: "the cast was cancelled".to_owned() };
    Executed { result: Err(failed), usage: Usage { wall: began.elapsed(), ..Usage::default() } }
}

/// What casts of the platform may use where nobody says otherwise: more than requests of an app, which somebody waits for.
pub fn cast_defaults() -> Limits {
    let mut limits = Limits::default();
    for (limit, value) in [(Limit::Memory, 512 << 20), (Limit::Time, 300_000), (Limit::Response, 100 << 20)] {
        limits.set(limit, value);
    }
    limits
}
