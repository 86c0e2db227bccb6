//! What can be said of a program without running it.
//!
//! It knows what the other parts find, and puts it side by side. It must never know how it is shown.

use crate::component::ComponentFacts;
use crate::error::AdaptError;
use crate::form::START;
use crate::imports::{self, Satisfied, WASI};
use crate::module::{self, Memory, ModuleFacts};
use crate::recognise::{Recognised, recognise};
use crate::typed::{FunctionFound, functions};
use crate::{Choice, adapt, adapt_component, is_component};

/// What a program is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A module without WASI.
    Module,
    /// A module over WASI's preview 1 that is run once.
    Command,
    /// A module over WASI's preview 1 whose functions are called.
    Reactor,
    /// A component.
    Component,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Module => "core module",
            Kind::Command => "WASI command",
            Kind::Reactor => "WASI reactor",
            Kind::Component => "component",
        }
    }
}

/// What a program imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The name, behind that of its module if it has one.
    pub name: String,
    /// What stands behind it.
    pub satisfied_by: String,
}

/// What a program exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The name.
    pub name: String,
    /// Its type, if it is a function of a module.
    pub kind: Option<String>,
}

/// What can be said of a program.
#[derive(Debug)]
pub struct Inspection {
    /// What it is made as.
    pub kind: Kind,
    /// Its size.
    pub size_bytes: usize,
    /// What it imports.
    pub imports: Vec<Imported>,
    /// What it exports.
    pub exports: Vec<Exported>,
    /// The functions of a component.
    pub functions: Vec<FunctionFound>,
    /// Its memories.
    pub memories: Vec<Memory>,
    /// What made it, with versions.
    pub producers: Vec<String>,
    /// How it is called and why, or why it cannot be.
    pub recognised: Result<Recognised, AdaptError>,
}

/// Looks at a program.
///
/// # Errors
/// If it is no WebAssembly. A program that cannot be called is none of that: [`Inspection::recognised`] says why.
pub fn inspect(wasm: &[u8], choice: &Choice<'_>) -> Result<Inspection, AdaptError> {
    if is_component(wasm)? { component(wasm, choice) } else { module(wasm, choice) }
}

fn module(wasm: &[u8], choice: &Choice<'_>) -> Result<Inspection, AdaptError> {
    let facts = ModuleFacts::read(wasm)?;
    let recognised = recognise(&facts, choice);
    let form = recognised.as_ref().ok().map(|(_, form)| *form);
    let imports = facts.imports.iter().map(|import| {
        let satisfied_by = match form.map(|form| imports::satisfied(import, form)) {
            Some(Satisfied::Inside) => "the component itself".to_owned(),
            Some(Satisfied::Wasi) => "WASI".to_owned(),
            Some(Satisfied::Nobody(hint)) => format!("nobody: {hint}"),
            None => "unknown, as long as it is not known how it is called".to_owned(),
        };
        Imported { name: format!("{} {}", import.module, import.name), satisfied_by }
    });
    let imports = imports.collect();
    // Only who makes the component knows whether it can be made.
    let recognised = adapt(wasm, choice).map(|adapted| adapted.recognised);
    let has_wasi = facts.imports.iter().any(|import| import.module == WASI);
    let kind = match has_wasi {
        false => Kind::Module,
        true if facts.function(START).is_some() => Kind::Command,
        true => Kind::Reactor,
    };
    let shown = |name: &String| facts.function(name).map(|function| module::shown(&function.kind));
    let exports = facts.exports.iter().map(|name| Exported { name: name.clone(), kind: shown(name) }).collect();
    let ModuleFacts { memories, producers, .. } = facts;
    Ok(Inspection { kind, size_bytes: wasm.len(), imports, exports, functions: Vec::new(), memories, producers, recognised })
}

fn component(wasm: &[u8], choice: &Choice<'_>) -> Result<Inspection, AdaptError> {
    let facts = ComponentFacts::read(wasm)?;
    let imports = facts.imports.iter().map(|name| Imported { name: name.clone(), satisfied_by: "the host".to_owned() }).collect();
    let exports = facts.exports.iter().map(|name| Exported { name: name.clone(), kind: None }).collect();
    let recognised = adapt_component(wasm, choice).map(|adapted| adapted.recognised);
    let functions = functions(wasm).unwrap_or_default();
    let ComponentFacts { memories, producers, .. } = facts;
    Ok(Inspection { kind: Kind::Component, size_bytes: wasm.len(), imports, exports, functions, memories, producers, recognised })
}
