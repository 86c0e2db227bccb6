//! What else the host gives a component of WASI 0.3. Knows each interface's answers; must never know HTTP.

use std::collections::BTreeMap;

use serde_json::json;
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};
use spin_sdk::wasip3::random::random::get_random_bytes;
use spin_sdk::{key_value, variables};

/// JSON of the environment.
pub(crate) fn environment() -> String {
    json!(std::env::vars().collect::<BTreeMap<_, _>>()).to_string()
}

/// JSON of both clocks, in nanoseconds.
pub(crate) fn clocks() -> String {
    let wall = system_clock::now();
    let wall_ns = wall.seconds.saturating_mul(1_000_000_000).saturating_add(wall.nanoseconds.into());
    json!({ "wall_ns": wall_ns, "monotonic_ns": monotonic_clock::now() }).to_string()
}

/// Random bytes in hexadecimal.
pub(crate) fn random(bytes: u64) -> String {
    // One call may give fewer than asked for.
    let mut all = Vec::new();
    while (all.len() as u64) < bytes {
        let more = get_random_bytes(bytes - all.len() as u64);
        if more.is_empty() {
            break;
        }
        all.extend_from_slice(&more);
    }
    test_behaviour::hexadecimal(&all)
}

/// One operation of the key-value store: what it answers, or the error's name.
pub(crate) async fn key_value(operation: &str, store: &str, key: &str, value: &str) -> Result<Vec<u8>, String> {
    try_key_value(operation, store, key, value).await.map_err(|error| match error {
        key_value::Error::StoreTableFull => "store-table-full".to_owned(),
        key_value::Error::NoSuchStore => "no-such-store".to_owned(),
        key_value::Error::AccessDenied => "access-denied".to_owned(),
        key_value::Error::Other(reason) => format!("other: {reason}"),
    })
}

async fn try_key_value(operation: &str, store: &str, key: &str, value: &str) -> Result<Vec<u8>, key_value::Error> {
    let store = key_value::Store::open(store).await?;
    match operation {
        "get" => store.get(key).await?.ok_or_else(|| key_value::Error::Other("no such key".to_owned())),
        "set" => store.set(key, value).await.map(|()| Vec::new()),
        "delete" => store.delete(key).await.map(|()| Vec::new()),
        "exists" => store.exists(key).await.map(|exists| exists.to_string().into_bytes()),
        "keys" => store.get_keys().await.collect().await.map(|mut keys| {
            keys.sort_unstable();
            json!(keys).to_string().into_bytes()
        }),
        _ => Err(key_value::Error::Other("no such operation".to_owned())),
    }
}

/// A variable's value, or the error's name.
pub(crate) async fn variable(name: &str) -> Result<Vec<u8>, String> {
    variables::get(name).await.map(String::into_bytes).map_err(|error| match error {
        variables::Error::InvalidName(reason) => format!("invalid-name: {reason}"),
        variables::Error::Undefined(reason) => format!("undefined: {reason}"),
        variables::Error::Provider(reason) => format!("provider: {reason}"),
        variables::Error::Other(reason) => format!("other: {reason}"),
    })
}
