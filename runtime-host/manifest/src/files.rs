//! Finds the files that a component's `files` and `exclude_files` name.
//!
//! This file knows the app's directory and reads nothing but its listings. It must never let a path out of that directory,
//! whether by `..` or by a symbolic link.

mod walk;

use crate::diagnostic::quote;
use crate::{App, Component, FileEntry};
use glob::Pattern;
use std::collections::BTreeMap;
use std::io;
use std::path::{Component as Step, Path, PathBuf};
use walk::Walk;

/// The most files that a component can have.
pub const FILES_MAX: usize = 10_000;

/// A file of the host and where the guest sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedFile {
    /// The file, with every symbolic link resolved; it is inside the app's root.
    pub source: PathBuf,
    /// The guest's path: absolute, parts joined by `/`.
    pub destination: String,
}

/// Why a component's files could not be found.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The path or pattern would lead out of the app's directory.
    #[error("{} {reason}", quote(.path))]
    BadPath {
        /// As written.
        path: String,
        /// Half a sentence.
        reason: &'static str,
    },
    /// It is not a valid pattern.
    #[error("{} is not a valid pattern: {reason}", quote(.pattern))]
    BadPattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is no such file, and it is not a pattern either.
    #[error("{} does not exist and doesn't appear to be a glob", quote(.path))]
    Missing {
        /// As written.
        path: String,
    },
    /// A symbolic link points out of the app's directory.
    #[error("{} is a symbolic link that leaves the app's directory", .path.display())]
    LeavesRoot {
        /// The link, or a path through it.
        path: PathBuf,
    },
    /// Neither a file nor a directory, but a socket, a pipe or a device.
    #[error("{} is neither a file nor a directory", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A name that is not UTF-8: guests know no others.
    #[error("{} has a name that is not UTF-8", .path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// A file would have to be a directory as well.
    #[error("{} would be both a file and a directory", quote(.destination))]
    Conflict {
        /// The guest's path.
        destination: String,
    },
    /// More files than [`FILES_MAX`], or a directory too deep or too large to be searched.
    #[error("{} finds too many files, or searches too many", quote(.path))]
    TooMany {
        /// As written.
        path: String,
    },
    /// The operating system refused.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl App {
    /// The files that `component` can read, in the order of their guest paths. Of two entries with the same guest path
    /// the later one counts.
    pub fn files(&self, component: &Component) -> Result<Vec<MappedFile>, FilesError> {
        if component.files.is_empty() {
            return Ok(Vec::new());
        }
        let root = canonical(&self.root)?;
        let excluded = component.exclude_files.iter().map(|pattern| compile(pattern)).collect::<Result<Vec<_>, _>>()?;
        let mut found = BTreeMap::new();
        for entry in &component.files {
            match entry {
                FileEntry::Pattern(pattern) => add_pattern(&root, &excluded, pattern, &mut found)?,
                FileEntry::Mount { source, destination } => add_mount(&root, &excluded, source, destination, &mut found)?,
                FileEntry::Prepared { source, destination } => add_prepared(source, destination, &mut found)?,
            }
        }
        refuse_conflicts(&found)?;
        Ok(found.into_iter().map(|(destination, source)| MappedFile { source, destination: format!("/{destination}") }).collect())
    }
}

/// Checks a path or pattern as text: it must lead to something below the app's root.
pub(crate) fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("is empty");
    }
    if path.contains('\0') {
        return Err("contains a zero character");
    }
    if path.ends_with("/.") || path == "." {
        return Err("may not end in `.`");
    }
    for step in Path::new(path).components() {
        match step {
            Step::Normal(_) | Step::CurDir => {}
            Step::ParentDir => return Err("must stay in the app's directory, so it may not contain `..`"),
            Step::RootDir | Step::Prefix(_) => return Err("must be relative to the app's directory"),
        }
    }
    Ok(())
}

