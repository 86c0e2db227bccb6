//! Spin's key-value store, version 3. Knows operations and names of errors; must never know HTTP.

use serde_json::json;
use spin_sdk::key_value::{Error, Store};
use test_behaviour::FILL;

/// One operation: what it answers, or the error's name.
pub(crate) async fn operate(operation: &str, store: &str, key: &str, value: &[u8]) -> Result<Vec<u8>, String> {
    try_operate(operation, store, key, value).await.map_err(name)
}

/// Sets the key "large" to that many bytes: "set", or the error's name.
pub(crate) async fn set_large(bytes: usize) -> Result<Vec<u8>, String> {
    operate("set", "default", "large", &vec![FILL; bytes]).await.map(|_| b"set".to_vec())
}

/// Sets so many keys and lists all: how many there are, or the error's name.
pub(crate) async fn list_many(keys: u64) -> Result<Vec<u8>, String> {
    try_list_many(keys).await.map(|found| found.to_string().into_bytes()).map_err(name)
}

async fn try_operate(operation: &str, store: &str, key: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
    let store = Store::open(store).await?;
    match operation {
        "get" => store.get(key).await?.ok_or_else(|| Error::Other("no such key".to_owned())),
        "set" => store.set(key, value).await.map(|()| Vec::new()),
        "delete" => store.delete(key).await.map(|()| Vec::new()),
        "exists" => store.exists(key).await.map(|exists| exists.to_string().into_bytes()),
        "keys" => store.get_keys().await.collect().await.map(|mut keys| {
            keys.sort_unstable();
            json!(keys).to_string().into_bytes()
        }),
        _ => Err(Error::Other("no such operation".to_owned())),
    }
}

async fn try_list_many(keys: u64) -> Result<usize, Error> {
    let store = Store::open("default").await?;
    for number in 0..keys {
        store.set(format!("k{number}"), b"value").await?;
    }
    store.get_keys().await.collect().await.map(|keys| keys.len())
}

fn name(error: Error) -> String {
    match error {
        Error::StoreTableFull => "store-table-full".to_owned(),
        Error::NoSuchStore => "no-such-store".to_owned(),
        Error::AccessDenied => "access-denied".to_owned(),
        Error::Other(reason) => format!("other: {reason}"),
    }
}
