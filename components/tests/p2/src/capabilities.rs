//! What else the host gives a component of WASI 0.2. Knows each interface's answers; must never know HTTP.

use std::collections::BTreeMap;

use serde_json::json;
use wasip2::clocks::{monotonic_clock, wall_clock};

use crate::bindings::fermyon::spin::variables;

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

/// A variable's value, or the error's name.
pub(crate) fn variable(name: &str) -> Result<Vec<u8>, String> {
    variables::get(name).map(String::into_bytes).map_err(|error| match error {
        variables::Error::InvalidName(reason) => format!("invalid-name: {reason}"),
        variables::Error::Undefined(reason) => format!("undefined: {reason}"),
        variables::Error::Provider(reason) => format!("provider: {reason}"),
        variables::Error::Other(reason) => format!("other: {reason}"),
    })
}