/// Checks a guest path and gives it without slashes around it; empty for the guest's root.
pub(crate) fn check_destination(destination: &str) -> Result<&str, &'static str> {
    let path = destination.trim_matches('/');
    if destination.is_empty() {
        return Err("is empty");
    }
    if path.contains('\0') {
        return Err("contains a zero character");
    }
    if !path.is_empty() && path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("may not contain `.`, `..` or `//`");
    }
    Ok(path)
}

/// Reads a pattern.
pub(crate) fn compile(pattern: &str) -> Result<Pattern, FilesError> {
    let relative = pattern.strip_prefix("./").unwrap_or(pattern);
    Pattern::new(relative).map_err(|error| FilesError::BadPattern { pattern: pattern.to_owned(), reason: error.msg })
}

type Found = BTreeMap<String, PathBuf>;

fn add_pattern(root: &Path, excluded: &[Pattern], written: &str, found: &mut Found) -> Result<(), FilesError> {
    check_path(written).map_err(|reason| FilesError::BadPath { path: written.to_owned(), reason })?;
    let path = normal(written);
    if root.join(&path).symlink_metadata().is_ok() {
        return Walk { root, excluded, pattern: None, written, found, from: &path, to: &path }.run(&path, usize::MAX);
    }
    if !written.contains(['*', '?', '[', ']']) {
        return Err(FilesError::Missing { path: written.to_owned() });
    }
    let pattern = compile(&path)?;
    let start: Vec<&str> = path.split('/').take_while(|part| !part.contains(['*', '?', '[', ']'])).collect();
    let start = start.join("/");
    if root.join(&start).symlink_metadata().is_err() {
        return Ok(());
    }
    // Without `**` a pattern says how deep it looks; looking deeper would only cost time.
    let depth =
        if path.contains("**") { usize::MAX } else { path.split('/').count() - start.split('/').filter(|part| !part.is_empty()).count() };
    Walk { root, excluded, pattern: Some(pattern), written, found, from: "", to: "" }.run(&start, depth)
}

fn add_mount(root: &Path, excluded: &[Pattern], source: &str, destination: &str, found: &mut Found) -> Result<(), FilesError> {
    check_path(source).map_err(|reason| FilesError::BadPath { path: source.to_owned(), reason })?;
    let bad_destination = |reason| FilesError::BadPath { path: destination.to_owned(), reason };
    let to = check_destination(destination).map_err(bad_destination)?;
    let path = normal(source);
    let Ok(metadata) = root.join(&path).metadata() else {
        return Err(FilesError::Missing { path: source.to_owned() });
    };
    if !metadata.is_dir() && (to.is_empty() || destination.ends_with('/')) {
        return Err(bad_destination("is not a valid destination file name"));
    }
    Walk { root, excluded, pattern: None, written: source, found, from: &path, to }.run(&path, usize::MAX)
}

/// Adds a directory, which is a root of its own, or a file.
fn add_prepared(source: &Path, destination: &str, found: &mut Found) -> Result<(), FilesError> {
    let bad_destination = |reason| FilesError::BadPath { path: destination.to_owned(), reason };
    let to = check_destination(destination).map_err(bad_destination)?;
    let root = canonical(source)?;
    if !root.is_dir() && (to.is_empty() || destination.ends_with('/')) {
        return Err(bad_destination("is not a valid destination file name"));
    }
    if root.is_file() {
        found.insert(to.to_owned(), root);
        return Ok(());
    }
    let written = source.to_string_lossy();
    Walk { root: &root, excluded: &[], pattern: None, written: &written, found, from: "", to }.run("", usize::MAX)
}

/// The path without `.`, doubled and trailing slashes.
fn normal(path: &str) -> String {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

fn refuse_conflicts(found: &Found) -> Result<(), FilesError> {
    for destination in found.keys() {
        for (slash, _) in destination.match_indices('/') {
            let (parent, _) = destination.split_at(slash);
            if found.contains_key(parent) {
                return Err(FilesError::Conflict { destination: parent.to_owned() });
            }
        }
    }
    Ok(())
}

fn canonical(path: &Path) -> Result<PathBuf, FilesError> {
    path.canonicalize().map_err(|source| FilesError::Read { path: path.to_owned(), source })
}
