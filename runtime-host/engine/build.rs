//! Reads the wasmtime version from the lock file, so that `spell --version` cannot lie.

use std::{env, fs, path::PathBuf};

fn main() {
    let lock = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(&lock).unwrap_or_default();
    let version = text.split("[[package]]").find_map(|package| {
        let mut lines = package.trim().lines();
        (lines.next()? == r#"name = "wasmtime""#).then(|| lines.next()?.strip_prefix("version = ")).flatten()
    });
    println!("cargo::rustc-env=SPELL_WASMTIME_VERSION={}", version.unwrap_or("unknown").trim_matches('"'));
}
