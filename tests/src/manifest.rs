//! Manifests for the test guests. This file knows the manifest's format and where guests are built; it must never run one.

use std::path::{Path, PathBuf};

/// The two revisions of WASI that test guests exist for; a component of each name is made by [`both`].
pub const REVISIONS: [&str; 2] = ["p2", "p3"];

/// The directory that everything is built from.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a parent directory").to_owned()
}

/// The file of a built guest.
pub fn guest(name: &str) -> PathBuf {
    let path = workspace().join("components/target/wasm32-wasip2/release").join(format!("{name}.wasm"));
    assert!(path.exists(), "{} is missing: run `make components`", path.display());
    path
}

/// A manifest with these components and triggers.
pub fn app(parts: &[String]) -> String {
    format!("spin_manifest_version = 2\n\n[application]\nname = \"test\"\nversion = \"1.2.3\"\n\n{}", parts.join("\n"))
}

/// A component of the test guest for a revision, routed under its own name, with further lines of manifest.
pub fn component(id: &str, revision: &str, lines: &str) -> String {
    let source = guest(&format!("tests_{revision}"));
    format!(
        "[[trigger.http]]\nroute = \"/{id}/...\"\ncomponent = \"{id}\"\n\n[component.{id}]\nsource = \"{}\"\n{lines}\n",
        source.display()
    )
}

/// A manifest with a component of each revision, with the same further lines.
pub fn both(lines: &str) -> String {
    app(&REVISIONS.map(|revision| component(revision, revision, lines)))
}
