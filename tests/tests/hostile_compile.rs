//! Cards C: components that are made to be expensive to compile, broken ones, and things that are none.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "functions beside the tests are tests as well")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use spell_tests::{Ended, Setup, app, guest, run_with_input, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const OPERATOR: &str = "[compile]\ncpu_time = \"2s\"\ntime = \"10s\"\nmemory = \"768MiB\"\n";
/// What a start may take over its limits.
const TIME_MAX: Duration = Duration::from_secs(30);

fn manifest(source: &Path) -> String {
    app(&[format!("[[trigger.http]]\nroute = \"/...\"\ncomponent = \"guest\"\n\n[component.guest]\nsource = \"{}\"\n", source.display())])
}

fn setup(bytes: &[u8], operator: &str) -> Setup {
    let setup = Setup::new("").with_own_code();
    let path = setup.directory().join("guest.wasm");
    fs::write(&path, bytes).expect("write");
    setup.manifest(&manifest(&path)).operator(operator)
}

/// The host gave up with one of these reasons, in time and in its own words.
fn assert_refused(card: &str, name: &str, ended: &Ended, reasons: &[&str], took: Duration) {
    let is_clear =
        ended.code == Some(1) && ended.stderr.contains("component \"guest\"") && reasons.iter().any(|reason| ended.stderr.contains(reason));
    let is_clean = !ended.stderr.contains("panicked") && !ended.stderr.contains('\u{1b}');
    assert!(is_clear && is_clean && took < TIME_MAX, "{name}, {took:?}: {:?} {}", ended.code, ended.stderr);
    println!(
        "{}",
        json!({ "card": card, "variant": name, "verdict": "contained", "took_ms": took.as_millis(), "reason": ended.stderr.lines().last() })
    );
}

/// A component around these items of a core module, with a handler that cannot be reached without compiling them.
fn around(items: &str) -> Vec<u8> {
    let text = format!("(component (core module $guest {items}) (core instance (instantiate $guest)))");
    wat::parse_str(text).expect("text")
}

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect()
}

/// Which limit a module meets first depends on the machine; one that meets none is refused for having no handler.
const ANY_REASON: &[&str] = &["compile-limit", "not a valid component", "needs more memories", "exports no HTTP handler"];

/// Compiling it takes long, or much; it has no handler, so that it is refused as well where it compiles.
struct Bomb {
    card: &'static str,
    name: &'static str,
    /// One of them must be given.
    reasons: Vec<&'static str>,
    bytes: Vec<u8>,
}

fn bombs() -> Vec<Bomb> {
    let modules = modules().into_iter().map(|(name, items)| Bomb { card: "C2", name, reasons: ANY_REASON.to_vec(), bytes: around(&items) });
    let components = components().into_iter().map(|(card, name, reason, text)| {
        let bytes = wat::parse_str(text).expect("text");
        Bomb { card, name, reasons: vec![reason], bytes }
    });
    modules.chain(components).collect()
}

