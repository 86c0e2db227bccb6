//! Programs that nobody wrote, by seed: each is refused with a reason, or becomes a component that is valid where it runs, always the same.
//! `SPELL_TORTURE` makes it a hundred times as many.

mod shapes;

use crate::{Abi, AdaptError, Adapted, CAST_INTERFACE, Choice, Inspection, adapt, export_http, inspect};
use arbitrary::Unstructured;
use shapes::{Shape, of_seed};
use std::collections::BTreeMap;
use wasm_smith::{Config, Module};
use wasmparser::{Parser, Validator, WasmFeatures};

/// A simple generator of numbers, so that a seed says everything.
struct Random(u64);

impl Random {
    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn times(count: u64) -> u64 {
    if std::env::var_os("SPELL_TORTURE").is_some() { count * 100 } else { count }
}

/// What the engine has on; a test of that room compares its own list with what guests are refused for.
fn engine_features() -> WasmFeatures {
    WasmFeatures::WASM2
        | WasmFeatures::MULTI_MEMORY
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::RELAXED_SIMD
        | WasmFeatures::COMPONENT_MODEL
}

/// A made-up module that imports and exports what one of the ABIs does, or nearly.
fn module(seed: u64) -> (Shape, Option<Vec<u8>>) {
    let mut random = Random(seed);
    let shape = of_seed(&mut || random.below(1 << 16));
    let bytes: Vec<u8> = (0..1_024).flat_map(|_| random.next().to_le_bytes()).collect();
    let feature = random.below(64);
    let config = Config {
        available_imports: Some(shape.imports()),
        exports: (feature != 9).then(|| shape.exports()),
        max_imports: 12,
        max_memories: 1 + random.below(3),
        max_tables: 3,
        max_funcs: 12,
        max_instructions: 60,
        min_data_segments: random.below(3),
        min_element_segments: random.below(3),
        generate_custom_sections: random.below(4) == 0,
        allow_start_export: true,
        // Some of what is switched off is among it.
        gc_enabled: feature == 0,
        exceptions_enabled: feature == 1,
        memory64_enabled: feature == 2,
        tail_call_enabled: feature == 3,
        threads_enabled: feature == 4,
        ..Config::default()
    };
    let module = Module::new(config, &mut Unstructured::new(&bytes)).ok().map(|module| module.to_bytes());
    let module = module.map(|mut module| {
        if random.below(5) == 0 {
            push_section(&mut module, "go:buildid", b"");
        }
        for name in ["name", "producers", "component-type:spell"] {
            if random.below(8) == 0 {
                let content: Vec<u8> = (0..random.below(40)).map(|_| random.next() as u8 % 16).collect();
                push_section(&mut module, name, &content);
            }
        }
        module
    });
    (shape, module)
}

/// Adds a custom section: modules may have any, with anything in them.
fn push_section(module: &mut Vec<u8>, name: &str, content: &[u8]) {
    module.extend([0, (1 + name.len() + content.len()) as u8, name.len() as u8]);
    module.extend(name.as_bytes());
    module.extend(content);
}

/// Adapts a program twice and looks at it once: whatever comes of it must be one thing.
fn check(name: &str, wasm: &[u8], choice: &Choice<'_>) -> Result<Adapted, AdaptError> {
    let (inspection, adapted, again) = (inspect(wasm, choice), adapt(wasm, choice), adapt(wasm, choice));
    let recognised = inspection.map(|Inspection { recognised, .. }| recognised).and_then(|recognised| recognised);
    match (&adapted, again, recognised) {
        (Ok(adapted), Ok(again), Ok(recognised)) => {
            assert!(*adapted == again, "{name}: adapted twice, it is two things");
            assert_eq!(adapted.recognised, recognised, "{name}");
            check_component(name, &adapted.wasm, Parser::is_core_wasm(wasm));
        }
        (Err(error), Err(again), Err(recognised)) => {
            let said = error.to_string();
            assert_eq!((said.clone(), said.clone()), (again.to_string(), recognised.to_string()), "{name}");
            assert!(!matches!(error, AdaptError::Encode(_)), "{name}: {error}");
            assert!(!said.is_empty() && !said.contains(char::is_control), "{name}: it could command the terminal: {said:?}");
        }
        (adapted, again, recognised) => {
            let again = again.map(|again| again.recognised);
            panic!("{name}: {:?}, then {again:?}, and {recognised:?} by looking", adapted.as_ref().map(|adapted| &adapted.recognised))
        }
    }
    adapted
}

fn check_valid(name: &str, wasm: &[u8]) {
    if let Err(error) = Validator::new_with_features(engine_features()).validate_all(wasm) {
        panic!("{name}: {error}");
    }
}

/// What was a component already may be made for hosts that have more on.
fn check_component(name: &str, wasm: &[u8], was_module: bool) {
    if was_module {
        check_valid(name, wasm);
    }
    let exports = inspect(wasm, &Choice::default()).expect(name).exports;
    assert!(exports.iter().any(|export| export.name == CAST_INTERFACE), "{name}: {exports:?}");
}

#[test]
fn modules_that_nobody_wrote_become_valid_components_or_are_refused() {
    let mut adapted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..times(300) {
        let (shape, Some(wasm)) = module(seed) else { continue };
        let name = format!("seed {seed}");
        match check(&name, &wasm, &Choice { abi: shape.abi, entry: None }) {
            Ok(spell) => {
                *adapted.entry(spell.recognised.abi.name()).or_default() += 1;
                if seed.is_multiple_of(16) {
                    let handler = export_http(&spell.wasm).expect(&name);
                    check_valid(&name, &handler);
                }
            }
            Err(error) => *refused.entry(kind(&error)).or_default() += 1,
        }
    }
    println!("{adapted:?} {refused:?}");
    for abi in [Abi::CString, Abi::AssemblyScript, Abi::PointerLength, Abi::WasiCommand, Abi::Extism] {
        assert!(adapted.contains_key(abi.name()), "none is {abi}: {adapted:?} {refused:?}");
    }
    assert!(refused.len() > 2, "{refused:?}: too much alike to mean anything");
}

fn kind(error: &AdaptError) -> &'static str {
    match error {
        AdaptError::Invalid(_) => "invalid",
        AdaptError::Merge(_) => "not to be merged",
        AdaptError::UnknownImport { .. } => "imports what nobody has",
        AdaptError::NoEntryPoint { .. } | AdaptError::EntryType { .. } => "no entry",
        _ => "other",
    }
}

