//! What programs are taken for, and what is said of those that are nothing that can be called.
#![expect(clippy::panic, reason = "a test that fails should end at once")]

use spell_adapt::{Abi, Choice, Kind, adapt, inspect};
use wasmparser::Validator;

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const ALLOCATE: &str = r#"(func (export "allocate") (param i32) (result i32) (i32.const 8))"#;

/// A function with the name, and the type as WebAssembly's text has it, that gives zeros.
fn function(name: &str, kind: &str) -> String {
    let zeros: String =
        kind.split("(result ").skip(1).map(|rest| format!("({}.const 0)", rest.split(')').next().unwrap_or_default())).collect();
    format!(r#"(func (export "{name}") {kind} {zeros})"#)
}

fn module(parts: &[&str]) -> Vec<u8> {
    let text = format!("(module {})", parts.join("\n"));
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const ADDRESS: &str = "(param i32) (result i32)";
const PACKED: &str = "(param i32 i32) (result i64)";

#[test]
fn programs_are_known_by_what_they_export_import_and_do() {
    let abort = r#"(import "env" "abort" (func (param i32 i32 i32 i32)))"#;
    let wasi = r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
    let kernel = r#"(import "extism:host/env" "input_length" (func (result i64)))"#;
    let (execute, process) = (function("execute", ADDRESS), function("process", ADDRESS));
    let of_bytes = r#"(func (export "process") (param i32) (result i32) (i32.load8_u (local.get 0)))"#;
    let of_units = r#"(func (export "execute") (param i32) (result i32) (i32.load16_u (local.get 0)))"#;
    let of_header = r#"(func (export "execute") (param i32) (result i32) (i32.load offset=16 (i32.sub (local.get 0) (i32.const 20))))"#;
    let new = function("__new", "(param i32 i32) (result i32)");
    let stack = "(global (mut i32) (i32.const 1048576))";
    let producers = r#"(@producers (processed-by "clang" "19"))"#;
    let result_len = function("result_len", "(result i32)");
    // What it consists of, its ABI, the function that is called, and words among the reasons.
    let cases: Vec<(Vec<&str>, Abi, &str, &str)> = vec![
        (vec![MEMORY, ALLOCATE, &process], Abi::CString, "process", "allocate"),
        (vec![MEMORY, of_bytes], Abi::CString, "process", "single bytes"),
        (vec![MEMORY, stack, &execute], Abi::CString, "execute", "stack"),
        (vec![MEMORY, &execute, producers], Abi::CString, "execute", "producers"),
        (vec![abort, MEMORY, &execute], Abi::AssemblyScript, "execute", "abort"),
        (vec![MEMORY, &new, &execute], Abi::AssemblyScript, "execute", "runtime"),
        (vec![MEMORY, of_units], Abi::AssemblyScript, "execute", "16 bits"),
        (vec![MEMORY, of_header], Abi::AssemblyScript, "execute", "16 bits"),
        (vec![MEMORY, "(func (export \"execute\") (param i32 i32) (result i64) (i64.const 0))"], Abi::PointerLength, "execute", "64 bits"),
        (
            vec![MEMORY, "(func (export \"process\") (param i32 i32 i32) (result i32) (i32.const 0))"],
            Abi::PointerLength,
            "process",
            "answer's",
        ),
        (
            vec![MEMORY, &result_len, "(func (export \"run\") (param i32 i32) (result i32) (i32.const 0))"],
            Abi::PointerLength,
            "run",
            "result_len",
        ),
        (
            vec![MEMORY, "(func (export \"execute\") (param i32 i32) (result i32) (i32.const 0))"],
            Abi::PointerLength,
            "execute",
            "ends with a zero",
        ),
        (vec![wasi, MEMORY, "(func (export \"_start\"))"], Abi::WasiCommand, "_start", "begins"),
        (vec!["(func (export \"main\") (result i32) (i32.const 0))"], Abi::WasiCommand, "main", "exit code"),
        (vec![MEMORY, "(func (export \"main\") (param i32 i32) (result i32) (i32.const 0))"], Abi::WasiCommand, "main", "arguments"),
        (vec![kernel, MEMORY, "(func (export \"count\") (result i32) (i32.const 0))"], Abi::Extism, "count", "kernel"),
        // A better entry point wins over what comes with every program.
        (vec![wasi, MEMORY, "(func (export \"_start\"))", ALLOCATE, &process], Abi::CString, "process", "allocate"),
        (vec![MEMORY, ALLOCATE, &process, &execute], Abi::CString, "execute", "allocate"),
    ];
    for (parts, abi, entry, words) in cases {
        let wasm = module(&parts);
        let adapted = adapt(&wasm, &Choice::default()).unwrap_or_else(|error| panic!("{parts:?}: {error}"));
        let found = &adapted.recognised;
        assert_eq!((found.abi, found.entry.as_str()), (abi, entry), "{parts:?}");
        assert!(found.reasons.join("\n").contains(words), "{parts:?}: {:?}", found.reasons);
        Validator::new().validate_all(&adapted.wasm).unwrap_or_else(|error| panic!("{parts:?}: {error}"));
        assert!(adapt(&wasm, &Choice::default()).is_ok_and(|again| again == adapted), "{parts:?}: another the second time");
        let seen = inspect(&wasm, &Choice::default()).unwrap_or_else(|error| panic!("{parts:?}: {error}"));
        assert_eq!(seen.recognised.ok().as_ref(), Some(found), "{parts:?}");
    }
}

#[test]
fn what_cannot_be_told_can_be_said() {
    let both = module(&[MEMORY, r#"(func (export "execute") (param i32) (result i32) (local.get 0))"#]);
    for abi in [Abi::CString, Abi::AssemblyScript] {
        let adapted = adapt(&both, &Choice { abi: Some(abi), entry: None }).unwrap_or_else(|error| panic!("{abi}: {error}"));
        assert_eq!(adapted.recognised.abi, abi);
    }
    let named = module(&[MEMORY, &function("shout", PACKED), &function("execute", PACKED)]);
    let adapted = adapt(&named, &Choice { abi: None, entry: Some("shout") }).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(adapted.recognised.entry, "shout");
}

#[test]
fn what_cannot_be_adapted_is_told_what_is_wrong_and_what_to_do() {
    let process = function("process", ADDRESS);
    let import = |module: &str, name: &str| format!(r#"(import "{module}" "{name}" (func))"#);
    let with = |import: &str| module(&[import, MEMORY, ALLOCATE, &process]);
    let go = r#"(@custom "go:buildid" "")"#;
    let kernel = r#"(import "extism:host/env" "input_length" (func (result i64)))"#;
    let none = Choice::default();
    let cases: Vec<(Vec<u8>, Choice<'_>, &[&str])> = vec![
        (b"hello".to_vec(), none, &["Invalid WASM binary: missing magic number"]),
        (Vec::new(), none, &["Invalid WASM binary: missing magic number"]),
        (b"(module)".to_vec(), none, &["source text", "compile it first", "wat2wasm"]),
        (b"export function execute(input: string)".to_vec(), none, &["source text", "asc"]),
        (b"\0asm\x0a\0\x01\0".to_vec(), none, &["before the standard", "0xa", "today's tools"]),
        (b"\0asm\x01\0\0\0\xff".to_vec(), none, &["no valid WebAssembly"]),
        (b"\0asm\x0d\0\x01\0\xff".to_vec(), none, &["no valid WebAssembly"]),
        (module(&[MEMORY]), none, &["no suitable entry point found", "nothing", "`execute`", "--entry"]),
        (module(&[&function("shout", PACKED)]), none, &["no suitable entry point found", "`shout`"]),
        (module(&[&function("shout", PACKED)]), Choice { entry: Some("sing"), ..none }, &["no function `sing`", "`shout`"]),
        (module(&[MEMORY, &function("execute", "(param f64)")]), none, &["`execute`", "(f64) -> ()", "no ABI"]),
        (module(&[&function("execute", PACKED)]), none, &["no memory", "export one as `memory`"]),
        (
            module(&[MEMORY, r#"(func (export "execute") (param i32) (result i32) (local.get 0))"#]),
            none,
            &["c-string", "assemblyscript", "--abi"],
        ),
        (module(&[MEMORY, &function("execute", PACKED)]), Choice { abi: Some(Abi::CString), ..none }, &["c-string", "(i32, i32) -> (i64)"]),
        (with(&import("env", "puts")), none, &["`env` `puts`", "nobody offers", "wasm32-wasi"]),
        (with(&import("wbg", "x")), none, &["wasm-bindgen", "wasm32-wasip1"]),
        (with(&import("gojs", "runtime.ticks")), none, &["GOOS=wasip1"]),
        // What its functions are called and take says less.
        (module(&[&import("gojs", "runtime.ticks"), &function("run", "(param i32 i32)")]), none, &["GOOS=wasip1"]),
        (module(&[&import("wbg", "x"), &function("greet", "(param i32 i32 i32)")]), none, &["wasm-bindgen"]),
        (module(&[&import("a", "b"), &function("c", "(param i32)")]), none, &["-sSTANDALONE_WASM"]),
        (with(&import("wasi_unstable", "fd_write")), none, &["before preview 1"]),
        (with(r#"(import "env" "t" (table 1 funcref))"#), none, &["`env` `t`", "neither a function nor a memory"]),
        (
            module(&[kernel, MEMORY, &function("a", "(result i32)"), &function("b", "(result i32)")]),
            none,
            &["several entry points", "`a`, `b`", "--entry"],
        ),
        (module(&[MEMORY, &function("execute", PACKED), go]), none, &["go:buildid", "malloc"]),
        (module(&["(memory i64 1)", &process]), none, &["no valid WebAssembly"]),
    ];
    for (wasm, choice, words) in cases {
        let Err(error) = adapt(&wasm, &choice).map(|adapted| adapted.recognised) else { panic!("{words:?}: it was adapted") };
        let error = error.to_string();
        for word in words {
            assert!(error.contains(word), "{word:?} is missing: {error}");
        }
        match inspect(&wasm, &choice).map(|seen| seen.recognised) {
            Ok(recognised) => assert!(recognised.is_err_and(|told| told.to_string() == error) || error.contains("neither"), "{error}"),
            Err(told) => assert_eq!(told.to_string(), error),
        }
    }
}

#[test]
fn it_is_told_what_satisfies_each_import() {
    let wasm = module(&[
        r#"(import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))"#,
        r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#,
        r#"(import "env" "puts" (func (param i32) (result i32)))"#,
        r#"(memory (export "memory") 2 9)"#,
        r#"(func (export "_start"))"#,
    ]);
    let seen = inspect(&wasm, &Choice::default()).unwrap_or_else(|error| panic!("{error}"));
    let imports: Vec<(&str, &str)> = seen.imports.iter().map(|import| (import.name.as_str(), import.satisfied_by.as_str())).collect();
    let [(read, inside), (random, wasi), (puts, nobody)] = imports[..] else { panic!("three imports: {imports:?}") };
    assert_eq!((read, inside), ("wasi_snapshot_preview1 fd_read", "the component itself"));
    assert_eq!((random, wasi), ("wasi_snapshot_preview1 random_get", "WASI"));
    assert!(puts == "env puts" && nobody.starts_with("nobody: "), "{puts}: {nobody}");
    assert_eq!(seen.kind, Kind::Command);
    assert_eq!((seen.memories[0].pages, seen.memories[0].pages_max), (2, Some(9)));
    assert_eq!(seen.exports.iter().filter_map(|export| export.kind.as_deref()).collect::<Vec<_>>(), ["() -> ()"]);
}
