//! A module taken apart into its sections.

use wasmparser::{
    CustomSectionReader, DataSectionReader, ElementSectionReader, Error, Export, ExternalKind, FuncType, FunctionBody, GlobalSectionReader,
    Import, MemorySectionReader, MemoryType, Parser, Payload, TableSectionReader, TypeRef, ValType,
};

#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    /// The types of its own functions.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Option<TableSectionReader<'a>>,
    pub(super) memories: Option<MemorySectionReader<'a>>,
    pub(super) globals: Option<GlobalSectionReader<'a>>,
    pub(super) exports: Vec<Export<'a>>,
    pub(super) elements: Option<ElementSectionReader<'a>>,
    pub(super) code: Vec<FunctionBody<'a>>,
    pub(super) data: Option<DataSectionReader<'a>>,
    /// The function that runs when it is instantiated.
    pub(super) start: Option<u32>,
    /// What its functions are called, and what made it.
    pub(super) names: Option<CustomSectionReader<'a>>,
    pub(super) producers: Option<CustomSectionReader<'a>>,
}

impl<'a> Parts<'a> {
    /// Takes a module apart.
    pub(super) fn read(wasm: &'a [u8]) -> Result<Parts<'a>, Error> {
        let mut parts = Parts::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => parts.types = section.into_iter_err_on_gc_types().collect::<Result<_, _>>()?,
                Payload::ImportSection(section) => parts.imports = section.into_imports().collect::<Result<_, _>>()?,
                Payload::FunctionSection(section) => parts.functions = section.into_iter().collect::<Result<_, _>>()?,
                Payload::TableSection(section) => parts.tables = Some(section),
                Payload::MemorySection(section) => parts.memories = Some(section),
                Payload::GlobalSection(section) => parts.globals = Some(section),
                Payload::ExportSection(section) => parts.exports = section.into_iter().collect::<Result<_, _>>()?,
                Payload::ElementSection(section) => parts.elements = Some(section),
                Payload::CodeSectionEntry(body) => parts.code.push(body),
                Payload::DataSection(section) => parts.data = Some(section),
                Payload::StartSection { func, .. } => parts.start = Some(func),
                Payload::CustomSection(section) if section.name() == "name" => parts.names = Some(section),
                Payload::CustomSection(section) if section.name() == "producers" => parts.producers = Some(section),
                _ => {}
            }
        }
        Ok(parts)
    }

    /// The index of what is exported.
    pub(super) fn export(&self, name: &str, kind: ExternalKind) -> Option<u32> {
        self.exports.iter().find(|export| export.name == name && export.kind == kind).map(|export| export.index)
    }

    /// The index of an exported function.
    pub(super) fn function(&self, name: &str) -> Option<u32> {
        self.export(name, ExternalKind::Func)
    }

    /// The type of a function by its index.
    pub(super) fn function_type(&self, index: u32) -> Option<&FuncType> {
        let imported = self.imports.iter().filter_map(|import| match import.ty {
            TypeRef::Func(kind) => Some(kind),
            _ => None,
        });
        let kind = imported.chain(self.functions.iter().copied()).nth(index as usize)?;
        self.types.get(kind as usize)
    }

    /// What functions of a type give.
    pub(super) fn results(&self, kind: u32) -> &[ValType] {
        self.types.get(kind as usize).map_or(&[], FuncType::results)
    }

    /// The memory that it works in: the one that it exports, or the only one.
    pub(super) fn memory(&self) -> Option<u32> {
        self.export("memory", ExternalKind::Memory).or_else(|| (self.all_memories() == 1).then_some(0))
    }

    pub(super) fn imported_memories(&self) -> impl Iterator<Item = MemoryType> {
        self.imports.iter().filter_map(|import| match import.ty {
            TypeRef::Memory(memory) => Some(memory),
            _ => None,
        })
    }

    pub(super) fn imported_functions(&self) -> u32 {
        self.imports.iter().filter(|import| matches!(import.ty, TypeRef::Func(_))).count() as u32
    }

    pub(super) fn all_memories(&self) -> u32 {
        self.imported_memories().count() as u32 + self.own_memories()
    }

    pub(super) fn own_memories(&self) -> u32 {
        self.memories.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn own_globals(&self) -> u32 {
        self.globals.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn own_tables(&self) -> u32 {
        self.tables.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn own_elements(&self) -> u32 {
        self.elements.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn own_data(&self) -> u32 {
        self.data.as_ref().map_or(0, |section| section.count())
    }
}
