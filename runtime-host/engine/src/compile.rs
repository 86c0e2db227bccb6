//! From the bytes of a component to code that can run, by way of the cache.
//!
//! It knows how code is asked for, and who makes it. It must never know whose component it is.

mod child;
mod turns;

pub use child::{ChildCompiler, serve_compilation};
pub(crate) use turns::Turns;

use crate::child::ExceededLimit;
use crate::{Engine, Flavour, failure};
use sha2::{Digest as _, Sha256};
use std::hash::{Hash, Hasher};
use std::path::Path;
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
    /// Its instances would be larger than the host's places for them.
    #[error("needs more memories, tables or instances than a component can have: {reason}")]
    Unfit {
        /// What there is too much of.
        reason: String,
    },
    /// Compiling them took more than it may.
    #[error("compile-limit: compiling it {0}")]
    Limit(ExceededLimit),
    /// The compiler could not be started, or its answer could not be read.
    #[error("the compiler failed: {reason}")]
    Host {
        /// What was in the way.
        reason: String,
    },
}

/// Who compiles.
#[derive(Debug)]
pub enum Compiler {
    /// This process: only for components that are trusted, for compiling has no limits of its own.
    InProcess,
    /// A process of its own for each component, under limits.
    Child(ChildCompiler),
}

impl Engine {
    /// Compiles a component, or takes its code from the cache. This blocks for as long as compiling takes. The same bytes are
    /// compiled by one caller at a time; with a cache, the others find what it made.
    pub fn compile(&self, wasm: &[u8], flavour: Flavour) -> Result<Component, CompileError> {
        check_preamble(wasm)?;
        let name = self.code_name(&digest(wasm), flavour);
        if let Some(component) = self.cached(&name, flavour) {
            return Ok(component);
        }
        let _turn = self.turns.take(&name);
        if let Some(component) = self.cached(&name, flavour) {
            return Ok(component);
        }
        let code = match &*self.compiler {
            Compiler::InProcess => self.of(flavour).precompile_component(wasm).map_err(invalid)?,
            Compiler::Child(child) => child.compile(wasm, flavour)?,
        };
        let component = self.load(&code, flavour).map_err(|error| CompileError::Unfit { reason: failure::readable(&error) })?;
        match self.cache.as_ref().map(|cache| cache.store(&name, &code)) {
            // What is on disk can be mapped, and costs memory only where it is used.
            Some(Ok(())) => Ok(self.cached(&name, flavour).unwrap_or(component)),
            Some(Err(error)) => {
                tracing::warn!(%error, "compiled code could not be kept: the next start compiles again");
                Ok(component)
            }
            None => Ok(component),
        }
    }

    /// Whether code was made for a component in the concurrent flavour alone: then the plain one would not do.
    pub(crate) fn is_known_to_be_concurrent(&self, wasm: &[u8]) -> bool {
        let Some(cache) = &self.cache else { return false };
        let digest = digest(wasm);
        let has = |flavour| cache.has(&self.code_name(&digest, flavour));
        has(Flavour::Concurrent) && !has(Flavour::Plain)
    }

    /// The code of a component, if it is in the cache.
    pub(crate) fn cached(&self, name: &str, flavour: Flavour) -> Option<Component> {
        let cache = self.cache.as_ref()?;
        match self.map(&cache.find(name)?, flavour) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%error, "compiled code was refused: compiling again");
                cache.discard(name);
                None
            }
        }
    }

    /// The name of a component's code. Code that another engine or another version made has another name.
    pub(crate) fn code_name(&self, digest: &Digest, flavour: Flavour) -> String {
        let mut engine = std::hash::DefaultHasher::new();
        self.of(flavour).precompile_compatibility_hash().hash(&mut engine);
        format!("{}-{:016x}", hexadecimal(digest), engine.finish())
    }

    #[expect(unsafe_code, reason = "loading compiled code has no safe form in wasmtime")]
    fn load(&self, code: &[u8], flavour: Flavour) -> wasmtime::Result<Component> {
        // SAFETY: code was made just now, by this process or by a child that is this very binary, over a pipe that nobody else
        // holds. Version and configuration are checked by wasmtime itself.
        unsafe { Component::deserialize(self.of(flavour), code) }
    }

    #[expect(unsafe_code, reason = "mapping compiled code has no safe form in wasmtime")]
    fn map(&self, path: &Path, flavour: Flavour) -> wasmtime::Result<Component> {
        // SAFETY: the path comes from the cache, which names only files that their keyed hash proves to be this host's. They lie
        // in a directory that nobody else can enter, and this host replaces and removes files there, but never writes to one.
        // Version and configuration are checked by wasmtime itself.
        unsafe { Component::deserialize_file(self.of(flavour), path) }
    }
}

/// What identifies the bytes of a component: their SHA-256.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest(wasm: &[u8]) -> Digest {
    Sha256::digest(wasm).into()
}

fn invalid(error: wasmtime::Error) -> CompileError {
    CompileError::Invalid { reason: failure::readable(&error) }
}

fn check_preamble(wasm: &[u8]) -> Result<(), CompileError> {
    match wasm {
        [0, b'a', b's', b'm', _, _, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(CompileError::CoreModule),
        [0, b'a', b's', b'm', ..] => Err(CompileError::Invalid { reason: "an unknown version of WebAssembly".to_owned() }),
        _ => Err(CompileError::NotWasm),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EngineConfig;

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert!(matches!(check_preamble(b"\x7fELF"), Err(CompileError::NotWasm)));
        assert!(matches!(check_preamble(b""), Err(CompileError::NotWasm)));
        assert!(matches!(check_preamble(b"(component)"), Err(CompileError::NotWasm)));
        assert!(matches!(check_preamble(b"\0asm\x01\0\0\0"), Err(CompileError::CoreModule)));
        assert!(matches!(check_preamble(b"\0asm\x0e\0\x02\0"), Err(CompileError::Invalid { .. })));
        assert!(check_preamble(b"\0asm\x0d\0\x01\0").is_ok());
    }

    #[test]
    fn an_engine_without_instances_makes_the_same_code() {
        let config = EngineConfig { instances_max: 2, ..EngineConfig::default() };
        let hash = |wasmtime: wasmtime::Config| {
            let engine = wasmtime::Engine::new(&wasmtime).expect("engine");
            let mut hasher = std::hash::DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        for flavour in Flavour::ALL {
            assert_eq!(hash(config.wasmtime(flavour)), hash(config.compiling_only(flavour)));
        }
    }
}
