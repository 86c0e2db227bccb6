//! The code of a wall: one function for each that is denied, with a constant answer or a trap.
//!
//! It knows how a component's functions look to its code. It must never know what is denied, or to whom.

use super::answer::{Answer, Image};
use crate::Capability;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection, Instruction, MemorySection, MemoryType,
    Module, NameMap, NameSection, TypeSection, ValType,
};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, SizeAlign, WasmExport, WasmExportKind, WorldId, WorldItem};

const PAGE_BYTES: u64 = 65_536;
/// How names are written for the encoder.
const NAMES: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// Builds the module behind all exports of a world.
pub(super) fn build(resolve: &Resolve, world: WorldId, label: &str, denied: &[(String, Capability)]) -> Result<Vec<u8>, String> {
    let mut sizes = SizeAlign::default();
    sizes.fill(resolve);
    let mut parts = Parts::default();
    let mut image = Image::new(resolve, &sizes);
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = resolve.name_world_key(key);
        let part = denied.iter().find(|(import, _)| *import == interface).map_or("", |(_, capability)| capability.key());
        let message = format!("{label} does not inherit `{part}`: {interface} is denied");
        for func in resolve.interfaces[*id].functions.values() {
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, func);
            let answer = image.answer(func.result.as_ref(), &signature.results, signature.retptr, &message);
            let export = WasmExport::Func { interface: Some(key), func, kind: WasmExportKind::Normal };
            let name = resolve.wasm_export_name(NAMES, export);
            parts.add(&name, &format!("{message} ({})", func.name), types(&signature.params), types(&signature.results), &body(&answer));
        }
    }
    let data = image.finish();
    let base = i32::try_from(data.len()).map_err(|_| "there is too much of it".to_owned())?;
    parts.add(&resolve.wasm_export_name(NAMES, WasmExport::Realloc), "realloc", vec![ValType::I32; 4], vec![ValType::I32], &realloc(base));
    Ok(parts.finish(&resolve.wasm_export_name(NAMES, WasmExport::Memory), data))
}

fn types(flat: &[WasmType]) -> Vec<ValType> {
    let of = |flat: &WasmType| match flat {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    };
    flat.iter().map(of).collect()
}

fn body(answer: &Answer) -> Vec<Instruction<'static>> {
    match answer {
        Answer::Constant(value) => vec![Instruction::I32Const(*value), Instruction::End],
        Answer::Trap => vec![Instruction::Unreachable, Instruction::End],
    }
}

/// Nobody ever looks at the arguments of a call, so all of them can lie in the same place.
fn realloc(base: i32) -> Vec<Instruction<'static>> {
    use Instruction as I;
    vec![
        // The pages that are needed, less those that there are.
        I::LocalGet(3),
        I::I64ExtendI32U,
        I::I64Const(i64::from(base) + PAGE_BYTES.cast_signed() - 1),
        I::I64Add,
        I::I64Const(16),
        I::I64ShrU,
        I::MemorySize(0),
        I::I64ExtendI32U,
        I::I64Sub,
        I::I32WrapI64,
        I::LocalTee(0),
        I::I32Const(0),
        I::I32GtS,
        I::If(wasm_encoder::BlockType::Empty),
        I::LocalGet(0),
        I::MemoryGrow(0),
        I::I32Const(-1),
        I::I32Eq,
        I::If(wasm_encoder::BlockType::Empty),
        I::Unreachable,
        I::End,
        I::End,
        I::I32Const(base),
        I::End,
    ]
}

/// The sections of a module that is being made.
#[derive(Default)]
struct Parts {
    types: TypeSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
    names: NameMap,
    count: u32,
}

impl Parts {
    fn add(&mut self, export: &str, name: &str, params: Vec<ValType>, results: Vec<ValType>, body: &[Instruction<'_>]) {
        self.types.ty().function(params, results);
        self.functions.function(self.count);
        self.exports.export(export, ExportKind::Func, self.count);
        let mut function = Function::new([]);
        for instruction in body {
            function.instruction(instruction);
        }
        self.code.function(&function);
        self.names.append(self.count, name);
        self.count += 1;
    }

    fn finish(mut self, memory: &str, data: Vec<u8>) -> Vec<u8> {
        let mut memories = MemorySection::new();
        let minimum = (data.len() as u64).div_ceil(PAGE_BYTES);
        memories.memory(MemoryType { minimum, maximum: None, memory64: false, shared: false, page_size_log2: None });
        self.exports.export(memory, ExportKind::Memory, 0);
        let mut contents = DataSection::new();
        contents.active(0, &ConstExpr::i32_const(0), data);
        let mut names = NameSection::new();
        names.functions(&self.names);
        let mut module = Module::new();
        module.section(&self.types).section(&self.functions).section(&memories).section(&self.exports);
        module.section(&self.code).section(&contents).section(&names);
        module.finish()
    }
}
