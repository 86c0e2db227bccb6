//! How often content is in memory while a program is cast: where its ABI wants it, and at most once more on the way in and on the way out.
//!
//! It knows how programs take and give bytes. It must never know what glue looks like.

use spell_adapt::Choice;
use spell_capabilities::{Grants, Host};
use spell_engine::{CastSpell, Compiler, Content, Engine, EngineConfig};
use spell_types::{Limit, Limits};
use std::sync::Arc;
use std::time::Instant;

const CONTENT_BYTES: u64 = 8 << 20;
/// What programs and their glue have besides: buffers, a stack, pages that were begun.
const REST_BYTES: u64 = 512 << 10;

/// A memory that becomes larger by what is allocated in it.
const ALLOC: &str = r#"(memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "alloc") (param $size i32) (result i32) (local $at i32)
        (local.set $at (global.get $next))
        (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.shl (memory.size) (i32.const 16)))
            (then
                (local.set $at (i32.shl (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1)))
                    (i32.const 16)))))
        (global.set $next (i32.add (local.get $at) (local.get $size)))
        (local.get $at))"#;
const C_STRING: &str = r#"(func (export "process") (param i32) (result i32) (local.get 0))"#;
const PACKED: &str = r#"(func (export "process") (param i32 i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1))))"#;
const OF_GO: &str = r#"(@custom "go:buildid" "")"#;
/// Reads a page, writes it, and so on until there is no more.
const COMMAND: &str = r#"
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func (export "_start")
        (i32.store (i32.const 0) (i32.const 65536))
        (loop $next
            (i32.store (i32.const 4) (i32.const 65536))
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (i32.store (i32.const 4) (i32.load (i32.const 8)))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
            (br_if $next (i32.load (i32.const 8)))))"#;
/// Writes what it reads to Extism's memory.
const EXTISM: &str = r#"
    (import "extism:host/env" "input_length" (func $length (result i64)))
    (import "extism:host/env" "input_load_u64" (func $input (param i64) (result i64)))
    (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
    (import "extism:host/env" "store_u64" (func $store (param i64 i64)))
    (import "extism:host/env" "output_set" (func $output (param i64 i64)))
    (memory (export "memory") 1)
    (func (export "run") (result i32) (local $to i64) (local $at i64)
        (local.set $to (call $alloc (call $length)))
        (loop $next
            (call $store (i64.add (local.get $to) (local.get $at)) (call $input (local.get $at)))
            (local.set $at (i64.add (local.get $at) (i64.const 8)))
            (br_if $next (i64.lt_u (local.get $at) (call $length))))
        (call $output (local.get $to) (call $length))
        (i32.const 0))"#;

/// What answers with what it is given; how often its ABI has that in memory by itself, and how often it is there at most.
fn echoes() -> [(&'static str, String, u64, u64); 5] {
    [
        ("c-string: the answer is the input", format!("{ALLOC} {C_STRING}"), 1, 2),
        ("pointer-length: the answer is the input", format!("{ALLOC} {PACKED}"), 1, 2),
        ("pointer-length, in a memory that is shared with nobody", format!("{OF_GO} {ALLOC} {PACKED}"), 1, 3),
        ("wasi-command: the answer has a place that doubles", COMMAND.to_owned(), 1, 3),
        ("extism: both are in the kernel, whose memory is its own", EXTISM.to_owned(), 2, 4),
    ]
}

#[tokio::test]
async fn content_is_copied_at_most_once_more_on_each_way() {
    let config = EngineConfig { instances_max: 2, ..EngineConfig::default() };
    let engine = Engine::new(&config, None, Compiler::InProcess).expect("engine");
    let mut linkers = engine.linkers();
    spell_capabilities::add_plain_to_linker(&mut linkers.plain).expect("linker");
    spell_capabilities::add_to_linker(&mut linkers.concurrent).expect("linker");
    let grants = Arc::new(Grants::none("copies"));
    let mut limits = Limits::default();
    limits.set(Limit::Request, 2 * CONTENT_BYTES);
    for (name, text, own, times_max) in echoes() {
        let module = wat::parse_str(format!("(module {text})")).expect("it is text");
        let component = spell_adapt::adapt(&module, &Choice::default()).expect("it can be adapted").wasm;
        let spell: Arc<CastSpell<Host>> = Arc::new(CastSpell::load(&engine, &linkers, &component).expect("it is a spell"));
        let input = Content { bytes: vec![b'a'; CONTENT_BYTES as usize].into(), content_type: None };
        let cast = spell.cast(input.clone(), grants.host(&limits), &limits, Instant::now()).await;
        assert!(cast.answer == Ok(Ok(input)), "{name}: another answer");
        let peak = cast.usage.memory_bytes_peak;
        let (least, most) = (own * CONTENT_BYTES, times_max * CONTENT_BYTES + REST_BYTES);
        assert!((least..=most).contains(&peak), "{name}: {:.2} times", peak as f64 / CONTENT_BYTES as f64);
    }
}
