//! HTTP in front of a spell: a request's body is what it is cast with, its answer is the response's body.
//!
//! Knows both interfaces, and which status belongs to which failure; must never know what a spell does. It has no standard library, so that
//! it imports nothing but HTTP, and stays small: it is put around programs, and each carries a copy.
#![cfg_attr(target_family = "wasm", no_std)]

// Natively only its tests use what it knows.
#[cfg(any(test, target_family = "wasm"))]
extern crate alloc;
#[cfg(target_family = "wasm")]
mod handler;
#[cfg(any(test, target_family = "wasm"))]
#[cfg_attr(not(target_family = "wasm"), expect(dead_code, reason = "the handler uses the rest"))]
#[path = "../../problem.rs"]
mod problem;
#[cfg(target_family = "wasm")]
#[path = "../../runtime.rs"]
mod runtime;
