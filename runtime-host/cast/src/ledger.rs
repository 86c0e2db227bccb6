//! Casts as they are recorded, and the promise that one idempotency key starts one of them.
//!
//! It knows what a cast went through. It must never know tables, or how a cast is executed.

use crate::budget::OverBudget;
use crate::engines::EngineChoice;
use crate::quota::QuotaExceeded;
use crate::workflows::WorkflowRun;
use semver::Version;
use spell_types::{BoxFuture, Content, Limit, Outcome, SpellKey, TenantId, Usage};
use std::time::{Duration, SystemTime};

/// A cast, from the moment that it is certain to start at most once.
#[derive(Debug, Clone, PartialEq)]
pub struct CastRecord {
    /// Its name for machines, which sorts by time.
    pub id: String,
    /// Who pays for it.
    pub tenant: TenantId,
    /// Of which spell.
    pub spell_id: String,
    /// What that was called then.
    pub spell_key: SpellKey,
    /// And for people.
    pub spell_name: String,
    /// Which version; a workflow has none.
    pub version: Option<Version>,
    /// What executes it: this host or a workflow, be the spell cast by both.
    pub engine: EngineChoice,
    /// When it was reserved.
    pub created_at: SystemTime,
    /// How far it is.
    pub state: CastState,
    /// Why that executes it, in the words of the API.
    pub engine_reason: String,
    /// The run of a workflow that it became.
    pub run: Option<WorkflowRun>,
}

/// How far a cast is.
#[derive(Debug, Clone, PartialEq)]
pub enum CastState {
    /// It runs.
    Running,
    /// It has ended.
    Ended(Box<Ending>),
    /// The host ended while it ran, or whoever ran it fell silent: nobody knows what it did. It is never run again.
    Indeterminate,
}

impl CastState {
    /// Its name in answers and records.
    pub fn name(&self) -> &'static str {
        match self {
            CastState::Running => "running",
            CastState::Indeterminate => "indeterminate",
            CastState::Ended(ending) => match ending.result {
                Ok(_) => "completed",
                Err(_) => "failed",
            },
        }
    }
}

/// How a cast ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// What came of it.
    pub result: Result<Content, Failed>,
    /// What it used.
    pub usage: Usage,
    /// What it costs.
    pub cost_cents: u64,
    /// When it ended.
    pub ended_at: SystemTime,
}

/// Why a cast gave no answer. Its words go to whoever cast.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failed {
    /// Whose fault it is.
    pub kind: FailedKind,
    /// A word for programs: the limit's, the outcome's, or the program's own.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedKind {
    /// The program says so itself.
    Refused,
    /// The program broke.
    Trapped,
    /// It met the limit on its time.
    TimedOut,
    /// It met another limit, the one that the code names.
    Limit,
    /// It was cancelled.
    Cancelled,
    /// The host has no place to run it.
    Busy,
    /// What is kept of the program is not what was uploaded.
    Corrupt,
    /// The disk had no room for its answer.
    Full,
    /// The host failed.
    Host,
    /// The program answered with what its schema does not allow.
    OutputInvalid,
}

impl FailedKind {
    /// Every kind with its name in records.
    pub const ALL: [(FailedKind, &'static str); 10] = [
        (FailedKind::Refused, "refused"),
        (FailedKind::Trapped, "trapped"),
        (FailedKind::TimedOut, "timed-out"),
        (FailedKind::Limit, "limit"),
        (FailedKind::Cancelled, "cancelled"),
        (FailedKind::Busy, "busy"),
        (FailedKind::Corrupt, "corrupt"),
        (FailedKind::Full, "full"),
        (FailedKind::Host, "host"),
        (FailedKind::OutputInvalid, "output-invalid"),
    ];

    /// Its name in records.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("host", |(_, name)| name)
    }

    /// Whether the program ended so, or met a limit: what was cancelled, or never ran, says nothing of the program.
    pub fn is_of_the_program(self) -> bool {
        matches!(self, FailedKind::Refused | FailedKind::Trapped | FailedKind::TimedOut | FailedKind::Limit | FailedKind::OutputInvalid)
    }

