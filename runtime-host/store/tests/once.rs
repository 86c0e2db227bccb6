//! One key, one cast: under many who ask at once, and under clocks that jump.
//!
//! It knows what is promised to whoever casts under a key. It must never know how a cast is executed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod platform;
mod whole;

use platform::{DAY_SECONDS, at, count};
use spell_cast::{CastAnswer, CastError, CastRecord, Platform};
use spell_store::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tempfile::TempDir;
use tokio::task::JoinSet;
use whole::{Fate, cast_under, effects, prepare, whole};

const CLIENTS: usize = 100;
const KEYS: usize = 300;
const KEYS_TORTURE: usize = 1_000;
const TEN_YEARS: u64 = 3_652 * DAY_SECONDS;

async fn setup(now: fn() -> SystemTime) -> (TempDir, Arc<Database>, Arc<Platform>) {
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path()).await;
    let database = Arc::new(Database::open(directory.path()).unwrap());
    let platform = whole(&database, Fate::NONE, now);
    (directory, database, platform)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_who_ask_at_once_with_each_of_many_keys_have_one_cast_for_each() {
    let (_directory, database, platform) = setup(SystemTime::now).await;
    let keys = if std::env::var_os("SPELL_TORTURE").is_some() { KEYS_TORTURE } else { KEYS };
    for number in 0..keys {
        let key = format!("key {number}");
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (platform, key) = (platform.clone(), key.clone());
            clients.spawn(async move { cast_under(&platform, &key).await });
        }
        let answers: Vec<CastAnswer> = clients.join_all().await.into_iter().filter_map(answered).collect();
        let records: Vec<&CastRecord> = answers.iter().map(|answer| &answer.record).collect();
        assert!(records.iter().all(|record| *record == records[0]), "{key}: {records:?}");
        assert_eq!(answers.iter().filter(|answer| !answer.is_replayed).count(), 1, "{key}: one of them ran it");
        let again = cast_under(&platform, &key).await.unwrap();
        assert_eq!((&again.record, again.is_replayed, effects(&database, &key).await), (records[0], true, 1), "{key}");
    }
    println!("{{\"card\":\"I1\",\"variant\":\"{CLIENTS} at once\",\"keys\":{keys},\"verdict\":\"contained\"}}");
}

/// The answer, unless the cast was still under way.
fn answered(answer: Result<CastAnswer, CastError>) -> Option<CastAnswer> {
    match answer {
        Ok(answer) => Some(answer),
        Err(CastError::InFlight { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_key_old_and_one_that_is_set_forward_makes_each_a_day_old() {
    static SECONDS: AtomicU64 = AtomicU64::new(TEN_YEARS * 2);
    let (_directory, database, platform) = setup(|| at(SECONDS.load(Ordering::Relaxed))).await;
    let start = SECONDS.load(Ordering::Relaxed);
    for (seconds, key, is_replayed, ran) in [
        (start, "a", false, 1),
        (start + DAY_SECONDS - 1, "a", true, 1),
        (start - TEN_YEARS, "a", true, 1),
        (start - TEN_YEARS, "b", false, 1),
        (start - TEN_YEARS + DAY_SECONDS - 1, "b", true, 1),
        (start - TEN_YEARS + DAY_SECONDS, "b", false, 2),
        (start, "a", true, 1),
        (start + DAY_SECONDS, "a", false, 2),
        (start + TEN_YEARS, "a", false, 3),
        (start + TEN_YEARS, "a", true, 3),
        // It stands for the cast of a time to come.
        (start, "a", true, 3),
        (0, "a", true, 3),
    ] {
        SECONDS.store(seconds, Ordering::Relaxed);
        let answer = cast_under(&platform, key).await.unwrap();
        assert_eq!((answer.is_replayed, effects(&database, key).await), (is_replayed, ran), "{key} at {seconds}");
    }
}

#[tokio::test]
async fn what_a_jump_of_the_clock_makes_old_at_once_is_removed_some_at_a_time() {
    static SECONDS: AtomicU64 = AtomicU64::new(TEN_YEARS);
    let (directory, _database, platform) = setup(|| at(SECONDS.load(Ordering::Relaxed))).await;
    for number in 0..200 {
        cast_under(&platform, &format!("key {number}")).await.unwrap();
    }
    SECONDS.fetch_add(TEN_YEARS, Ordering::Relaxed);
    for left in [137, 74, 11, 4, 5] {
        cast_under(&platform, &format!("new {left}")).await.unwrap();
        assert_eq!(count(directory.path(), "SELECT count(*) FROM idempotency"), left);
    }
}
