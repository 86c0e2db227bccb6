//! A guest book kept in the default key-value store.
//!
//! ```sh
//! curl -d '{"name":"Ada","message":"Hello"}' http://127.0.0.1:3000/guestbook
//! curl http://127.0.0.1:3000/guestbook
//! curl -X DELETE http://127.0.0.1:3000/guestbook/<id>
//! ```
//!
//! Knows the store's interface and wasi:http 0.2; must never know which route it is mounted under.

pub mod action;
pub mod entry;
#[cfg(target_family = "wasm")]
mod handler;
#[cfg(target_family = "wasm")]
mod http;
#[cfg(target_family = "wasm")]
mod store;