    /// Whether it is the host's own fault, for which nobody pays.
    pub fn is_of_host(self) -> bool {
        matches!(self, FailedKind::Busy | FailedKind::Corrupt | FailedKind::Full | FailedKind::Host)
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<FailedKind> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// How a cast is recorded whose answer was streamed, and is not kept.
pub fn streamed(outcome: Outcome) -> Result<(), Failed> {
    let (kind, code, message) = match outcome {
        Outcome::Completed => return Ok(()),
        Outcome::Trapped => (FailedKind::Trapped, "trapped", "the spell trapped, or ended without an answer".to_owned()),
        Outcome::BadResponse => (FailedKind::Trapped, "bad-response", "the spell's answer could not be sent".to_owned()),
        Outcome::Cancelled => {
            (FailedKind::Cancelled, "cancelled", "it was cancelled, or its client went away, before the answer was whole".to_owned())
        }
        Outcome::HostFailed => (FailedKind::Host, "host", "the host failed".to_owned()),
        Outcome::HostBusy | Outcome::LimitExceeded(Limit::Concurrency | Limit::Queue | Limit::QueueTime) => {
            (FailedKind::Busy, "busy", "no place to run came free in time".to_owned())
        }
        Outcome::LimitExceeded(limit) => {
            let kind = if limit == Limit::Time { FailedKind::TimedOut } else { FailedKind::Limit };
            (kind, limit.key(), format!("the spell met its limit `{}`", limit.key()))
        }
    };
    Err(Failed { kind, code: code.to_owned(), message })
}

/// A key under which a client casts, so that it can ask again without casting twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// What the client says.
    pub key: String,
    /// The SHA-256 of all that makes two requests the same.
    pub fingerprint: [u8; 32],
}

/// The longest key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long a key stands for its cast.
pub const IDEMPOTENCY_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What a reservation comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Reserved {
    /// This cast is to be run, by whoever reserved it and nobody else.
    New,
    /// The key stands for this cast already, which is answered with as far as it is.
    Known(Box<CastRecord>),
    /// The key stands for another request.
    OtherRequest,
    /// It may cost more than there is left of the month's budget. Nothing is recorded.
    OverBudget(OverBudget),
    /// The tenant has as many casts as it can have. Nothing is recorded.
    TooMany(QuotaExceeded),
}

/// The ledger cannot do what it is asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The database cannot be used now.
    #[error("the ledger cannot be used now")]
    Unavailable,
}

/// What a call to the ledger comes to.
pub type Recorded<'a, T> = BoxFuture<'a, Result<T, LedgerError>>;

/// Where casts are recorded. Whatever is acknowledged is on disk.
pub trait Ledger: Send + Sync {
    /// Records a cast that is about to run, unless its key stands for one already, and sets aside what it may cost.
    fn reserve<'a>(&'a self, cast: CastRecord, idempotency: Option<Idempotency>, cost_cents_max: u64) -> Recorded<'a, Reserved>;

    /// The cast that a key stands for, if it stands for one.
    fn known<'a>(&'a self, tenant: &'a TenantId, idempotency: &'a Idempotency) -> Recorded<'a, Option<Reserved>>;

    /// Records how a cast ended, and spends what it costs in place of what was set aside.
    fn finish<'a>(&'a self, id: &'a str, ending: Ending) -> Recorded<'a, ()>;

    /// Records that nobody knows what a cast did.
    fn lose<'a>(&'a self, id: &'a str) -> Recorded<'a, ()>;

    /// Records what executes a cast that runs, and why.
    fn note_engine<'a>(&'a self, id: &'a str, engine: EngineChoice, reason: &'a str, run: Option<&'a WorkflowRun>) -> Recorded<'a, ()>;

    /// A cast of a tenant.
    fn cast<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Recorded<'a, Option<CastRecord>>;

    /// Casts of a tenant, the newest first, from the first one before an id on. Their output is left out.
    fn casts<'a>(&'a self, tenant: &'a TenantId, before: Option<&'a str>, count_max: usize) -> Recorded<'a, Vec<CastRecord>>;

    /// The same of one spell alone.
    fn casts_of_spell<'a>(
        &'a self,
        tenant: &'a TenantId,
        spell_id: &'a str,
        before: Option<&'a str>,
        count_max: usize,
    ) -> Recorded<'a, Vec<CastRecord>>;

    /// Forgets some of the oldest casts, of whichever tenant, that were reserved before a time and have ended; tells how many.
    fn forget_some<'a>(&'a self, before: SystemTime) -> Recorded<'a, u64>;

    /// What the last casts of a spell in an engine have cost on average, rounded up, those aside that the host failed.
    fn cost_cents_mean<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, engine: EngineChoice) -> Recorded<'a, Option<u64>>;
}
