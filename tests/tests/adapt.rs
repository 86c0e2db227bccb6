//! What `spell inspect`, `spell adapt` and `spell export` print, write and refuse.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

use serde_json::Value;
use spell_tests::{Setup, guest, run, run_with_input, spells_directory};
use std::fs;
use std::path::{Path, PathBuf};

/// A program that gives back what it is given, as a file.
fn echo(directory: &Path) -> PathBuf {
    let text = r#"(module (memory (export "memory") 1) (func (export "allocate") (param i32) (result i32) (i32.const 1024))
        (func (export "process") (param i32) (result i32) (local.get 0)))"#;
    let path = directory.join("my_echo.v2.wasm");
    fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_program_is_looked_at_by_people_and_by_machines() {
    let directory = tempfile::tempdir().unwrap();
    let file = echo(directory.path());
    let shown = run(&["inspect", text(&file)]);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    let digest = "SHA-256     ";
    for words in ["core module, ", digest, "c-string, by `process`", "`allocate`", "spell:runtime/cast@0.1.0", "(i32) -> (i32)", "64 KiB"] {
        assert!(shown.stdout.contains(words), "{words}: {}", shown.stdout);
    }
    let told = run(&["inspect", "--json", text(&file)]);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["abi"], &told["entry"], &told["kind"]), (&"c-string".into(), &"process".into(), &"core module".into()));
    assert_eq!((&told["memories"][0]["pages"], &told["error"]), (&1.into(), &Value::Null));
    assert_eq!(told["size_bytes"], fs::metadata(&file).unwrap().len());
    let hexadecimal = told["sha256"].as_str().unwrap();
    assert!(hexadecimal.len() == 64 && shown.stdout.contains(&format!("{digest}{hexadecimal}")), "{hexadecimal}");
}

#[test]
fn a_program_that_cannot_be_called_is_looked_at_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("none.wasm");
    fs::write(&file, wat::parse_str(r#"(module (func (export "hum")))"#).unwrap()).unwrap();
    let shown = run(&["inspect", text(&file)]);
    assert_eq!(shown.code, Some(0));
    assert!(shown.stdout.contains("it cannot be adapted: no suitable entry point found: it exports `hum`"), "{}", shown.stdout);
    let refused = run(&["adapt", text(&file), "-o", text(&directory.path().join("out.wasm"))]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.starts_with("error: ") && refused.stderr.contains("none.wasm cannot be adapted: no suitable entry point"));
    assert!(!directory.path().join("out.wasm").exists());
}

#[test]
fn the_schema_of_typed_functions_is_printed() {
    let schema = run(&["inspect", "--schema", text(&guest("tests_typed"))]);
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap_or_else(|error| panic!("{error}: {}", schema.stderr));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["functions"].as_object().is_some_and(|functions| !functions.is_empty()));
    let module = spells_directory().join("c-string-wat-processed.wasm");
    let refused = run(&["inspect", "--schema", text(&module)]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("component"), "{}", refused.stderr);
}

#[test]
fn programs_come_from_standard_input_and_components_go_to_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let file = echo(directory.path());
    let out = directory.path().join("out.wasm");
    let ended = run(&["adapt", text(&file), "-o", text(&out)]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("c-string, because `process` takes"), "{}", ended.stderr);
    let piped = run_with_input(&["adapt", "-", "-o", "-"], &fs::read(&file).unwrap());
    assert!(piped.status.success() && piped.stdout == fs::read(&out).unwrap(), "{} bytes", piped.stdout.len());
}

#[test]
fn an_app_is_made_once_and_overwritten_only_when_asked_to() {
    let directory = tempfile::tempdir().unwrap();
    let file = echo(directory.path());
    let app = directory.path().join("app");
    let export = |more: &[&str]| run(&[&["export", text(&file), "-o", text(&app)], more].concat());
    let ended = export(&[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    let manifest = fs::read_to_string(app.join("spin.toml")).unwrap();
    assert!(manifest.contains("source = \"my-echo-v2.wasm\"") && app.join("my-echo-v2.wasm").exists(), "{manifest}");
    fs::write(app.join("spin.toml"), "# mine\n").unwrap();
    let refused = export(&[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("spin.toml is there already") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(app.join("spin.toml")).unwrap(), "# mine\n");
    assert_eq!(export(&["--force"]).code, Some(0));
    assert_eq!(fs::read_to_string(app.join("spin.toml")).unwrap(), manifest);
    let host = Setup::new(&manifest.replace("my-echo-v2.wasm", text(&app.join("my-echo-v2.wasm")))).start();
    let answer = host.app.request("POST", "/any/path").body("hello").send();
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    let refused = host.app.get("/");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")));
}

#[test]
fn what_is_typed_wrong_is_told_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let (file, out) = (echo(directory.path()), directory.path().join("out"));
    let deep = out.join("deep/out.wasm");
    let cases: [(&[&str], &str); 5] = [
        (&["export", text(&file), "-o", text(&out), "--name", "My App"], "an app cannot be called `My App`"),
        (&["export", text(&file), "-o", text(&out), "--abi", "cobol"], "`cobol` is no ABI; there are c-string, assemblyscript"),
        (&["export", text(&file), "-o", text(&out), "--entry", "sing"], "no function `sing`"),
        (&["export", "gone.wasm", "-o", text(&out)], "gone.wasm cannot be opened"),
        (&["adapt", text(&file), "-o", text(&deep)], "cannot be written"),
    ];
    for (arguments, words) in cases {
        let refused = run(arguments);
        assert!(refused.code.is_some_and(|code| code != 0), "{arguments:?}");
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
        assert!(!out.exists(), "{arguments:?}");
    }
}
