//! Keys of clients as the platform meets them.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{acme, api_key, at, database, other};
use spell_cast::{KeyRing, KeyRingError};
use spell_store::Database;

#[tokio::test]
async fn a_key_is_found_by_its_hash_also_in_a_file_that_was_opened_again() {
    let (directory, database) = database();
    let key = api_key(acme(), "key_1", at(10));
    database.add(key.clone(), [1; 32]).await.unwrap();
    drop(database);
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.find([1; 32]).await, Ok(Some(key)));
    assert_eq!(database.find([2; 32]).await, Ok(None));
}

#[tokio::test]
async fn a_key_is_added_once() {
    let (_directory, database) = database();
    database.add(api_key(acme(), "key_1", at(10)), [1; 32]).await.unwrap();
    for (id, hash) in [("key_1", [2; 32]), ("key_2", [1; 32])] {
        assert_eq!(database.add(api_key(other(), id, at(10)), hash).await, Err(KeyRingError::Unavailable), "{id}");
    }
    assert_eq!(database.list(None).await, Ok(vec![api_key(acme(), "key_1", at(10))]));
}

#[tokio::test]
async fn a_revoked_key_is_still_found_and_says_since_when_it_is_worth_nothing() {
    let (_directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        let mut key = api_key(acme(), "key_1", at(10));
        database.add(key.clone(), [1; 32]).await.unwrap();
        assert_eq!(database.revoke(None, "key_1", at(20)).await, Ok(true));
        assert_eq!(database.revoke(None, "key_1", at(30)).await, Ok(true));
        assert_eq!(database.revoke(None, "key_2", at(30)).await, Ok(false));
        key.revoked_at = Some(at(20));
        assert_eq!(database.find([1; 32]).await, Ok(Some(key)));
    }
}

#[tokio::test]
async fn keys_are_listed_from_the_oldest_of_one_tenant_or_of_all() {
    let (_directory, database) = database();
    let keys = [("key_3", acme(), 30), ("key_2", other(), 20), ("key_1", acme(), 20), ("key_4", acme(), 10)];
    for (number, (id, tenant, seconds)) in (0..).zip(keys) {
        database.add(api_key(tenant, id, at(seconds)), [number; 32]).await.unwrap();
    }
    for (tenant, expected) in
        [(None, vec!["key_4", "key_1", "key_2", "key_3"]), (Some(acme()), vec!["key_4", "key_1", "key_3"]), (Some(other()), vec!["key_2"])]
    {
        let keys = database.list(tenant.as_ref()).await.unwrap();
        assert_eq!(keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), expected, "{tenant:?}");
    }
}
