//! The wasm engine: one wasmtime configuration, the cache of compiled code, limits and metering of every instance, and the
//! calls that a spell answers.
//!
//! This room knows wasmtime. It must never know SQL, TOML, tenants, or the paths and statuses of our own API. What a guest
//! can import is somebody else's: the engine is generic over the host state `C` that stands behind the imports.

mod cache;
mod cast;
mod child;
mod compile;
mod config;
mod cpu;
mod execution;
mod failure;
#[cfg(test)]
mod generated;
mod handler;
mod library;
mod linked;
mod meter;
mod slice;
mod spell;
mod waker;

pub use cache::CodeCache;
pub use cast::{CAST_INTERFACE, Cast, CastAnswer, CastFailure, CastSpell};
pub use child::{BoundedChild, ChildError, ChildLimits, ExceededLimit, serve_bounded};
pub use compile::{ChildCompiler, CompileError, Compiler, serve_compilation};
pub use config::{Engine, EngineConfig, EngineError, Flavour, Linkers};
pub use execution::Execution;
pub use failure::Failure;
pub use handler::Answer;
pub use library::{Library, LibraryBounds, RegisteredSpell};
pub use meter::Guest;
pub use spell::{HttpSpell, LoadError};
pub use spell_types::Content;

/// The version of wasmtime this host is built with.
pub const WASMTIME_VERSION: &str = env!("SPELL_WASMTIME_VERSION");
