//! A whole platform over a real database, with a guest whose effects are counted in that database, and which may be killed on the way.
//!
//! It knows the stages of a cast. It must never know what is right after it was killed.
#![allow(dead_code, reason = "not each test binary asks for all of it")]

use crate::platform::{acme, spell, upload};
use bytes::Bytes;
use rustix::process::{Signal, getpid, kill_process};
use spell_cast::{
    Abi, CastAnswer, CastError, CastRecord, CastRequest, Ending, EngineChoice, Executed, Failed, FailedKind, Idempotency, Ledger, Parts,
    Pepper, Platform, Reach, Recorded, Registry, Reserved, Runner, Witness, WorkflowRun, digest_of,
};
use spell_store::Database;
use spell_types::{BoxFuture, Content, Digest, KeyValueError, KeyValueStore, Limits, TenantId, Usage};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

/// Where a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    BeforeReserve,
    AfterReserve,
    InGuest,
    BeforeCommit,
    AfterCommit,
    InReply,
}

impl Stage {
    pub(crate) const ALL: [Stage; 6] =
        [Stage::BeforeReserve, Stage::AfterReserve, Stage::InGuest, Stage::BeforeCommit, Stage::AfterCommit, Stage::InReply];

    pub(crate) fn of_name(name: &str) -> Stage {
        Self::ALL.into_iter().find(|stage| format!("{stage:?}") == name).unwrap()
    }
}

/// The key of the cast that is under way when the process is killed.
pub(crate) const VICTIM: &str = "victim";
/// The store in which effects are counted, each under the key of its cast.
const EFFECTS: &str = "effects";

/// Whose process is killed, and where: what decides the rest is a seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) stage: Option<Stage>,
    pub(crate) seed: u64,
}

impl Fate {
    /// The process goes on.
    pub(crate) const NONE: Fate = Fate { stage: None, seed: 0 };

    /// Kills this process where it is told to.
    pub(crate) fn meet(self, stage: Stage) {
        if self.stage == Some(stage) {
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                thread::park();
            }
        }
    }
}

/// A few numbers that look like chance, the same ones for the same seed.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// One below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

/// The real ledger, and a process that may be killed beside it.
struct Doomed {
    database: Arc<Database>,
    fate: Fate,
    victim: Mutex<Option<String>>,
}

impl Ledger for Doomed {
    fn reserve<'a>(&'a self, cast: CastRecord, idempotency: Option<Idempotency>, cost_cents_max: u64) -> Recorded<'a, Reserved> {
        let (id, is_victim) = (cast.id.clone(), idempotency.as_ref().is_some_and(|idempotency| idempotency.key == VICTIM));
        let reserve = self.database.reserve(cast, idempotency, cost_cents_max);
        if !is_victim {
            return reserve;
        }
        Box::pin(async move {
            self.fate.meet(Stage::BeforeReserve);
            let reserved = reserve.await;
            if reserved == Ok(Reserved::New) {
                self.fate.meet(Stage::AfterReserve);
                *self.victim.lock().unwrap() = Some(id);
            }
            reserved
        })
    }

    fn finish<'a>(&'a self, id: &'a str, ending: Ending) -> Recorded<'a, ()> {
        let finish = self.database.finish(id, ending);
        if self.victim.lock().unwrap().as_deref() != Some(id) {
            return finish;
        }
        Box::pin(async move {
            self.fate.meet(Stage::BeforeCommit);
            let finished = finish.await;
            self.fate.meet(Stage::AfterCommit);
            finished
        })
    }

    fn lose<'a>(&'a self, id: &'a str) -> Recorded<'a, ()> {
        self.database.lose(id)
    }

    fn note_engine<'a>(&'a self, id: &'a str, engine: EngineChoice, reason: &'a str, run: Option<&'a WorkflowRun>) -> Recorded<'a, ()> {
        self.database.note_engine(id, engine, reason, run)
    }

    fn known<'a>(&'a self, tenant: &'a TenantId, idempotency: &'a Idempotency) -> Recorded<'a, Option<Reserved>> {
        self.database.known(tenant, idempotency)
    }

    fn cast<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Recorded<'a, Option<CastRecord>> {
        self.database.cast(tenant, id)
    }

    fn casts<'a>(&'a self, tenant: &'a TenantId, before: Option<&'a str>, count_max: usize) -> Recorded<'a, Vec<CastRecord>> {
        self.database.casts(tenant, before, count_max)
    }

    fn forget_some<'a>(&'a self, before: SystemTime) -> Recorded<'a, u64> {
        self.database.forget_some(before)
    }

    fn casts_of_spell<'a>(
        &'a self,
        tenant: &'a TenantId,
        spell_id: &'a str,
        before: Option<&'a str>,
        count_max: usize,
    ) -> Recorded<'a, Vec<CastRecord>> {
        self.database.casts_of_spell(tenant, spell_id, before, count_max)
    }

    fn cost_cents_mean<'a>(&'a self, tenant: &'a TenantId, spell_id: &'a str, engine: EngineChoice) -> Recorded<'a, Option<u64>> {
        self.database.cost_cents_mean(tenant, spell_id, engine)
    }
}

