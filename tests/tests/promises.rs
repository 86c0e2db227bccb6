//! What a platform of this kind promises, line by line: `promises.tsv` names the test that holds the host to each, or the row of
//! docs/scope.md that says why not yet. Those lines that no other test is about are held here, from outside.
//!
//! It knows the lines. It must never know how any is kept.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::page::Tools;
use spell_tests::{Answer, Platform, slow, spells_directory, workspace};
use std::fs;

const PROMISES: &str = include_str!("../promises.tsv");

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

fn built(name: &str) -> Vec<u8> {
    fs::read(spells_directory().join(format!("{name}.wasm"))).expect("run `make components`")
}

fn text(program: &str) -> Vec<u8> {
    wat::parse_str(program).expect("a program")
}

/// Uploads a program and casts it once.
fn cast(platform: &Platform, spell: &str, program: &[u8], input: &Value) -> Answer {
    let uploaded = platform.publish(spell, "1.0.0", program);
    assert_eq!(uploaded.status, 201, "{spell}: {}", uploaded.text());
    platform.cast(spell, input, spell)
}

fn output(answer: &Answer) -> Value {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["output"].clone()
}

fn refused(answer: &Answer, status: u16, detail: &str) {
    let problem = answer.json();
    assert_eq!((answer.status, &problem["detail"]), (status, &json!(detail)), "{problem}");
}

#[test]
fn s0_01_execute_takes_an_address_and_gives_one() {
    let directory = directory();
    let program = fs::read_to_string(workspace().join("components/examples/hello-world.wat")).expect("the example");
    let answer = cast(&Platform::start(&directory), "greet", &text(&program), &json!("Ada"));
    assert_eq!(output(&answer), "Hello, Ada");
}

#[test]
fn s0_02_main_gives_its_exit_code() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let main =
        |code: u32| text(&format!(r#"(module (memory (export "memory") 1) (func (export "main") (result i32) (i32.const {code})))"#));
    assert_eq!(output(&cast(&platform, "well", &main(0), &json!("a"))), "");
    let answer = cast(&platform, "badly", &main(7), &json!("a"));
    refused(&answer, 422, "the program ended with exit code 7");
}

#[test]
fn s0_03_start_runs_as_a_program_of_wasi() {
    let directory = directory();
    let answer = cast(&Platform::start(&directory), "command", &built("wasi-command-c-processed"), &json!("a"));
    assert_eq!(output(&answer), "Processed: a");
}

#[test]
fn s0_05_a_program_that_was_compiled_with_runtime_stub_runs() {
    let directory = directory();
    let answer = cast(&Platform::start(&directory), "stub", &built("assemblyscript-stub-processed"), &json!("Hello WASM!"));
    assert_eq!(output(&answer), "Processed: Hello WASM!");
}

#[test]
fn s0_06_c_strings_of_rust_run() {
    let directory = directory();
    let platform = Platform::start(&directory);
    for name in ["c-string-rust-processed", "c-string-wasi-rust-processed"] {
        assert_eq!(output(&cast(&platform, name, &built(name), &json!("a"))), "Processed: a", "{name}");
    }
}

#[test]
fn s0_08_s0_09_s0_10_the_examples_run_and_their_complaints_reach_the_caller() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let tools = Tools::new(directory.path());
    for name in ["hello-world", "json-transform"] {
        let source = format!("{name}.ts");
        fs::copy(workspace().join("components/examples").join(&source), directory.path().join(&source)).expect("the example");
        let (printed, is_well) = tools.run(&format!("npx asc {source} -o {name}.wasm --optimize"), directory.path());
        assert!(is_well, "{printed}");
        let program = fs::read(directory.path().join(format!("{name}.wasm"))).expect("compiled");
        assert_eq!(platform.publish(name, "1.0.0", &program).status, 201);
    }
    assert_eq!(output(&platform.cast("hello-world", &json!("Ada"), "1")), "Hello, Ada!");
    refused(&platform.cast("hello-world", &json!(""), "2"), 422, "Input is required (hello-world.ts:3:26)");
    refused(&platform.cast("hello-world", &json!("x".repeat(1_000_001)), "3"), 422, "Input too large (hello-world.ts:4:33)");
    let transformed = output(&platform.cast("json-transform", &json!({ "text": "abc" }), "4"));
    assert_eq!(transformed, r#"{"upper":"ABC","length":3}"#);
    let envelope = output(&platform.cast("json-transform", &json!({}), "5"));
    assert_eq!(envelope, r#"{"error":true,"message":"there is no text"}"#, "it is an answer like any other");
}

#[test]
fn s0_16_s0_17_a_spell_has_the_documented_limits_until_it_asks_for_others() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let made = platform.post("/api/spells", &json!({ "key": "a", "name": "a" })).json();
    assert_eq!(made["resourceLimits"], json!({ "maxMemoryMB": 512, "maxExecutionTimeMs": 300_000, "maxOutputSizeBytes": 104_857_600 }));
    let limits = json!({ "maxMemoryMB": 256, "maxExecutionTimeMs": 60_000, "maxOutputSizeBytes": 10_485_760 });
    let made = platform.post("/api/spells", &json!({ "key": "b", "name": "b", "resourceLimits": limits })).json();
    assert_eq!(made["resourceLimits"], limits);
}

#[test]
fn s0_18_s0_27_s0_42_memory_has_an_end_and_is_each_casts_own() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let limits = json!({ "maxMemoryMB": 1 });
    assert_eq!(platform.post("/api/spells", &json!({ "key": "grows", "name": "grows", "resourceLimits": limits })).status, 201);
    // It answers with how often it was called, and grows by what it is given: a page for each byte.
    let grows = text(
        r#"(module (memory (export "memory") 1) (global $calls (mut i32) (i32.const 48))
            (func (export "alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "process") (param $at i32) (param $length i32) (result i64)
                (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                (if (i32.eq (memory.grow (local.get $length)) (i32.const -1)) (then (unreachable)))
                (i32.store8 (i32.const 8) (global.get $calls))
                (i64.const 0x800000001)))"#,
    );
    for key in ["1", "2"] {
        assert_eq!(output(&cast(&platform, "grows", &grows, &json!("aaa"))), "1", "{key}: an instance is used once");
    }
    refused(&platform.cast("grows", &json!("a".repeat(100)), "too-much"), 422, "Memory usage exceeded limit");
}

#[test]
fn s0_19_s0_28_s0_41_a_loop_without_an_end_is_ended() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let limits = json!({ "maxExecutionTimeMs": 200 });
    assert_eq!(platform.post("/api/spells", &json!({ "key": "loops", "name": "loops", "resourceLimits": limits })).status, 201);
    refused(&cast(&platform, "loops", &slow(u64::MAX), &json!("a")), 504, "Execution timeout exceeded");
}

