//! Spells that are cast: programs that were adapted, and components that export `spell:runtime/cast` by themselves.
//!
//! It knows what a cast may end in. It must never know HTTP.

#![expect(clippy::expect_used, reason = "a helper that cannot go on fails its test")]

use spell_adapt::Choice;
use spell_engine::{Cast, CastFailure, CastSpell, Compiler, Content, Engine, EngineConfig, Failure, LoadError};
use spell_types::{Limit, Limits};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

fn engine() -> Engine {
    let config = EngineConfig { instances_max: 2, ..EngineConfig::default() };
    Engine::new(&config, None, Compiler::InProcess).expect("engine")
}

fn load(engine: &Engine, wasm: &[u8]) -> Result<Arc<CastSpell<()>>, LoadError> {
    CastSpell::load(engine, &engine.linkers(), wasm).map(Arc::new)
}

fn limits(changed: &[(Limit, u64)]) -> Limits {
    let mut limits = Limits::default();
    changed.iter().for_each(|(limit, value)| limits.set(*limit, *value));
    limits
}

/// Casts a component once, with its limits, in an engine of its own.
async fn cast(wasm: &[u8], input: Content, changed: &[(Limit, u64)]) -> Cast {
    let engine = engine();
    let cast = load(&engine, wasm).expect("it is a spell").cast(input, (), &limits(changed), Instant::now()).await;
    assert_eq!(engine.instances(), 0, "nothing is left of it");
    cast
}

fn text(bytes: impl Into<Vec<u8>>) -> Content {
    Content { bytes: bytes.into().into(), content_type: None }
}

/// A program that takes and gives C strings, made a component; this is what its function does.
fn c_string(body: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
            (memory (export "memory") 2)
            (global $next (mut i32) (i32.const 1024))
            (func (export "allocate") (param $size i32) (result i32)
                (global.set $next (i32.add (global.get $next) (local.get $size)))
                (i32.sub (global.get $next) (local.get $size)))
            (func (export "process") (param $input i32) (result i32) (local $at i32) {body}))"#
    );
    spell_adapt::adapt(&wat::parse_str(module).expect("wat"), &Choice::default()).expect("it can be adapted").wasm
}

