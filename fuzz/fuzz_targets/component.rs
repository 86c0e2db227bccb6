//! Any bytes as a component: they are compiled and linked, or refused with a reason that can be shown.
//!
//! Input that is text is taken for WebAssembly's text format, so that seeds can be read and changes to them stay components
//! more often. This target knows how a component is loaded. It must never run one.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use spell_capabilities::{Host, add_plain_to_linker, add_to_linker};
use spell_engine::{CompileError, Compiler, Engine, EngineConfig, Guest, HttpSpell, Linkers, LoadError};
use std::sync::LazyLock;

const INPUT_BYTES_MAX: usize = 4 << 10;
/// As many as a host can have; a spell that needs more would never run.
const INSTANCES_MAX: u32 = 8;

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let config = EngineConfig { instances_max: INSTANCES_MAX, ..EngineConfig::default() };
    Engine::new(&config, None, Compiler::InProcess).expect("engine")
});

static LINKERS: LazyLock<Linkers<Guest<Host>>> = LazyLock::new(|| {
    let mut linkers = ENGINE.linkers();
    add_plain_to_linker(&mut linkers.plain).expect("the host's interfaces");
    add_to_linker(&mut linkers.concurrent).expect("the host's interfaces");
    linkers
});

fuzz_target!(|input: &[u8]| -> Corpus {
    if input.len() > INPUT_BYTES_MAX {
        return Corpus::Reject;
    }
    let Some(wasm) = binary(input) else { return Corpus::Reject };
    match HttpSpell::load(&ENGINE, &LINKERS, &wasm) {
        Ok(spell) => {
            assert!(wasm.starts_with(b"\0asm\x0d\0\x01\0"), "compiled what is no component");
            assert!((1..=INSTANCES_MAX).contains(&spell.places()), "{} places", spell.places());
        }
        Err(LoadError::Compile(error)) => {
            assert!(!matches!(error, CompileError::Limit(_) | CompileError::Host { .. }), "there is no child to fail: {error}");
            assert_eq!(matches!(error, CompileError::NotWasm), !wasm.starts_with(b"\0asm"));
            check_reason(&error.to_string());
        }
        Err(error) => check_reason(&error.to_string()),
    }
    Corpus::Keep
});

fn binary(input: &[u8]) -> Option<Vec<u8>> {
    match std::str::from_utf8(input) {
        Ok(text) if text.starts_with('(') => wat::parse_str(text).ok(),
        _ => Some(input.to_vec()),
    }
}

/// A reason holds names that a stranger chose.
fn check_reason(reason: &str) {
    assert!(!reason.is_empty());
    assert!(!reason.chars().any(char::is_control), "it could command the terminal: {reason:?}");
}
