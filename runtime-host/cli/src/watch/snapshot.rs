//! What the files of an app hold at one moment, and what differs between two.
//!
//! This file knows files and their contents. It must never know what happens when they change.

use crate::programs;
use spell_manifest::{App, Component};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::Hasher;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files of a component that are looked at; of more, the first ones.
const FILES_MAX: usize = 100_000;
const CHUNK_BYTES: usize = 64 << 10;

/// What a file held. Two are equal if their contents are.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
    hash: u64,
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        (self.bytes, self.hash) == (other.bytes, other.hash)
    }
}

type Files = BTreeMap<PathBuf, Stamp>;

/// The files of an app: of each component those that it is built from, and those that it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    manifest: Files,
    sources: BTreeMap<String, Files>,
    served: BTreeMap<String, Files>,
}

/// What differs between two moments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) manifest: bool,
    /// The components whose sources differ.
    pub(crate) sources: Vec<String>,
    /// Whether a program or a file that a component reads differs.
    pub(crate) served: bool,
}

impl Changes {
    pub(crate) fn is_none(&self) -> bool {
        !self.manifest && self.sources.is_empty() && !self.served
    }
}

impl Snapshot {
    /// Looks at all files. Those that look as they did `before` are not read again.
    pub(crate) fn take(app: &App, manifest: &Path, before: &Snapshot) -> Self {
        let known = before.all();
        let stamps = |paths: Vec<PathBuf>| -> Files {
            let stamps = paths.into_iter().take(FILES_MAX).filter_map(|path| stamp(&path, known.get(&path).copied()).map(|it| (path, it)));
            stamps.collect()
        };
        let each = |paths: fn(&App, &Component) -> Vec<PathBuf>| -> BTreeMap<String, Files> {
            app.components.iter().map(|component| (component.id.clone(), stamps(paths(app, component)))).collect()
        };
        Self { manifest: stamps(vec![manifest.to_owned()]), sources: each(sources), served: each(served) }
    }

    /// The same, with sources as they were at another moment.
    pub(crate) fn with_sources_of(self, other: Snapshot) -> Self {
        Self { sources: other.sources, ..self }
    }

    /// What differs from what was before.
    pub(crate) fn changes_since(&self, before: &Snapshot) -> Changes {
        let sources = self.sources.iter().filter(|(id, files)| before.sources.get(*id).is_some_and(|before| before != *files));
        Changes {
            manifest: self.manifest != before.manifest,
            sources: sources.map(|(id, _)| id.clone()).collect(),
            served: self.served != before.served,
        }
    }

    /// Whether an app of these files answers as one of others does.
    pub(crate) fn serves_as(&self, other: &Snapshot) -> bool {
        (&self.manifest, &self.served) == (&other.manifest, &other.served)
    }

    fn all(&self) -> BTreeMap<&PathBuf, Stamp> {
        let of_components = self.sources.values().chain(self.served.values()).flatten();
        self.manifest.iter().chain(of_components).map(|(path, stamp)| (path, *stamp)).collect()
    }
}

/// The files that a component is built from.
fn sources(app: &App, component: &Component) -> Vec<PathBuf> {
    let Some(build) = &component.build else { return Vec::new() };
    let directory = build.workdir.as_ref().map_or_else(|| app.root.clone(), |workdir| app.root.join(workdir));
    let patterns = build.watch.iter().map(|pattern| directory.join(pattern));
    let found = patterns.filter_map(|pattern| glob::glob(&pattern.to_string_lossy()).ok()).flatten();
    found.filter_map(Result::ok).filter(|path| path.is_file()).take(FILES_MAX).collect()
}

/// The files that a component is: its program, and what it reads. What cannot be found is reported by whoever serves it.
fn served(app: &App, component: &Component) -> Vec<PathBuf> {
    let files = app.files(component).into_iter().flatten().map(|file| file.source);
    programs::files(app, component).into_iter().map(Path::to_owned).chain(files).collect()
}

fn stamp(path: &Path, known: Option<Stamp>) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    let (bytes, modified) = (metadata.len(), metadata.modified().ok());
    match known {
        Some(known) if known.bytes == bytes && known.modified == modified && modified.is_some() => Some(known),
        _ => Some(Stamp { bytes, modified, hash: hash(path)? }),
    }
}

/// Tells contents apart, not forgers: whoever can write these files can do worse.
fn hash(path: &Path) -> Option<u64> {
    let (mut file, mut hasher) = (File::open(path).ok()?, std::hash::DefaultHasher::new());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk).ok()? {
            0 => return Some(hasher.finish()),
            count => hasher.write(chunk.get(..count)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "spin_manifest_version = 2\napplication = { name = \"x\" }\n\
        [[trigger.http]]\nroute = \"/a\"\ncomponent = \"a\"\n[[trigger.http]]\nroute = \"/b\"\ncomponent = \"b\"\n\
        [component.a]\nsource = \"a.wasm\"\nbuild = { command = \"make\", workdir = \"a\", watch = [\"src/**/*.rs\"] }\n\
        [component.b]\nsource = \"b.wasm\"\nfiles = [\"static/*\"]\nbuild = { command = \"make\", watch = [\"b.c\"] }\n";

    #[test]
    fn each_kind_of_file_is_a_change_of_its_own_kind() {
        let directory = tempfile::tempdir().expect("directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            std::fs::write(path, text).expect("write");
        };
        for name in ["a.wasm", "b.wasm", "a/src/lib.rs", "b.c", "static/page"] {
            write(name, "1");
        }
        write("spin.toml", MANIFEST);
        let manifest = directory.path().join("spin.toml");
        let app = spell_manifest::load(&manifest).expect("load");
        let mut before = Snapshot::take(&app, &manifest, &Snapshot::default());
        for (name, text, changes) in [
            ("a/src/deep/new.rs", "2", (false, vec!["a"], false)),
            ("a/src/lib.rs", "22", (false, vec!["a"], false)),
            ("a/other.txt", "2", (false, vec![], false)),
            ("b.c", "3", (false, vec!["b"], false)),
            ("b.wasm", "4", (false, vec![], true)),
            ("static/page", "5", (false, vec![], true)),
            ("static/further", "5", (false, vec![], true)),
            ("static/further", "5", (false, vec![], false)),
            ("spin.toml", "6", (true, vec![], false)),
        ] {
            write(name, text);
            let now = Snapshot::take(&app, &manifest, &before);
            let (manifest, sources, served) = changes;
            let sources = sources.into_iter().map(str::to_owned).collect();
            assert_eq!(now.changes_since(&before), Changes { manifest, sources, served }, "{name}");
            assert_eq!(now.serves_as(&before), !manifest && !served, "{name}");
            before = now;
        }
    }
}
