//! The directories that an app's files are in.
//!
//! This file knows paths and patterns. It must never know what happens there.

use crate::programs;
use spell_manifest::{App, Component, FileEntry};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Directories, and whether those below them count as well.
pub(crate) type Places = BTreeMap<PathBuf, bool>;

/// Where to watch for what may change of an app.
pub(crate) fn of(app: &App, manifest: &Path) -> Places {
    let mut places = Places::new();
    add_file(&mut places, manifest);
    for component in &app.components {
        add_component(&mut places, app, component);
    }
    places
}

fn add_component(places: &mut Places, app: &App, component: &Component) {
    for path in programs::files(app, component) {
        add_file(places, path);
    }
    for entry in &component.files {
        match entry {
            FileEntry::Pattern(path) | FileEntry::Mount { source: path, .. } => add_pattern(places, &app.root.join(path)),
            FileEntry::Prepared { source, .. } => add_pattern(places, source),
        }
    }
    if let Some(build) = &component.build {
        let directory = build.workdir.as_ref().map_or_else(|| app.root.clone(), |workdir| app.root.join(workdir));
        for pattern in &build.watch {
            add_pattern(places, &directory.join(pattern));
        }
    }
}

/// A file is watched from its directory: editors put another in its place.
fn add_file(places: &mut Places, path: &Path) {
    add(places, path.parent().unwrap_or(path), false);
}

fn add_pattern(places: &mut Places, pattern: &Path) {
    if pattern.is_dir() {
        add_file(places, pattern);
        return add(places, pattern, true);
    }
    let is_plain = |part: &&std::ffi::OsStr| !part.to_string_lossy().contains(['*', '?', '[']);
    let parts: Vec<_> = pattern.iter().collect();
    let plain = parts.iter().copied().take_while(|part| is_plain(part)).count();
    if plain == parts.len() {
        return add_file(places, pattern);
    }
    let base: PathBuf = parts.iter().take(plain).collect();
    // Only a pattern whose last part alone says something looks no deeper.
    add(places, &base, plain + 1 < parts.len() || pattern.to_string_lossy().contains("**"));
}

/// Adds a directory, or the nearest one above that is there.
fn add(places: &mut Places, directory: &Path, is_deep: bool) {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let Some(there) = directory.ancestors().find(|there| there.is_dir()) else { return };
    let Ok(found) = there.canonicalize() else { return };
    *places.entry(found).or_default() |= is_deep && there == directory;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_watched_from_where_they_begin() {
        let directory = tempfile::tempdir().expect("directory");
        let root = directory.path().canonicalize().expect("path");
        std::fs::create_dir_all(root.join("src/deep")).expect("directory");
        for (pattern, place, is_deep) in [
            ("Cargo.toml", "", false),
            ("src", "src", true),
            ("src/*.rs", "src", false),
            ("src/**/*.rs", "src", true),
            ("src/*/lib.rs", "src", true),
            ("**/*.rs", "", true),
            ("gone/also/gone.wasm", "", false),
            ("gone/**/*.rs", "", false),
        ] {
            let mut places = Places::new();
            add_pattern(&mut places, &root.join(pattern));
            let place = if place.is_empty() { root.clone() } else { root.join(place) };
            assert_eq!(places.get(&place), Some(&is_deep), "{pattern}");
        }
    }
}
