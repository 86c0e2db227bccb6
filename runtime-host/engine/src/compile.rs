//! From the bytes of a component to code that can run, by way of the cache.

use crate::Engine;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use wasmtime::component::Component;

/// Why bytes are no component that can run here.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// They do not begin as WebAssembly does.
    #[error("not a WebAssembly file: it does not begin with the magic number `\\0asm`")]
    NotWasm,
    /// They are a core module.
    #[error("a core WebAssembly module, not a component: build it for the target `wasm32-wasip2`")]
    CoreModule,
    /// They are no valid component, or use what the engine has switched off.
    #[error("not a valid component: {reason}")]
    Invalid {
        /// What was found, and at which offset.
        reason: String,
    },
}

impl Engine {
    /// Compiles a component, or takes its code from the cache. This blocks for as long as compiling takes.
    pub fn compile(&self, wasm: &[u8]) -> Result<Component, CompileError> {
        check_preamble(wasm)?;
        let name = self.cache_name(wasm);
        if let Some(component) = self.cache.as_ref().and_then(|cache| self.load(&cache.load(&name)?)) {
            return Ok(component);
        }
        let invalid = |error: wasmtime::Error| CompileError::Invalid { reason: format!("{error:#}") };
        let component = Component::from_binary(&self.wasmtime, wasm).map_err(invalid)?;
        if let Some(cache) = &self.cache {
            let stored = component
                .serialize()
                .map_err(|error| error.to_string())
                .and_then(|code| cache.store(&name, &code).map_err(|error| error.to_string()));
            if let Err(reason) = stored {
                tracing::warn!(reason, "compiled code could not be kept: the next start compiles again");
            }
        }
        Ok(component)
    }

    /// Code that another engine or another version made has another name.
    fn cache_name(&self, wasm: &[u8]) -> String {
        let digest = Sha256::digest(wasm);
        let mut engine = std::hash::DefaultHasher::new();
        self.wasmtime.precompile_compatibility_hash().hash(&mut engine);
        format!("{}-{:016x}", hexadecimal(&digest), engine.finish())
    }

    #[expect(unsafe_code, reason = "mapping compiled code has no safe form in wasmtime")]
    fn load(&self, code: &[u8]) -> Option<Component> {
        // SAFETY: the cache hands out only code whose keyed hash proves that this host serialised it; wasmtime checks
        // itself that the same version and configuration did.
        match unsafe { Component::deserialize(&self.wasmtime, code) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%error, "compiled code was refused: compiling again");
                None
            }
        }
    }
}

fn check_preamble(wasm: &[u8]) -> Result<(), CompileError> {
    match wasm {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(CompileError::CoreModule),
        _ => Err(CompileError::NotWasm),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert!(matches!(check_preamble(b"\x7fELF"), Err(CompileError::NotWasm)));
        assert!(matches!(check_preamble(b""), Err(CompileError::NotWasm)));
        assert!(matches!(check_preamble(b"(component)"), Err(CompileError::NotWasm)));
        assert!(matches!(check_preamble(b"\0asm\x01\0\0\0"), Err(CompileError::CoreModule)));
        assert!(check_preamble(b"\0asm\x0d\0\x01\0").is_ok());
    }
}
