//! docs/abis.md as its reader takes it: each example is built, exported, served and asked with the very lines that stand on the page.
//!
//! It knows how the page is written, and where the compilers are that it calls. It must never know what a program answers.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::page::{ANYTHING, Block, Example, Tools, examples, is_like};
use spell_tests::{Host, Setup, run, workspace};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Where the page says that its examples are served.
const ADDRESS: &str = "http://127.0.0.1:3000";
const SERVE: &str = "spell up -f ";
const EXAMPLES_AT_A_TIME: usize = 2;
/// A debug build takes a minute for the engine of a language, and longer on a busy machine.
const TIME_TO_COMPILE: Duration = Duration::from_mins(10);

fn page() -> String {
    fs::read_to_string(workspace().join("docs/abis.md")).expect("docs/abis.md")
}

/// Follows an example in a directory of its own; what is not as the page says.
fn follow(example: &Example, tools: &Tools, directory: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut host: Option<Host> = None;
    for block in &example.blocks {
        match block {
            Block::File(name, content) => {
                let path = directory.join(name);
                fs::create_dir_all(path.parent().expect("a directory")).expect("directory");
                fs::write(path, content).expect("write");
            }
            Block::Shell(lines) => {
                let (lines, app) = lines.split_once(SERVE).map_or((lines.as_str(), None), |(lines, app)| (lines, Some(app)));
                let (output, is_well) = tools.run(lines, directory);
                if !is_well {
                    return vec![format!("{}: {lines}\n{output}", example.heading)];
                }
                if let Some(app) = app {
                    host = Some(serve(app, directory));
                }
            }
            Block::Console(commands) => {
                for (command, expected) in commands {
                    let address = host.as_ref().map(|host| format!("http://{}", host.app.address));
                    let lines = address.map_or_else(|| command.clone(), |address| command.replace(ADDRESS, &address));
                    let (output, _) = tools.run(&lines, directory);
                    if !is_like(&output, expected) {
                        complaints.push(format!("{}: {command}\nprinted: {output}\nand not: {expected}", example.heading));
                    }
                }
            }
        }
    }
    complaints
}

/// Serves an app as the page says, but at a port that is free.
fn serve(arguments: &str, directory: &Path) -> Host {
    let mut arguments = arguments.split_whitespace();
    let app = directory.join(arguments.next().expect("an app"));
    let setup = Setup::of_file(&app.join("spin.toml")).arguments(&arguments.collect::<Vec<_>>());
    setup.time_to_compile(TIME_TO_COMPILE).start()
}

#[test]
fn every_example_does_what_the_page_says() {
    let examples = examples(&page());
    let directory = tempfile::tempdir().expect("directory");
    // Where the page has its reader's clone of this repository.
    symlink(workspace(), directory.path().join("spell")).expect("link");
    let tools = Tools::new(directory.path());
    // A part of the page alone, while it is written.
    let only = std::env::var("EXAMPLE").unwrap_or_default();
    let numbered: Vec<(usize, &Example)> = examples.iter().enumerate().filter(|(_, example)| example.heading.contains(&only)).collect();
    assert!(!numbered.is_empty(), "no part of the page has {only:?} in its heading");
    let next = AtomicUsize::new(0);
    let follow_one = |(number, example): &(usize, &Example)| {
        let own = directory.path().join(number.to_string());
        fs::create_dir(&own).expect("directory");
        // A host that does not start ends its own example alone.
        let followed = panic::catch_unwind(AssertUnwindSafe(|| follow(example, &tools, &own)));
        followed.unwrap_or_else(|_| vec![format!("{}: it cannot be served", example.heading)])
    };
    let follow_some = || -> Vec<String> {
        let turns = std::iter::from_fn(|| numbered.get(next.fetch_add(1, Ordering::Relaxed)));
        turns.flat_map(follow_one).collect()
    };
    let complaints: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = (0..EXAMPLES_AT_A_TIME).map(|_| scope.spawn(follow_some)).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("it is followed")).collect()
    });
    assert!(complaints.is_empty(), "{} lines of docs/abis.md are wrong:\n{}", complaints.len(), complaints.join("\n"));
}

/// The names in the first cells of a table's rows, and the rows' other cells.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = page.lines().skip_while(|line| *line != heading).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_abi_is_in_the_table_and_has_a_part() {
    let page = page();
    let all = run(&["inspect", "--abi", "none of them", "a.wasm"]).stderr;
    let (_, all) = all.split_once("there are ").unwrap_or_else(|| panic!("no names in {all}"));
    let (all, _) = all.split_once('\n').unwrap_or((all, ""));
    let all: BTreeSet<String> = all.split(", ").map(|name| format!("`{}`", name.trim())).collect();
    let named = rows(&page, "| ABI | What is called | Made by |");
    let named: BTreeSet<String> = named.iter().flat_map(|row| row[0].split(", ").map(str::to_owned)).collect();
    assert_eq!(all, named);
    let headings: String = page.lines().filter(|line| line.starts_with("## ")).collect();
    let missing: Vec<_> = all.iter().filter(|name| !headings.contains(name.trim_matches('`'))).collect();
    assert!(missing.is_empty(), "parts that are missing: {missing:?}");
}

