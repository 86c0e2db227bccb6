//! What else the host gives a component of WASI 0.2. Knows each interface's answers; must never know HTTP.

use std::collections::BTreeMap;

use bindings::fermyon::spin::{key_value, variables};
use serde_json::json;
use wasip2::clocks::{monotonic_clock, wall_clock};

/// JSON of the environment.
pub(crate) fn environment() -> String {
    json!(std::env::vars().collect::<BTreeMap<_, _>>()).to_string()
}

/// JSON of both clocks, in nanoseconds.
pub(crate) fn clocks() -> String {
    let wall = wall_clock::now();
    let wall_ns = wall.seconds.saturating_mul(1_000_000_000).saturating_add(wall.nanoseconds.into());
    json!({ "wall_ns": wall_ns, "monotonic_ns": monotonic_clock::now() }).to_string()
}

/// Random bytes in hexadecimal.
pub(crate) fn random(bytes: u64) -> String {
    test_behaviour::hexadecimal(&wasip2::random::random::get_random_bytes(bytes))
}

/// One operation of the key-value store: what it answers, or the error's name.
pub(crate) fn key_value(operation: &str, store: &str, key: &str, value: &str) -> Result<Vec<u8>, String> {
    try_key_value(operation, store, key, value).map_err(|error| match error {
        key_value::Error::StoreTableFull => "store-table-full".to_owned(),
        key_value::Error::NoSuchStore => "no-such-store".to_owned(),
        key_value::Error::AccessDenied => "access-denied".to_owned(),
        key_value::Error::Other(reason) => format!("other: {reason}"),
    })
}

fn try_key_value(operation: &str, store: &str, key: &str, value: &str) -> Result<Vec<u8>, key_value::Error> {
    let store = key_value::Store::open(store)?;
    match operation {
        "get" => store.get(key)?.ok_or_else(|| key_value::Error::Other("no such key".to_owned())),
        "set" => store.set(key, value.as_bytes()).map(|()| Vec::new()),
        "delete" => store.delete(key).map(|()| Vec::new()),
        "exists" => store.exists(key).map(|exists| exists.to_string().into_bytes()),
        "keys" => store.get_keys().map(|mut keys| {
            keys.sort_unstable();
            json!(keys).to_string().into_bytes()
        }),
        _ => Err(key_value::Error::Other("no such operation".to_owned())),
    }
}

/// A variable's value, or the error's name.
pub(crate) fn variable(name: &str) -> Result<Vec<u8>, String> {
    variables::get(name).map(String::into_bytes).map_err(|error| match error {
        variables::Error::InvalidName(reason) => format!("invalid-name: {reason}"),
        variables::Error::Undefined(reason) => format!("undefined: {reason}"),
        variables::Error::Provider(reason) => format!("provider: {reason}"),
        variables::Error::Other(reason) => format!("other: {reason}"),
    })
}

mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "spin2", generate_all });
}
