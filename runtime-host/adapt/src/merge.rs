//! Two core modules made one: a guest, and the glue that speaks the component model for it.
//!
//! Glue imports what the guest exports as `(import "guest" "name" …)`, any function of it as `(import "guest function" "<index>" …)`, and
//! the function that the guest starts with as `(import "guest start" "" …)`: the whole starts with nothing. It satisfies what the guest
//! imports by exports of the name `import <module> <name>`, or `exit <module> <name>` for functions that set the global that it exports
//! as `exit`, whereupon the guest is left. Memories that the guest imports become its own, and the one that glue imports begins so many
//! pages larger as the import says, whatever it is limited to. What neither satisfies is imported by the
//! whole; of exports, those of the glue remain, and the guest's memory as `memory` if the glue has none of that name.
//!
//! It knows index spaces. It must never know what any function does.

mod exits;
mod indices;
mod parts;
mod plan;
#[cfg(test)]
mod tests;

use crate::PROGRAM_BYTES_MAX;
use crate::error::plain;
use exits::Exits;
use indices::Indices;
use parts::Parts;
use plan::Plan;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, CustomSection, DataCountSection, DataSection, ElementSection, Elements, FunctionSection, GlobalSection, ImportSection,
    MemorySection, Module, TableSection, TypeSection, ValType,
};
use wasmparser::{ExternalKind, FunctionBody};

/// The function that the guest starts with, in what glue imports.
pub(crate) const GUEST_START: &str = "guest start";
/// Functions of the guest that are known by their indices, in what glue imports.
pub(crate) const GUEST_FUNCTION: &str = "guest function";

/// The most bytes that the code of a function has: what every WebAssembly validator takes at most.
const FUNCTION_BYTES_MAX: usize = 7_654_321;

/// Why two modules cannot be made one.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// One of them cannot be read, or not be written anew.
    #[error("it cannot be taken apart: {}", plain(.0))]
    Unreadable(String),
    /// The guest imports something other than a function or a memory.
    #[error(
        "it imports `{}` `{}`, which is neither a function nor a memory: link it as a whole program, not as a library that is linked later",
        plain(.module),
        plain(.name)
    )]
    OtherImport {
        /// From which module.
        module: String,
        /// By which name.
        name: String,
    },
    /// The guest imports a function that there is, with another type.
    #[error("it imports `{}` `{}` with a type that the function does not have", plain(.module), plain(.name))]
    ImportType {
        /// From which module.
        module: String,
        /// By which name.
        name: String,
    },
    /// The glue imports something that the guest does not have.
    #[error("it does not export `{}`", plain(.0))]
    NoExport(String),
    /// With ways out of the guest, a function or the whole code is larger than any host takes.
    #[error("its code becomes larger than {size_bytes_max} bytes when ways out of it are added: functions with fewer results need less")]
    TooLarge {
        /// What was reached.
        size_bytes_max: usize,
    },
}

impl From<wasmparser::Error> for MergeError {
    fn from(error: wasmparser::Error) -> Self {
        MergeError::Unreadable(error.to_string())
    }
}

impl From<reencode::Error> for MergeError {
    fn from(error: reencode::Error) -> Self {
        MergeError::Unreadable(error.to_string())
    }
}

