//! Memories of a component's main module in modules of their own, but one: hosts that reserve places for modules beforehand give each of
//! them one memory, as `wasmtime serve` does.
//!
//! It knows where memories are defined. It must never know who works in them.

use std::convert::Infallible;
use std::ops::Range;
use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, RoundtripReencoder};
use wasm_encoder::{
    Component, ComponentSectionId, ExportKind, ExportSection, ImportSection, InstanceSection, MemorySection, MemoryType, Module, ModuleArg,
    ModuleSection, RawSection, SectionId,
};
use wasmparser::{Instance, Parser, Payload};

/// The name of each memory in its module.
const MEMORY: &str = "memory";
/// The main module is the first in what is encoded.
const MAIN: u32 = 0;

type Reencoded<T> = Result<T, Error<Infallible>>;

/// Writes a component anew with its main module's last memory in it, and each memory before that in a module of its own.
pub(super) fn of_their_own(component: &[u8]) -> Reencoded<Vec<u8>> {
    let Some(main) = modules(component)?.next() else { return Ok(component.to_vec()) };
    let Defined { imports, memories } = Defined::of(&component[main.clone()])?;
    let Some((last, apart)) = memories.split_last().filter(|(_, apart)| !apart.is_empty()) else { return Ok(component.to_vec()) };

    let mut whole = Component::new();
    let mut instances = InstanceSection::new();
    for (index, memory) in (0..).zip(apart) {
        whole.section(&ModuleSection(&module_of(*memory)));
        instances.instantiate::<[(&str, ModuleArg); 0], _>(index, []);
    }
    whole.section(&instances);
    let main = importing(&component[main], imports, apart, *last)?;
    let mut moved = Moved { by: apart.len() as u32, main: Some(main) };
    moved.parse_component(&mut whole, Parser::new(0), component)?;
    Ok(whole.finish())
}

/// Where the modules of a component are.
fn modules(component: &[u8]) -> Reencoded<impl Iterator<Item = Range<usize>>> {
    let payloads = Parser::new(0).parse_all(component).collect::<Result<Vec<_>, _>>()?;
    Ok(payloads.into_iter().filter_map(|payload| match payload {
        Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
        _ => None,
    }))
}

/// What a module imports, and the memories that it defines.
struct Defined {
    imports: ImportSection,
    memories: Vec<MemoryType>,
}

impl Defined {
    fn of(module: &[u8]) -> Reencoded<Defined> {
        let mut defined = Defined { imports: ImportSection::new(), memories: Vec::new() };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => RoundtripReencoder.parse_import_section(&mut defined.imports, section)?,
                Payload::MemorySection(section) => {
                    for memory in section {
                        defined.memories.push(RoundtripReencoder.memory_type(memory?)?);
                    }
                }
                Payload::CodeSectionStart { .. } => break,
                _ => {}
            }
        }
        Ok(defined)
    }
}

/// A module that has one memory, and nothing else.
fn module_of(memory: MemoryType) -> Module {
    let (mut memories, mut exports, mut module) = (MemorySection::new(), ExportSection::new(), Module::new());
    memories.memory(memory);
    exports.export(MEMORY, ExportKind::Memory, 0);
    module.section(&memories).section(&exports);
    module
}

/// From where the main module imports a memory.
fn provider(index: usize) -> String {
    format!("memory {index}")
}

/// The main module, which imports these memories behind its other imports, and defines the last one.
fn importing(main: &[u8], mut imports: ImportSection, apart: &[MemoryType], last: MemoryType) -> Reencoded<Module> {
    for (index, memory) in apart.iter().enumerate() {
        imports.import(&provider(index), MEMORY, *memory);
    }
    let mut memories = MemorySection::new();
    memories.memory(last);
    let (mut module, mut imports) = (Module::new(), Some(imports));
    for payload in Parser::new(0).parse_all(main) {
        let Some((id, range)) = payload?.as_section() else { continue };
        if id != SectionId::Type as u8 && id != SectionId::Custom as u8 {
            imports.take().iter().for_each(|imports| {
                module.section(imports);
            });
        }
        match id {
            id if id == SectionId::Import as u8 => {}
            id if id == SectionId::Memory as u8 => {
                module.section(&memories);
            }
            id => {
                module.section(&RawSection { id, data: &main[range] });
            }
        }
    }
    Ok(module)
}

