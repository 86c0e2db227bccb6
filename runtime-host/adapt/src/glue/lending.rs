//! Functions between a guest that shares its memory with nobody and WASI, which works in another: what is behind their addresses is
//! lent for a call.
//!
//! It knows how what a parameter leads to is copied. It must never know what any function does.

use super::signature;
use crate::imports::WASI;
use crate::wasi::{Parameter, WasiFunction};
use std::fmt::Write;

/// The text of the functions with these names, as a piece of glue; `exported` are those that satisfy what the guest imports.
pub(super) fn written(functions: &[&'static WasiFunction], exported: impl Fn(&str) -> bool) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let mut imported: Vec<&WasiFunction> = functions.to_vec();
    for function in functions {
        let sizes = function.parameters.iter().filter_map(|parameter| match parameter {
            Parameter::Texts { sizes } => WasiFunction::named(sizes),
            _ => None,
        });
        imported.extend(sizes);
    }
    for function in imported {
        let types = types(function);
        writeln!(text, "(import \"{WASI}\" \"{name}\" (func $wasi_{name}{types}))", name = function.name)?;
    }
    for function in functions {
        lend(&mut text, function, exported(function.name))?;
    }
    Ok(text)
}

/// The type of a function, as the pieces that import it have it as well.
fn types(function: &WasiFunction) -> String {
    signature(&function.kind()).replace(") (param", "")
}

/// `$guest_…`, which does with the guest's memory what `$wasi_…` does with ours.
fn lend(text: &mut String, function: &WasiFunction, is_exported: bool) -> std::fmt::Result {
    let WasiFunction { name, parameters, .. } = function;
    let export = if is_exported { format!(" (export \"import {WASI} {name}\")") } else { String::new() };
    write!(text, "(func $guest_{name}{export}")?;
    for (at, kind) in function.kind().params().iter().enumerate() {
        write!(text, " (param $p{at} {kind})")?;
    }
    writeln!(text, " (result i32) (local $error i32) (local $from i32) (local $to i32)")?;
    (0..parameters.len()).try_for_each(|at| write!(text, "(local $a{at} i32) (local $sizes{at} i32) "))?;
    writeln!(text, "\n(local.set $from (global.get $next))")?;
    let addresses = || parameters.iter().enumerate().filter(|(_, parameter)| parameter.is_address());
    addresses().try_for_each(|(at, parameter)| before(text, at, *parameter))?;
    writeln!(text, "(local.set $to (global.get $next))")?;
    write!(text, "(local.set $error (call $wasi_{name}")?;
    for (at, parameter) in parameters.iter().enumerate() {
        let is_texts =
            at.checked_sub(1).and_then(|before| parameters.get(before)).is_some_and(|before| matches!(before, Parameter::Texts { .. }));
        let letter = if parameter.is_address() || is_texts { 'a' } else { 'p' };
        write!(text, " (local.get ${letter}{at})")?;
    }
    writeln!(text, "))")?;
    addresses().try_for_each(|(at, parameter)| after(text, at, *parameter))?;
    writeln!(text, "(call $let_go (local.get $from) (local.get $to))\n(local.get $error))")
}

/// What is lent before the call, at `$a…`.
fn before(text: &mut String, at: usize, parameter: Parameter) -> std::fmt::Result {
    let next = at + 1;
    match parameter {
        Parameter::Number32 | Parameter::Number64 => Ok(()),
        Parameter::List { .. } | Parameter::Cell { .. } => {
            writeln!(text, "(local.set $a{at} (call $keep (local.get $p{at}) {}))", length(at, parameter))
        }
        Parameter::Parts { .. } => writeln!(text, "(local.set $a{at} (call $keep_parts (local.get $p{at}) (local.get $p{next})))"),
        Parameter::Texts { sizes } => {
            writeln!(text, "(local.set $sizes{at} (call $take (i32.const 8)))")?;
            writeln!(text, "(i64.store $ours (local.get $sizes{at}) (i64.const 0))")?;
            let cells = format!("(local.get $sizes{at}) (i32.add (local.get $sizes{at}) (i32.const 4))");
            writeln!(text, "(local.set $error (call $wasi_{sizes} {cells}))")?;
            writeln!(text, "(if (local.get $error) (then (return (local.get $error))))")?;
            let count = format!("(call $bytes_of (i32.load $ours (local.get $sizes{at})) (i32.const 4))");
            writeln!(text, "(local.set $a{at} (call $take {count}))")?;
            writeln!(text, "(local.set $a{next} (call $take (i32.load $ours offset=4 (local.get $sizes{at}))))")
        }
    }
}

/// What is given back after the call.
fn after(text: &mut String, at: usize, parameter: Parameter) -> std::fmt::Result {
    let next = at + 1;
    match parameter {
        Parameter::List { is_written: true, .. } | Parameter::Cell { .. } => {
            writeln!(text, "(call $give_back (local.get $a{at}) (local.get $p{at}) {})", length(at, parameter))
        }
        Parameter::Parts { is_written: true } => {
            writeln!(text, "(call $give_back_parts (local.get $a{at}) (local.get $p{at}) (local.get $p{next}))")
        }
        Parameter::Texts { .. } => {
            let ours = format!("(local.get $a{at}) (local.get $a{next}) (local.get $sizes{at})");
            let give_back = format!("(call $give_back_texts {ours} (local.get $p{at}) (local.get $p{next}))");
            writeln!(text, "(if (i32.eqz (local.get $error)) (then {give_back}))")
        }
        _ => Ok(()),
    }
}

/// How many bytes are behind an address.
fn length(at: usize, parameter: Parameter) -> String {
    match parameter {
        Parameter::List { unit_bytes, count_after, .. } => {
            format!("(call $bytes_of (local.get $p{}) (i32.const {unit_bytes}))", at + count_after)
        }
        Parameter::Cell { size_bytes } => format!("(i32.const {size_bytes})"),
        _ => "(i32.const 0)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::wasi::{Parameter, WasiFunction};
    use crate::{Abi, AdaptError, Adapted, Choice, adapt};
    use wasmparser::{Parser, Payload};

    /// A module with what Go's linker leaves in it.
    fn of_go(body: &str) -> Result<Adapted, AdaptError> {
        let module = wat::parse_str(format!("(module (@custom \"go:buildid\" \"\") {body})")).expect("it is valid");
        adapt(&module, &Choice::default())
    }

    /// How many memories each of the core modules in a component has of its own.
    fn memories(component: &[u8]) -> Vec<u32> {
        let payloads = Parser::new(0).parse_all(component).map(|payload| payload.expect("it is valid"));
        payloads.filter_map(|payload| if let Payload::MemorySection(section) = payload { Some(section.count()) } else { None }).collect()
    }

    const PROCESS: &str = "(memory (export \"memory\") 1) (func (export \"process\") (param i32 i32) (result i64) (i64.const 0))";
    const ALLOC: &str = "(func (export \"alloc\") (param i32) (result i32) (i32.const 8))";

    #[test]
    fn modules_of_go_have_a_memory_and_their_glue_another() {
        let adapted = of_go(&format!("{PROCESS} {ALLOC}")).expect("it can be called");
        assert_eq!(adapted.recognised.abi, Abi::PointerLength);
        assert_eq!(memories(&adapted.wasm), [1, 1]);
        let reasons = adapted.recognised.reasons.join("\n");
        assert!(reasons.contains("shares its memory with nobody"), "{reasons}");
    }

    #[test]
    fn modules_of_others_share_theirs() {
        let module = wat::parse_str(format!("(module {PROCESS} {ALLOC})")).expect("it is valid");
        let adapted = adapt(&module, &Choice::default()).expect("it can be called");
        assert_eq!(memories(&adapted.wasm), [1]);
    }

    #[test]
    fn modules_of_go_that_nothing_can_be_given_are_told_to_export_an_allocator() {
        let error = of_go(PROCESS).expect_err("there is no allocator").to_string();
        assert!(error.contains("`process`") && error.contains("export a function `malloc(size) -> address`"), "{error}");
    }

    #[test]
    fn tinygo_and_go_are_known_by_who_produced_a_module_as_well() {
        for (producer, count) in [("TinyGo", 2), ("Go cmd/compile", 2), ("Gopher", 1), ("clang", 1)] {
            let section = format!("(@producers (processed-by \"{producer}\" \"1\"))");
            let module = wat::parse_str(format!("(module {PROCESS} {ALLOC} {section})")).expect("it is valid");
            let adapted = adapt(&module, &Choice::default()).expect("it can be called");
            assert_eq!(memories(&adapted.wasm), vec![1; count], "{producer}");
        }
    }

    /// The encoder validates what it makes.
    #[test]
    fn each_function_of_wasi_can_be_imported_by_commands_and_by_others() {
        for entry in ["(func (export \"_start\"))", "(func (export \"run\") (param i32 i32) (result i64) (i64.const 0))"] {
            for only in [None, Some("fd_write"), Some("fd_read"), Some("args_get"), Some("environ_get")] {
                let imports = WasiFunction::all().iter().filter(|function| only.is_none_or(|only| function.name == only));
                let imports: String = imports
                    .map(|function| {
                        let (name, types) = (function.name, super::types(function));
                        format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func{types}))")
                    })
                    .collect();
                let adapted = of_go(&format!("{imports} (memory (export \"memory\") 1) {entry} {ALLOC}"));
                adapted.unwrap_or_else(|error| panic!("{entry}, {only:?}: {error}"));
            }
        }
    }

    #[test]
    fn what_is_written_comes_back_and_what_is_read_does_not() {
        for function in WasiFunction::all().iter().filter(|function| function.has_addresses()) {
            let text = super::written(&[function], |_| true).expect("it can be written");
            let lent = function.parameters.iter().filter(|parameter| parameter.is_address()).count();
            let is_read = |parameter: &&Parameter| {
                matches!(parameter, Parameter::List { is_written: false, .. } | Parameter::Parts { is_written: false })
            };
            let read = function.parameters.iter().filter(is_read).count();
            assert_eq!(text.matches("(call $give_back").count(), lent - read, "{}", function.name);
            assert_eq!(text.matches("(call $let_go").count(), 1, "{}", function.name);
        }
    }
}