/// Programs to spoil: one module of each ABI, and what becomes of it.
fn samples() -> Vec<Vec<u8>> {
    let mut found: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for seed in 0..2_000 {
        let (shape, Some(wasm)) = module(seed) else { continue };
        if let Ok(spell) = adapt(&wasm, &Choice { abi: shape.abi, entry: None }) {
            found.entry(spell.recognised.abi.name()).or_insert_with(|| vec![wasm, spell.wasm]);
        }
        if found.len() == 5 {
            break;
        }
    }
    found.into_values().flatten().collect()
}

#[test]
fn programs_that_were_cut_or_spoilt_are_refused_or_adapted_and_never_worse() {
    let mut random = Random(1);
    let mut still_valid = 0;
    for (index, sample) in samples().iter().enumerate() {
        for round in 0..times(20) {
            let mut spoilt = sample.clone();
            match round % 3 {
                0 => spoilt.truncate(random.below(sample.len())),
                1 => spoilt[random.below(sample.len())] ^= 1 << random.below(8),
                _ => {
                    let at = random.below(sample.len());
                    let end = (at + random.below(16)).min(sample.len());
                    spoilt[at..end].iter_mut().for_each(|byte| *byte = random.next() as u8);
                }
            }
            let name = format!("sample {index}, round {round}");
            still_valid += usize::from(inspect(&spoilt, &Choice::default()).is_ok());
            let _ = check(&name, &spoilt, &Choice::default());
        }
    }
    assert!(still_valid > 0, "nothing survived: too much spoilt to mean anything");
}

#[test]
fn bytes_that_nobody_chose_are_refused() {
    let mut random = Random(2);
    let starts: [&[u8]; 5] = [b"", b"\0asm", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0", b"\0asm\x0c\0\x01\0"];
    for round in 0..times(200) {
        let mut bytes = starts[round as usize % starts.len()].to_vec();
        let length = random.below(300);
        bytes.extend((0..length).map(|_| random.next() as u8));
        let _ = check(&format!("round {round}"), &bytes, &Choice::default());
    }
    for start in starts {
        assert!(check("a beginning alone", start, &Choice::default()).is_err(), "{start:?}");
    }
}
