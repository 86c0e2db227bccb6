//! What casts came to, summed up: by the day, by engine, by spell.
//!
//! It knows what is summed up, and over which time. It must never know tables, or who asks.

use crate::ledger::{FailedKind, Recorded};
use spell_types::TenantId;
use std::time::{Duration, SystemTime};

/// Casts that are summed up for one answer at most, the newest ones: it bounds how long that takes.
pub const CASTS_SUMMED_MAX: usize = 200_000;
/// Ways to fail that are told apart; what comes on top is counted together.
pub const FAILURES_TOLD_MAX: usize = 50;
/// Bytes of a program's own word for a failure, if it is to be told apart.
pub const FAILURE_CODE_BYTES_MAX: usize = 64;
/// The code of failures that are not told apart.
pub const FAILURE_OTHER: &str = "_other";

/// A time in which casts ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub since: SystemTime,
    /// The first moment after it.
    pub until: SystemTime,
}

/// How casts of a spell went on one day, in UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// Days since 1970-01-01.
    pub day: u64,
    /// How many ended.
    pub executions: u64,
    /// How many of them gave an answer.
    pub completed: u64,
    /// Their time on average.
    pub wall_mean: Duration,
    /// The most memory that each had, on average.
    pub memory_bytes_mean: u64,
    /// What they cost together.
    pub cost_cents: u64,
}

/// Sums of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums<T> {
    /// One for each engine or spell of which casts ended.
    pub entries: Vec<T>,
    /// Whether there were so many casts that older ones may be left out.
    pub is_partial: bool,
}

/// What casts in one engine came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSums {
    /// The engine, by its name in records.
    pub engine: String,
    /// How many ended.
    pub executions: u64,
    /// How many of them gave an answer.
    pub completed: u64,
    /// Their time on average.
    pub wall_mean: Duration,
    /// What they cost, each for itself, together.
    pub cost_cents: u64,
}

/// What casts of one spell came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpellSums {
    /// How many ended.
    pub executions: u64,
    /// How many of them gave an answer.
    pub completed: u64,
    /// What they cost, each for itself, together.
    pub cost_cents: u64,
    /// Of how many of them the percentiles are: those that the program ended, or a limit. What was cancelled, or never ran, says nothing
    /// of the program.
    pub sampled: u64,
    /// Their wall time, in microseconds.
    pub wall_us: Percentiles,
    /// The most memory that each had, in bytes.
    pub memory_bytes: Percentiles,
    /// How those failed that did, the most frequent first.
    pub failures: Vec<FailureCount>,
    /// Whether there were so many casts that older ones may be left out.
    pub is_partial: bool,
}

/// Values that so many of 100 casts do not exceed, by nearest rank: the smallest value of which that is true. 0 where there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Percentiles {
    /// The median.
    pub p50: u64,
    /// What 95 of 100 do not exceed.
    pub p95: u64,
    /// What 99 of 100 do not exceed.
    pub p99: u64,
}

/// How many casts failed in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// Whose fault it was.
    pub kind: FailedKind,
    /// The word for it, or [`FAILURE_OTHER`].
    pub code: String,
    /// How many.
    pub count: u64,
}

/// One of the spells that come first by something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpellTotal {
    /// The spell, which may be deleted since.
    pub spell_id: String,
    /// What it was called in the newest of these casts.
    pub spell_key: String,
    /// And for people.
    pub spell_name: String,
    /// How many casts ended.
    pub executions: u64,
    /// How many of them gave no answer.
    pub failures: u64,
    /// Their time together.
    pub wall_total: Duration,
    /// What they cost together.
    pub cost_cents: u64,
}

/// By what spells come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopBy {
    /// How many casts ended.
    Executions,
    /// What they cost.
    Cost,
    /// How long they took together.
    Time,
    /// How many gave no answer.
    Failures,
}

impl TopBy {
    /// All of them.
    pub const ALL: [TopBy; 4] = [TopBy::Executions, TopBy::Cost, TopBy::Time, TopBy::Failures];

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            TopBy::Executions => "executions",
            TopBy::Cost => "cost",
            TopBy::Time => "time",
            TopBy::Failures => "failures",
        }
    }

    /// What has this name.
    pub fn from_name(name: &str) -> Option<TopBy> {
        Self::ALL.into_iter().find(|by| by.name() == name)
    }
}

/// Sums up the casts that are on record, of one tenant at a time.
pub trait Statistics: Send + Sync {
    /// How casts of a spell went on each of the last days on which there were some, the first day first.
    fn trends<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, since: SystemTime) -> Recorded<'a, Vec<Trend>>;

    /// What casts in each engine came to.
    fn engine_sums<'a>(&'a self, tenant: &'a TenantId, span: Span) -> Recorded<'a, Sums<EngineSums>>;

    /// What casts of a spell came to.
    fn spell_sums<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, span: Span) -> Recorded<'a, SpellSums>;

    /// The spells that come first by something.
    fn top_spells<'a>(&'a self, tenant: &'a TenantId, span: Span, by: TopBy, count_max: usize) -> Recorded<'a, Sums<SpellTotal>>;
}
