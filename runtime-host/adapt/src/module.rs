//! What a core module says of itself: what it is called by, what it wants, and what made it.
//!
//! It knows sections. It must never know what any name means.

use crate::code::Doings;
use crate::error::AdaptError;
use crate::imports::EXTISM;
use wasmparser::{ExternalKind, FuncType, Parser, Payload, TypeRef, Validator, WasmFeatures};

const MAGIC: &[u8; 4] = b"\0asm";
/// The version of components, in the field that modules have theirs in.
const COMPONENT_VERSION: u16 = 0x0d;
/// What texts begin with that are not compiled yet.
const SOURCES: [(&str, &str); 6] = [
    ("(module", "`wat2wasm`, or `wasm-tools parse`"),
    ("(component", "`wasm-tools parse`"),
    ("fn ", "`cargo build --target wasm32-wasip2`"),
    ("use ", "`cargo build --target wasm32-wasip2`"),
    ("export function", "`asc`"),
    ("#include", "`clang --target=wasm32`"),
];

/// Sections that only Go's linker writes, today's and those of before 1.20.
const GO_SECTIONS: [&str; 2] = ["go:buildid", "go.buildid"];
/// What producers' names begin with in modules that were Go.
const GO_PRODUCERS: [&str; 2] = ["Go", "TinyGo"];
/// Where the stacks of C's compilers begin at the earliest.
const STACK_LEAST: i32 = 65_536;

/// An imported or exported function.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) kind: FuncType,
}

/// A memory of a program, in pages of 64 KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// How large it is at the start.
    pub pages: u64,
    /// How large it may become, if the program says so.
    pub pages_max: Option<u64>,
}

impl From<wasmparser::MemoryType> for Memory {
    fn from(memory: wasmparser::MemoryType) -> Self {
        Memory { pages: memory.initial, pages_max: memory.maximum }
    }
}

/// What is known of a core module.
#[derive(Debug, Default)]
pub(crate) struct ModuleFacts {
    /// Functions that it imports.
    pub(crate) imports: Vec<Function>,
    /// Functions that it exports.
    pub(crate) functions: Vec<Function>,
    /// Names of everything that it exports.
    pub(crate) exports: Vec<String>,
    pub(crate) memories: Vec<Memory>,
    /// Which of them it exports as `memory`.
    exported_memory: Option<u32>,
    pub(crate) has_start: bool,
    /// Whether it has what looks like the pointer of a stack in memory.
    pub(crate) has_stack: bool,
    /// Names of custom sections.
    pub(crate) custom_sections: Vec<String>,
    /// What made it, with versions.
    pub(crate) producers: Vec<String>,
    pub(crate) does: Doings,
}

impl ModuleFacts {
    /// Reads a module, which is valid from there on.
    pub(crate) fn read(wasm: &[u8]) -> Result<ModuleFacts, AdaptError> {
        // What the engine has on, and every host that runs components.
        let features = WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY | WasmFeatures::EXTENDED_CONST | WasmFeatures::RELAXED_SIMD;
        Validator::new_with_features(features).validate_all(wasm).map_err(invalid)?;
        let mut reading = Reading::default();
        for payload in Parser::new(0).parse_all(wasm) {
            reading.read(payload.map_err(invalid)?).map_err(invalid)?;
        }
        Ok(reading.facts)
    }

    /// An exported function.
    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The names of the functions that it exports.
    pub(crate) fn function_names(&self) -> Vec<String> {
        self.functions.iter().map(|function| function.name.clone()).collect()
    }

    /// Whether it is a plugin of Extism.
    pub(crate) fn is_plugin(&self) -> bool {
        self.imports.iter().any(|import| import.module == EXTISM)
    }

    /// What of Go's is in it, if Go's compiler or TinyGo's made it. Their runtimes take every page of memory to be theirs, whoever asked for it:
    /// such a module shares its memory with nobody.
    pub(crate) fn sign_of_go(&self) -> Option<&str> {
        let section = self.custom_sections.iter().find(|name| GO_SECTIONS.contains(&name.as_str()));
        let producer = self.producers.iter().find(|name| GO_PRODUCERS.contains(&name.split(' ').next().unwrap_or_default()));
        section.or(producer).map(String::as_str)
    }

    /// Whether it imports this function.
    pub(crate) fn imports_function(&self, module: &str, name: &str, kind: &FuncType) -> bool {
        self.imports.iter().any(|import| import.module == module && import.name == name && import.kind == *kind)
    }

    /// The memory that it works in: the one that it exports, or the only one.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let only = || (self.memories.len() == 1).then_some(0);
        self.exported_memory.or_else(only).and_then(|index| self.memories.get(index as usize).copied())
    }

    /// Whether it exports a function of this type.
    pub(crate) fn has(&self, name: &str, kind: &FuncType) -> bool {
        self.function(name).is_some_and(|function| function.kind == *kind)
    }
}

