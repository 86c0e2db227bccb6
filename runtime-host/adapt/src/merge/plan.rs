//! What of the two modules satisfies what, and where everything goes.

use super::exits::imported;
use super::indices::Indices;
use super::parts::Parts;
use super::{GUEST_FUNCTION, GUEST_START, MergeError};
use wasm_encoder::reencode::Reencode;
use wasm_encoder::{ExportKind, ExportSection};
use wasmparser::{ExternalKind, Import, MemoryType, TypeRef};

/// The name of the guest in what glue imports.
const GUEST: &str = "guest";
/// The name of memories: of the one that glue imports, and of the one that the whole exports.
const MEMORY: &str = "memory";
/// What the names of exports of the glue begin with that satisfy imports of the guest.
const SATISFIES: &str = "import ";
/// The same, for functions that leave the guest.
const LEAVES: &str = "exit ";
/// The name of the global that says that the guest has been left.
const EXIT: &str = "exit";

/// What belongs to what.
pub(super) struct Plan<'a> {
    guest: &'a Parts<'a>,
    glue: &'a Parts<'a>,
    /// What the whole imports, and whether the guest does.
    pub(super) imports: Vec<(Import<'a>, bool)>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(guest: &'a Parts<'a>, glue: &'a Parts<'a>) -> Result<Plan<'a>, MergeError> {
        let mut plan = Plan { guest, glue, imports: Vec::new() };
        for import in &guest.imports {
            match import.ty {
                TypeRef::Func(_) if plan.satisfying(import).is_none() => plan.imports.push((*import, true)),
                TypeRef::Func(_) | TypeRef::Memory(_) => {}
                _ => return Err(MergeError::OtherImport { module: import.module.to_owned(), name: import.name.to_owned() }),
            }
        }
        let others = glue.imports.iter().filter(|import| ![GUEST, GUEST_FUNCTION, GUEST_START].contains(&import.module));
        plan.imports.extend(others.map(|import| (*import, false)));
        Ok(plan)
    }

    /// Where everything of each is in the whole: first what is imported, then what is the guest's, then what is the glue's; of memories,
    /// the glue's first, as the last one becomes the one that is reached fastest.
    pub(super) fn indices(&self) -> Result<(Indices, Indices), MergeError> {
        let Plan { guest: of_guest, glue: of_glue, imports } = self;
        let (mut guest, mut glue) = (Indices::default(), Indices::default());
        let first_of_guest = imports.len() as u32;
        let first_of_glue = first_of_guest + of_guest.functions.len() as u32;
        // The glue's own functions have their places without its imports being known.
        let glue_function = |index: u32| index.checked_sub(of_glue.imported_functions()).map(|own| first_of_glue + own);
        let mut place = (0u32..).zip(imports).filter(|(_, (_, is_of_guest))| *is_of_guest).map(|(place, _)| place);
        for import in of_guest.imports.iter().filter(|import| matches!(import.ty, TypeRef::Func(_))) {
            let place = match self.satisfying(import) {
                Some(index) => {
                    self.check_type(import, index)?;
                    glue_function(index)
                }
                None => place.next(),
            };
            guest.functions.push(place.ok_or_else(|| no_export(import))?);
        }
        guest.functions.extend((0..of_guest.functions.len() as u32).map(|own| first_of_guest + own));
        let mut place = (0u32..).zip(imports).filter(|(_, (_, is_of_guest))| !*is_of_guest).map(|(place, _)| place);
        for import in &of_glue.imports {
            let missing = || no_export(import);
            let index = match import.module {
                GUEST => match import.ty {
                    TypeRef::Memory(_) => of_guest.memory(),
                    TypeRef::Global(_) => of_guest.export(import.name, ExternalKind::Global),
                    _ => of_guest.function(import.name),
                },
                GUEST_START => of_guest.start,
                GUEST_FUNCTION => import.name.parse().ok(),
                _ => {
                    glue.functions.push(place.next().ok_or_else(missing)?);
                    continue;
                }
            };
            let index = index.ok_or_else(missing)?;
            match import.ty {
                TypeRef::Memory(_) => glue.memories.push(of_glue.own_memories() + index),
                TypeRef::Global(_) => glue.globals.push(index),
                _ => glue.functions.push(*guest.functions.get(index as usize).ok_or_else(missing)?),
            }
        }
        glue.functions.extend((0..of_glue.functions.len() as u32).map(|own| first_of_glue + own));
        glue.memories.extend(0..of_glue.own_memories());
        guest.memories.extend((0..of_guest.all_memories()).map(|index| of_glue.own_memories() + index));
        glue.globals.extend((0..of_glue.own_globals()).map(|own| of_guest.own_globals() + own));
        glue.types = of_guest.types.len() as u32;
        glue.tables = of_guest.own_tables();
        glue.elements = of_guest.own_elements();
        glue.data = of_guest.own_data();
        Ok((guest, glue))
    }

    /// The guest's memories, the imported ones first; that which glue imports with the pages that glue wants behind it.
    pub(super) fn memories_of_guest(&self) -> Result<Vec<MemoryType>, MergeError> {
        let mut memories: Vec<MemoryType> = self.guest.imported_memories().collect();
        for memory in self.guest.memories.iter().flat_map(|section| section.clone()) {
            memories.push(memory?);
        }
        let pages = self.glue.imports.iter().filter(|import| import.module == GUEST).find_map(|import| match import.ty {
            TypeRef::Memory(memory) => Some(memory.initial),
            _ => None,
        });
        let main = self.guest.memory().and_then(|index| memories.get_mut(index as usize));
        if let (Some(pages @ 1..), Some(memory)) = (pages, main) {
            memory.initial = memory.initial.saturating_add(pages);
            memory.maximum = None;
        }
        Ok(memories)
    }

    /// The guest's imported functions that leave it.
    pub(super) fn leaving(&self) -> Vec<u32> {
        imported(self.guest, |import| self.glue.function(&named(LEAVES, import)).is_some())
    }

    /// The global that says that the guest has been left; glue that never leaves it has none, and nobody asks for it.
    pub(super) fn exit_flag(&self, of_glue: &Indices) -> u32 {
        let index = self.glue.export(EXIT, ExternalKind::Global).unwrap_or(u32::MAX);
        of_glue.globals.get(index as usize).copied().unwrap_or(u32::MAX)
    }

    /// What the whole exports.
    pub(super) fn exports(&self, of_guest: &mut Indices, of_glue: &mut Indices) -> Result<ExportSection, MergeError> {
        let mut exports = ExportSection::new();
        let is_ours = |name: &str| name == EXIT || name.starts_with(SATISFIES) || name.starts_with(LEAVES);
        for export in self.glue.exports.iter().filter(|export| !is_ours(export.name)) {
            of_glue.parse_export(&mut exports, *export)?;
        }
        let own = self.glue.export(MEMORY, ExternalKind::Memory);
        if let Some(memory) = self.guest.memory().filter(|_| own.is_none()) {
            exports.export(MEMORY, ExportKind::Memory, of_guest.memory_index(memory)?);
        }
        Ok(exports)
    }

    /// The function of the glue that satisfies an import of the guest.
    fn satisfying(&self, import: &Import<'_>) -> Option<u32> {
        [SATISFIES, LEAVES].into_iter().find_map(|kind| self.glue.function(&named(kind, import)))
    }

    /// Whether what the guest imports is what the glue has.
    fn check_type(&self, import: &Import<'_>, index: u32) -> Result<(), MergeError> {
        let TypeRef::Func(wanted) = import.ty else { return Ok(()) };
        let had = self.glue.function_type(index);
        if had.is_some() && had == self.guest.types.get(wanted as usize) {
            return Ok(());
        }
        Err(MergeError::ImportType { module: import.module.to_owned(), name: import.name.to_owned() })
    }
}

fn named(kind: &str, import: &Import<'_>) -> String {
    format!("{kind}{} {}", import.module, import.name)
}

fn no_export(import: &Import<'_>) -> MergeError {
    MergeError::NoExport(import.name.to_owned())
}
