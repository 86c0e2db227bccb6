//! What made-up modules import and export: what an ABI has, some of it, some of another, and some that no ABI has.

use crate::Abi;

/// What a module may import, and exports.
pub(super) struct Shape {
    /// The ABI that is asked for, if any is.
    pub(super) abi: Option<Abi>,
    imports: Vec<&'static str>,
    exports: Vec<&'static str>,
}

const WASI: [&str; 8] = [
    r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))"#,
    r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#,
    r#"(import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))"#,
    r#"(import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))"#,
    r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#,
    r#"(import "wasi_snapshot_preview1" "environ_get" (func (param i32 i32) (result i32)))"#,
    r#"(import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))"#,
    r#"(import "env" "emscripten_notify_memory_growth" (func (param i32)))"#,
];
const SCRIPT: [&str; 7] = [
    r#"(import "env" "abort" (func (param i32 i32 i32 i32)))"#,
    r#"(import "env" "seed" (func (result f64)))"#,
    r#"(import "env" "trace" (func (param i32 i32 f64 f64 f64 f64 f64)))"#,
    r#"(import "env" "console.log" (func (param i32)))"#,
    r#"(import "env" "console.error" (func (param i32)))"#,
    r#"(import "env" "Date.now" (func (result f64)))"#,
    r#"(import "env" "performance.now" (func (result f64)))"#,
];
const KERNEL: [&str; 14] = [
    r#"(import "extism:host/env" "alloc" (func (param i64) (result i64)))"#,
    r#"(import "extism:host/env" "free" (func (param i64)))"#,
    r#"(import "extism:host/env" "length" (func (param i64) (result i64)))"#,
    r#"(import "extism:host/env" "load_u8" (func (param i64) (result i32)))"#,
    r#"(import "extism:host/env" "store_u64" (func (param i64 i64)))"#,
    r#"(import "extism:host/env" "input_offset" (func (result i64)))"#,
    r#"(import "extism:host/env" "output_set" (func (param i64 i64)))"#,
    r#"(import "extism:host/env" "error_set" (func (param i64)))"#,
    r#"(import "extism:host/env" "var_get" (func (param i64) (result i64)))"#,
    r#"(import "extism:host/env" "var_set" (func (param i64 i64)))"#,
    r#"(import "extism:host/env" "config_get" (func (param i64) (result i64)))"#,
    r#"(import "extism:host/env" "log_info" (func (param i64)))"#,
    r#"(import "extism:host/env" "http_request" (func (param i64 i64) (result i64)))"#,
    r#"(import "extism:host/env" "http_status_code" (func (result i32)))"#,
];
const ODD_IMPORTS: [&str; 10] = [
    r#"(import "wasi_snapshot_preview1" "proc_exit" (func (param i64)))"#,
    r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32)))"#,
    r#"(import "wasi_snapshot_preview1" "random_get" (func (result f32)))"#,
    r#"(import "wasi_snapshot_preview1" "no_such" (func))"#,
    r#"(import "env" "abort" (func))"#,
    r#"(import "env" "\1b[2Jgone\0a" (func))"#,
    r#"(import "guest" "memory" (func))"#,
    r#"(import "spell:runtime/cast@0.1.0" "cast" (func))"#,
    r#"(import "env" "table" (table 1 funcref))"#,
    r#"(import "env" "base" (global i32))"#,
];
const MEMORY: &str = r#"(import "env" "memory" (memory 1))"#;
const OWN_MEMORY: &str = r#"(memory (export "memory") 2)"#;
const ENTRIES: [&str; 14] = [
    r#"(func (export "process") (param i32) (result i32) unreachable)"#,
    r#"(func (export "execute") (param i32) (result i32) unreachable)"#,
    r#"(func (export "execute") (param i32 i32) (result i64) unreachable)"#,
    r#"(func (export "process") (param i32 i32) (result i32) unreachable)"#,
    r#"(func (export "process") (param i32 i32 i32) (result i32) unreachable)"#,
    r#"(func (export "run") (param i32 i32) (result i32) unreachable) (func (export "result_len") (result i32) unreachable)"#,
    r#"(func (export "_start"))"#,
    r#"(func (export "main") (result i32) unreachable)"#,
    r#"(func (export "main") (param i32 i32) (result i32) unreachable)"#,
    r#"(func (export "count_vowels") (result i32) unreachable)"#,
    r#"(func (export "run"))"#,
    r#"(func (export "execute") (param i64) (result v128 externref) unreachable)"#,
    r#"(func (export "\1b[2Jgone\0a") (param f64))"#,
    "",
];
const MORE: [&str; 13] = [
    r#"(func (export "allocate") (param i32) (result i32) unreachable)"#,
    r#"(func (export "malloc") (param i32) (result i32) unreachable)"#,
    r#"(func (export "alloc") (param i64) (result funcref) unreachable)"#,
    r#"(func (export "__new") (param i32 i32) (result i32) unreachable) (func (export "__pin") (param i32) (result i32) unreachable)"#,
    r#"(global (export "__rtti_base") i32 (i32.const 1))"#,
    r#"(func (export "_initialize"))"#,
    r#"(func (export "__wasm_call_ctors") (param i32))"#,
    r#"(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)"#,
    r#"(func (export "spell:runtime/cast@0.1.0#cast") (param i32 i32 i32 i32 i32) (result i32) unreachable)"#,
    r#"(func (export "exit wasi_snapshot_preview1 proc_exit") (param i32))"#,
    r#"(global (export "exit") (mut i32) (i32.const 0))"#,
    r#"(table (export "__indirect_function_table") 4 funcref)"#,
    r#"(func (export "") (result f32 f64 v128 funcref externref) unreachable)"#,
];

