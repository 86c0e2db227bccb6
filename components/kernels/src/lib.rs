//! Seven pieces of work that compute and ask the host for nothing, for benches: the last word of the path names the one to run, and the
//! answer is its checksum.
//!
//! The sizes must never change, or the numbers stop being comparable.

#[cfg(target_family = "wasm")]
mod handler;
pub mod interpreter;
pub mod kernels;
pub mod library;
