//! Programs to upload, in WebAssembly's text, for tests that must not depend on what has been built. Each takes an address and a length.

fn program(memory_pages: u64, process: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") {memory_pages}) (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "process") (param i32 i32) (result i64) (local $at i64) {process}))"#
    );
    wat::parse_str(text).expect("a program")
}

/// What was given is the answer.
const ECHO: &str = "(i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))";
const ECHO_MEMORY_PAGES: u64 = 80;
const PAGE_BYTES: u64 = 65_536;

/// Answers with its input, of four mebibytes at most; another program for each number.
pub fn echo(number: u64) -> Vec<u8> {
    program(ECHO_MEMORY_PAGES, &format!("(drop (i64.const {number})) {ECHO}"))
}

/// The same after counting to a number: to a thousand million in a second or so.
pub fn slow(rounds: u64) -> Vec<u8> {
    let count = format!(
        "(loop $next (local.set $at (i64.add (local.get $at) (i64.const 1))) (br_if $next (i64.lt_u (local.get $at) (i64.const {rounds}))))"
    );
    program(ECHO_MEMORY_PAGES, &format!("{count} {ECHO}"))
}

/// Answers with so many bytes of the letter a.
pub fn large(bytes: u64) -> Vec<u8> {
    let fill = format!("(memory.fill (i32.const {PAGE_BYTES}) (i32.const 97) (i32.const {bytes}))");
    program(bytes.div_ceil(PAGE_BYTES) + 2, &format!("{fill} (i64.const {})", (PAGE_BYTES << 32) | bytes))
}
