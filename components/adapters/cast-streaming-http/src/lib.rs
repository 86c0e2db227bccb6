//! HTTP in front of a spell that streams: the request's body is what it is cast with, its answer is the response's body, and both go by
//! without being touched.
//!
//! Knows both interfaces; must never know what a spell does, nor a byte of what it says.

#[cfg(target_family = "wasm")]
extern crate alloc;
#[cfg(target_family = "wasm")]
mod handler;
#[cfg(target_family = "wasm")]
#[path = "../../problem.rs"]
mod problem;
