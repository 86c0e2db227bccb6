//! What a component says of itself by what it imports and exports.
//!
//! It knows names of interfaces. It must never know what is in them.

use crate::abi::Abi;
use crate::encode::{CAST_INTERFACE, CAST_STREAMING_INTERFACE};
use crate::error::AdaptError;
use crate::module::{Memory, made_by};
use wasmparser::{Encoding, KnownCustom, Parser, Payload, Validator, WasmFeatures};

/// What handlers of HTTP are called, up to the last number of their version.
const HANDLERS: [&str; 3] = ["wasi:http/incoming-handler@0.2.", "wasi:http/handler@0.3.", "fermyon:spin/inbound-http"];
/// What interfaces of Spin are called.
const SPIN: [&str; 2] = ["fermyon:spin/", "spin:"];
/// What programs of WASI's preview 2 export.
const RUN: &str = "wasi:cli/run@0.2.";

/// The names of what a component imports and exports.
#[derive(Debug, Default)]
pub(crate) struct ComponentFacts {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    /// The memories of the modules in it.
    pub(crate) memories: Vec<Memory>,
    /// What made it, with versions.
    pub(crate) producers: Vec<String>,
}

impl ComponentFacts {
    /// Reads a component, which is valid from there on.
    pub(crate) fn read(wasm: &[u8]) -> Result<ComponentFacts, AdaptError> {
        let invalid = |error: wasmparser::Error| AdaptError::Invalid(error.to_string());
        let features = WasmFeatures::default() | WasmFeatures::CM_ASYNC;
        Validator::new_with_features(features).validate_all(wasm).map_err(invalid)?;
        let (mut facts, mut depth) = (ComponentFacts::default(), 0_usize);
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(invalid)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(AdaptError::NotAComponent("it is a core module: make it a component first, with `spell adapt`".to_owned()));
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::MemorySection(section) => {
                    for memory in section {
                        facts.memories.push(memory.map_err(invalid)?.into());
                    }
                }
                Payload::CustomSection(section) if depth == 0 => {
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        facts.producers = made_by(producers);
                    }
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        facts.imports.push(import.map_err(invalid)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        facts.exports.push(export.map_err(invalid)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// Whether it answers HTTP.
    pub(crate) fn handler(&self) -> Option<&str> {
        self.exports.iter().map(String::as_str).find(|export| HANDLERS.iter().any(|handler| export.starts_with(handler)))
    }

    /// Whether it can be cast as it is, and by which interface.
    pub(crate) fn cast(&self) -> Option<&'static str> {
        [CAST_INTERFACE, CAST_STREAMING_INTERFACE].into_iter().find(|interface| self.exports.iter().any(|export| export == interface))
    }

    /// Whether it is a program that reads its input and writes its answer.
    pub(crate) fn is_program(&self) -> bool {
        self.exports.iter().any(|export| export.starts_with(RUN))
    }

    /// The ABI, and why.
    pub(crate) fn abi(&self) -> (Abi, String) {
        if let Some(handler) = self.handler() {
            let spin = self.imports.iter().find(|import| SPIN.iter().any(|spin| import.starts_with(spin)));
            return match spin {
                Some(interface) => (Abi::Spin, format!("it exports `{handler}` and imports `{interface}`")),
                None => (Abi::WasiHttp, format!("it exports `{handler}`")),
            };
        }
        match self.cast() {
            Some(interface) => (Abi::Cast, format!("it exports `{interface}`")),
            None => (Abi::Typed, "it is a component with functions of its own".to_owned()),
        }
    }
}