/// Makes one module of a guest and its glue.
pub(crate) fn merge(guest: &[u8], glue: &[u8]) -> Result<Vec<u8>, MergeError> {
    let (guest, glue) = (Parts::read(guest)?, Parts::read(glue)?);
    let plan = Plan::new(&guest, &glue)?;
    let (mut of_guest, mut of_glue) = plan.indices()?;
    let exits = Exits::find(&guest, &plan.leaving(), plan.exit_flag(&of_glue))?;

    let (mut types, mut imports, mut functions) = (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut tables, mut memories, mut globals) = (TableSection::new(), MemorySection::new(), GlobalSection::new());
    let (mut elements, mut code, mut data) = (ElementSection::new(), CodeSection::new(), DataSection::new());
    for kind in guest.types.iter().chain(&glue.types) {
        types.ty().func_type(&of_guest.func_type(kind.clone())?);
    }
    for (import, is_of_guest) in &plan.imports {
        let indices = if *is_of_guest { &mut of_guest } else { &mut of_glue };
        indices.parse_import(&mut imports, *import)?;
    }
    glue.memories.iter().try_for_each(|section| of_glue.parse_memory_section(&mut memories, section.clone()))?;
    for memory in plan.memories_of_guest()? {
        memories.memory(of_guest.memory_type(memory)?);
    }
    for (parts, indices) in [(&guest, &mut of_guest), (&glue, &mut of_glue)] {
        for kind in &parts.functions {
            functions.function(indices.type_index(*kind)?);
        }
        let Parts { tables: own_tables, globals: own_globals, .. } = parts;
        own_tables.iter().try_for_each(|section| indices.parse_table_section(&mut tables, section.clone()))?;
        own_globals.iter().try_for_each(|section| indices.parse_global_section(&mut globals, section.clone()))?;
        parts.elements.iter().try_for_each(|section| indices.parse_element_section(&mut elements, section.clone()))?;
        parts.data.iter().try_for_each(|section| indices.parse_data_section(&mut data, section.clone()))?;
    }
    declare_exported(&guest, &mut of_guest, &mut elements)?;
    for (kind, body) in guest.functions.iter().zip(&guest.code) {
        write(body, &mut of_guest, &exits, guest.results(*kind), &mut code)?;
    }
    glue.code.iter().try_for_each(|body| of_glue.parse_function_body(&mut code, body.clone()))?;

    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&tables).section(&memories).section(&globals);
    module.section(&plan.exports(&mut of_guest, &mut of_glue)?).section(&elements).section(&DataCountSection { count: data.len() });
    module.section(&code).section(&data);
    describe(&guest, &mut of_guest, &mut module);
    Ok(module.finish())
}

/// Writes a function of the guest, which can be left behind each of its calls.
fn write(
    body: &FunctionBody<'_>,
    indices: &mut Indices,
    exits: &Exits,
    results: &[wasmparser::ValType],
    code: &mut CodeSection,
) -> Result<(), MergeError> {
    let results = results.iter().map(|kind| indices.val_type(*kind)).collect::<Result<Vec<ValType>, _>>()?;
    let mut function = indices.new_function_with_parsed_locals(body)?;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let operator = operators.read()?;
        let may_have_left = exits.follows(&operator);
        function.instruction(&indices.instruction(operator)?);
        if may_have_left {
            exits.check(&results).iter().for_each(|instruction| {
                function.instruction(instruction);
            });
            if function.byte_len() > FUNCTION_BYTES_MAX {
                return Err(MergeError::TooLarge { size_bytes_max: FUNCTION_BYTES_MAX });
            }
        }
    }
    code.function(&function);
    if code.byte_len() > PROGRAM_BYTES_MAX {
        return Err(MergeError::TooLarge { size_bytes_max: PROGRAM_BYTES_MAX });
    }
    Ok(())
}

/// Functions of which references are taken have to be declared; those that were by being exported no longer are.
fn declare_exported(guest: &Parts<'_>, indices: &mut Indices, elements: &mut ElementSection) -> Result<(), MergeError> {
    let exported = guest.exports.iter().filter(|export| export.kind == ExternalKind::Func);
    let exported = exported.map(|export| indices.function_index(export.index)).collect::<Result<Vec<u32>, _>>()?;
    if !exported.is_empty() {
        elements.declared(Elements::Functions(exported.into()));
    }
    Ok(())
}

/// Says what the guest's functions are called and what made it, if it tells that in a way that can be read.
fn describe(guest: &Parts<'_>, indices: &mut Indices, module: &mut Module) {
    let names = guest.names.as_ref().and_then(|section| match section.as_known() {
        wasmparser::KnownCustom::Name(names) => indices.custom_name_section(names).ok(),
        _ => None,
    });
    if let Some(names) = names {
        module.section(&names);
    }
    if let Some(producers) = guest.producers.as_ref().filter(|section| can_be_read(section)) {
        module.section(&CustomSection { name: producers.name().into(), data: producers.data().into() });
    }
}

/// Whether a section says what made a module, and nothing else: whoever makes the component reads it.
fn can_be_read(section: &wasmparser::CustomSectionReader<'_>) -> bool {
    let wasmparser::KnownCustom::Producers(producers) = section.as_known() else { return false };
    producers.into_iter().all(|field| field.is_ok_and(|field| field.values.into_iter().all(|value| value.is_ok())))
}