/// A shape, from numbers that anything can come from.
pub(super) fn of_seed(next: &mut dyn FnMut() -> usize) -> Shape {
    let mut imports: Vec<&str> = Vec::new();
    let (first, is_odd) = (next() % 6, next().is_multiple_of(5));
    if [0, 4].contains(&first) {
        imports.extend(SCRIPT);
    }
    if [1, 4, 5].contains(&first) {
        imports.extend(WASI);
    }
    if [2, 5].contains(&first) {
        imports.extend(KERNEL);
    }
    imports.extend(is_odd.then(|| ODD_IMPORTS[next() % ODD_IMPORTS.len()]));
    // Mostly what fits: plugins take nothing.
    let entries = if [2, 5].contains(&first) && !next().is_multiple_of(6) { &ENTRIES[9..11] } else { &ENTRIES[..] };
    let mut exports = vec![entries[next() % entries.len()]];
    for export in MORE {
        exports.extend((next().is_multiple_of(4)).then_some(export));
    }
    match next() % 8 {
        0 => imports.push(MEMORY),
        1 => {}
        _ => exports.push(OWN_MEMORY),
    }
    let abis = [Abi::CString, Abi::AssemblyScript, Abi::PointerLength, Abi::WasiCommand, Abi::Extism, Abi::Typed];
    let fitting = [(Abi::CString, 0), (Abi::CString, 1), (Abi::AssemblyScript, 1), (Abi::PointerLength, 3), (Abi::WasiCommand, 6)];
    let abi = match next() % 8 {
        0 => Some(abis[next() % abis.len()]),
        1 | 2 => {
            let (abi, entry) = fitting[next() % fitting.len()];
            exports[0] = ENTRIES[entry];
            Some(abi)
        }
        _ => None,
    };
    Shape { abi, imports, exports }
}

impl Shape {
    /// A module with these imports, of which a made-up one has some.
    pub(super) fn imports(&self) -> Vec<u8> {
        module(&self.imports)
    }

    /// A module with these exports, which a made-up one has.
    pub(super) fn exports(&self) -> Vec<u8> {
        module(&self.exports)
    }
}

fn module(parts: &[&str]) -> Vec<u8> {
    wat::parse_str(format!("(module {})", parts.join("\n"))).expect("it is valid")
}