/// A module while it is read.
#[derive(Default)]
struct Reading {
    facts: ModuleFacts,
    types: Vec<FuncType>,
    /// The types of all functions, by their indices.
    kinds: Vec<u32>,
    bodies: u32,
}

impl Reading {
    fn read(&mut self, payload: Payload<'_>) -> Result<(), wasmparser::Error> {
        match payload {
            Payload::TypeSection(section) => self.types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>()?,
            Payload::ImportSection(section) => section.into_imports().try_for_each(|import| import.map(|import| self.import(&import)))?,
            Payload::FunctionSection(section) => section.into_iter().try_for_each(|kind| kind.map(|kind| self.kinds.push(kind)))?,
            Payload::MemorySection(section) => section.into_iter().try_for_each(|memory| memory.map(|memory| self.memory(memory)))?,
            Payload::GlobalSection(section) => {
                for global in section {
                    self.facts.has_stack |= is_stack_pointer(&global?);
                }
            }
            Payload::StartSection { .. } => self.facts.has_start = true,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.facts.exports.push(export.name.to_owned());
                    if export.kind == ExternalKind::Memory && export.name == "memory" {
                        self.facts.exported_memory = Some(export.index);
                    }
                    if export.kind == ExternalKind::Func {
                        self.facts.functions.extend(function("", export.name, self.kind(export.index)));
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                let index = self.facts.imports.len() as u32 + self.bodies;
                let kind = self.kind(index).cloned();
                self.facts.does.read(index, kind.as_ref(), &body)?;
                self.bodies += 1;
            }
            Payload::CustomSection(section) => {
                self.facts.custom_sections.push(section.name().to_owned());
                if let wasmparser::KnownCustom::Producers(producers) = section.as_known() {
                    self.facts.producers = made_by(producers);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn kind(&self, index: u32) -> Option<&FuncType> {
        self.kinds.get(index as usize).and_then(|kind| self.types.get(*kind as usize))
    }

    fn import(&mut self, import: &wasmparser::Import<'_>) {
        match import.ty {
            TypeRef::Func(kind) => {
                self.kinds.push(kind);
                self.facts.imports.extend(function(import.module, import.name, self.types.get(kind as usize)));
            }
            TypeRef::Memory(memory) => self.memory(memory),
            _ => {}
        }
    }

    fn memory(&mut self, memory: wasmparser::MemoryType) {
        self.facts.memories.push(memory.into());
    }
}

/// A function's type, as people write it.
pub(crate) fn shown(kind: &FuncType) -> String {
    let list = |kinds: &[wasmparser::ValType]| kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!("({}) -> ({})", list(kind.params()), list(kind.results()))
}

/// Stacks of C begin behind the first page, and their pointer is a global that changes.
fn is_stack_pointer(global: &wasmparser::Global<'_>) -> bool {
    let mut operators = global.init_expr.get_operators_reader();
    let is_far = matches!(operators.read(), Ok(wasmparser::Operator::I32Const { value }) if value >= STACK_LEAST);
    global.ty.mutable && global.ty.content_type == wasmparser::ValType::I32 && is_far
}

/// What made a module, as far as it can be read.
pub(crate) fn made_by(producers: wasmparser::ProducersSectionReader<'_>) -> Vec<String> {
    let mut made = Vec::new();
    for field in producers.into_iter().take_while(Result::is_ok).flatten() {
        for value in field.values.into_iter().take_while(Result::is_ok).flatten() {
            made.push(format!("{} {}", value.name, value.version).trim_end().to_owned());
        }
    }
    made
}

fn function(module: &str, name: &str, kind: Option<&FuncType>) -> Option<Function> {
    Some(Function { module: module.to_owned(), name: name.to_owned(), kind: kind?.clone() })
}

/// Sees that it begins as WebAssembly of today does.
pub(crate) fn check_header(wasm: &[u8]) -> Result<(), AdaptError> {
    if !wasm.starts_with(MAGIC) {
        let text = wasm.get(..64.min(wasm.len())).map(String::from_utf8_lossy).unwrap_or_default();
        let source = SOURCES.iter().find(|(start, _)| text.trim_start().starts_with(start));
        return Err(source.map_or(AdaptError::NoMagic, |(_, tool)| AdaptError::SourceText(tool)));
    }
    let field = |at: usize| wasm.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes);
    match (field(4), field(6)) {
        (Some(version), Some(1)) if version != COMPONENT_VERSION => Err(AdaptError::OldEncoding(version)),
        _ => Ok(()),
    }
}

fn invalid(error: wasmparser::Error) -> AdaptError {
    AdaptError::Invalid(error.to_string())
}
