//! Quotas and listings, with limits small enough to meet.

use super::*;

type Refusal = Result<(), KeyValueError>;

async fn set(database: &Database, store: &str, key: &str, value_bytes: usize, store_bytes_max: u64) -> Refusal {
    let at = Place::new(store, key)?;
    database.write(move |connection| at.set(connection, &vec![7; value_bytes], store_bytes_max)).await.map_err(to_error)
}

async fn used(database: &Database, store: &'static str) -> i64 {
    let read = move |connection: &Connection| -> Result<i64, Failure> { Ok(used_bytes(connection, store)?) };
    database.read(read).await.map_err(to_error).expect("used")
}

#[tokio::test]
async fn a_store_holds_its_quota_and_not_a_byte_more() {
    let database = Database::in_memory().expect("open");
    let full = Err(KeyValueError::Full { bytes_max: 100 });
    for (step, key, value_bytes, expected, used_after) in [
        ("fills it to the last byte", "a", 99, Ok(()), 100),
        ("adds a key", "b", 0, full.clone(), 100),
        ("makes a value longer", "a", 100, full.clone(), 100),
        ("makes it shorter", "a", 49, Ok(()), 50),
        ("adds one that fits", "b", 49, Ok(()), 100),
        ("overwrites with as much", "b", 49, Ok(()), 100),
    ] {
        assert_eq!(set(&database, "s", key, value_bytes, 100).await, expected, "{step}");
        assert_eq!(used(&database, "s").await, used_after, "{step}");
    }
    assert_eq!(set(&database, "other", "a", 99, 100).await, Ok(()), "stores do not share a quota");
    assert_eq!(set(&database, "s", "a", 40, 20).await, Ok(()), "a store above a lowered quota may shrink");
    database.delete("s", "a").await.expect("delete");
    database.delete("s", "b").await.expect("delete");
    database.delete("s", "b").await.expect("delete what is gone");
    assert_eq!(used(&database, "s").await, 0);
}

#[tokio::test]
async fn a_listing_names_how_many_keys_would_have_fitted() {
    let database = Database::in_memory().expect("open");
    for key in ["aa", "bb", "cc"] {
        database.set("s", key, vec![]).await.expect("set");
    }
    for (keys_max, bytes_max, expected) in [
        (3, 6, Ok(3)),
        (2, 6, Err(KeyValueError::TooManyKeys { keys_max: 2 })),
        (3, 5, Err(KeyValueError::TooManyKeys { keys_max: 2 })),
        (0, 6, Err(KeyValueError::TooManyKeys { keys_max: 0 })),
    ] {
        let listed =
            database.read(move |connection| page(connection, "s", None, keys_max, bytes_max)).await.map_err(to_error).and_then(all);
        assert_eq!(listed.map(|keys| keys.len()), expected, "{keys_max} keys, {bytes_max} bytes");
    }
}
