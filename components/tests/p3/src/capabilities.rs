//! What else the host gives a component of WASI 0.3. Knows each interface's answers; must never know HTTP.

use std::collections::BTreeMap;

use serde_json::json;
use spin_sdk::variables;
use spin_sdk::wasip3::clocks::{monotonic_clock, system_clock};
use spin_sdk::wasip3::random::random::get_random_bytes;

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

/// A variable's value, or the error's name.
pub(crate) async fn variable(name: &str) -> Result<Vec<u8>, String> {
    variables::get(name).await.map(String::into_bytes).map_err(|error| match error {
        variables::Error::InvalidName(reason) => format!("invalid-name: {reason}"),
        variables::Error::Undefined(reason) => format!("undefined: {reason}"),
        variables::Error::Provider(reason) => format!("provider: {reason}"),
        variables::Error::Other(reason) => format!("other: {reason}"),
    })
}
