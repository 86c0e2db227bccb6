//! Shows what a component is configured with: `curl http://127.0.0.1:3000/settings`.
//!
//! Knows its own variables and environment; must never print a secret, only whether it is set and how long it is.

#[cfg(target_family = "wasm")]
mod handler;
pub mod report;
