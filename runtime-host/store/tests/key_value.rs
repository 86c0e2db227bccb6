//! The key-value store as guests meet it.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use spell_store::{Database, KEY_BYTES_MAX, KEYS_LISTED_MAX, VALUE_BYTES_MAX};
use spell_types::{KeyValueError, KeyValueStore};
use std::sync::Arc;
use tokio::task::JoinSet;

fn database() -> (tempfile::TempDir, Database) {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::open(directory.path()).unwrap();
    (directory, database)
}

#[tokio::test]
async fn a_value_is_read_back_replaced_and_removed() {
    let (_directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        assert_eq!(database.get("s", "k").await, Ok(None));
        assert_eq!(database.exists("s", "k").await, Ok(false));
        database.set("s", "k", b"one".to_vec()).await.unwrap();
        database.set("s", "k", b"two".to_vec()).await.unwrap();
        assert_eq!(database.get("s", "k").await, Ok(Some(b"two".to_vec())));
        assert_eq!(database.exists("s", "k").await, Ok(true));
        assert_eq!(database.get("other", "k").await, Ok(None));
        database.delete("s", "k").await.unwrap();
        database.delete("s", "k").await.unwrap();
        assert_eq!(database.get("s", "k").await, Ok(None));
    }
}

#[tokio::test]
async fn any_text_is_a_key_and_nothing_in_it_is_obeyed() {
    let (_directory, database) = database();
    let longest = "k".repeat(KEY_BYTES_MAX);
    let odd = [
        "'; DROP TABLE key_value; --",
        "?1",
        "%",
        "_",
        "\0",
        "a\0b",
        "a",
        "A",
        " ",
        "ключ",
        "🔑",
        "e\u{301}",
        "\u{e9}",
        "\u{ffff}",
        &longest,
    ];
    for (number, key) in (0_u8..).zip(odd) {
        database.set(key, key, vec![number]).await.unwrap();
        database.set("all", key, vec![number]).await.unwrap();
    }
    for (number, key) in (0_u8..).zip(odd) {
        assert_eq!(database.get("all", key).await, Ok(Some(vec![number])), "{key:?}");
        assert_eq!(database.get_keys(key).await, Ok(vec![key.to_owned()]), "{key:?} as the name of a store");
    }
    let mut in_order_of_bytes = odd.map(str::to_owned);
    in_order_of_bytes.sort_unstable();
    assert_eq!(database.get_keys("all").await, Ok(in_order_of_bytes.to_vec()));
}

#[tokio::test]
async fn keys_and_values_have_limits_and_meet_them_exactly() {
    let (_directory, database) = database();
    for key in [String::new(), "k".repeat(KEY_BYTES_MAX + 1), "é".repeat(KEY_BYTES_MAX / 2 + 1)] {
        let refused = KeyValueError::BadKey { bytes: key.len(), bytes_max: KEY_BYTES_MAX };
        assert_eq!(database.get("s", &key).await, Err(refused.clone()));
        assert_eq!(database.set("s", &key, vec![]).await, Err(refused.clone()));
        assert_eq!(database.delete("s", &key).await, Err(refused.clone()));
        assert_eq!(database.exists("s", &key).await, Err(refused));
    }
    let refused = KeyValueError::ValueTooLarge { bytes: VALUE_BYTES_MAX + 1, bytes_max: VALUE_BYTES_MAX };
    assert_eq!(database.set("s", "k", vec![0; VALUE_BYTES_MAX + 1]).await, Err(refused));
    for bytes in [0, 1, VALUE_BYTES_MAX] {
        database.set("s", "k", vec![255; bytes]).await.unwrap();
        assert_eq!(database.get("s", "k").await, Ok(Some(vec![255; bytes])));
    }
}

#[tokio::test]
async fn more_keys_than_can_be_listed_are_refused() {
    let database = Arc::new(Database::in_memory().unwrap());
    let mut writes = JoinSet::new();
    for number in 0..KEYS_LISTED_MAX {
        let database = Arc::clone(&database);
        writes.spawn(async move { database.set("s", &format!("{number:05}"), vec![]).await });
    }
    assert!(writes.join_all().await.iter().all(Result::is_ok));
    assert_eq!(database.get_keys("s").await.unwrap().len(), KEYS_LISTED_MAX);
    database.set("s", "one too many", vec![]).await.unwrap();
    assert_eq!(database.get_keys("s").await, Err(KeyValueError::TooManyKeys { keys_max: KEYS_LISTED_MAX }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_sees_every_write_acknowledged_before_it() {
    let (_directory, database) = database();
    let database = Arc::new(database);
    let mut callers = JoinSet::new();
    for caller in 0..20_u8 {
        let database = Arc::clone(&database);
        callers.spawn(async move {
            for round in 0..10_u8 {
                let key = format!("{caller}");
                database.set("s", &key, vec![caller, round]).await.unwrap();
                assert_eq!(database.get("s", &key).await, Ok(Some(vec![caller, round])));
            }
        });
    }
    callers.join_all().await;
    let counts = database.write_counts();
    assert_eq!(counts.jobs, 200);
    assert!(counts.commits < counts.jobs, "concurrent writes share commits: {counts:?}");
}

#[tokio::test]
async fn pages_of_keys_come_one_after_the_other() {
    let database = Arc::new(Database::in_memory().unwrap());
    let mut writes = JoinSet::new();
    for number in 0..KEYS_LISTED_MAX + 5 {
        let database = Arc::clone(&database);
        writes.spawn(async move { database.set("s", &format!("{number:05}"), vec![]).await });
    }
    assert!(writes.join_all().await.iter().all(Result::is_ok));
    let first = database.get_keys_after("s", None).await.unwrap();
    assert_eq!((first.keys.len(), first.is_last), (KEYS_LISTED_MAX, false));
    let rest = database.get_keys_after("s", first.keys.last().cloned()).await.unwrap();
    assert_eq!((rest.keys, rest.is_last), ((10_000..10_005).map(|number: u32| format!("{number}")).collect(), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_between_the_halves_of_an_atomic_operation() {
    let (_directory, database) = database();
    let database = Arc::new(database);
    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let database = Arc::clone(&database);
        callers.spawn(async move {
            database.increment("s", "counter", 3).await.unwrap();
            loop {
                let seen = database.get("s", "list").await.unwrap();
                let longer = [seen.clone().unwrap_or_default(), vec![1]].concat();
                if database.replace_if("s", "list", seen, longer).await.unwrap() {
                    return;
                }
            }
        });
    }
    callers.join_all().await;
    assert_eq!(database.get("s", "counter").await, Ok(Some(60_i64.to_le_bytes().to_vec())));
    assert_eq!(database.get("s", "list").await, Ok(Some(vec![1; 20])));
    assert_eq!(database.replace_if("s", "list", None, vec![]).await, Ok(false), "it is there");
    assert_eq!(database.replace_if("s", "new", None, vec![2]).await, Ok(true));
    assert_eq!(database.increment("s", "list", 1).await, Err(KeyValueError::NotACounter { bytes: 20 }));
    database.set("s", "most", i64::MAX.to_le_bytes().to_vec()).await.unwrap();
    assert_eq!(database.increment("s", "most", 1).await, Err(KeyValueError::CounterOverflow));
    assert_eq!(database.increment("s", "most", -1).await, Ok(i64::MAX - 1));
}
