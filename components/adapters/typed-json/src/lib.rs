//! What stands between `spell:runtime/cast` and functions of any WIT type: JSON becomes values in memory as the canonical ABI has them, and
//! what a function answers becomes JSON. Built once, as a core module; what the functions are, it is told by a description, and it calls
//! them by their numbers.
//!
//! It knows the canonical ABI and JSON. It must never know what a function does.

#![cfg_attr(all(target_arch = "wasm32", target_os = "unknown"), no_std)]

extern crate alloc;

mod arguments;
mod cast;
mod descriptor;
mod expected;
mod fault;
mod flatten;
mod lift;
mod lower;
mod machine;
mod named;
mod types;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod module;
#[cfg(test)]
mod tests;

pub use cast::{Answer, cast};
pub use descriptor::{Descriptor, Function, Mode};
pub use fault::Failure;
pub use machine::Machine;
pub use types::{Case, Choice, Field, Kind, Style, Type, Types};
