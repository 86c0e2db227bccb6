//! Casts and idempotency keys as the platform meets them.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{DAY_SECONDS, acme, answer, at, cast, count, database, ended, failure, idempotency, other, spell, tamper, usage};
use spell_cast::{CastState, FailedKind, IDEMPOTENCY_TIME, Ledger, LedgerError, Registry, Reserved};
use spell_store::Database;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_cast_is_recorded_as_it_ended_also_in_a_file_that_was_opened_again() {
    let (directory, database) = database();
    let endings = FailedKind::ALL.iter().map(|(kind, _)| failure(*kind)).chain([answer("hello"), answer("")]);
    let mut expected = Vec::new();
    for (number, ending) in endings.enumerate() {
        let record = cast(acme(), &format!("cast_{number}"), at(50));
        assert_eq!(database.reserve(record.clone(), None, 0).await, Ok(Reserved::New));
        assert_eq!(database.cast(&acme(), &record.id).await, Ok(Some(record.clone())));
        database.finish(&record.id, ending.clone()).await.unwrap();
        expected.push(ended(record, ending));
    }
    drop(database);
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.claim_casts().await, Ok(0));
    for record in expected {
        assert_eq!(database.cast(&acme(), &record.id).await, Ok(Some(record)));
    }
    assert_eq!(database.cast(&acme(), "cast_x").await, Ok(None));
}

#[tokio::test]
async fn a_cast_ends_once() {
    let (_directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        let record = cast(acme(), "cast_1", at(50));
        assert_eq!(database.finish("cast_1", answer("never began")).await, Err(LedgerError::Unavailable));
        database.reserve(record.clone(), None, 0).await.unwrap();
        database.finish("cast_1", answer("first")).await.unwrap();
        assert_eq!(database.finish("cast_1", answer("second")).await, Err(LedgerError::Unavailable));
        assert_eq!(database.cast(&acme(), "cast_1").await, Ok(Some(ended(record, answer("first")))));
    }
}

#[tokio::test]
async fn a_key_is_answered_with_its_cast_as_far_as_that_is_and_another_request_is_refused() {
    let (_directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        let (record, key) = (cast(acme(), "cast_1", at(50)), idempotency("k", 1));
        assert_eq!(database.known(&acme(), &key).await, Ok(None));
        assert_eq!(database.reserve(record.clone(), Some(key.clone()), 0).await, Ok(Reserved::New));
        for expected in [record.clone(), ended(record, answer("hello"))] {
            if let CastState::Ended(ending) = &expected.state {
                database.finish("cast_1", *ending.clone()).await.unwrap();
            }
            let known = Reserved::Known(Box::new(expected));
            assert_eq!(database.reserve(cast(acme(), "cast_2", at(60)), Some(key.clone()), 0).await, Ok(known.clone()));
            assert_eq!(database.known(&acme(), &key).await, Ok(Some(known)));
            let another = idempotency("k", 2);
            assert_eq!(database.reserve(cast(acme(), "cast_3", at(60)), Some(another.clone()), 0).await, Ok(Reserved::OtherRequest));
            assert_eq!(database.known(&acme(), &another).await, Ok(Some(Reserved::OtherRequest)));
        }
        assert_eq!(database.casts(&acme(), None, 10).await.unwrap().len(), 1, "only what is to run is recorded");
    }
}

#[tokio::test]
async fn a_key_stands_for_a_day_and_then_for_the_next_cast() {
    let (_directory, database) = database();
    let (key, day) = (idempotency("k", 1), IDEMPOTENCY_TIME);
    database.reserve(cast(acme(), "cast_1", at(50)), Some(key.clone()), 0).await.unwrap();
    let last = at(50) + day - Duration::from_millis(1);
    let known = database.reserve(cast(acme(), "cast_2", last), Some(key.clone()), 0).await.unwrap();
    assert!(matches!(known, Reserved::Known(record) if record.id == "cast_1"));
    assert_eq!(database.reserve(cast(acme(), "cast_3", at(50) + day), Some(idempotency("k", 2)), 0).await, Ok(Reserved::New));
    let known = database.known(&acme(), &idempotency("k", 2)).await.unwrap();
    assert!(matches!(known, Some(Reserved::Known(record)) if record.id == "cast_3"));
    // A clock that was set back makes no key old.
    assert_eq!(database.reserve(cast(acme(), "cast_4", at(1)), Some(key), 0).await, Ok(Reserved::OtherRequest));
}