/// Items of core modules.
fn modules() -> Vec<(&'static str, String)> {
    let table = |width: usize| format!("(func (param i32) block local.get 0 br_table {} end)", "0 ".repeat(width));
    let export = |index: usize| format!("(export \"{}{index}\" (func $f))", "x".repeat(5_000));
    let row = |before: &str, item: &str| format!("{before} {})", item.repeat(300_000));
    #[rustfmt::skip]
    let modules = vec![
        ("one-function-of-megabytes", format!("(func {})", "(drop (i32.const 1))".repeat(1_500_000))),
        ("hundred-thousand-functions", "(func (drop (i32.const 1)))".repeat(100_000)),
        ("millions-of-locals", format!("(type $t (func)) {}", "(func (type $t) (local i64 i64 i64 i64 i64 i64 i64 i64))".repeat(50_000))),
        ("fifty-thousand-locals", format!("(func (local {}))", "i64 ".repeat(49_999))),
        ("a-hundred-thousand-blocks-deep", format!("(func {} {})", "block ".repeat(100_000), "end ".repeat(100_000))),
        ("wide-branch-table", table(60_000)),
        ("branch-tables-by-the-thousand", repeated(500, |_| table(2_000))),
        ("everything-lives-until-the-end", live_ranges(3_000)),
        ("hundred-thousand-types", repeated(100_000, |index| format!("(type (func (param {})))", "i32 ".repeat(index % 40)))),
        ("exports-with-long-names", format!("(func $f) {}", repeated(2_000, export))),
        ("fifty-thousand-data-segments", format!("(memory 1) {}", "(data (i32.const 0) \"x\")".repeat(50_000))),
        ("large-tables-of-elements", format!("(table 100000 funcref) (func $f) (elem (i32.const 0) {})", "$f ".repeat(100_000))),
        ("calls-in-a-row", row("(func $f (param i32) (result i32) local.get 0) (func (result i32) i32.const 0", "call $f ")),
        ("arithmetic-in-a-row", row("(func (param f64) (result f64) local.get 0", "f64.sqrt f64.neg ")),
        ("memory-accesses-in-a-row", row("(memory 1) (func (param i32) (result i32) local.get 0", "i32.load ")),
        ("many-results", format!("(func (result {}) unreachable)", "i64 ".repeat(1_000))),
    ];
    modules
}

/// Whole components, with their cards and the one reason for which each is refused.
fn components() -> Vec<(&'static str, &'static str, &'static str, String)> {
    const COMPILES: &str = "exports no HTTP handler";
    const TOO_LARGE_A_TYPE: &str = "effective type size exceeds the limit";
    let doubled = repeated(40, |index| format!("(type $t{} (tuple $t{index} $t{index}))", index + 1));
    let exports = |from: usize| repeated(8, |index| format!("(export \"x{index}\" (instance $i{from}))"));
    let instances = repeated(60, |index| format!("(instance $i{} {})", index + 1, exports(index)));
    let (cases, flags) = (repeated(10_000, |index| format!("(case \"c{index}\")")), repeated(1_000, |index| format!("\"f{index}\" ")));
    #[rustfmt::skip]
    let components = vec![
        ("C3", "nested-components", COMPILES, format!("{}{}", "(component ".repeat(90), ")".repeat(90))),
        ("C3", "types-that-double", TOO_LARGE_A_TYPE, format!("(component (type $t0 (tuple u8 u8)) {doubled})")),
        ("C3", "instances-that-multiply", TOO_LARGE_A_TYPE, format!("(component (instance $i0) {instances})")),
        ("C3", "thousand-instances", "contains 900 core module instances", format!("(component (core module $m (memory 1)) {})", "(core instance (instantiate $m))".repeat(900))),
        ("C3", "ten-thousand-cases", COMPILES, format!("(component (type (variant {cases})))")),
        ("C3", "thousand-flags", "cannot have more than 32 flags", format!("(component (type (flags {flags})))")),
        ("C6", "custom-sections-of-megabytes", COMPILES, format!("(component (@custom \"x\" \"{}\"))", "y".repeat(20_000_000))),
    ];
    components
}

/// A function that computes many values and uses all of them at the end, across a branch each.
fn live_ranges(count: usize) -> String {
    let make = repeated(count, |index| {
        format!("local.get 0 i64.const {index} i64.mul local.set {} block local.get 0 i64.eqz br_if 0 end ", index + 1)
    });
    let take = repeated(count, |index| format!("local.get {} i64.add ", index + 1));
    format!("(func (param i64) (result i64) (local {}) {make} i64.const 0 {take})", "i64 ".repeat(count))
}

#[test]
fn expensive_components_are_refused_in_time() {
    for Bomb { card, name, reasons, bytes } in bombs() {
        let started = Instant::now();
        let ended = setup(&bytes, OPERATOR).fail();
        assert_refused(card, name, &ended, &reasons, started.elapsed());
    }
}

