//! Modules that nobody wrote, by seed: each is compiled, instantiated and left to run under limits, and none may end in anything
//! but an answer, a refusal or a trap. `SPELL_TORTURE` makes it a hundred times as many.

use crate::meter::{MeteredStore, Report};
use crate::{CompileError, Compiler, Engine, EngineConfig, Failure, Flavour};
use arbitrary::Unstructured;
use spell_types::{Limit, Limits};
use std::sync::Arc;
use std::time::Duration;
use wasm_encoder::{ComponentBuilder, ModuleArg};
use wasm_smith::{Config, Module};

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
}

/// A component that instantiates one made-up module, whose start function runs.
fn component(seed: u64) -> Option<Vec<u8>> {
    let mut random = Random(seed);
    let bytes: Vec<u8> = (0..2_048).flat_map(|_| random.next().to_le_bytes()).collect();
    let feature = seed % 16;
    let config = Config {
        max_imports: 0,
        allow_start_export: true,
        max_memories: 4,
        max_tables: 4,
        // Some of what is switched off is among it.
        gc_enabled: feature == 0,
        exceptions_enabled: feature == 1,
        memory64_enabled: feature == 2,
        tail_call_enabled: feature == 3,
        threads_enabled: feature == 4,
        ..Config::default()
    };
    let module = Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    let mut builder = ComponentBuilder::default();
    let module = builder.core_module_raw(None, &module.to_bytes());
    builder.core_instantiate(None, module, std::iter::empty::<(&str, ModuleArg)>());
    Some(builder.finish())
}

/// How a made-up component ended.
#[derive(Debug, Default)]
struct Ends {
    invalid: usize,
    ran: usize,
    failed: usize,
}

async fn run(engine: &Engine, flavour: Flavour, wasm: &[u8], ends: &mut Ends) {
    let component = match engine.compile(wasm, flavour) {
        Ok(component) => component,
        Err(CompileError::Invalid { .. } | CompileError::Unfit { .. }) => {
            ends.invalid += 1;
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let mut limits = Limits::default();
    limits.set(Limit::Fuel, 1_000_000);
    limits.set(Limit::Memory, 8 << 20);
    limits.set(Limit::TableElements, 10_000);
    let report = Arc::new(Report::default());
    let mut store = MeteredStore::new(engine, flavour, (), &limits, report.clone()).expect("store");
    let linkers = engine.linkers();
    let instantiated = tokio::time::timeout(Duration::from_secs(10), linkers.of(flavour).instantiate_async(&mut store.store, &component));
    match instantiated.await.expect("it ends within its fuel") {
        Ok(_) => ends.ran += 1,
        Err(error) => {
            let failure = Failure::from_error(&error, report.refused());
            assert!(!matches!(failure, Failure::Host(_)), "{failure}");
            ends.failed += 1;
        }
    }
    drop(store);
    let usage = report.usage();
    assert!(usage.memory_bytes_peak <= 8 << 20 && usage.fuel <= 1_000_000, "{usage:?}");
}

#[tokio::test]
async fn modules_that_nobody_wrote_end_in_an_answer_a_refusal_or_a_trap() {
    let count = if std::env::var_os("SPELL_TORTURE").is_some() { 20_000 } else { 200 };
    let engine = Engine::new(&EngineConfig { instances_max: 4, ..EngineConfig::default() }, None, Compiler::InProcess).expect("engine");
    let mut ends = Ends::default();
    for seed in 0..count {
        let Some(wasm) = component(seed) else { continue };
        run(&engine, Flavour::ALL[seed as usize % 2], &wasm, &mut ends).await;
    }
    println!("{ends:?}");
    assert!(ends.ran > 0 && ends.failed > 0 && ends.invalid > 0, "{ends:?}: too much alike to mean anything");
}
