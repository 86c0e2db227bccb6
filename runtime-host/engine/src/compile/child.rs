//! Compiling in a process of its own.
//!
//! wasmtime bounds what running code does, not what compiling it takes: a stranger's component may ask for any amount of time
//! and memory. This file must never know the cache.

use super::{CompileError, invalid};
use crate::child::{BoundedChild, ChildError, ChildLimits, serve_bounded};
use crate::{EngineConfig, Flavour};
use std::path::PathBuf;

/// Has components compiled by a program that calls [`serve_compilation`], mostly by the host's own.
#[derive(Debug)]
pub struct ChildCompiler {
    /// The program.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// What it may take.
    pub limits: ChildLimits,
    /// How many may run at the same time.
    pub at_once_max: usize,
}

/// Most bytes of compiled code that are taken from a child.
const CODE_BYTES_MAX: u64 = 512 << 20;

impl ChildCompiler {
    /// The code of a component.
    pub(super) fn compile(&self, wasm: &[u8], flavour: Flavour) -> Result<Vec<u8>, CompileError> {
        let child = BoundedChild { program: self.program.clone(), arguments: self.arguments.clone(), limits: self.limits };
        child.work(&[flavour.name()], wasm, CODE_BYTES_MAX).map_err(|error| match error {
            ChildError::Refused(reason) => CompileError::Invalid { reason },
            ChildError::Limit(exceeded) => CompileError::Limit(exceeded),
            ChildError::Failed(reason) => CompileError::Host { reason },
        })
    }
}

/// The child's side: compiles the component that comes in, within these limits. `config` and `flavour` have to be those of the host that
/// asks. The exit code says whether there is code.
pub fn serve_compilation(config: &EngineConfig, flavour: Flavour, memory_bytes_max: u64, cpu_seconds_max: u64) -> i32 {
    serve_bounded(memory_bytes_max, cpu_seconds_max, |wasm| {
        let engine = wasmtime::Engine::new(&config.compiling_only(flavour)).map_err(|error| ChildError::Failed(format!("{error:#}")))?;
        let code = engine.precompile_component(wasm).map_err(refused)?;
        Ok(code)
    })
}

fn refused(error: wasmtime::Error) -> ChildError {
    match invalid(error) {
        CompileError::Invalid { reason } => ChildError::Refused(reason),
        other => ChildError::Failed(other.to_string()),
    }
}