#[test]
fn every_limit_of_compiling_is_met_and_named() {
    let large = around(&format!("(func (param f64) (result f64) local.get 0 {})", "f64.sqrt f64.neg ".repeat(1_000_000)));
    for (limit, operator, reason) in [
        ("cpu_time", "[compile]\ncpu_time = \"1s\"\n", "took more CPU time than 1s (`compile.cpu_time`)"),
        ("time", "[compile]\ntime = \"200ms\"\n", "took longer than 200ms (`compile.time`)"),
        ("memory", "[compile]\nmemory = \"256MiB\"\n", "needed more memory than 256 MiB (`compile.memory`)"),
    ] {
        let started = Instant::now();
        assert_refused("C2", limit, &setup(&large, operator).fail(), &[reason], started.elapsed());
    }
    // The same component is only refused for what it is once it may take what it needs.
    let ended = setup(&large, "[compile]\ncpu_time = \"10m\"\ntime = \"10m\"\nmemory = \"8GiB\"\n").fail();
    assert_refused("C2", "unprotected", &ended, &["exports no HTTP handler"], Duration::ZERO);
}

/// The compilers that the hosts started from a directory have running now.
fn compilers(directory: &Path) -> Vec<Pid> {
    let read = |process: &str, file: &str| fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let is_ours = |process: &str| {
        let parent = read(process, "status").lines().find_map(|line| line.strip_prefix("PPid:").map(|id| id.trim().to_owned()));
        let of_ours = |parent: &str| read(parent, "cmdline").contains(&*directory.to_string_lossy());
        read(process, "cmdline").contains("compile-worker") && parent.is_some_and(|parent| of_ours(&parent))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    processes.filter(|process| is_ours(process)).filter_map(|process| Pid::from_raw(process.parse().ok()?)).collect()
}

#[test]
fn a_compiler_that_is_killed_is_a_refusal_and_no_more() {
    let setup = setup(&around(&format!("(func (param f64) (result f64) local.get 0 {})", "f64.sqrt f64.neg ".repeat(1_000_000))), "");
    let directory = setup.directory().to_owned();
    let ended = thread::scope(|scope| {
        let starting = scope.spawn(|| setup.fail());
        wait_until("the compiler", || compilers(&directory).into_iter().any(|compiler| kill_process(compiler, Signal::KILL).is_ok()));
        starting.join().expect("end")
    });
    assert_refused("K2", "killed", &ended, &["compile-limit: compiling it was ended from outside"], Duration::ZERO);
}

#[test]
fn what_is_no_component_is_told_what_it_is() {
    let component = fs::read(guest("hello_p2")).expect("guest");
    let mut flipped = component.clone();
    flipped[2_000] ^= 0x40;
    let version_two = [b"\0asm\x02\0\0\0", &component[8..]].concat();
    #[rustfmt::skip]
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "not a WebAssembly file"),
        ("text-format", b"(component)".to_vec(), "not a WebAssembly file"),
        ("program-of-the-machine", fs::read("/proc/self/exe").expect("program"), "not a WebAssembly file"),
        ("compressed", [b"\x1f\x8b\x08".as_slice(), &component].concat(), "not a WebAssembly file"),
        ("after-a-byte", [b" ".as_slice(), &component].concat(), "not a WebAssembly file"),
        ("core-module", b"\0asm\x01\0\0\0".to_vec(), "a core WebAssembly module"),
        ("unknown-version", version_two, "an unknown version of WebAssembly"),
        ("only-the-preamble", b"\0asm\x0d\0\x01\0".to_vec(), "exports no HTTP handler"),
        ("cut-short", component[..component.len() / 2].to_vec(), "not a valid component"),
        ("with-more-behind", [component.as_slice(), b"\0asm\x0d\0\x01\0"].concat(), "not a valid component"),
        ("name-with-escapes", around("(func (export \"\\1b[31m\\1b]0;x\\07\\0d\"))"), "exports no HTTP handler"),
        ("unknown-import", wat::parse_str("(component (import \"wasi:nn/graph@0.2.0\" (instance (export \"load\" (func)))) (instance (export \"handle\")) (export \"wasi:http/incoming-handler@0.2.0\" (instance 1)))").unwrap_or_default(), "guest"),
    ];
    for (name, bytes, reason) in cases {
        let started = Instant::now();
        assert_refused("C5", name, &setup(&bytes, "").fail(), &[reason], started.elapsed());
    }
}