/// Counts itself under its input, which is the key of its cast, and says so; every third fails.
struct Counting {
    database: Arc<Database>,
    fate: Fate,
}

impl Counting {
    /// Counts the victim: a process that is killed in the guest is killed before it counts, while it does, or after that.
    async fn count_or_die(&self, counting: BoxFuture<'_, Result<i64, KeyValueError>>) {
        if self.fate.stage == Some(Stage::InGuest) {
            match self.fate.seed % 3 {
                0 => {}
                1 => drop(tokio::time::timeout(Duration::from_micros(self.fate.seed % 200), counting).await),
                _ => drop(counting.await),
            }
            self.fate.meet(Stage::InGuest);
        } else {
            counting.await.unwrap();
        }
    }
}

impl Runner for Counting {
    fn check<'a>(&'a self, _: Abi, _: Digest, _: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, _: Digest, input: Content, _: &'a Limits, _: &'a Reach, _: &'a Arc<Witness>) -> BoxFuture<'a, Executed> {
        Box::pin(async move {
            let key = String::from_utf8(input.bytes.to_vec()).unwrap();
            tokio::time::sleep(Duration::from_millis(self.fate.seed % 4)).await;
            let counting = self.database.increment(EFFECTS, &key, 1);
            if key != VICTIM {
                counting.await.unwrap();
            } else {
                self.count_or_die(counting).await;
            }
            let failed = Failed { kind: FailedKind::Trapped, code: "trapped".to_owned(), message: key.clone() };
            let content = Content { bytes: Bytes::from(format!("{key} was counted")), content_type: None };
            let result = if digest_of(key.as_bytes()).0[0].is_multiple_of(3) { Err(failed) } else { Ok(content) };
            let usage = Usage { wall: Duration::from_micros(1_500), memory_bytes_peak: 1 << 20, ..Usage::default() };
            Executed { result, usage }
        })
    }
}

/// How often the cast of a key had its effect.
pub(crate) async fn effects(database: &Database, key: &str) -> u64 {
    let counted = database.get(EFFECTS, key).await.unwrap();
    counted.map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()))
}

/// A platform of a database that has the spell `hello`; its process meets its fate.
pub(crate) fn whole(database: &Arc<Database>, fate: Fate, now: fn() -> SystemTime) -> Arc<Platform> {
    let ledger = Doomed { database: database.clone(), fate, victim: Mutex::default() };
    put_together(database, Arc::new(ledger), Arc::new(Counting { database: database.clone(), fate }), now)
}

/// A platform of a database, with another ledger or runner.
pub(crate) fn put_together(
    database: &Arc<Database>,
    ledger: Arc<dyn Ledger>,
    runner: Arc<dyn Runner>,
    now: fn() -> SystemTime,
) -> Arc<Platform> {
    Arc::new(Platform::new(Parts { ledger, retention: Duration::ZERO, now, ..Parts::over(database, runner, Pepper::from_bytes([7; 32])) }))
}

/// Makes a database with the spell `hello`.
pub(crate) async fn prepare(state_dir: &Path) {
    let database = Database::open(state_dir).unwrap();
    database.create(spell(acme(), "spell_1", "hello")).await.unwrap();
    database.publish(&acme(), upload("mod_1", "spell_1", "1.0.0", "one")).await.unwrap();
}

/// Casts under a key, always the same.
pub(crate) async fn cast_under(platform: &Arc<Platform>, key: &str) -> Result<CastAnswer, CastError> {
    let input = Content { bytes: Bytes::copy_from_slice(key.as_bytes()), content_type: None };
    let request = CastRequest { spell: "hello".to_owned(), version: None, input, idempotency: Some(standing_for(key)) };
    platform.cast(&acme(), request).await
}

/// The key as the ledger sees it.
pub(crate) fn standing_for(key: &str) -> Idempotency {
    Idempotency { key: key.to_owned(), fingerprint: digest_of(key.as_bytes()).0 }
}
