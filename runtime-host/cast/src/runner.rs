//! What executes programs, as the pipeline sees it.

use crate::ledger::Failed;
use crate::reach::Reach;
use crate::witness::Witness;
use bytes::Bytes;
use spell_adapt::Abi;
use spell_types::{BoxFuture, Content, Digest, Limits, Usage};
use std::sync::Arc;

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

    /// Executes the component of a digest, which the registry has, in a fresh instance that can reach this. What there is to see of it, also
    /// if it is dropped before its end, the witness sees.
    fn run<'a>(
        &'a self,
        component: Digest,
        input: Content,
        limits: &'a Limits,
        reach: &'a Reach,
        witness: &'a Arc<Witness>,
    ) -> BoxFuture<'a, Executed>;
}
