//! Every behaviour of `test-behaviour`, as a component of WASI 0.2: `curl http://127.0.0.1:3000/…`, see `Behaviour` for the paths.
//!
//! Knows wasi:http 0.2 and Spin's interfaces of version 2; must never behave otherwise than its twin `tests-p3`.

#[cfg(target_family = "wasm")]
mod bindings;
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
mod models;
#[cfg(target_family = "wasm")]
mod mqtt;
#[cfg(target_family = "wasm")]
mod mysql;
#[cfg(target_family = "wasm")]
mod plain;
#[cfg(target_family = "wasm")]
mod postgres;
#[cfg(target_family = "wasm")]
mod redis;
#[cfg(target_family = "wasm")]
mod response;
#[cfg(target_family = "wasm")]
mod spin1;
#[cfg(target_family = "wasm")]
mod sqlite;
