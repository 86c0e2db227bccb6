//! Hostile components: made of the text of a core module and a shell, or whole. This file knows where their sources lie.

use crate::workspace;
use std::path::{Path, PathBuf};

/// What a component is made of.
#[derive(Debug, Clone)]
pub enum Guest {
    /// The test guest of a revision of WASI, which does what the path says.
    Tests(&'static str),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// The core modules of one file, each as a component of a revision of WASI: names with bytes.
pub fn sections(file: &str, revision: &str) -> Vec<(String, Guest)> {
    let shell = read(&format!("shell-{revision}.wat"));
    let component = |(name, module): (String, String)| (name.clone(), assemble(&name, &shell.replace(";;GUEST;;", &module)));
    modules(file).into_iter().map(component).collect()
}

/// A component whose whole text is in a file.
pub fn whole(file: &str) -> Guest {
    assemble(file, &read(&format!("whole/{file}.wat")))
}

fn assemble(name: &str, text: &str) -> Guest {
    Guest::Bytes(wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn read(name: &str) -> String {
    let path: PathBuf = workspace().join("components/tests/hostile").join(name);
    read_text(&path)
}

fn read_text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The core modules of one file as they stand there, by name.
pub fn modules(file: &str) -> Vec<(String, String)> {
    let text = read(&format!("{file}.wat"));
    let modules = text.split("\n;;; ").skip(1).map(|section| section.split_once('\n').expect("a name and a module"));
    modules.map(|(name, module)| (name.trim().to_owned(), module.to_owned())).collect()
}