/// The compiler is the one that reads a stranger's bytes: whatever they are, it ends in one of two ways.
#[test]
fn broken_components_never_break_the_compiler() {
    let long = std::env::var_os("SPELL_TORTURE").is_some();
    let component = fs::read(guest("hello_p2")).expect("guest");
    let step = if long { 7 } else { 499 };
    let cut = (0..component.len()).step_by(step).map(|length| component[..length].to_vec());
    let flipped = (0..component.len()).step_by(step).map(|position| {
        let mut bytes = component.clone();
        bytes[position] ^= 1 << (position % 8);
        bytes
    });
    let (mut refused, mut compiled) = (0, 0);
    for (bytes, flavour) in cut.chain(flipped).zip(["plain", "concurrent"].iter().cycle()) {
        let ended = run_with_input(&["compile-worker", "524288", flavour, "4294967296", "10"], &bytes);
        let (status, complaint) = (ended.status, String::from_utf8_lossy(&ended.stderr));
        assert!(status.signal().is_none() && !complaint.contains("panicked"), "{status}: {complaint}");
        match status.code() {
            Some(0) => compiled += 1,
            Some(3) if !complaint.is_empty() => refused += 1,
            code => panic!("{code:?}: {complaint}"),
        }
    }
    assert!(refused > 50 && compiled > 0, "{refused} refused, {compiled} compiled");
    println!("{}", json!({ "card": "C1", "variant": "cut-and-flipped", "verdict": "contained", "refused": refused, "compiled": compiled }));
}

#[test]
fn compiled_code_that_was_touched_is_made_anew() {
    let setup = setup(&fs::read(guest("hello_p2")).expect("guest"), "");
    let state = setup.directory().join("kept");
    let host = setup.state_dir(&state).start();
    let (directory, keep) = (host.directory().to_owned(), host.keep_directory());
    assert!(host.app.get("/hello").is_success());
    assert_eq!(host.stop().code, Some(0));
    let code = |state: &Path| fs::read_dir(state.join("code")).expect("code").flatten().map(|file| file.path()).next().expect("a file");
    assert_eq!(fs::metadata(state.join("code.key")).expect("key").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(state.join("code")).expect("directory").permissions().mode() & 0o777, 0o700);
    let whole = fs::read(code(&state)).expect("code");
    let touched = |position: usize| {
        let mut bytes = whole.clone();
        bytes[position] ^= 1;
        bytes
    };
    for (name, bytes) in [
        ("flipped-at-the-beginning", touched(0)),
        ("flipped-in-the-middle", touched(whole.len() / 2)),
        ("flipped-at-the-end", touched(whole.len() - 1)),
        ("cut-short", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("something-else", vec![0x7f; 10_000]),
    ] {
        fs::write(code(&state), bytes).expect("write");
        let host = Setup::of_file(&directory.join("spin.toml")).state_dir(&state).start();
        assert!(host.app.get("/hello").is_success(), "{name}");
        assert!(name == "empty" || host.stderr().contains("does not match its hash"), "{name}: {}", host.stderr());
        assert_eq!(host.stop().code, Some(0));
        assert_eq!(fs::read(code(&state)).expect("code").len(), whole.len(), "{name}: it was made anew");
        println!("{}", json!({ "card": "J2", "variant": name, "verdict": "contained" }));
    }
    drop(keep);
}