#[test]
fn s0_20_an_answer_above_the_limit_is_not_given() {
    let directory = directory();
    let platform = Platform::start(&directory);
    let limits = json!({ "maxOutputSizeBytes": 1024 });
    assert_eq!(platform.post("/api/spells", &json!({ "key": "says", "name": "says", "resourceLimits": limits })).status, 201);
    let echo = slow(1);
    assert_eq!(output(&cast(&platform, "says", &echo, &json!("a".repeat(1024)))).as_str().map(str::len), Some(1024));
    let answer = platform.cast("says", &json!("a".repeat(1025)), "more");
    assert_eq!((answer.status, answer.json()["limit"].as_str()), (422, Some("response")), "{}", answer.text());
}

#[test]
fn s0_30_s0_32_s0_33_s0_43_s0_44_what_is_no_program_is_refused_in_the_documented_words() {
    let directory = directory();
    let platform = Platform::start(&directory);
    refused(&platform.publish("a", "1.0.0", b"no program"), 422, "Invalid WASM binary: missing magic number");
    let broken = [text("(module (memory (export \"memory\") 1))").as_slice(), b"\x0a\x05\x01\x03\x00\xff\x0b"].concat();
    let answer = platform.upload("a", "1.0.0", &broken);
    assert_eq!(answer.status, 422, "{}", answer.text());
    refused(&platform.cast("a", &json!("a"), "none"), 404, "WASM module not found for spell");
}

#[test]
fn s0_50_the_same_program_and_input_burn_the_same_fuel_and_answer_the_same() {
    let directory = directory();
    let platform = Platform::start(&directory);
    assert_eq!(platform.publish("slow", "1.0.0", &slow(10_000)).status, 201);
    let casts: Vec<Value> = ["1", "2", "3"].map(|key| platform.cast("slow", &json!("a"), key).json()).into();
    for cast in &casts {
        assert_eq!((&cast["output"], &cast["usage"]["fuel"]), (&casts[0]["output"], &casts[0]["usage"]["fuel"]));
    }
}

#[test]
fn s0_51_components_of_the_component_model_run() {
    let directory = directory();
    let answer = cast(&Platform::start(&directory), "typed", &built("typed-rust-processed"), &json!("a"));
    assert_eq!(output(&answer), "Processed: a");
}

/// A name of a test, and the file it is in.
fn is_test(place: &str) -> bool {
    let Some((file, name)) = place.rsplit_once("::") else { return false };
    let content = fs::read_to_string(workspace().join(file)).unwrap_or_default();
    let Some((before, _)) = content.split_once(&format!("fn {name}(")) else { return false };
    let attributes: Vec<&str> = before.lines().rev().take_while(|line| !line.is_empty() && *line != "}").collect();
    attributes.iter().any(|line| line.contains("test]") || line.contains("test(")) && !attributes.iter().any(|line| line.contains("ignore"))
}

#[test]
fn every_promise_has_a_test_that_is_there_or_a_reason() {
    let scope = fs::read_to_string(workspace().join("docs/scope.md")).expect("docs/scope.md");
    let lines: Vec<Vec<&str>> = PROMISES.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    for (number, line) in (1..).zip(&lines) {
        let [id, promise, places] = line[..] else { panic!("three columns: {line:?}") };
        assert_eq!(id, format!("S0-{number}"), "in order, and none is left out");
        assert!(!promise.is_empty(), "{id}");
        for place in places.split(' ') {
            let is_kept = match place.strip_prefix("docs/scope.md#") {
                Some(row) => scope.contains(&format!("| {}", row.replace('_', " "))),
                None => is_test(place),
            };
            assert!(is_kept, "{id}: {place} is not there");
        }
    }
    assert_eq!(lines.len(), 58);
}
