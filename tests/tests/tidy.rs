//! The rules of the house that a compiler does not check: which room may use which, that the documents say what the code does,
//! and that every file is short and says what it is.
//!
//! It knows the repository's files and the tables in the code. It must never start the host.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use serde_json::Value;
use spell_manifest::Setting;
use spell_types::Limit;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LINES_MAX: usize = 400;
/// Folders that are built, installed or stored, not written.
const NOT_OURS: [&str; 4] = ["target", ".git", ".tools", ".spell"];

type Edges = BTreeSet<(String, String)>;

#[test]
fn rooms_depend_on_each_other_as_drawn() {
    let (drawn, actual) = (drawn_edges(), edges(|name| name.starts_with("spell-")));
    let strip = |(room, name): (String, String)| (room, name.trim_start_matches("spell-").to_owned());
    let actual: Edges = actual.into_iter().map(strip).collect();
    let undrawn: Vec<_> = actual.difference(&drawn).collect();
    let unused: Vec<_> = drawn.difference(&actual).collect();
    assert!(undrawn.is_empty(), "edges that ARCHITECTURE.md does not draw: {undrawn:?}");
    assert!(unused.is_empty(), "edges that ARCHITECTURE.md draws and no crate has: {unused:?}");
}

#[test]
fn every_room_is_drawn() {
    let drawn: BTreeSet<String> = drawing().into_keys().collect();
    let rooms: BTreeSet<String> = fs::read_dir(root().join("runtime-host"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(drawn, rooms);
}

#[test]
fn libraries_that_shape_a_room_stay_in_it() {
    let text = read("ARCHITECTURE.md");
    let rows = table_after(&text, "| Library | Rooms |");
    assert!(!rows.is_empty());
    for row in rows {
        let library = unquoted(&row[0]);
        let allowed: BTreeSet<&str> = row[1].split_whitespace().collect();
        let users = edges(|name| name == library);
        let users: BTreeSet<&str> = users.iter().map(|(room, _)| room.as_str()).collect();
        assert_eq!(allowed, users, "rooms that may use {library}, and rooms that do");
    }
}

#[test]
fn the_documented_limits_are_those_of_the_code() {
    let text = read("docs/limits.md");
    let expected: Vec<Vec<String>> = Limit::ALL
        .iter()
        .map(|limit| {
            let default = limit.unit().format(limit.default_value());
            vec![quoted(limit.key()), unit_name(limit.unit()), quoted(&default), limit.meaning().to_owned()]
        })
        .collect();
    assert_tables_equal(&table_after(&text, "| Limit | Unit | Default | Meaning |"), &expected);
}

#[test]
fn the_documented_settings_are_those_of_the_code() {
    let text = read("docs/limits.md");
    let expected: Vec<Vec<String>> = Setting::ALL
        .iter()
        .map(|setting| {
            let (unit, range) = (setting.unit(), setting.range());
            vec![
                quoted(&format!("{}.{}", setting.table(), setting.key())),
                unit_name(unit),
                quoted(&unit.format(setting.default_value())),
                format!("`{}` to `{}`", unit.format(*range.start()), unit.format(*range.end())),
                setting.meaning().to_owned(),
            ]
        })
        .collect();
    assert_tables_equal(&table_after(&text, "| Setting | Unit | Default | Range | Meaning |"), &expected);
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for file in files(&root(), "md").into_iter().filter(|file| !file.starts_with(root().join("wit/deps"))) {
        let text = fs::read_to_string(&file).unwrap();
        for link in links(&text) {
            let target = link.split('#').next().unwrap_or_default();
            let is_elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !is_elsewhere && !file.parent().unwrap().join(target).exists() {
                broken.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn every_file_of_the_host_is_short_and_says_what_it_is() {
    let sources = files(&root().join("runtime-host"), "rs");
    assert!(!sources.is_empty());
    let mut wrong = Vec::new();
    for file in sources {
        let text = fs::read_to_string(&file).unwrap();
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not begin with `//!`", file.display()));
        }
        if text.lines().count() > LINES_MAX {
            wrong.push(format!("{} has more than {LINES_MAX} lines", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `scripts/protections.sh` takes away, and what has to notice.
#[test]
fn every_protection_in_the_table_is_there_and_so_is_its_test() {
    let table = read("tests/protections.tsv");
    let mut wrong = Vec::new();
    for row in table.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [_, file, old, new, target, test] = cells[..] else { panic!("six cells, not {}: {row}", cells.len()) };
        let count = read(file).matches(&old.replace("\\n", "\n")).count();
        if count != 1 || old == new || cells.contains(&"") {
            wrong.push(format!("stands {count} times: {row}"));
        }
        if !read(&format!("tests/tests/{target}.rs")).contains(&format!("#[test]\nfn {test}()")) {
            wrong.push(format!("no such test: {row}"));
        }
    }
    assert!(wrong.is_empty(), "rows of tests/protections.tsv that are wrong:\n{}", wrong.join("\n"));
}

#[test]
fn the_sample_app_is_a_manifest() {
    let app = spell_manifest::load(&root().join("spin.toml")).unwrap_or_else(|error| panic!("{error}"));
    assert!(!app.triggers.is_empty());
}

#[test]
fn the_examples_in_the_documents_are_read_by_the_host() {
    let text = read("docs/operating.md");
    let example = fence(&text, "toml").expect("an operator's file");
    spell_manifest::OperatorConfig::parse(&example, "docs/operating.md").unwrap_or_else(|error| panic!("{error}"));
    let text = read("docs/manifest.md");
    let example = fence(&text, "toml").expect("a manifest");
    spell_manifest::parse(&example, "docs/manifest.md", Path::new("app")).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_line_of_spins_contract_has_a_test_of_its_name() {
    let page = read("docs/spin-compatibility.md");
    let lines: Vec<String> = page.split("## Line by line").nth(1).unwrap_or_default().lines().filter_map(line_id).collect();
    assert!(lines.len() >= 56, "{} lines", lines.len());
    let tests = ["tests/tests", "runtime-host/manifest/tests"].map(|folder| root().join(folder));
    let golden = ["toml", "json"].map(|extension| files(&tests[1], extension)).concat();
    let functions = tests.iter().flat_map(|folder| files(folder, "rs")).map(|path| fs::read_to_string(path).unwrap());
    let functions: String = functions.collect::<Vec<_>>().concat().lines().filter(|line| line.starts_with("fn ")).collect();
    let names = golden.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy()).collect::<String>() + &functions;
    let missing: Vec<_> = lines.iter().filter(|id| !names.contains(&format!("{id}_"))).collect();
    assert!(missing.is_empty(), "no test is called after {missing:?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Rooms and those they may use, from the fenced block `edges`.
fn drawing() -> BTreeMap<String, Vec<String>> {
    let block = fence(&read("ARCHITECTURE.md"), "edges").expect("a block of edges");
    let lines = block.lines().map(|line| line.split_once("->").expect("room -> rooms"));
    lines.map(|(room, rooms)| (room.trim().to_owned(), rooms.split_whitespace().map(str::to_owned).collect())).collect()
}

fn drawn_edges() -> Edges {
    drawing().into_iter().flat_map(|(room, rooms)| rooms.into_iter().map(move |other| (room.clone(), other))).collect()
}

/// Normal dependencies of the rooms, by the room's name.
fn edges(wanted: impl Fn(&str) -> bool) -> Edges {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut edges = Edges::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(room) = name.strip_prefix("spell-").filter(|room| *room != "tests") else { continue };
        let dependencies = package["dependencies"].as_array().unwrap().iter().filter(|dependency| dependency["kind"].is_null());
        let names = dependencies.map(|dependency| dependency["name"].as_str().unwrap()).filter(|name| wanted(name));
        edges.extend(names.map(|name| (room.to_owned(), name.to_owned())));
    }
    edges
}

/// The first fenced block of a language.
fn fence(text: &str, language: &str) -> Option<String> {
    let begin = format!("```{language}");
    let lines = text.lines().skip_while(|line| *line != begin).skip(1);
    let block: Vec<&str> = lines.take_while(|line| *line != "```").collect();
    (!block.is_empty()).then(|| block.join("\n"))
}

/// The cells of the rows below a table's heading.
fn table_after(text: &str, heading: &str) -> Vec<Vec<String>> {
    let rows = text.lines().skip_while(|line| *line != heading).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn assert_tables_equal(documented: &[Vec<String>], expected: &[Vec<String>]) {
    let lines = |rows: &[Vec<String>]| rows.iter().map(|row| format!("| {} |", row.join(" | "))).collect::<Vec<_>>().join("\n");
    assert!(documented == expected, "docs/limits.md should say:\n{}\nbut says:\n{}", lines(expected), lines(documented));
}

fn unit_name(unit: spell_types::Unit) -> String {
    match unit {
        spell_types::Unit::Bytes => "bytes".to_owned(),
        spell_types::Unit::Milliseconds => "time".to_owned(),
        spell_types::Unit::Count => "count".to_owned(),
        spell_types::Unit::Microcents => "cents".to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("`{text}`")
}

fn unquoted(text: &str) -> &str {
    text.trim_matches('`')
}

/// The targets of `[text](target)`, code left out.
fn links(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut links = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let found = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.extend(found.filter(|_| !in_code).map(|(target, _)| target.to_owned()));
    }
    links
}

/// Every file below a folder that has this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let is_ours = !NOT_OURS.iter().any(|name| entry.file_name() == *name);
        if kind.is_dir() && is_ours {
            found.extend(files(&path, extension));
        } else if kind.is_file() && path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

/// The name of a line in the table, as tests are called after it.
fn line_id(line: &str) -> Option<String> {
    let id = line.strip_prefix("| ")?.split(' ').next()?;
    (id.len() == 3 && id.ends_with(|c: char| c.is_ascii_digit())).then(|| id.to_lowercase())
}
