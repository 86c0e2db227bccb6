//! What is instantiated, and what goes where, until it is written down as one component.
//!
//! It is the only place that knows the library that writes it down. It must never know why anything is connected.

use crate::PROGRAM_BYTES_MAX;
use crate::error::{ComposeError, printable, readable};
use std::panic::{AssertUnwindSafe, catch_unwind};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

/// A component that is put together.
#[derive(Default)]
pub(crate) struct Graph {
    graph: CompositionGraph,
    instances: usize,
}

/// A component in a [`Graph`], instantiated.
pub(crate) struct Part {
    /// What it is called in messages.
    pub(crate) label: String,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    node: NodeId,
}

impl Graph {
    /// Puts an instance of a component in.
    pub(crate) fn add(&mut self, label: &str, wasm: &[u8]) -> Result<Part, ComposeError> {
        check(label, wasm)?;
        self.instances += 1;
        let name = format!("spell:part{}", self.instances);
        let package = Package::from_bytes(&name, None, wasm, self.graph.types_mut());
        let package =
            package.map_err(|error| ComposeError::Invalid { part: label.to_owned(), reason: printable(&format!("{error:#}")) })?;
        let world = &self.graph.types()[package.ty()];
        let imports = world.imports.keys().cloned().collect();
        let exports = world.exports.keys().cloned().collect();
        let package = self.graph.register_package(package).map_err(|error| unfit(&error))?;
        let node = self.graph.instantiate(package);
        Ok(Part { label: label.to_owned(), imports, exports, node })
    }

    /// Satisfies an import of one with an export of another.
    pub(crate) fn connect(&mut self, from: &Part, export: &str, to: &Part, import: &str) -> Result<(), ComposeError> {
        let source = self.graph.alias_instance_export(from.node, export).map_err(|error| unfit(&error))?;
        self.graph.set_instantiation_argument(to.node, import, source).map_err(|error| ComposeError::Mismatch {
            part: from.label.clone(),
            export: export.to_owned(),
            import: import.to_owned(),
            reason: std::error::Error::source(&error).map_or_else(|| readable(&error), readable),
        })
    }

    /// Lets the whole export what a part does.
    pub(crate) fn export(&mut self, part: &Part, export: &str) -> Result<(), ComposeError> {
        let node = self.graph.alias_instance_export(part.node, export).map_err(|error| unfit(&error))?;
        self.graph.export(node, export).map_err(|error| unfit(&error))
    }

    /// Writes it down. What is still imported, the whole imports.
    pub(crate) fn encode(self) -> Result<Vec<u8>, ComposeError> {
        let options = EncodeOptions { define_components: true, validate: true, processor: None };
        let wasm = self.graph.encode(options).map_err(|error| unfit(&error))?;
        if wasm.len() > PROGRAM_BYTES_MAX {
            return Err(ComposeError::TooLarge { part: "the composed component".to_owned(), bytes_max: PROGRAM_BYTES_MAX });
        }
        Ok(wasm)
    }
}

fn unfit(error: &dyn std::error::Error) -> ComposeError {
    ComposeError::Unfit { reason: readable(error) }
}

/// Sees that bytes can be a component, before anything more is made of them.
pub(crate) fn check(label: &str, wasm: &[u8]) -> Result<(), ComposeError> {
    if wasm.len() > PROGRAM_BYTES_MAX {
        return Err(ComposeError::TooLarge { part: label.to_owned(), bytes_max: PROGRAM_BYTES_MAX });
    }
    if !matches!(wasm, [0, b'a', b's', b'm', _, _, 1, 0, ..]) {
        return Err(ComposeError::NotAComponent { part: label.to_owned() });
    }
    Ok(())
}

/// The libraries give up with a panic on shapes that they do not know; components come from strangers.
pub(crate) fn guarded<T>(compose: impl FnOnce() -> Result<T, ComposeError>) -> Result<T, ComposeError> {
    catch_unwind(AssertUnwindSafe(compose)).unwrap_or_else(|_| {
        let reason = "one of them has a shape that is not known here";
        Err(ComposeError::Unfit { reason: reason.to_owned() })
    })
}
