//! Guests and glue of a few lines, made one: what the whole has, and that it is valid. What it does is seen where something runs it.

use super::*;
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload, Validator, WasmFeatures};

const GLUE: &str = r#"
    (import "guest" "memory" (memory 0))
    (import "guest" "entry" (func $entry))
    (global (mut i64) (i64.const 7))
    (global $left (export "exit") (mut i32) (i32.const 0))
    (func (export "exit env leave") (global.set $left (i32.const 1)))
    (func (export "import env stay"))
    (func (export "cast") (call $entry))
"#;

fn merged(guest: &str, glue: &str) -> Result<Vec<u8>, MergeError> {
    let binary = |text: &str| wat::parse_str(format!("(module {text})")).unwrap_or_else(|error| panic!("{error}: {text}"));
    let (guest_wasm, glue_wasm) = (binary(guest), binary(glue));
    let whole = merge(&guest_wasm, &glue_wasm)?;
    let features = WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY | WasmFeatures::EXTENDED_CONST | WasmFeatures::RELAXED_SIMD;
    Validator::new_with_features(features).validate_all(&whole).unwrap_or_else(|error| panic!("{error}: {guest}"));
    Ok(whole)
}

fn payloads(wasm: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    Parser::new(0).parse_all(wasm).map(Result::unwrap)
}

/// The instructions of each function.
fn code(wasm: &[u8]) -> Vec<Vec<Operator<'_>>> {
    let bodies = payloads(wasm).filter_map(|payload| if let Payload::CodeSectionEntry(body) = payload { Some(body) } else { None });
    bodies.map(|body| body.get_operators_reader().unwrap().into_iter().map(Result::unwrap).collect()).collect()
}

