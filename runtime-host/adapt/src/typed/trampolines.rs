//! The glue between the interpreter and functions: one trampoline for each, which takes its arguments from slots of 64 bits.
//!
//! It knows core types. It must never know what a slot stands for.

use super::functions::Found;
use crate::encode::CAST_INTERFACE;
use crate::error::AdaptError;
use crate::glue::quoted;
use std::fmt::Write;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{ManglingAndAbi, Resolve, WasmImport};

/// What the interpreter exports, and under which names the whole does.
const EXPORTS: &str = r#"
(import "guest" "memory" (memory 0))
(import "guest" "cast" (func $cast (param i32 i32 i32 i32 i32) (result i32)))
(import "guest" "end" (func $end (param i32)))
(import "guest" "cabi_realloc" (func $cabi_realloc (param i32 i32 i32 i32) (result i32)))
(export "cabi_realloc" (func $cabi_realloc))
"#;

/// The glue for functions, whose numbers are their places.
pub(super) fn glue(resolve: &Resolve, functions: &[Found<'_>], description: &[u8]) -> Result<Vec<u8>, AdaptError> {
    let text = text(resolve, functions, description).map_err(|error| AdaptError::Encode(error.to_string()))?;
    wat::parse_str(&text).map_err(|error| AdaptError::Encode(error.to_string()))
}

fn text(resolve: &Resolve, functions: &[Found<'_>], description: &[u8]) -> Result<String, std::fmt::Error> {
    let (mut imports, mut calls) = (String::new(), String::new());
    for (index, found) in functions.iter().enumerate() {
        let signature = resolve.wasm_signature(AbiVariant::GuestImport, found.function);
        let interface = found.interface.as_ref().map(|_| found.key);
        let (module, name) = resolve
            .wasm_import_name(ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync), WasmImport::Func { interface, func: found.function });
        let params: String = signature.params.iter().map(|kind| format!(" (param {})", core(kind))).collect();
        let results: String = signature.results.iter().map(|kind| format!(" (result {})", core(kind))).collect();
        writeln!(imports, "(import {} {} (func $function{index}{params}{results}))", quoted(module), quoted(name))?;
        // A result is stored in front of what it is stored at: the address comes first.
        let result = signature.results.first().map(core);
        calls.push_str(if result.is_some() { "end local.get $slots" } else { "end" });
        for (slot, kind) in signature.params.iter().enumerate() {
            write!(calls, " local.get $slots {}.load offset={}", core(kind), slot * 8)?;
        }
        write!(calls, " call $function{index}")?;
        result.map_or(Ok(()), |kind| write!(calls, " {kind}.store"))?;
        calls.push_str(" return\n");
    }
    let (count, size) = (functions.len(), description.len());
    let blocks = "block ".repeat(count);
    let targets: String = (0..=count).map(|target| format!(" {target}")).collect();
    let exports = format!(
        "(export \"{CAST_INTERFACE}#cast\" (func $cast))\n(export \"cabi_post_{CAST_INTERFACE}#cast\" (func $end))\n\
         (data $description {})\n\
         (func (export \"import bridge describe_size\") (result i32) i32.const {size})\n\
         (func (export \"import bridge describe\") (param i32)\n\
           local.get 0 i32.const 0 i32.const {size} memory.init $description)\n",
        quoted(description)
    );
    // One block for each function, and one for numbers that none has.
    let call = format!(
        "(func (export \"import bridge call\") (param $number i32) (param $slots i32)\n\
         block {blocks}local.get $number br_table{targets}\n{calls}end unreachable)"
    );
    Ok(format!("(module{EXPORTS}{imports}{exports}{call})"))
}

fn core(kind: &WasmType) -> &'static str {
    match kind {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}