#[tokio::test]
async fn old_keys_are_removed_some_with_each_reservation() {
    let (directory, database) = database();
    for number in 0..100 {
        let record = cast(acme(), &format!("cast_{number:03}"), at(number));
        database.reserve(record, Some(idempotency(&format!("k{number}"), 1)), 0).await.unwrap();
    }
    for (number, expected) in [(100, 36), (101, 0)] {
        database.reserve(cast(acme(), &format!("cast_{number}"), at(2 * DAY_SECONDS)), None, 0).await.unwrap();
        assert_eq!(count(directory.path(), "SELECT count(*) FROM idempotency"), expected);
    }
    assert_eq!(database.known(&acme(), &idempotency("k1", 1)).await, Ok(None));
    assert_eq!(database.casts(&acme(), None, 1_000).await.unwrap().len(), 102, "casts stay");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_that_reserve_one_key_at_once_one_may_run() {
    let (_directory, database) = database();
    let database = Arc::new(database);
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let database = Arc::clone(&database);
        tasks.spawn(async move {
            let record = cast(acme(), &format!("cast_{number}"), at(50));
            database.reserve(record, Some(idempotency("k", 1)), 0).await.unwrap()
        });
    }
    let reserved = tasks.join_all().await;
    assert_eq!(reserved.iter().filter(|reserved| **reserved == Reserved::New).count(), 1);
    let casts = database.casts(&acme(), None, 200).await.unwrap();
    let [record] = &casts[..] else { panic!("{} casts", casts.len()) };
    assert!(reserved.iter().all(|reserved| matches!(reserved, Reserved::New) || *reserved == Reserved::Known(Box::new(record.clone()))));
}

#[tokio::test]
async fn what_ran_when_the_host_ended_is_indeterminate_once_the_next_host_says_so() {
    let (directory, first) = database();
    first.reserve(cast(acme(), "cast_1", at(50)), Some(idempotency("k", 1)), 0).await.unwrap();
    first.reserve(cast(acme(), "cast_2", at(50)), None, 0).await.unwrap();
    first.finish("cast_2", answer("hello")).await.unwrap();
    let state = async |database: &Database, id| database.cast(&acme(), id).await.unwrap().unwrap().state;
    let beside = Database::open(directory.path()).unwrap();
    assert_eq!(state(&beside, "cast_1").await, CastState::Running, "whoever opens the file beside a host takes no cast for lost");
    drop((first, beside));
    let next = Database::open(directory.path()).unwrap();
    assert_eq!(next.claim_casts().await, Ok(1));
    assert_eq!(state(&next, "cast_1").await, CastState::Indeterminate);
    assert_eq!(state(&next, "cast_2").await.name(), "completed");
    let known = next.reserve(cast(acme(), "cast_3", at(60)), Some(idempotency("k", 1)), 0).await.unwrap();
    assert!(matches!(known, Reserved::Known(record) if record.state == CastState::Indeterminate), "it is never run again");
    next.finish("cast_1", answer("late")).await.unwrap();
    assert_eq!(state(&next, "cast_1").await.name(), "completed", "whoever ran it after all knows what it did");
}

