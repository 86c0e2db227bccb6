//! Cards N: modules that lie to whoever adapts them. Each is exported as a user exports it and served beside the canary; what the input tells
//! it to do stands in the table.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::hostile::{Arena, modules};
use spell_tests::{Answer, Setup, app, component, run};
use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, thread};

const LIMITS: &str = "tool.spell.limits = { memory = \"32MiB\", fuel = 1_000_000_000, time = \"20s\" }";
/// What somebody else has cast the same module with, right before.
const SECRET: &str = "the-secret-of-another-request ";
/// Compiled at a time before all are served: a host that compiles all of them takes longer than a test waits for it.
const COMPONENTS_AT_A_TIME: usize = 16;
const EXPORTS_AT_A_TIME: usize = 2;

/// A status, and words that must be told with it.
type Expected = (u16, &'static str);

const TRAPPED: Expected = (502, "\"trapped\"");
const OUT_OF_FUEL: Expected = (504, "\"limit-fuel\"");
const OUT_OF_MEMORY: Expected = (502, "\"limit-memory\"");
const NO_ANSWER: Expected = (502, "\"no-answer\"");
const BAD_ANSWER: Expected = (502, "\"bad-answer\"");
const PUBLIC: Expected = (200, "public");
const NOTHING: Expected = (200, "");
/// Whatever is in its own memory.
const OWN: Expected = (200, "");
const FAILED: Expected = (422, "\"failed\"");

/// A lie: the card, the module, what is particular, the input, and what must be answered.
struct Lie(&'static str, String, String, Vec<u8>, Expected);

/// Numbers of 32 bits, one behind the other.
fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

const MINUS_ONE: u32 = u32::MAX;
const SIGN: u32 = 1 << 31;

/// Addresses and lengths of what is answered.
fn places() -> Vec<Lie> {
    let lie = |module: &str, name: String, input: Vec<u8>, expected| Lie("N1", module.to_owned(), name, input, expected);
    let mut lies = Vec::new();
    for (address, length, expected) in [
        (16, 6, PUBLIC),
        (0, 0, NOTHING),
        (16, 0, NOTHING),
        (0, 1, NO_ANSWER),
        (0, MINUS_ONE, NO_ANSWER),
        (MINUS_ONE, 1, BAD_ANSWER),
        (MINUS_ONE, 0, BAD_ANSWER),
        (MINUS_ONE, MINUS_ONE, BAD_ANSWER),
        (SIGN, 1, BAD_ANSWER),
        (SIGN - 1, 2, BAD_ANSWER),
        (SIGN, SIGN, BAD_ANSWER),
        (16, MINUS_ONE, BAD_ANSWER),
        (16, MINUS_ONE - 15, BAD_ANSWER),
        (16, SIGN, BAD_ANSWER),
        (MINUS_ONE - 15, 32, BAD_ANSWER),
        (1 << 25, 0, BAD_ANSWER),
        (1, 1 << 25, BAD_ANSWER),
    ] {
        let name = format!("{length:x}-bytes-at-{address:x}");
        lies.push(lie("packed", name.clone(), words(&[length, address]), expected));
        lies.push(lie("result-length", name.clone(), words(&[address, length, 0]), expected));
        // Without an address there is no answer, however long.
        let expected = if address == 0 { NO_ANSWER } else { expected };
        lies.push(lie("out-length", name, words(&[address, length, 1]), expected));
    }
    lies.extend([
        lie("out-length", "untold".to_owned(), words(&[16, 0, 0]), NOTHING),
        lie("out-length", "told-elsewhere".to_owned(), words(&[16, 6, 2]), TRAPPED),
        lie("result-length", "trap-when-asked".to_owned(), words(&[16, 6, 1]), TRAPPED),
        lie("packed-end", "nothing-at-the-end".to_owned(), vec![], NOTHING),
        lie("packed-past-the-end", "one-byte-past-the-end".to_owned(), vec![], BAD_ANSWER),
        lie("packed-everything", "everything".to_owned(), vec![], OWN),
        lie("text-without-an-end", "a-text-without-an-end".to_owned(), b"x".to_vec(), BAD_ANSWER),
        lie("text-without-an-end-in-all-the-memory-there-is", "all".to_owned(), b"x".to_vec(), BAD_ANSWER),
        lie("names-of-others", "exports-what-its-glue-has".to_owned(), vec![], PUBLIC),
        lie("memory-is-a-function", "a-function-called-memory".to_owned(), vec![], PUBLIC),
        lie("initialize-executes", "initialize-executes".to_owned(), vec![], PUBLIC),
        lie("begins-for-ever", "begins-for-ever".to_owned(), vec![], TRAPPED),
    ]);
    for (address, expected) in [
        (16, PUBLIC),
        (0, NO_ANSWER),
        (MINUS_ONE, BAD_ANSWER),
        (MINUS_ONE - 7, BAD_ANSWER),
        (SIGN, BAD_ANSWER),
        (SIGN - 1, BAD_ANSWER),
        (1 << 25, BAD_ANSWER),
    ] {
        lies.push(lie("text", format!("at-{address:x}"), words(&[address]), expected));
        lies.push(lie("c-string", format!("at-{address:x}"), format!("{address:08x}").into_bytes(), expected));
    }
    lies.push(lie("text", "bytes-that-are-no-text".to_owned(), words(&[32]), (200, "caf\u{fffd} \u{fffd}")));
    lies
}

/// What stands for `BODY` in a place where a module is asked something before it has seen its input, and what must be answered.
const BEGINNINGS: [(&str, &str, &str, Expected); 50] = [
    ("allocator", "zero", "(i32.const 0)", BAD_ANSWER),
    ("allocator", "minus-one", "(i32.const -1)", BAD_ANSWER),
    ("allocator", "the-sign", "(i32.const 0x80000000)", BAD_ANSWER),
    ("allocator", "near-four-gib", "(i32.const 0xfffffff0)", BAD_ANSWER),
    ("allocator", "beyond-memory", "(i32.const 0x7fff0000)", BAD_ANSWER),
    ("allocator", "across-the-end", "(i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 2))", BAD_ANSWER),
    ("allocator", "over-its-own-data", "(i32.const 1)", OWN),
    ("allocator", "the-same-twice", "(i32.const 1024)", PUBLIC),
    ("allocator", "over-the-pages-of-its-glue", "(i32.const 0x10000)", PUBLIC),
    ("allocator", "trap", "unreachable", TRAPPED),
    ("allocator", "loop", "(loop $l (br $l)) (i32.const 8)", OUT_OF_FUEL),
    ("allocator", "recursion", "(call $body (local.get $size))", TRAPPED),
    ("allocator", "all-memory", "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (i32.const 1024)", PUBLIC),
    (
        "allocator",
        "all-memory-and-zero",
        "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (i32.const 0)",
        BAD_ANSWER,
    ),
    ("allocator", "exit", "(call $exit (i32.const 3)) unreachable", (422, "exit code 3\"")),
    ("allocator", "exit-well", "(call $exit (i32.const 0)) unreachable", (422, "exit code 0\"")),
    ("allocator", "exit-with-minus-one", "(call $exit (i32.const -1)) unreachable", (422, "exit code 4294967295\"")),
    ("allocator", "executes", "(drop (call $execute (i32.const 0) (i32.const -1))) (i32.const 1024)", PUBLIC),
    ("start", "trap", "unreachable", TRAPPED),
    ("start", "loop", "(loop $l (br $l))", OUT_OF_FUEL),
    ("start", "recursion", "(call $body)", TRAPPED),
    ("start", "all-memory", "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))", PUBLIC),
    ("start", "far-away", "(i32.store (i32.const -4) (i32.const 1))", TRAPPED),
    ("start", "exit", "(call $exit (i32.const 2147483647))", (422, "exit code 2147483647\"")),
    ("start", "executes", "(drop (call $execute (i32.const -1) (i32.const -1)))", PUBLIC),
    ("initialize", "trap", "unreachable", TRAPPED),
    ("initialize", "loop", "(loop $l (br $l))", OUT_OF_FUEL),
    ("initialize", "all-memory", "(drop (memory.grow (i32.const 0x7fffffff)))", PUBLIC),
    ("initialize", "exit", "(call $exit (i32.const 7)) unreachable", (422, "exit code 7\"")),
    ("initialize", "exit-in-a-loop", "(loop $l (call $exit (i32.const 1)) (br $l))", (422, "exit code 1\"")),
    ("initialize", "allocates", "(drop (call $execute (i32.const 0) (i32.const 0)))", PUBLIC),
    ("maker", "zero", "(i32.const 0)", BAD_ANSWER),
    ("maker", "minus-one", "(i32.const -1)", BAD_ANSWER),
    ("maker", "beyond-memory", "(i32.const 0x10000)", BAD_ANSWER),
    ("maker", "over-its-own-data", "(i32.const 24)", BAD_ANSWER),
    ("maker", "the-same-twice", "(i32.const 2048)", BAD_ANSWER),
    ("maker", "trap", "unreachable", TRAPPED),
    ("maker", "loop", "(loop $l (br $l)) (i32.const 8)", OUT_OF_FUEL),
    ("maker", "recursion", "(call $body (local.get $size) (i32.const 1))", TRAPPED),
    ("maker", "quits", "(call $quit (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)) unreachable", (422, "\"aborted\"")),
    ("hidden-maker", "zero", "(i32.const 0)", BAD_ANSWER),
    ("hidden-maker", "beyond-memory", "(i32.const 0x10000)", BAD_ANSWER),
    ("hidden-maker", "a-header-before-memory", "(i32.const 16)", BAD_ANSWER),
    ("hidden-maker", "links-far-away", "(i64.store (i32.const 2032) (i64.const -8)) (i32.const 2048)", TRAPPED),
    ("hidden-maker", "the-same-twice", "(i32.const 2048)", NOTHING),
    ("script-start", "quits", "(call $quit (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)) unreachable", (422, "\"aborted\"")),
    (
        "script-initialize",
        "quits",
        "(call $quit (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)) unreachable",
        (422, "\"aborted\""),
    ),
    (
        "script-initialize",
        "quits-with-lies",
        "(call $quit (i32.const -1) (i32.const 0x80000000) (i32.const -1) (i32.const -1))",
        (422, "\"aborted\""),
    ),
    ("plugin-start", "trap", "unreachable", TRAPPED),
    ("plugin-start", "loop", "(loop $l (br $l))", OUT_OF_FUEL),
];

const PLACES: [(&str, &str); 8] = [
    (
        "allocator",
        "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1) (data (i32.const 16) \"public\")
         (func $body (export \"allocate\") (param $size i32) (result i32) BODY)
         (func $execute (export \"execute\") (param i32 i32) (result i64) (i64.const 0x1000000006))",
    ),
    (
        "start",
        "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1) (data (i32.const 16) \"public\")
         (func $body BODY) (start $body) (func $execute (export \"execute\") (param i32 i32) (result i64) (i64.const 0x1000000006))",
    ),
    (
        "initialize",
        "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32))) (memory (export \"memory\") 1) (data (i32.const 16) \"public\")
         (func $body (export \"_initialize\") BODY)
         (func $execute (export \"execute\") (param i32 i32) (result i64) (i64.const 0x1000000006))",
    ),
    (
        "maker",
        "(import \"env\" \"abort\" (func $quit (param i32 i32 i32 i32))) (memory (export \"memory\") 1)
         (func $body (export \"__new\") (param $size i32) (param i32) (result i32) BODY)
         (func (export \"__pin\") (param i32) (result i32) (local.get 0)) (func (export \"execute\") (param i32) (result i32) (local.get 0))",
    ),
    // It begins as the function of AssemblyScript's runtime does by which objects are made.
    (
        "hidden-maker",
        "(import \"env\" \"abort\" (func (param i32 i32 i32 i32))) (memory (export \"memory\") 1)
         (func $body (param $size i32) (param i32) (result i32) (drop (i32.gt_u (local.get 0) (i32.const 1073741804))) BODY)
         (func (export \"execute\") (param i32) (result i32) (local.get 0))",
    ),
    (
        "script-start",
        "(import \"env\" \"abort\" (func $quit (param i32 i32 i32 i32))) (memory (export \"memory\") 1)
         (func $body BODY) (start $body) (func (export \"execute\") (param i32) (result i32) (local.get 0))",
    ),
    (
        "script-initialize",
        "(import \"env\" \"abort\" (func $quit (param i32 i32 i32 i32))) (memory (export \"memory\") 1)
         (func $body (export \"_initialize\") BODY) (func (export \"execute\") (param i32) (result i32) (local.get 0))",
    ),
    (
        "plugin-start",
        "(import \"extism:host/env\" \"alloc\" (func (param i64) (result i64))) (memory (export \"memory\") 1)
         (func $body BODY) (start $body) (func (export \"attack\") (result i32) (i32.const 0))",
    ),
];

/// The modules of [`BEGINNINGS`], and their lies.
fn beginnings() -> (Vec<(String, String)>, Vec<Lie>) {
    let (mut texts, mut lies) = (Vec::new(), Vec::new());
    for (place, name, body, expected) in BEGINNINGS {
        let (_, text) = PLACES.iter().find(|(name, _)| *name == place).expect("a place");
        let id = format!("{place}-{name}");
        texts.push((id.clone(), text.replace("BODY", body)));
        lies.push(Lie("N2", id, "begins".to_owned(), b"input".to_vec(), expected));
    }
    (texts, lies)
}

/// Strings of AssemblyScript: a letter says what is done with them.
fn strings() -> Vec<Lie> {
    let cases: [(&str, char, u32, u32, Expected); 30] = [
        ("a-string", 'r', 1008, 0, PUBLIC),
        ("another-class", 'r', 1108, 0, BAD_ANSWER),
        ("a-huge-length", 'r', 1208, 0, BAD_ANSWER),
        ("a-negative-length", 'r', 1308, 0, BAD_ANSWER),
        ("an-odd-length", 'r', 1408, 0, (200, "o")),
        ("half-pairs", 'r', 1508, 0, (200, "\u{fffd}o\u{fffd}\u{fffd}")),
        ("half-a-unit", 'r', 1608, 0, NOTHING),
        ("zero", 'r', 0, 0, NO_ANSWER),
        ("a-header-before-memory", 'r', 1, 0, BAD_ANSWER),
        ("a-header-nearly-in-memory", 'r', 19, 0, BAD_ANSWER),
        ("a-header-at-the-beginning", 'r', 20, 0, BAD_ANSWER),
        ("the-end", 'r', 0x40000, 0, BAD_ANSWER),
        ("past-the-end", 'r', 0x40001, 0, BAD_ANSWER),
        ("just-past-the-header", 'r', 0x40008, 0, BAD_ANSWER),
        ("minus-one", 'r', MINUS_ONE, 0, BAD_ANSWER),
        ("minus-four", 'r', MINUS_ONE - 3, 0, BAD_ANSWER),
        ("the-sign", 'r', SIGN, 0, BAD_ANSWER),
        ("quits", 'a', 1008, 1008, (422, "public (public:4294967295:4294967295)")),
        ("quits-without-words", 'a', 0, 0, (422, "the program aborted\"")),
        ("quits-far-away", 'a', MINUS_ONE, SIGN, (422, "the program aborted\"")),
        ("quits-with-another-class", 'a', 1108, 1108, (422, "the program aborted\"")),
        ("quits-at-great-length", 'a', 1208, 1308, (422, "the program aborted\"")),
        ("quits-with-half-pairs", 'a', 1508, 1508, (422, "\u{fffd}o\u{fffd}\u{fffd} (\u{fffd}o\u{fffd}\u{fffd}:")),
        ("quits-with-controls", 'a', 1708, 1408, (422, "\\u001b[2J\\n\\u0000 (o:")),
        ("logs-half-pairs", 'l', 1508, 0, PUBLIC),
        ("logs-no-string", 'l', MINUS_ONE, 0, PUBLIC),
        ("logs-at-great-length", 'l', 1208, 0, PUBLIC),
        ("traces-everything", 't', 1008, i32::MAX as u32, PUBLIC),
        ("traces-less-than-nothing", 't', 1508, MINUS_ONE, PUBLIC),
        ("traces-no-string", 't', SIGN, 5, PUBLIC),
    ];
    let lie = |(name, what, one, other, expected): (&str, char, u32, u32, Expected)| {
        Lie("N3", "script".to_owned(), name.to_owned(), format!("{what}{one:08x}{other:08x}").into_bytes(), expected)
    };
    cases.map(lie).into()
}

const ALLOC: u8 = 0;
const LENGTH: u8 = 1;
const LOAD_U8: u8 = 2;
const LOAD_U64: u8 = 3;
const VAR_GET: u8 = 4;
const CONFIG_GET: u8 = 5;
const STORE_U64: u8 = 6;
const STORE_U8: u8 = 7;
const OUTPUT_SET: u8 = 8;
const ERROR_SET: u8 = 9;
const VAR_SET: u8 = 10;
const LOG: u8 = 11;
const FREE: u8 = 12;
const CODE: u8 = 13;
/// What the step before gave is added to the first number, or to the second.
const LAST: u8 = 0x80;
const LAST_SECOND: u8 = 0x40;

/// Where the kernel has its first variable if it was given five steps, one block of eight bytes, and the variable of that.
const RING_PAIR: i64 = 128;

/// One step of a plugin.
type Step = (u8, i64, i64);

/// What plugins ask of Extism's kernel.
fn plugins() -> Vec<Lie> {
    let far = 1 << 40;
    let cases: Vec<(&str, Vec<Step>, Expected)> = vec![
        ("nothing", vec![], NOTHING),
        ("output-far-away", vec![(OUTPUT_SET, far, 10)], TRAPPED),
        ("output-too-long", vec![(OUTPUT_SET, 16, far)], TRAPPED),
        ("output-minus-one", vec![(OUTPUT_SET, -1, -1)], TRAPPED),
        ("output-whose-end-is-its-beginning", vec![(OUTPUT_SET, 16, -8)], TRAPPED),
        ("output-across-the-end", vec![(OUTPUT_SET, 65_530, 10)], TRAPPED),
        ("output-of-4-gib-and-nothing", vec![(OUTPUT_SET, 1 << 32, 0)], TRAPPED),
        ("all-of-the-kernel", vec![(OUTPUT_SET, 0, 65_536)], OWN),
        ("freed-twice", vec![(ALLOC, 100, 0), (FREE | LAST, 0, 0), (FREE | LAST, 0, 0), (ALLOC, 100, 0), (ALLOC, 100, 0)], NOTHING),
        ("free-of-no-block", vec![(FREE, -1, 0), (FREE, 3, 0), (FREE, far, 0), (FREE, 0, 0), (FREE, 17, 0)], NOTHING),
        ("alloc-of-everything", vec![(ALLOC, -1, 0), (ALLOC, far, 0), (ALLOC, 0xffff_0000, 0), (ALLOC, 1 << 26, 0)], NOTHING),
        ("loads-anywhere", vec![(LOAD_U64, -1, 0), (LOAD_U64, 65_529, 0), (LOAD_U8, far, 0), (LENGTH, -9, 0), (LENGTH, 16, 0)], NOTHING),
        ("stores-anywhere", vec![(STORE_U64, -8, -1), (STORE_U64, 65_530, -1), (STORE_U8, far, -1), (STORE_U64, 0, -1)], NOTHING),
        ("error-that-is-no-block", vec![(ERROR_SET, 3, 0)], FAILED),
        ("error-far-away", vec![(ERROR_SET, far, 0)], TRAPPED),
        ("error-minus-one", vec![(ERROR_SET, -1, 0)], TRAPPED),
        ("error-that-was-freed", vec![(ALLOC, 8, 0), (ERROR_SET | LAST, 0, 0), (FREE | LAST, 0, 0)], FAILED),
        ("error-that-is-no-text", vec![(ALLOC, 8, 0), (STORE_U64 | LAST, 0, -2), (ERROR_SET | LAST, 0, 0)], FAILED),
        (
            "error-that-is-text",
            vec![(ALLOC, 6, 0), (STORE_U64 | LAST, 0, i64::from_le_bytes(*b"public\0\0")), (ERROR_SET | LAST, 0, 0)],
            (422, "\"public\""),
        ),
        ("error-of-a-lying-length", vec![(ALLOC, 8, 0), (STORE_U64 | LAST, -8, -1), (ERROR_SET | LAST, 0, 0)], FAILED),
        ("code-of-minus-one", vec![(CODE, -1, 0)], (422, "4294967295")),
        ("head-of-a-block", vec![(ALLOC, 100, 0), (STORE_U64 | LAST, -8, -1), (FREE | LAST, 0, 0), (ALLOC, 100, 0)], NOTHING),
        (
            "free-list-into-itself",
            vec![(ALLOC, 100, 0), (FREE | LAST, 0, 0), (STORE_U64 | LAST | LAST_SECOND, 0, 0), (ALLOC, 1_000, 0)],
            NOTHING,
        ),
        ("free-list-far-away", vec![(ALLOC, 100, 0), (FREE | LAST, 0, 0), (STORE_U64 | LAST, 0, -16), (ALLOC, 1_000, 0)], TRAPPED),
        ("free-list-before-memory", vec![(ALLOC, 100, 0), (FREE | LAST, 0, 0), (STORE_U64 | LAST, 0, 1), (ALLOC, 1_000, 0)], TRAPPED),
        (
            "variables-without-blocks",
            vec![(VAR_SET, -1, -1), (VAR_GET, -1, 0), (VAR_SET, 0, 0), (VAR_GET, 3, 0), (VAR_GET, far, 0)],
            NOTHING,
        ),
        ("variables-too-large", vec![(ALLOC, 1 << 21, 0), (VAR_SET | LAST | LAST_SECOND, 0, 0)], (422, "Variable store is full")),
        (
            "variables-in-a-ring",
            vec![
                (ALLOC, 8, 0),
                (VAR_SET | LAST | LAST_SECOND, 0, 0),
                (ALLOC, 16, 0),
                (STORE_U64, RING_PAIR, RING_PAIR),
                (VAR_GET | LAST, 0, 0),
            ],
            OUT_OF_FUEL,
        ),
        ("configuration-of-no-block", vec![(CONFIG_GET, -1, 0), (CONFIG_GET, 0, 0), (CONFIG_GET, far, 0)], NOTHING),
        ("logs-no-block", vec![(LOG, 0, 0), (LOG, 3, 0)], NOTHING),
        ("logs-far-away", vec![(LOG, far, 0)], NOTHING),
        ("logs-minus-one", vec![(LOG, -1, 0)], TRAPPED),
        ("does-what-nobody-has", vec![(0x3f, 0, 0)], TRAPPED),
    ];
    let encoded = |steps: &[Step]| -> Vec<u8> {
        let step = |(what, one, other): &Step| [&[*what][..], &one.to_le_bytes(), &other.to_le_bytes()].concat();
        steps.iter().flat_map(step).collect()
    };
    let lie = |(name, steps, expected): (&str, Vec<Step>, _)| Lie("N4", "plugin".to_owned(), name.to_owned(), encoded(&steps), expected);
    let mut lies: Vec<Lie> = cases.into_iter().map(lie).collect();
    for (name, request, body) in [("nothing", 0_i64, 0_i64), ("no-blocks", 3, 17), ("far-away", far, far), ("minus-one", -1, -1)] {
        let input = [request.to_le_bytes(), body.to_le_bytes()].concat();
        let expected = if (0..16).contains(&request) { FAILED } else { TRAPPED };
        lies.push(Lie("N4", "plugin-requests".to_owned(), format!("requests-{name}"), input, expected));
    }
    lies
}

/// What programs read and write.
fn programs() -> Vec<Lie> {
    // A file, the parts, how many, where to say what was written; then parts.
    let cases: [(&str, &[u32], Expected); 19] = [
        ("writes", &[1, 1040, 1, 8, 16, 6], PUBLIC),
        ("writes-nothing", &[1, 1040, 0, 8], NOTHING),
        ("parts-at-minus-one", &[1, MINUS_ONE, 1, 8], TRAPPED),
        ("parts-at-the-sign", &[1, SIGN, 1, 8], TRAPPED),
        ("parts-across-the-end", &[1, (1 << 25) - 4, 1, 8], TRAPPED),
        ("parts-without-end", &[1, 1040, MINUS_ONE, 8], TRAPPED),
        ("a-part-at-minus-one", &[1, 1040, 1, 8, MINUS_ONE, 1], TRAPPED),
        ("a-part-of-minus-one", &[1, 1040, 1, 8, 16, MINUS_ONE], OUT_OF_MEMORY),
        ("a-part-of-2-gib", &[1, 1040, 1, 8, 16, SIGN], OUT_OF_MEMORY),
        ("parts-of-4-gib-together", &[1, 1040, 2, 8, 16, SIGN, 16, SIGN], OUT_OF_MEMORY),
        ("a-part-across-the-end", &[1, 1040, 1, 8, (1 << 25) - 4, 8], TRAPPED),
        ("told-at-minus-one", &[1, 1040, 1, MINUS_ONE, 16, 6], TRAPPED),
        ("no-such-file", &[77, 1040, 1, 8, 16, 6], NOTHING),
        ("the-file-minus-one", &[MINUS_ONE, 1040, 1, 8, 16, 6], NOTHING),
        ("errors-far-away", &[2, MINUS_ONE, MINUS_ONE, MINUS_ONE], TRAPPED),
        ("errors-of-minus-one", &[2, 1040, 1, 8, 16, MINUS_ONE], (502, "\"status\":502")),
        ("exits", &[99, 3], (422, "exit code 3\"")),
        ("exits-well", &[99, 0], NOTHING),
        ("exits-with-minus-one", &[99, MINUS_ONE], (422, "exit code 4294967295\"")),
    ];
    let lie = |(name, numbers, expected): (&str, &[u32], _)| Lie("N5", "program".to_owned(), name.to_owned(), words(numbers), expected);
    let mut lies: Vec<Lie> = cases.map(lie).into();
    for (name, complaint, words) in [
        ("nothing", Vec::new(), "exit code 1"),
        ("no-text", b"no \xff\xfe caf\xe9\n".to_vec(), "exit code 1: no ?? caf?\""),
        ("controls", b"\x1b[2J\0\r\nforged\n".to_vec(), "\\u001b[2J\\u0000\\r\\nforged\""),
        ("a-cut-character", format!("x{}", "\u{e9}".repeat(700)).into_bytes(), "\u{e9}\""),
        ("parts-of-characters", vec![0x80; 1500], "exit code 1"),
        ("beginnings-of-characters", vec![0xf0; 1500], "exit code 1: ???"),
    ] {
        lies.push(Lie("N5", "program-fails".to_owned(), format!("complains-of-{name}"), complaint, (422, words)));
    }
    let alone = |module: &str, expected| Lie("N5", module.to_owned(), "begins".to_owned(), b"input".to_vec(), expected);
    lies.extend([alone("program-without-end", OUT_OF_MEMORY), alone("program-reads-anywhere", TRAPPED)]);
    lies
}

/// The same lies by modules that look as if Go had made them: those share their memory with nobody, and what they say is copied.
fn set_apart(texts: &mut Vec<(String, String)>, lies: &mut Vec<Lie>) {
    let is_apart =
        |name: &str| ["c-string", "plugin", "program", "program-fails", "program-without-end", "program-reads-anywhere"].contains(&name);
    let of_go = |(name, text): &(String, String)| (format!("{name}-apart"), format!("(@custom \"go:buildid\" \"\") {text}"));
    texts.extend(texts.iter().filter(|(name, _)| is_apart(name)).map(of_go).collect::<Vec<_>>());
    let again = lies.iter().filter(|lie| is_apart(&lie.1));
    let again =
        again.map(|Lie(card, module, name, input, expected)| Lie(card, format!("{module}-apart"), name.clone(), input.clone(), *expected));
    lies.extend(again.collect::<Vec<_>>());
}

/// Exports a module, and gives the part of a manifest that serves it.
fn served((name, text): &(String, String), directory: &Path) -> String {
    let (file, out) = (directory.join(format!("{name}.wasm")), directory.join(name));
    let module = wat::parse_str(format!("(module {text})")).unwrap_or_else(|error| unreachable!("{name}: {error}"));
    fs::write(&file, module).expect("it is written");
    let ended = run(&["export", &file.to_string_lossy(), "-o", &out.to_string_lossy(), "--name", "spell"]);
    assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
    let source = out.join("spell.wasm");
    let source = source.display();
    format!("[[trigger.http]]\nroute = \"/{name}\"\ncomponent = \"{name}\"\n\n[component.{name}]\nsource = \"{source}\"\n{LIMITS}\n")
}

/// What is wrong with an answer, if anything.
fn complaint(answer: &Answer, (status, words): Expected) -> Result<(), String> {
    let text = answer.text();
    let is_problem = || answer.header("content-type") == Some("application/problem+json") && answer.json()["status"] == status;
    let is_right = answer.is_whole && answer.status == status && text.contains(words) && (status == 200 || is_problem());
    let is_plain = status == 200 || !text.trim_end().contains(char::is_control);
    match is_right && is_plain && !text.contains(SECRET.trim()) {
        true => Ok(()),
        false => Err(format!("answered {} (whole: {}): {}", answer.status, answer.is_whole, text.chars().take(200).collect::<String>())),
    }
}

#[test]
fn modules_that_lie_harm_nobody_and_learn_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let (more, of_beginnings) = beginnings();
    let (mut texts, mut lies): (_, Vec<Lie>) =
        (modules("abi"), [places(), strings(), plugins(), programs()].into_iter().flatten().collect());
    set_apart(&mut texts, &mut lies);
    texts.extend(more);
    lies.extend(of_beginnings);
    let told: BTreeSet<&str> = lies.iter().map(|Lie(_, module, ..)| module.as_str()).collect();
    assert_eq!(told, texts.iter().map(|(name, _)| name.as_str()).collect(), "each module is told to lie");

    let share = texts.len().div_ceil(EXPORTS_AT_A_TIME);
    let parts: Vec<String> = thread::scope(|scope| {
        let export = |some: &[(String, String)]| some.iter().map(|module| served(module, directory.path())).collect::<Vec<_>>();
        let running: Vec<_> = texts.chunks(share).map(|some| scope.spawn(move || export(some))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("they are exported")).collect()
    });
    for some in parts.chunks(COMPONENTS_AT_A_TIME) {
        drop(Setup::new(&app(some)).start());
    }
    let mut arena = Arena::start(&[], &[parts, vec![component("other", "p2", "")]].concat(), "");
    let mut wrong = Vec::new();
    for Lie(card, module, name, input, expected) in lies {
        let verdict = arena.judge(card, &format!("{module}-{name}"), |host| {
            let cast = |input: &[u8]| host.app.request("POST", &format!("/{module}")).body(input.to_vec()).send();
            drop(cast(SECRET.repeat(100).as_bytes()));
            complaint(&cast(&input), expected)?;
            let next = host.app.get("/other/hello");
            if next.text() == "hello" { Ok(()) } else { Err(format!("the next request was answered {}", next.status)) }
        });
        wrong.extend(verdict.err());
    }
    assert!(wrong.is_empty(), "{} lies did harm:\n{}", wrong.len(), wrong.join("\n"));
    arena.close();
}
