//! Spin's key-value store, version 2. Knows operations and names of errors; must never know HTTP.

use serde_json::json;
use test_behaviour::FILL;

use crate::bindings::fermyon::spin::key_value::{Error, Store};

/// One operation: what it answers, or the error's name.
pub(crate) fn operate(operation: &str, store: &str, key: &str, value: &[u8]) -> Result<Vec<u8>, String> {
    try_operate(operation, store, key, value).map_err(name)
}

/// Sets the key "large" to that many bytes: "set", or the error's name.
pub(crate) fn set_large(bytes: usize) -> Result<Vec<u8>, String> {
    operate("set", "default", "large", &vec![FILL; bytes]).map(|_| b"set".to_vec())
}

/// Sets so many keys and lists all: how many there are, or the error's name.
pub(crate) fn list_many(keys: u64) -> Result<Vec<u8>, String> {
    try_list_many(keys).map(|found| found.to_string().into_bytes()).map_err(name)
}

fn try_operate(operation: &str, store: &str, key: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
    let store = Store::open(store)?;
    match operation {
        "get" => store.get(key)?.ok_or_else(|| Error::Other("no such key".to_owned())),
        "set" => store.set(key, value).map(|()| Vec::new()),
        "delete" => store.delete(key).map(|()| Vec::new()),
        "exists" => store.exists(key).map(|exists| exists.to_string().into_bytes()),
        "keys" => store.get_keys().map(|mut keys| {
            keys.sort_unstable();
            json!(keys).to_string().into_bytes()
        }),
        _ => Err(Error::Other("no such operation".to_owned())),
    }
}

fn try_list_many(keys: u64) -> Result<usize, Error> {
    let store = Store::open("default")?;
    (0..keys).try_for_each(|number| store.set(&format!("k{number}"), b"value"))?;
    store.get_keys().map(|keys| keys.len())
}

fn name(error: Error) -> String {
    match error {
        Error::StoreTableFull => "store-table-full".to_owned(),
        Error::NoSuchStore => "no-such-store".to_owned(),
        Error::AccessDenied => "access-denied".to_owned(),
        Error::Other(reason) => format!("other: {reason}"),
    }
}
