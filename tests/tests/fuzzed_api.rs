//! The API, asked by Schemathesis what its description allows and what it does not: nothing is answered that is not described, nothing
//! wrong is taken, nothing good is refused, and nothing fails.
//!
//! It knows how Schemathesis is started. It must never know an operation but those that would end its own key, or its money.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use spell_tests::described::{APART, tool};
use spell_tests::{NO_RATES, Platform, spells_directory, workspace};
use std::fs;
use std::process::Command;

/// Requests of each operation, beyond examples and edges.
const REQUESTS: &str = "15";
/// Whoever lists keys finds its own, and whoever has no money left casts nothing: these are asked by themselves, one after the other.
const LAST: [&str; 2] = ["changeBudget", "revokeKey"];

fn ask(platform: &Platform, directory: &tempfile::TempDir, which: &[&str]) {
    let mut command = Command::new(tool("st"));
    command.arg("--config-file").arg(workspace().join("tests/schemathesis.toml"));
    command.args(["run", &format!("http://{}/openapi.json", platform.client.address)]);
    command.args(["--header", &format!("Authorization: Bearer {}", platform.key)]);
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", REQUESTS, "--seed", "1"]);
    command.args(["--generation-deterministic", "--continue-on-failure", "--no-color"]).args(which);
    let output = command.current_dir(directory.path()).env("PYTHONDONTWRITEBYTECODE", "1").output().expect("run `make checkers`");
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_api_is_what_it_says_whatever_is_asked() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start_under(&directory, NO_RATES);
    let program = fs::read(spells_directory().join("assemblyscript-default-processed.wasm")).expect("run `make components`");
    assert_eq!(platform.publish("shout", "1.0.0", &program).status, 201);
    let others: Vec<&str> = LAST.iter().chain(&APART).flat_map(|id| ["--exclude-operation-id", id]).collect();
    ask(&platform, &directory, &others);
    for id in LAST {
        ask(&platform, &directory, &["--include-operation-id", id]);
    }
}
