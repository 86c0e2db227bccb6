//! One cast of a kilobyte in a fresh instance, by how the program is called: components that export the interface by themselves, and programs
//! that were adapted. All of them write `Processed: ` before what they are given.
//!
//! `cargo bench --bench cast` measures time. Programs in languages come from `components/abi`; `make components` builds them.

#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to clean up")]

use criterion::Criterion;
use spell_adapt::Choice;
use spell_capabilities::{Grants, Host as GuestHost};
use spell_engine::{CastSpell, Compiler, Content, Engine, EngineConfig};
use spell_types::Limits;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;

/// The host's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const INPUT_BYTES: usize = 1_024;
const PREFIX: &[u8] = b"Processed: ";

/// How a program becomes a component.
#[derive(Clone, Copy)]
enum Source {
    /// It is one, in WebAssembly's text.
    Text(&'static str),
    /// It is one.
    Native(&'static str),
    /// It is adapted; this is its text.
    AdaptedText(&'static str),
    /// It is adapted; this is its function, if it has to be named.
    Adapted(&'static str, Option<&'static str>),
}

/// What is compared. The two programs in text do the same with the same instructions, but for what their ABI asks of them.
const PROGRAMS: [(&str, Source); 11] = [
    ("native/text", Source::Text(include_str!("cast/native.wat"))),
    ("c-string/text", Source::AdaptedText(include_str!("cast/c_string.wat"))),
    ("native/rust-wasi", Source::Native("typed-rust-processed")),
    ("c-string/rust-wasi", Source::Adapted("c-string-wasi-rust-processed", None)),
    ("c-string/rust", Source::Adapted("c-string-rust-processed", None)),
    ("pointer-length/rust", Source::Adapted("pointer-length-rust-processed", None)),
    ("extism/rust", Source::Adapted("extism-rust-plugin", Some("processed"))),
    ("wasi-command/rust-wasi", Source::Adapted("wasi-command-rust-processed", None)),
    ("c-string/c", Source::Adapted("c-string-c-processed", None)),
    ("assemblyscript/default", Source::Adapted("assemblyscript-default-processed", None)),
    ("assemblyscript/stub", Source::Adapted("assemblyscript-stub-processed", None)),
];

impl Source {
    fn component(self) -> Vec<u8> {
        let adapt = |wasm: &[u8], entry| spell_adapt::adapt(wasm, &Choice { entry, ..Choice::default() }).expect("it can be adapted").wasm;
        let text = |text: &str| wat::parse_str(text).expect("it is text");
        match self {
            Self::Text(module) => text(&include_str!("../tests/cast/component.wat").replace(";; the module", module)),
            Self::Native(name) => read(name),
            Self::AdaptedText(module) => adapt(&text(module), None),
            Self::Adapted(name, entry) => adapt(&read(name), entry),
        }
    }
}

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/target/abi");
    std::fs::read(folder.join(format!("{name}.wasm"))).expect("`make components` builds the guests")
}

/// A host of one spell, as it is in production but for the records.
struct Host {
    runtime: Runtime,
    spell: Arc<CastSpell<GuestHost>>,
    grants: Arc<Grants>,
    limits: Limits,
}

impl Host {
    fn start(source: Source) -> Self {
        let config = EngineConfig { instances_max: 2, memory_reservation_bytes: 256 << 20, ..EngineConfig::default() };
        let engine = Engine::new(&config, None, Compiler::InProcess).expect("engine");
        let mut linkers = engine.linkers();
        spell_capabilities::add_plain_to_linker(&mut linkers.plain).expect("linker");
        spell_capabilities::add_to_linker(&mut linkers.concurrent).expect("linker");
        let spell = Arc::new(CastSpell::load(&engine, &linkers, &source.component()).expect("spell"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        Self { runtime, spell, grants: Arc::new(Grants::none("bench")), limits: Limits::default() }
    }

    fn cast(&self, input: &Content) -> Content {
        let host = self.grants.host(&self.limits);
        let cast = self.spell.cast(input.clone(), host, &self.limits, Instant::now());
        self.runtime.block_on(cast).answer.expect("it does not break").expect("it answers")
    }

    fn instantiate(&self) {
        self.runtime.block_on(self.spell.try_instantiate(self.grants.host(&self.limits), &self.limits)).expect("an instance");
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let input = vec![b'a'; INPUT_BYTES];
    let expected = [PREFIX, &input].concat();
    let input = Content { bytes: input.into(), content_type: None };
    for (name, source) in PROGRAMS {
        let host = Host::start(source);
        assert_eq!(host.cast(&input).bytes, expected, "{name}");
        criterion.bench_function(&format!("cast/{name}"), |bencher| bencher.iter(|| assert_eq!(host.cast(&input).bytes, expected)));
        criterion.bench_function(&format!("cast-instantiate/{name}"), |bencher| bencher.iter(|| host.instantiate()));
    }
    criterion.final_summary();
}