/// Programs that are refused: each in WebAssembly's text, or as it is, with options.
const REFUSED: [(&str, &[&str]); 19] = [
    (
        "(module (import \"wbg\" \"log\" (func)) (memory (export \"memory\") 1) (func (export \"process\") (param i32 i32) (result i64) (i64.const 0)))",
        &[],
    ),
    ("(module (import \"gojs\" \"exit\" (func)) (memory (export \"mem\") 1) (func (export \"run\") (param i32 i32)))", &[]),
    ("(module (import \"a\" \"b\" (func)) (memory (export \"memory\") 1) (func (export \"_start\")))", &[]),
    ("(module (import \"wasi_unstable\" \"fd_write\" (func)) (memory (export \"memory\") 1) (func (export \"_start\")))", &[]),
    ("(module (import \"env\" \"puts\" (func)) (memory (export \"memory\") 1) (func (export \"_start\")))", &[]),
    (
        "(module (import \"extism:host/env\" \"input_length\" (func (result i64))) (import \"extism:host/user\" \"ask\" (func)) (func (export \"process\")))",
        &[],
    ),
    (
        "(component (core module $m (func (export \"run\") (result i32) (i32.const 0))) (core instance $i (instantiate $m)) \
      (func $run (result (result)) (canon lift (core func $i \"run\"))) (instance $run (export \"run\" (func $run))) \
      (export \"wasi:cli/run@0.2.0\" (instance $run)))",
        &[],
    ),
    ("fn main() {}", &[]),
    ("export function execute(text: string): string { return text; }", &[]),
    ("#include <stdio.h>", &[]),
    (
        "(module (memory (export \"memory\") 1) (func (export \"process\") (param i32 i32) (result i64) (i64.const 0)) \
          (@custom \"go.buildid\" \"\"))",
        &[],
    ),
    ("%PDF-1.7", &[]),
    ("(module (memory (export \"memory\") 1) (func (export \"greet\") (param i32) (result i32) (local.get 0)))", &[]),
    ("(module (import \"extism:host/env\" \"input_length\" (func (result i64))) (func (export \"count\")) (func (export \"shout\")))", &[]),
    ("(module (memory (export \"memory\") 1) (func (export \"process\") (param i32) (result i32) (local.get 0)))", &["--entry", "execute"]),
    ("(module (memory (export \"memory\") 1) (func (export \"process\") (param i32) (result i32) (local.get 0)))", &[]),
    ("(module (memory (export \"memory\") 1) (func (export \"process\") (param f64) (result f64) (local.get 0)))", &[]),
    (
        "(module (memory (export \"memory\") 1) (func (export \"process\") (param i32) (result i32) (local.get 0)))",
        &["--abi", "pointer-length"],
    ),
    ("(module (func (export \"process\") (param i32) (result i32) (local.get 0)))", &["--abi", "c-string"]),
];

#[test]
fn every_refusal_on_the_page_is_one_that_is_said() {
    let directory = tempfile::tempdir().expect("directory");
    let (source, target) = (directory.path().join("a.wasm"), directory.path().join("out.wasm"));
    let (source, target) = (source.to_string_lossy().into_owned(), target.to_string_lossy().into_owned());
    let mut said = Vec::new();
    for (program, options) in REFUSED {
        let wasm = if program.starts_with('(') { wat::parse_str(program).expect("a program") } else { program.as_bytes().to_vec() };
        fs::write(&source, wasm).expect("write");
        let ended = run(&[&["adapt", source.as_str(), "-o", target.as_str()], options].concat());
        assert_ne!(ended.code, Some(0), "{program} is not refused");
        said.push(ended.stderr);
    }
    let shown = rows(&page(), "| What is said | Why | What to do |");
    let is_shown = |text: &str, row: &[String]| is_like(text, &format!("{ANYTHING}{}{ANYTHING}", row[0]));
    let not_said: Vec<_> = shown.iter().filter(|row| !said.iter().any(|text| is_shown(text, row))).collect();
    let not_shown: Vec<_> = said.iter().filter(|text| !shown.iter().any(|row| is_shown(text, row))).collect();
    assert!(
        not_said.is_empty() && not_shown.is_empty(),
        "on the page, and not said: {not_said:#?}\nsaid: {said:#?}\nnot shown: {not_shown:#?}"
    );
}
