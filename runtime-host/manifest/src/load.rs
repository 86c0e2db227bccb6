//! From a path, or from text, to an app.
//!
//! This file knows files. It must never know what is in them.

use crate::app::{App, Component, Executor, HttpTrigger, Source, TriggerRoute, TriggerTarget};
use crate::diagnostic::ManifestError;
use crate::reader::Reader;
use crate::{id, manifest};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The most bytes of a manifest or of the operator's file that are read.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads the app at a path: a manifest, a directory with a `spin.toml`, or a `.wasm` file, which becomes an app of one
/// component that answers every request.
pub fn load(path: &Path) -> Result<App, ManifestError> {
    let metadata = path.metadata().map_err(|source| ManifestError::Read { path: path.to_owned(), source })?;
    if metadata.is_dir() {
        return load_manifest(&path.join("spin.toml"));
    }
    let is_wasm = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wasm"));
    if is_wasm { Ok(app_of_program(path)) } else { load_manifest(path) }
}

/// Reads a manifest from its text. No file is touched: `file` is a name for messages, `root` is what relative paths are
/// joined to.
pub fn parse(text: &str, file: impl AsRef<Path>, root: &Path) -> Result<App, ManifestError> {
    let (mut app, warnings) = Reader::run(text, file.as_ref(), |reader, fields| manifest::read(reader, fields, root))?;
    app.warnings = warnings;
    Ok(app)
}

/// The text of a file that is at most [`FILE_BYTES_MAX`] long.
pub(crate) fn read_text(path: &Path) -> Result<String, ManifestError> {
    read_text_up_to(path, FILE_BYTES_MAX)
}

/// The text of a file that is at most so long.
pub(crate) fn read_text_up_to(path: &Path, bytes_max: u64) -> Result<String, ManifestError> {
    let read = |source: io::Error| ManifestError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(read)?.take(bytes_max + 1).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > bytes_max {
        return Err(ManifestError::TooLarge { path: path.to_owned(), bytes_max });
    }
    String::from_utf8(bytes).map_err(|_| ManifestError::NotText { path: path.to_owned() })
}

fn load_manifest(path: &Path) -> Result<App, ManifestError> {
    parse(&read_text(path)?, path, &directory_of(path))
}

fn app_of_program(path: &Path) -> App {
    let id = id::to_kebab(&path.file_stem().unwrap_or_default().to_string_lossy());
    let mut app = App::new(directory_of(path), id.clone());
    app.components = vec![Component::new(id.clone(), Source::File(path.to_owned()))];
    app.triggers = vec![HttpTrigger {
        id: format!("{id}-http-trigger"),
        route: TriggerRoute::Public("/...".to_owned()),
        target: TriggerTarget::Component(id),
        executor: Executor::Http,
        middleware: Vec::new(),
        components: Vec::new(),
    }];
    app
}

pub(crate) fn directory_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