#[tokio::test]
async fn casts_are_listed_from_the_newest_a_page_at_a_time_without_their_output() {
    let (_directory, database) = database();
    for number in 1..=5 {
        let id = format!("cast_{number}");
        database.reserve(cast(acme(), &id, at(50)), None, 0).await.unwrap();
        database.finish(&id, answer("hello")).await.unwrap();
    }
    database.reserve(cast(other(), "cast_3x", at(50)), None, 0).await.unwrap();
    for (before, count_max, expected) in [
        (None, 10, vec!["cast_5", "cast_4", "cast_3", "cast_2", "cast_1"]),
        (None, 2, vec!["cast_5", "cast_4"]),
        (Some("cast_4"), 2, vec!["cast_3", "cast_2"]),
        (Some("cast_1"), 2, vec![]),
        (Some("cast_3x"), 1, vec!["cast_3"]),
        (None, 0, vec![]),
    ] {
        let casts = database.casts(&acme(), before, count_max).await.unwrap();
        assert_eq!(casts.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), expected, "{before:?}, {count_max}");
        for record in casts {
            let mut without_output = answer("");
            without_output.usage = usage(10, 1 << 20);
            assert_eq!(record.state, CastState::Ended(Box::new(without_output)));
        }
    }
}

#[tokio::test]
async fn casts_of_one_spell_are_listed_alone() {
    let (_directory, database) = database();
    for number in 1..=6 {
        let mut record = cast(acme(), &format!("cast_{number}"), at(50));
        record.spell_id = if number % 2 == 0 { "spell_2" } else { "spell_1" }.to_owned();
        database.reserve(record, None, 0).await.unwrap();
    }
    for (tenant, spell_id, before, count_max, expected) in [
        (acme(), "spell_2", None, 10, vec!["cast_6", "cast_4", "cast_2"]),
        (acme(), "spell_1", None, 2, vec!["cast_5", "cast_3"]),
        (acme(), "spell_1", Some("cast_3"), 2, vec!["cast_1"]),
        (acme(), "spell_3", None, 10, vec![]),
        (other(), "spell_1", None, 10, vec![]),
    ] {
        let casts = database.casts_of_spell(&tenant, spell_id, before, count_max).await.unwrap();
        assert_eq!(casts.iter().map(|record| record.id.as_str()).collect::<Vec<_>>(), expected, "{spell_id} before {before:?}");
    }
}

#[tokio::test]
async fn casts_outlive_their_spell() {
    let (_directory, database) = database();
    database.create(spell(acme(), "spell_1", "hello")).await.unwrap();
    let record = cast(acme(), "cast_1", at(50));
    database.reserve(record.clone(), None, 0).await.unwrap();
    database.delete(&acme(), "spell_1").await.unwrap();
    database.finish("cast_1", answer("hello")).await.unwrap();
    assert_eq!(database.cast(&acme(), "cast_1").await, Ok(Some(ended(record, answer("hello")))));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error_and_no_invention() {
    let (directory, database) = database();
    database.reserve(cast(acme(), "cast_1", at(50)), None, 0).await.unwrap();
    for change in ["version = 'x'", "engine = 'x'", "spell_key = 'X'", "created_at_ms = -1"] {
        tamper(directory.path(), &format!("UPDATE casts SET {change}"));
        assert_eq!(database.cast(&acme(), "cast_1").await, Err(LedgerError::Unavailable), "{change}");
    }
}

#[tokio::test]
async fn old_casts_are_forgotten_with_their_keys_some_at_a_time_and_others_stay() {
    let (directory, database) = database();
    for number in 0..600 {
        let id = format!("cast_{number}");
        database.reserve(cast(acme(), &id, at(if number < 500 { 10 } else { 20 })), Some(idempotency(&id, 1)), 0).await.unwrap();
        // One of the old ones runs on.
        if number != 7 {
            database.finish(&id, answer("hello")).await.unwrap();
        }
    }
    let mut forgotten = Vec::new();
    while forgotten.last() != Some(&0) {
        forgotten.push(database.forget_some(at(20)).await.unwrap());
    }
    assert_eq!(forgotten, [255, 244, 0], "each time no more than it takes a moment");
    for (table, expected) in [("casts", 101), ("idempotency", 101)] {
        assert_eq!(count(directory.path(), &format!("SELECT count(*) FROM {table}")), expected, "{table}");
    }
    assert!(database.cast(&acme(), "cast_7").await.unwrap().is_some() && database.cast(&acme(), "cast_6").await.unwrap().is_none());
}