/// A component behind so many modules and as many instances of them, with another main module.
struct Moved {
    by: u32,
    /// Until it is written.
    main: Option<Module>,
}

impl Reencode for Moved {
    type Error = Infallible;
}

impl ReencodeComponent for Moved {
    fn module_index(&mut self, index: u32) -> u32 {
        index.saturating_add(self.by)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        index.saturating_add(self.by)
    }

    fn parse_component_submodule(&mut self, component: &mut Component, _: Parser, module: &[u8]) -> Reencoded<()> {
        match self.main.take() {
            Some(main) => component.section(&ModuleSection(&main)),
            None => component.section(&RawSection { id: ComponentSectionId::CoreModule as u8, data: module }),
        };
        Ok(())
    }

    /// A component in it refers to nothing outside of it but types.
    fn parse_component_subcomponent(&mut self, whole: &mut Component, _: Parser, component: &[u8], _: &[u8]) -> Reencoded<()> {
        whole.section(&RawSection { id: ComponentSectionId::Component as u8, data: component });
        Ok(())
    }

    fn parse_instance(&mut self, instances: &mut InstanceSection, instance: Instance<'_>) -> Reencoded<()> {
        let Instance::Instantiate { module_index: MAIN, args } = instance else {
            return wasm_encoder::reencode::component_utils::parse_instance(self, instances, instance);
        };
        let by = self.by;
        let given = args.iter().map(|given| (given.name.to_owned(), ModuleArg::Instance(given.index.saturating_add(by))));
        let memories = (0..by).map(|memory| (provider(memory as usize), ModuleArg::Instance(memory)));
        instances.instantiate(MAIN + by, given.chain(memories).collect::<Vec<_>>());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Abi, Choice, adapt};
    use wasmparser::{Parser, Payload, TypeRef, Validator};

    const PROCESS: &str = r#"(func (export "process") (param i32 i32) (result i64) (i64.const 0))
        (func (export "alloc") (param i32) (result i32) (i32.const 8))"#;
    const EXTISM: &str = r#"(import "extism:host/env" "output_set" (func (param i64 i64)))
        (func (export "run") (result i32) (i32.const 0))"#;

    /// How many memories each module in a component defines, and how many it imports, if it does any.
    fn memories(component: &[u8]) -> Vec<(u32, usize)> {
        let mut found = Vec::new();
        for payload in Parser::new(0).parse_all(component).map(|payload| payload.expect("it is valid")) {
            match payload {
                Payload::ModuleSection { .. } => found.push((0, 0)),
                Payload::MemorySection(section) => found.last_mut().expect("in a module").0 = section.count(),
                Payload::ImportSection(section) => {
                    let imports = section.into_imports().map(|import| import.expect("it is valid").ty);
                    found.last_mut().expect("in a module").1 = imports.filter(|kind| matches!(kind, TypeRef::Memory(_))).count();
                }
                _ => {}
            }
        }
        found.retain(|memories| *memories != (0, 0));
        found
    }

    #[test]
    fn no_module_of_an_adapted_program_defines_more_than_one_memory() {
        let go = r#"(@custom "go:buildid" "")"#;
        for (module, abi, expected) in [
            (format!(r#"(memory (export "memory") 1) {PROCESS}"#), Abi::PointerLength, vec![(1, 0)]),
            (format!(r#"{go} (memory (export "memory") 1) {PROCESS}"#), Abi::PointerLength, vec![(1, 0), (1, 1)]),
            (
                format!(r#"(memory 1) (memory (export "memory") 1) (memory 2 3) {PROCESS}"#),
                Abi::PointerLength,
                vec![(1, 0), (1, 0), (1, 2)],
            ),
            (format!(r#"{EXTISM} (memory (export "memory") 1)"#), Abi::Extism, vec![(1, 0), (1, 1)]),
            (EXTISM.to_owned(), Abi::Extism, vec![(1, 0), (1, 0), (1, 2)]),
        ] {
            let module = wat::parse_str(format!("(module {module})")).expect("it is valid");
            let adapted = adapt(&module, &Choice::default()).expect("it can be called");
            assert_eq!(adapted.recognised.abi, abi);
            assert_eq!(memories(&adapted.wasm), expected, "{abi:?}");
            Validator::new().validate_all(&adapted.wasm).expect("it is valid");
        }
    }
}