/// How often each function of a guest returns because the global with this index says so.
fn ways_out(wasm: &[u8], functions: usize, flag: u32) -> Vec<usize> {
    let is_way_out = |window: &[Operator<'_>]| matches!(window, [Operator::Call { .. } | Operator::CallIndirect { .. }, Operator::GlobalGet { global_index }, Operator::If { .. }] if *global_index == flag);
    let code = code(wasm);
    let count = |operators: &Vec<Operator<'_>>| operators.windows(3).filter(|window| is_way_out(window)).count();
    code.iter().take(functions).map(count).collect()
}

#[test]
fn a_guest_is_left_behind_each_call_that_may_have_ended_it_and_behind_no_other() {
    // The guest's functions, and how many of the calls in each can be left.
    let cases: [(&str, &str, &[usize]); 13] = [
        ("called directly", "(func (export \"entry\") call $leave)", &[1]),
        ("called through others", "(func (export \"entry\") call $a) (func $a call $b call $b) (func $b call $leave)", &[1, 2, 1]),
        ("not called", "(func (export \"entry\") call $stay call $a) (func $a call $stay)", &[0, 0]),
        ("beside what stays", "(func (export \"entry\") call $stay call $a) (func $a call $stay call $leave)", &[1, 1]),
        ("called in a ring", "(func $a (export \"entry\") call $b) (func $b call $a call $c) (func $c call $leave)", &[1, 2, 1]),
        ("in a ring that stays", "(func $a (export \"entry\") call $b) (func $b call $a)", &[0, 0]),
        ("in a loop", "(func (export \"entry\") (loop $l (block (call $leave) (br_if $l (i32.const 1)))))", &[1]),
        ("unreachable", "(func (export \"entry\") unreachable call $leave)", &[1]),
        (
            "in a table",
            "(table 2 funcref) (elem (i32.const 0) $a) (func (export \"entry\") (call_indirect (i32.const 0))) (func $a call $leave)",
            &[1, 1],
        ),
        (
            "itself in a table",
            "(table 2 funcref) (elem (i32.const 0) $leave) (func (export \"entry\") (call_indirect (i32.const 0)))",
            &[1],
        ),
        (
            "nowhere in the table",
            "(table 2 funcref) (elem (i32.const 0) $stay) (func (export \"entry\") (call_indirect (i32.const 0)) call $leave)",
            &[1],
        ),
        (
            "in a passive segment of expressions",
            "(table 2 funcref) (elem $e funcref (ref.null func) (ref.func $a)) (func $a call $leave)
             (func (export \"entry\") (table.init $e (i32.const 0) (i32.const 0) (i32.const 2)) (call_indirect (i32.const 1)))",
            &[1, 1],
        ),
        (
            "by a reference that code takes",
            "(table 2 funcref) (elem declare func $a) (func $a call $leave)
             (func (export \"entry\") (table.set (i32.const 0) (ref.func $a)) (call_indirect (i32.const 0)))",
            &[1, 1],
        ),
    ];
    let imports = "(import \"env\" \"leave\" (func $leave)) (import \"env\" \"stay\" (func $stay)) (memory 1)";
    for (name, functions, expected) in cases {
        for globals in 0..3 {
            let globals = "(global i32 (i32.const 5))".repeat(globals);
            let whole = merged(&format!("{imports} {functions} {globals}"), GLUE).unwrap();
            let flag = globals.matches("global").count() as u32 + 1;
            assert_eq!(ways_out(&whole, expected.len(), flag), *expected, "{name}");
        }
    }
}

#[test]
fn a_global_that_holds_a_function_leads_to_it() {
    let guest = r#"(import "env" "leave" (func $leave)) (memory 1) (table 1 funcref) (global funcref (ref.func $a))
        (func $a call $leave) (func (export "entry") (table.set (i32.const 0) (global.get 0)) (call_indirect (i32.const 0)))"#;
    assert_eq!(ways_out(&merged(guest, GLUE).unwrap(), 2, 2), [1, 1]);
}

#[test]
fn functions_with_results_of_every_type_can_be_left() {
    for results in ["i32", "i64", "f32", "f64", "v128", "funcref", "externref", "i32 i64 f32 f64 v128 funcref externref", "i32 i32"] {
        let guest = format!(
            "(import \"env\" \"leave\" (func $leave)) (memory 1)
             (func $deep (param i32) (result {results}) (block (call $leave) (loop (if (local.get 0) (then (call $leave))))) unreachable)
             (func $middle (param f64) (result {results}) (call $deep (i32.trunc_sat_f64_s (local.get 0))))
             (func (export \"entry\") (call $middle (f64.const 1)) {})",
            "drop ".repeat(results.split(' ').count())
        );
        assert_eq!(ways_out(&merged(&guest, GLUE).unwrap(), 3, 1), [2, 1, 1], "{results}");
    }
}

/// How large each memory is at the start, and at most.
fn memories(whole: &[u8]) -> Vec<(u64, Option<u64>)> {
    let sections = payloads(whole).filter_map(|payload| if let Payload::MemorySection(section) = payload { Some(section) } else { None });
    sections.flatten().map(|memory| memory.map(|memory| (memory.initial, memory.maximum)).unwrap()).collect()
}

#[test]
fn the_memory_that_glue_shares_becomes_larger_by_what_glue_wants() {
    let entry = r#"(func (export "entry"))"#;
    let glue = r#"(import "guest" "memory" (memory 3)) (import "guest" "entry" (func $entry)) (func (export "cast") (call $entry))"#;
    let (imported, own) = (
        format!(r#"(import "env" "memory" (memory 2 5)) (memory 1) (export "memory" (memory 0)) {entry}"#),
        format!(r#"(memory 1) (memory (export "memory") 2 2) {entry}"#),
    );
    assert_eq!(memories(&merged(&imported, glue).unwrap()), [(5, None), (1, None)]);
    assert_eq!(memories(&merged(&own, glue).unwrap()), [(1, None), (5, None)]);
}

#[test]
fn memories_that_are_imported_become_own_and_come_behind_those_of_the_glue() {
    let guest = r#"(import "env" "memory" (memory 2 5)) (memory $other 1) (data (memory $other) (i32.const 3) "x")
        (func (export "entry") (i32.store8 $other (i32.const 0) (i32.const 1)))"#;
    let glue = r#"(import "guest" "entry" (func $entry)) (memory 9) (func (export "cast") (i32.store8 (i32.const 0) (i32.const 1)))"#;
    let whole = merged(guest, glue).unwrap();
    assert_eq!(memories(&whole), [(9, None), (2, Some(5)), (1, None)]);
    assert!(!payloads(&whole).any(|payload| matches!(payload, Payload::ImportSection(section) if section.count() > 0)));
    // Each module still writes to its own.
    let stored = code(&whole).into_iter().flatten().filter_map(|operator| match operator {
        Operator::I32Store8 { memarg } => Some(memarg.memory),
        _ => None,
    });
    assert_eq!(stored.collect::<Vec<_>>(), [2, 0]);
}

#[test]
fn what_a_guest_starts_with_is_called_when_its_glue_says_so() {
    let guest = r#"(memory 1) (func) (func $first (drop (i32.const 77))) (start $first) (func (export "entry"))"#;
    let glue = format!("(import \"guest start\" \"\" (func $start)) {GLUE} (func (export \"begin\") (call $start))");
    let whole = merged(guest, &glue).unwrap();
    assert!(!payloads(&whole).any(|payload| matches!(payload, Payload::StartSection { .. })));
    let code = code(&whole);
    assert!(matches!(code[1][0], Operator::I32Const { value: 77 }));
    assert!(matches!(code.last().unwrap()[0], Operator::Call { function_index: 1 }), "{:?}", code.last());
    let without = merged("(memory 1) (func (export \"entry\"))", &glue);
    assert!(matches!(without, Err(MergeError::NoExport(name)) if name.is_empty()));
}

#[test]
fn names_of_functions_move_with_them() {
    let guest = r#"(import "env" "stay" (func $stay)) (import "env" "other" (func $other)) (memory $m 1) (global $g i32 (i32.const 0))
        (func $mine (export "entry") (local $l i32) call $stay call $other) (func $last)
        (@producers (language "C11" ""))"#;
    let whole = merged(guest, GLUE).unwrap();
    let mut found = Vec::new();
    let mut has_producers = false;
    for payload in payloads(&whole) {
        let Payload::CustomSection(section) = payload else { continue };
        has_producers |= matches!(section.as_known(), KnownCustom::Producers(_));
        let KnownCustom::Name(names) = section.as_known() else { continue };
        for name in names {
            if let Name::Function(functions) = name.unwrap() {
                found.extend(functions.into_iter().map(|naming| naming.map(|naming| (naming.index, naming.name)).unwrap()));
            }
        }
    }
    // One function is imported still; behind the guest's two come the glue's.
    assert_eq!(found, [(4, "stay"), (0, "other"), (1, "mine"), (2, "last")]);
    assert!(has_producers);
}

#[test]
fn references_to_functions_that_were_only_exported_stay_valid() {
    let guest = r#"(import "env" "stay" (func $stay)) (memory 1) (table 1 funcref)
        (export "stay" (func $stay)) (func $own (export "own")) (elem $passive func $own)
        (func (export "entry") (table.set (i32.const 0) (ref.func $own)) (table.set (i32.const 0) (ref.func $stay)) (elem.drop $passive))"#;
    let whole = merged(guest, GLUE).unwrap();
    let exports = payloads(&whole).filter_map(|payload| if let Payload::ExportSection(section) = payload { Some(section) } else { None });
    let exports: Vec<_> = exports.flatten().map(|export| export.unwrap().name.to_owned()).collect();
    assert_eq!(exports, ["cast", "memory"], "of exports, the glue's remain, and the memory");
}

#[test]
fn what_cannot_be_made_one_is_refused() {
    let entry = "(func (export \"entry\"))";
    let cases = [
        (
            format!("(import \"env\" \"t\" (table 1 funcref)) (memory 1) {entry}"),
            "it imports `env` `t`, which is neither a function nor a memory",
        ),
        (format!("(import \"env\" \"g\" (global i32)) (memory 1) {entry}"), "it imports `env` `g`, which is neither"),
        (format!("(import \"env\" \"leave\" (func (param i32))) (memory 1) {entry}"), "with a type that the function does not have"),
        (format!("(import \"env\" \"stay\" (func (result i32))) (memory 1) {entry}"), "with a type that the function does not have"),
        ("(memory 1)".to_owned(), "it does not export `entry`"),
        (entry.to_owned(), "it does not export `memory`"),
        (format!("(memory 1) (memory 1) {entry}"), "it does not export `memory`"),
        (format!("(table (export \"memory\") 1 funcref) {entry}"), "it does not export `memory`"),
    ];
    for (guest, words) in cases {
        let error = merged(&guest, GLUE).unwrap_err().to_string();
        assert!(error.contains(words), "{guest}: {error}");
    }
}

/// Behind each call stand as many values as the function has results: a program of a megabyte could become one of gigabytes.
#[test]
fn a_guest_that_would_grow_without_measure_is_refused() {
    let results = "v128 ".repeat(1_000);
    let calls = "(call $leave)".repeat(500);
    let deep = |index: usize| format!("(func $f{index} (result {results}) {calls} unreachable)");
    let guest = |functions: usize| {
        let functions: String = (0..functions).map(deep).collect();
        format!("(import \"env\" \"leave\" (func $leave)) (memory 1) (func (export \"entry\")) {functions}")
    };
    let error = merged(&guest(1), GLUE).unwrap_err();
    assert!(matches!(error, MergeError::TooLarge { .. }), "{error}");
    let fewer = guest(1).replace(&calls, "(call $leave)");
    assert!(merged(&fewer, GLUE).is_ok());
}
