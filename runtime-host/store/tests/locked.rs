//! A database that another process has locked for writing: what ends meanwhile is recorded once it lets go, as far as it is kept.
//!
//! It knows SQLite's lock. It must never know how a cast is executed.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;
mod whole;

use bytes::Bytes;
use platform::{acme, count};
use rusqlite::Connection;
use spell_cast::{Abi, CastError, CastRequest, Executed, Failed, LedgerError, Reach, Runner, Started, Witness};
use spell_store::Database;
use spell_types::{BoxFuture, Content, Digest, Limits, Usage};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use whole::{prepare, put_together};

/// Casts that are kept until they can be recorded.
const UNRECORDED_MAX: usize = 256;
const CASTS: usize = UNRECORDED_MAX + 20;

/// Answers with its input as soon as it may.
struct Held(Semaphore);

impl Runner for Held {
    fn check<'a>(&'a self, _: Abi, _: Digest, _: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, _: Digest, input: Content, _: &'a Limits, _: &'a Reach, _: &'a Arc<Witness>) -> BoxFuture<'a, Executed> {
        Box::pin(async move {
            let _allowed = self.0.acquire().await.unwrap();
            Executed { result: Ok(input), usage: Usage::default() }
        })
    }
}

fn in_state(state_dir: &Path, state: &str) -> usize {
    count(state_dir, &format!("SELECT count(*) FROM casts WHERE state = '{state}'")).try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn casts_that_end_while_the_database_is_locked_are_recorded_later_and_no_more_than_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path()).await;
    let database = Arc::new(Database::open(directory.path()).unwrap());
    let runner = Arc::new(Held(Semaphore::new(0)));
    let platform = put_together(&database, database.clone(), runner.clone(), SystemTime::now);
    let mut starting = JoinSet::new();
    for _ in 0..CASTS {
        let (platform, input) = (platform.clone(), Content { bytes: Bytes::from_static(b"hello"), content_type: None });
        let request = CastRequest { spell: "hello".to_owned(), version: None, input, idempotency: None };
        starting.spawn(async move { platform.start_cast(&acme(), request).await.unwrap() });
    }
    let started: Vec<Started> = starting.join_all().await;
    assert_eq!(in_state(directory.path(), "running"), CASTS);

    let other = Connection::open(directory.path().join("spell.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    runner.0.add_permits(CASTS);
    let mut ending: JoinSet<_> = started.into_iter().map(Started::ended).collect();
    while let Some(ended) = ending.join_next().await {
        assert!(matches!(ended.unwrap(), Err(CastError::Ledger(LedgerError::Unavailable))), "nothing is said to have ended");
    }
    other.execute_batch("ROLLBACK").unwrap();

    platform.idle().await;
    assert_eq!((in_state(directory.path(), "completed"), in_state(directory.path(), "running")), (UNRECORDED_MAX, CASTS - UNRECORDED_MAX));
    drop((platform, database));
    let next = Database::open(directory.path()).unwrap();
    assert_eq!(next.claim_casts().await, Ok((CASTS - UNRECORDED_MAX) as u64), "nobody knows what they did");
}
