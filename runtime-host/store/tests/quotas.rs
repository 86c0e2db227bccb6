//! Quotas as whoever adds something meets them: kept in the transaction that adds.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{DAY_SECONDS, acme, answer, api_key, at, cast, count, database, idempotency, other, spell, upload, version};
use spell_cast::{
    Allowance, KeyRing, KeyRingError, Ledger, NewModule, Quota, QuotaExceeded, Quotas, Registry, RegistryError, Reserved, Spell,
};
use spell_store::Database;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::task::JoinSet;

fn with(quota: Quota, limit: u64) -> (TempDir, Arc<Database>) {
    let (directory, database) = database();
    database.grant(Allowance { quotas: Quotas::unbounded().with(quota, limit), budget_cents: None });
    (directory, Arc::new(database))
}

fn numbered(number: u64) -> Spell {
    spell(acme(), &format!("spell_{number}"), &format!("s{number}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_that_make_a_spell_at_once_make_no_more_than_there_can_be() {
    let (_directory, database) = with(Quota::Spells, 10);
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let database = Arc::clone(&database);
        tasks.spawn(async move { database.create(numbered(number)).await });
    }
    let results = tasks.join_all().await;
    let exceeded = RegistryError::Quota(QuotaExceeded { quota: Quota::Spells, limit: 10 });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    assert!(results.iter().all(|result| result.is_ok() || *result == Err(exceeded.clone())));
    let kept = database.spells(&acme(), None, 100).await.unwrap();
    assert_eq!(kept.len(), 10);
    let taken = Spell { id: "spell_x".to_owned(), ..kept[0].clone() };
    assert_eq!(database.create(taken).await, Err(RegistryError::KeyTaken(kept[0].key.clone())), "what is wrong is told first");
    assert!(database.create(spell(other(), "spell_y", "s1")).await.is_ok(), "another tenant has its own");
    database.delete(&acme(), &kept[0].id).await.unwrap();
    assert!(database.create(numbered(99)).await.is_ok());
}

#[tokio::test]
async fn a_spell_has_so_many_versions_and_what_is_refused_leaves_nothing() {
    let (directory, database) = with(Quota::Versions, 2);
    database.create(numbered(1)).await.unwrap();
    for number in ["1.0.0", "2.0.0"] {
        let new = NewModule { activates: true, ..upload(number, "spell_1", number, "same") };
        assert!(database.publish(&acme(), new).await.is_ok());
    }
    let third = || upload("third", "spell_1", "3.0.0", "other");
    let exceeded = QuotaExceeded { quota: Quota::Versions, limit: 2 };
    assert_eq!(database.publish(&acme(), third()).await, Err(exceeded.into()));
    assert_eq!(count(directory.path(), "SELECT count(*) FROM programs"), 2);
    let again = database.publish(&acme(), upload("x", "spell_1", "1.0.0", "same")).await.unwrap();
    assert_eq!(again.version, version("1.0.0"), "what is there is no version more");
    database.delete_module(&acme(), "1.0.0").await.unwrap();
    assert!(database.publish(&acme(), third()).await.is_ok());
}

#[tokio::test]
async fn programs_have_so_many_bytes_together_also_those_that_are_kept_once() {
    // A program of four bytes, and a component of 17.
    let (_directory, database) = with(Quota::Stored, 2 * 21);
    for number in 1..=2 {
        database.create(numbered(number)).await.unwrap();
    }
    database.publish(&acme(), upload("mod_1", "spell_1", "1.0.0", "four")).await.unwrap();
    database.publish(&acme(), upload("mod_2", "spell_2", "1.0.0", "four")).await.unwrap();
    let third = || upload("mod_3", "spell_2", "2.0.0", "four");
    assert_eq!(database.publish(&acme(), third()).await, Err(QuotaExceeded { quota: Quota::Stored, limit: 42 }.into()));
    database.create(spell(other(), "spell_o", "s1")).await.unwrap();
    assert!(database.publish(&other(), upload("mod_o", "spell_o", "1.0.0", "four")).await.is_ok());
    database.delete(&acme(), "spell_1").await.unwrap();
    assert!(database.publish(&acme(), third()).await.is_ok());
}

#[tokio::test]
async fn a_tenant_has_so_many_keys_and_as_many_that_are_worth_nothing() {
    let (_directory, database) = with(Quota::Keys, 3);
    let add = async |number: u8| database.add(api_key(acme(), &format!("key_{number}"), at(number.into())), [number; 32]).await;
    for number in 1..=3 {
        add(number).await.unwrap();
    }
    let exceeded = KeyRingError::Quota(QuotaExceeded { quota: Quota::Keys, limit: 3 });
    assert_eq!(add(4).await, Err(exceeded));
    assert_eq!(database.find([4; 32]).await, Ok(None));
    assert_eq!(database.add(api_key(other(), "key_o", at(1)), [99; 32]).await, Ok(()));
    for number in 4..20_u8 {
        assert_eq!(database.revoke(Some(&acme()), &format!("key_{}", number - 3), at(number.into())).await, Ok(true));
        add(number).await.unwrap();
    }
    let keys = database.list(Some(&acme())).await.unwrap();
    assert_eq!((keys.len(), keys.iter().filter(|key| key.revoked_at.is_some()).count()), (6, 3), "the oldest are forgotten");
}

#[tokio::test]
async fn a_key_is_revoked_by_its_tenant_or_the_operator_and_nobody_else() {
    let (_directory, database) = database();
    database.add(api_key(acme(), "key_1", at(10)), [1; 32]).await.unwrap();
    assert_eq!(database.revoke(Some(&other()), "key_1", at(20)).await, Ok(false));
    assert_eq!(database.find([1; 32]).await.unwrap().unwrap().revoked_at, None);
    assert_eq!(database.revoke(Some(&acme()), "key_1", at(30)).await, Ok(true));
    assert_eq!(database.revoke(None, "key_1", at(40)).await, Ok(true));
    assert_eq!(database.find([1; 32]).await.unwrap().unwrap().revoked_at, Some(at(30)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_many_casts_run_at_a_time_whoever_asks_and_a_refusal_burns_no_key() {
    let (_directory, database) = with(Quota::Running, 10);
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let database = Arc::clone(&database);
        tasks.spawn(async move {
            let id = format!("cast_{number}");
            (database.reserve(cast(acme(), &id, at(50)), Some(idempotency(&id, 1)), 0).await.unwrap(), id)
        });
    }
    let results = tasks.join_all().await;
    let exceeded = QuotaExceeded { quota: Quota::Running, limit: 10 };
    let (admitted, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(|(reserved, _)| *reserved == Reserved::New);
    assert_eq!((admitted.len(), refused.len()), (10, 90));
    for (reserved, id) in &refused {
        assert_eq!(*reserved, Reserved::TooMany(exceeded));
        assert_eq!(database.known(&acme(), &idempotency(id, 1)).await, Ok(None));
    }
    let key = || Some(idempotency(&admitted[0].1, 1));
    assert!(matches!(database.reserve(cast(acme(), "cast_x", at(50)), key(), 0).await, Ok(Reserved::Known(_))));
    assert_eq!(database.reserve(cast(other(), "cast_o", at(50)), None, 0).await, Ok(Reserved::New));
    database.finish(&admitted[0].1, answer("hello")).await.unwrap();
    assert_eq!(database.reserve(cast(acme(), "cast_y", at(50)), None, 0).await, Ok(Reserved::New));
}

#[tokio::test]
async fn a_tenant_casts_so_many_times_a_day() {
    let (directory, database) = with(Quota::CastsPerDay, 3);
    let reserve = async |number: u64, seconds: u64| {
        let id = format!("cast_{number}");
        let reserved = database.reserve(cast(acme(), &id, at(seconds)), Some(idempotency(&id, 1)), 0).await.unwrap();
        if reserved == Reserved::New {
            database.finish(&id, answer("hello")).await.unwrap();
        }
        reserved
    };
    for number in 0..10 {
        let expected = if number < 3 { Reserved::New } else { Reserved::TooMany(QuotaExceeded { quota: Quota::CastsPerDay, limit: 3 }) };
        assert_eq!(reserve(number, DAY_SECONDS - 10 + number).await, expected, "{number}");
    }
    assert_eq!(count(directory.path(), "SELECT count(*) FROM idempotency"), 3, "so there are no more keys than casts");
    assert_eq!(reserve(10, DAY_SECONDS).await, Reserved::New);
    assert_eq!(count(directory.path(), "SELECT count(*) FROM cast_days"), 1);
}
