//! What executes programs, as the pipeline sees it.

use crate::ledger::Failed;
use bytes::Bytes;
use spell_adapt::Abi;
use spell_types::{BoxFuture, Content, Digest, Limits, Usage};

/// What came of an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Executed {
    /// The answer, or why there is none.
    pub result: Result<Content, Failed>,
    /// What it used.
    pub usage: Usage,
}

/// Executes components.
pub trait Runner: Send + Sync {
    /// Compiles a component within the bounds of uploads, and says why it cannot be executed if it cannot, or not now. It exports
    /// `spell:runtime/cast`, unless its ABI is one that answers HTTP.
    fn check<'a>(&'a self, abi: Abi, component: Digest, wasm: Bytes) -> BoxFuture<'a, Result<(), Failed>>;

    /// Casts the component of a digest, which the registry has, in a fresh instance.
    fn run<'a>(&'a self, component: Digest, input: Content, limits: &'a Limits) -> BoxFuture<'a, Executed>;
}