/// Writes `-wasm` where the input ends.
const SUFFIX: &str = "
    (local.set $at (local.get $input))
    (block $end (loop $next
        (br_if $end (i32.eqz (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i64.store (local.get $at) (i64.const 0x6d7361772d))
    (local.get $input)";

/// A component that exports the interface by itself: its memory in pages, and what its function does with an answer that has a place at
/// 1024, and what happens when the answer was taken.
fn native(pages: u32, body: &str, post_return: &str) -> String {
    let module = format!(
        r#"(core module $spell
            (memory (export "memory") {pages})
            (global $casts (mut i32) (i32.const 0))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048))
            (func (export "cast") (param $input i32) (param $length i32) (param $has_type i32) (param $type i32) (param $type_length i32)
                (result i32)
                {body}
                (i32.const 1024))
            (func (export "post-return") (param i32) {post_return}))"#
    );
    include_str!("cast/component.wat").replace(";; the module", &module)
}

/// Answers with bytes from an address on, without a type.
fn giving(at: u32, length: u32) -> String {
    format!("(i32.store offset=4 (i32.const 1024) (i32.const {at})) (i32.store offset=8 (i32.const 1024) (i32.const {length}))")
}

/// A component with something more in it.
fn with(component: &str, more: &str) -> String {
    component.replacen("(core module", &format!("{more} (core module"), 1)
}

fn bytes_of(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("wat")
}

#[tokio::test]
async fn an_adapted_program_answers_and_its_usage_is_known() {
    let Cast { answer, usage } = cast(&c_string(SUFFIX), text("magic"), &[]).await;
    assert_eq!(answer, Ok(Ok(text("magic-wasm"))));
    assert_eq!((usage.bytes_in, usage.bytes_out), (5, 10));
    assert!((20..10_000).contains(&usage.fuel), "{usage:?}");
    // Two pages of its own, and one for what is said about its answer.
    assert_eq!(usage.memory_bytes_peak, 3 << 16);
    assert!(usage.cpu > Duration::ZERO && usage.cpu <= usage.wall, "{usage:?}");
}

#[tokio::test]
async fn a_program_that_has_no_answer_says_so_in_its_own_words() {
    let Cast { answer, usage } = cast(&c_string("(i32.const 0)"), text("magic"), &[]).await;
    let CastFailure { code, message } = answer.expect("it did not break").expect_err("no answer");
    assert_eq!(code, "no-answer");
    assert!(!message.is_empty());
    assert!(usage.fuel > 0 && usage.bytes_out == 0, "{usage:?}");
}

#[tokio::test]
async fn what_content_is_goes_in_and_comes_out() {
    let echo = "
        (i32.store offset=4 (i32.const 1024) (local.get $input)) (i32.store offset=8 (i32.const 1024) (local.get $length))
        (i32.store8 offset=12 (i32.const 1024) (local.get $has_type))
        (i32.store offset=16 (i32.const 1024) (local.get $type)) (i32.store offset=20 (i32.const 1024) (local.get $type_length))";
    let (plain, name) = (native(1, echo, ""), "(i32.const 2048)");
    // Each part of the input has a place of its own.
    let bump = "(global.get $casts) (global.set $casts (i32.add (global.get $casts) (local.get 3))) (i32.const 2048) (i32.add)";
    let echo = plain.replace(name, bump);
    // What has a stream in it, the plain flavour does not know.
    let concurrent = with(&echo, "(type (stream u8))");
    for wasm in [echo, concurrent] {
        for input in [text(""), text("magic"), Content { content_type: Some("text/plain; charset=utf-8".to_owned()), ..text("ma\0gic") }] {
            assert_eq!(cast(&bytes_of(&wasm), input.clone(), &[]).await.answer, Ok(Ok(input)));
        }
    }
}

#[tokio::test]
async fn each_cast_has_an_instance_of_its_own() {
    let counts = "
        (global.set $casts (i32.add (global.get $casts) (i32.const 1)))
        (i32.store8 (i32.const 512) (i32.add (i32.load8_u (i32.const 512)) (i32.add (global.get $casts) (i32.const 48))))";
    let wasm = bytes_of(&native(1, &format!("{counts} {}", giving(512, 1)), ""));
    let engine = engine();
    let spell = load(&engine, &wasm).expect("it is a spell");
    for _ in 0..3 {
        let cast = spell.cast(text(""), (), &Limits::default(), Instant::now()).await;
        assert_eq!(cast.answer, Ok(Ok(text("1"))));
    }
}

/// The limit that ends each, and what it does.
#[tokio::test]
async fn every_limit_ends_a_cast() {
    let forever = c_string("(loop $again (br $again)) (unreachable)");
    let hungry = c_string("(if (i32.eq (memory.grow (i32.const 64)) (i32.const -1)) (then (unreachable))) (i32.const 1024)");
    let long = c_string("(memory.fill (i32.const 4096) (i32.const 97) (i32.const 1001)) (i32.const 4096)");
    let endless_fuel = (Limit::Fuel, u64::MAX);
    let (request, response) = ((Limit::Request, 5), (Limit::Response, 1_001));
    let suffix = c_string(SUFFIX);
    for (name, wasm, input, changed, expected) in [
        ("fuel", &forever, "", vec![(Limit::Fuel, 100_000)], Some(Limit::Fuel)),
        ("time", &forever, "", vec![endless_fuel, (Limit::Time, 50)], Some(Limit::Time)),
        ("memory", &hungry, "", vec![(Limit::Memory, 4 * MIB)], Some(Limit::Memory)),
        ("enough memory", &hungry, "", vec![(Limit::Memory, 5 * MIB)], None),
        ("an answer", &long, "", vec![(Limit::Response, 1_000)], Some(Limit::Response)),
        ("an answer that fits", &long, "", vec![response], None),
        ("an input", &suffix, "magics", vec![request], Some(Limit::Request)),
        ("an input that fits", &suffix, "magic", vec![request], None),
    ] {
        let Cast { answer, usage } = cast(wasm, text(input), &changed).await;
        assert_eq!(answer.as_ref().err(), expected.map(Failure::Limit).as_ref(), "{name}: {answer:?}");
        assert!(usage.fuel <= limits(&changed).get(Limit::Fuel), "{name}: {usage:?}");
        assert_eq!(usage.fuel == 0, expected == Some(Limit::Request), "{name} runs, or does not: {usage:?}");
    }
}

#[tokio::test]
async fn time_counts_from_the_admission() {
    let engine = engine();
    let spell = load(&engine, &c_string("(loop $again (br $again)) (unreachable)")).expect("it is a spell");
    let admitted = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
    let cast = spell.cast(text(""), (), &limits(&[(Limit::Fuel, u64::MAX)]), admitted).await;
    assert_eq!(cast.answer, Err(Failure::Limit(Limit::Time)));
    assert!(cast.usage.wall >= Duration::from_secs(60), "{:?}", cast.usage);
}

/// Answers are bounded before there is room made for them, however large a program says that they are.
#[tokio::test]
async fn large_answers_and_lies_about_them_cost_the_host_no_memory() {
    let mib = |count: u32| count << 20;
    let words = |offset: u32, length: u32| {
        format!("(i32.store8 offset=12 (i32.const 1024) (i32.const 1)) (i32.store offset={offset} (i32.const 1024) (i32.const {length}))")
    };
    let failure =
        |length: u32| format!("(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store offset=16 (i32.const 1024) (i32.const {length}))");
    let too_large = Err(Failure::Limit(Limit::Response));
    let outside = |what: &str| Err(Failure::Trap(format!("{what} pointer/length out of bounds of memory")));
    for (name, body, response, expected) in [
        ("more than a host call may copy", giving(0, mib(24)), 10 * MIB, too_large.clone()),
        ("less than that, and more than may be answered", giving(0, mib(12)), 10 * MIB, too_large.clone()),
        ("as much as may be answered, and more than a host call may copy", giving(0, mib(20)), 20 * MIB, Ok(mib(20))),
        ("one byte more", giving(0, mib(20) + 1), 20 * MIB, too_large.clone()),
        ("more than it has", giving(0, u32::MAX), u64::MAX, outside("list")),
        ("a place that it has not", giving(u32::MAX, 1), u64::MAX, outside("list")),
        ("a type of some size", words(20, 64 << 10), 0, Ok(0)),
        ("a type that is too long", words(20, (64 << 10) + 1), 0, too_large.clone()),
        ("a type that is longer than it has memory", words(20, u32::MAX), 0, outside("string")),
        ("a failure that is too long", failure(mib(1)), 0, too_large.clone()),
        ("a failure that is longer than it has memory", failure(u32::MAX), 0, outside("string")),
    ] {
        let cast = cast(&bytes_of(&native(512, &body, "")), text(""), &[(Limit::Response, response)]).await;
        let length = cast.answer.map(|answer| answer.map_or(0, |content| u32::try_from(content.bytes.len()).unwrap()));
        assert_eq!(length, expected, "{name}");
    }
}

/// wasmtime says the same of both.
#[tokio::test]
async fn too_much_for_a_host_call_is_no_answer_that_is_too_large() {
    let body = format!("(call $take (i32.const 0) (i32.const {})) {}", 17 << 20, giving(0, 1));
    let imports =
        r#"(import "host" "memory" (memory 512)) (import "host" "take" (func $take (param i32 i32))) (export "memory" (memory 0))"#;
    let module = native(512, &body, "").replace(r#"(memory (export "memory") 512)"#, imports);
    let host = r#"(import "take" (func $take (param "bytes" (list u8))))
        (core module $memory (memory (export "memory") 512))
        (core instance $memory (instantiate $memory))
        (core func $take (canon lower (func $take) (memory $memory "memory")))"#;
    let with_host =
        r#"(instantiate $spell (with "host" (instance (export "memory" (memory $memory "memory")) (export "take" (func $take)))))"#;
    let wasm = bytes_of(&with(&module, host).replace("(instantiate $spell)", with_host));
    let engine = engine();
    let mut linkers = engine.linkers();
    linkers.plain.root().func_wrap("take", |_, (_,): (Vec<u8>,)| Ok(())).expect("a host function");
    let spell = Arc::new(CastSpell::load(&engine, &linkers, &wasm).expect("it is a spell"));
    let cast = spell.cast(text(""), (), &Limits::default(), Instant::now()).await;
    let failure = cast.answer.expect_err("17 MiB are too much").to_string();
    assert!(failure.contains("trapped: too much data is being copied"), "{failure}");
}

#[tokio::test]
async fn a_spell_that_breaks_is_a_trap() {
    let unreachable = "wasm `unreachable` instruction executed";
    for (name, wasm, expected) in [
        ("in an adapted program", c_string("(unreachable)"), unreachable),
        ("in a division", c_string("(i32.div_u (i32.const 1) (i32.const 0))"), "integer divide by zero"),
        ("in a component", bytes_of(&native(1, "(unreachable)", "")), unreachable),
        ("when its answer was taken", bytes_of(&native(1, &giving(0, 1), "(unreachable)")), unreachable),
    ] {
        let cast = cast(&wasm, text(""), &[]).await;
        assert_eq!(cast.answer, Err(Failure::Trap(expected.to_owned())), "{name}");
    }
}

#[test]
fn what_cannot_be_cast_is_refused_with_what_it_exports() {
    let engine = engine();
    let other = native(1, "", "").replace("(list u8)", "(list u16)");
    let import = with(&native(1, "", ""), r#"(import "lacking" (func))"#);
    for (wasm, expected) in [
        ("(component)".to_owned(), "exports no `spell:runtime/cast@0.1.0`: found no exports at all; `spell adapt` makes it"),
        (r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#.to_owned(), "found wasi:cli/run@0.2.0; `spell adapt`"),
        (
            r#"(component (instance $i) (export "spell:runtime/cast@0.1.0" (instance $i)))"#.to_owned(),
            "found nothing that is called `cast`",
        ),
        (
            r#"(component (instance $i) (export "spell:runtime/cast@0.2.0" (instance $i)))"#.to_owned(),
            "exports no `spell:runtime/cast@0.1.0`",
        ),
        (other, "found a function from {bytes: list<…>, content-type: option<string>} to result<{bytes: list<…>"),
        (import, "imports something this host does not offer: "),
        ("(module)".to_owned(), "a core WebAssembly module, not a component"),
    ] {
        let error = load(&engine, &bytes_of(&wasm)).err().expect("it cannot be cast").to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
