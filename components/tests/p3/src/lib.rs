//! Every behaviour of `test-behaviour`, as a component of WASI 0.3: `curl http://127.0.0.1:3000/…`, see `Behaviour` for the paths.
//!
//! Knows wasi:http 0.3 and Spin's interfaces of version 3; must never behave otherwise than its twin `tests-p2`.

#[cfg(target_family = "wasm")]
mod capabilities;
#[cfg(target_family = "wasm")]
mod fetch;
#[cfg(target_family = "wasm")]
mod flood;
#[cfg(target_family = "wasm")]
mod handler;
#[cfg(target_family = "wasm")]
mod key_value;
#[cfg(target_family = "wasm")]
#[path = "../../p2/src/models.rs"]
mod models;
#[cfg(target_family = "wasm")]
mod mqtt;
#[cfg(target_family = "wasm")]
mod mysql;
#[cfg(target_family = "wasm")]
#[path = "../../p2/src/plain.rs"]
mod plain;
#[cfg(target_family = "wasm")]
mod postgres;
#[cfg(target_family = "wasm")]
mod redis;
#[cfg(target_family = "wasm")]
mod response;
#[cfg(target_family = "wasm")]
mod sockets;
#[cfg(target_family = "wasm")]
mod sqlite;
