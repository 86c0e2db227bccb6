//! Any bytes as a program that is to be made a component: it is refused with a reason that can be shown, or the component is valid, the same
//! each time, and what was said of it before.
//!
//! Input that is text is taken for WebAssembly's text format, as in the target `component`. This target knows what is promised of adapted
//! programs. It must never run one.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use spell_adapt::{Abi, AdaptError, CAST_INTERFACE, Choice, adapt, export_http, functions, inspect};
use std::sync::Once;
use wasmparser::{Parser, Validator, WasmFeatures};

const INPUT_BYTES_MAX: usize = 4 << 10;

/// The libraries give up with a panic on components of shapes that they do not know, and that is caught: only what is not caught ends it.
static TOLD: Once = Once::new();

fuzz_target!(|input: &[u8]| -> Corpus {
    TOLD.call_once(|| std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))));
    if input.len() > INPUT_BYTES_MAX {
        return Corpus::Reject;
    }
    let Some(wasm) = binary(input) else { return Corpus::Reject };
    for abi in [None, Some(Abi::CString), Some(Abi::AssemblyScript)] {
        check(&wasm, &Choice { abi, entry: None });
    }
    let _ = functions(&wasm);
    Corpus::Keep
});

fn binary(input: &[u8]) -> Option<Vec<u8>> {
    match std::str::from_utf8(input) {
        Ok(text) if text.starts_with('(') => wat::parse_str(text).ok(),
        _ => Some(input.to_vec()),
    }
}

fn check(wasm: &[u8], choice: &Choice<'_>) {
    let said = inspect(wasm, choice).and_then(|inspection| inspection.recognised);
    match (adapt(wasm, choice), said) {
        (Ok(adapted), Ok(said)) => {
            assert_eq!(adapted.recognised, said, "it is not what was said of it");
            assert!(adapt(wasm, choice).is_ok_and(|again| again == adapted), "adapted twice, it is two things");
            if !Parser::is_component(wasm) {
                check_component(&adapted.wasm);
            }
        }
        (Err(error), Err(said)) => {
            assert_eq!(error.to_string(), said.to_string());
            check_reason(&error);
        }
        (adapted, said) => panic!("{:?}, and it was said {said:?}", adapted.map(|adapted| adapted.recognised)),
    }
}

/// What a module becomes runs where the engine's features are on, and nothing more.
fn check_component(wasm: &[u8]) {
    let exports = inspect(wasm, &Choice::default()).expect("a component").exports;
    assert!(exports.iter().any(|export| export.name == CAST_INTERFACE), "it cannot be cast: {exports:?}");
    for wasm in [wasm, &export_http(wasm).expect("it can be cast")] {
        let core = WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY | WasmFeatures::EXTENDED_CONST | WasmFeatures::RELAXED_SIMD;
        if let Err(error) = Validator::new_with_features(core | WasmFeatures::COMPONENT_MODEL).validate_all(wasm) {
            panic!("{error}");
        }
    }
}

/// A reason holds names that a stranger chose.
fn check_reason(error: &AdaptError) {
    let reason = error.to_string();
    assert!(!matches!(error, AdaptError::Encode(_)), "this is a fault of ours: {reason}");
    assert!(!reason.is_empty());
    assert!(!reason.chars().any(char::is_control), "it could command the terminal: {reason:?}");
}
