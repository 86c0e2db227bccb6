//! Programs of many kinds made components: a module that speaks C strings, AssemblyScript's strings, addresses and lengths, WASI's
//! preview 1 or Extism's kernel becomes a component that exports `spell:runtime/cast`, and runs on hosts of components.
//!
//! Bytes go in, bytes come out, and the same bytes always become the same. It knows how programs of each kind are called. It must never
//! know how anything runs, files, or the network.

mod abi;
mod code;
mod component;
mod encode;
mod error;
mod form;
#[cfg(test)]
mod generated;
mod glue;
mod http;
mod imports;
mod inspect;
mod manifest;
mod merge;
mod module;
mod recognise;
mod typed;
mod wasi;

pub use abi::{Abi, NotAnAbi};
pub use encode::CAST_INTERFACE;
pub use error::AdaptError;
pub use http::export_http;
pub use inspect::{Exported, Imported, Inspection, Kind, inspect};
pub use manifest::{App, app, app_name, check_app_name};
pub use merge::MergeError;
pub use module::Memory;
pub use recognise::Recognised;
pub use typed::{Called, FunctionFound, TypedAdapted, adapt_typed, functions, schema};

use component::ComponentFacts;
use module::ModuleFacts;

/// The most bytes that a program has.
pub const PROGRAM_BYTES_MAX: usize = 256 << 20;

/// What is known of how a program wants to be called; the rest is recognised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choice<'a> {
    /// Its ABI.
    pub abi: Option<Abi>,
    /// The function to call.
    pub entry: Option<&'a str>,
}

/// A component, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapted {
    /// The component.
    pub wasm: Vec<u8>,
    /// What the program was taken for, and why.
    pub recognised: Recognised,
}

/// Makes a program a component that exports [`CAST_INTERFACE`]. One that does, or that answers HTTP, stays as it is.
///
/// # Errors
/// If it is no WebAssembly, cannot be called, or imports what nobody offers; each says what to do.
///
/// ```
/// let module = wat::parse_str(
///     r#"(module (memory (export "memory") 1) (func (export "allocate") (param i32) (result i32) (i32.const 8))
///         (func (export "process") (param i32) (result i32) (local.get 0)))"#,
/// )
/// .expect("it is valid");
/// let adapted = spell_adapt::adapt(&module, &spell_adapt::Choice::default()).expect("it can be called");
/// assert_eq!(adapted.recognised.abi, spell_adapt::Abi::CString);
/// ```
pub fn adapt(wasm: &[u8], choice: &Choice<'_>) -> Result<Adapted, AdaptError> {
    if is_component(wasm)? {
        return adapt_component(wasm, choice);
    }
    let facts = ModuleFacts::read(wasm)?;
    let (recognised, form) = recognise::recognise(&facts, choice)?;
    imports::check(&facts, form)?;
    let glue = glue::of(&facts, &recognised, form)?;
    let merged = merge::merge(wasm, &glue)?;
    Ok(Adapted { wasm: encode::component(&merged, &facts)?, recognised })
}

fn adapt_component(wasm: &[u8], choice: &Choice<'_>) -> Result<Adapted, AdaptError> {
    let facts = ComponentFacts::read(wasm)?;
    let (abi, reason) = facts.abi();
    match choice.abi.unwrap_or(abi) {
        Abi::Typed if facts.is_program() => Err(AdaptError::Program),
        Abi::Typed => {
            let TypedAdapted { wasm, called, .. } = adapt_typed(wasm, choice.entry)?;
            let (entry, how) = match called {
                Called::Bytes(name) => (name, "it is called with the content as it is"),
                Called::One(name) => (name, "it is called with arguments in JSON"),
                Called::Named => ("*".to_owned(), "the input names the function: `{\"function\": …, \"arguments\": …}`"),
            };
            let reasons = vec![reason, how.to_owned()];
            Ok(Adapted { wasm, recognised: Recognised { abi: Abi::Typed, entry, allocator: None, reasons } })
        }
        wanted if wanted == abi => {
            let entry = facts.handler().or_else(|| facts.cast()).unwrap_or_default().to_owned();
            let recognised = Recognised { abi, entry, allocator: None, reasons: vec![reason] };
            Ok(Adapted { wasm: wasm.to_vec(), recognised })
        }
        wanted => Err(AdaptError::DoesNotFit { abi: wanted.name(), reason }),
    }
}

/// Whether it is a component, and no core module.
fn is_component(wasm: &[u8]) -> Result<bool, AdaptError> {
    if wasm.len() > PROGRAM_BYTES_MAX {
        return Err(AdaptError::TooLarge { size_bytes: wasm.len(), size_bytes_max: PROGRAM_BYTES_MAX });
    }
    module::check_header(wasm)?;
    Ok(wasmparser::Parser::is_component(wasm))
}
