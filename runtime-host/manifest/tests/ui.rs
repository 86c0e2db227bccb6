//! Golden files: what good files become and what is said about bad ones, to the letter. `SPELL_BLESS=1` writes them anew;
//! read the difference before you keep it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails should end at once")]

use spell_manifest::{OperatorConfig, RuntimeConfig, parse, parse_lock};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn a_good_manifest_becomes_this_app() {
    check("valid", "toml", "snap", |text, file| accepted(parse(text, file, "app".as_ref())));
}

#[test]
fn a_bad_manifest_is_refused_with_these_words() {
    check("invalid", "toml", "err", |text, file| refused(parse(text, file, "app".as_ref())));
}

#[test]
fn a_bad_operator_file_is_refused_with_these_words() {
    check("operator", "toml", "err", |text, file| refused(OperatorConfig::parse(text, file)));
}

#[test]
fn a_good_runtime_configuration_is_read_so() {
    check("runtime_config/valid", "toml", "snap", |text, file| accepted(RuntimeConfig::parse(text, file, "conf".as_ref())));
}

#[test]
fn a_bad_runtime_configuration_is_refused_with_these_words() {
    check("runtime_config/invalid", "toml", "err", |text, file| refused(RuntimeConfig::parse(text, file, "conf".as_ref())));
}

#[test]
fn a_good_lock_becomes_this_app() {
    check("lock/valid", "json", "snap", |text, file| accepted(parse_lock(text, file, "dir".as_ref(), &["local_service_chaining"])));
}

#[test]
fn a_bad_lock_is_refused_with_these_words() {
    check("lock/invalid", "json", "err", |text, file| refused(parse_lock(text, file, "dir".as_ref(), &["local_service_chaining"])));
}

fn accepted<T: std::fmt::Debug, E: std::fmt::Display>(read: Result<T, E>) -> Result<String, String> {
    read.map(|read| format!("{read:#?}\n")).map_err(|error| error.to_string())
}

fn refused<T: std::fmt::Debug, E: std::fmt::Display>(read: Result<T, E>) -> Result<String, String> {
    match read {
        Ok(read) => Err(format!("accepted: {read:?}")),
        Err(error) => Ok(format!("{error}\n")),
    }
}

/// Compares what `render` makes of each file in a directory with the file of the same name next to it.
fn check(directory: &str, written: &str, extension: &str, render: impl Fn(&str, &str) -> Result<String, String>) {
    let bless = std::env::var_os("SPELL_BLESS").is_some();
    let mut different = Vec::new();
    for path in files(directory, written) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let golden = path.with_extension(extension);
        let actual = render(&fs::read_to_string(&path).unwrap(), name).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        if bless {
            fs::write(&golden, actual).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != actual {
            different.push(format!("{directory}/{name}:\n{actual}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn files(directory: &str, written: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui").join(directory);
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|extension| extension == written)).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}
