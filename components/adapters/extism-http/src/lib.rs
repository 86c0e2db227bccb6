//! The requests of Extism plugins, sent over `wasi:http`.
//!
//! Knows how Extism describes a request, and what its host says where one fails; must never know which hosts may be asked: that is for whoever
//! runs it. It has no standard library, so that it imports nothing but HTTP, and stays small: each plugin that asks carries a copy.
#![cfg_attr(target_family = "wasm", no_std)]

// Natively only its tests use what it knows.
#[cfg(any(test, target_family = "wasm"))]
extern crate alloc;
#[cfg(any(test, target_family = "wasm"))]
#[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "the sender uses the rest"))]
mod redirect;
#[cfg(any(test, target_family = "wasm"))]
mod request;
#[cfg(target_family = "wasm")]
#[path = "../../runtime.rs"]
mod runtime;
#[cfg(target_family = "wasm")]
mod sender;
