//! The search through the app's directory, bounded in depth and in what it looks at.
//!
//! Searched by hand, because the ready-made search of the pattern library follows symbolic links wherever they lead.

use super::{FILES_MAX, FilesError, Found, canonical};
use glob::{MatchOptions, Pattern};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The most directory entries that one pattern looks at.
const ENTRIES_MAX: usize = 100_000;
/// How many directories deep it looks.
const DEPTH_MAX: usize = 64;

/// In a pattern for `files`, `*` does not match `/`.
const MATCH: MatchOptions = MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// One search, for one entry of `files`.
pub(super) struct Walk<'w> {
    /// The app's directory, canonical.
    pub(super) root: &'w Path,
    pub(super) excluded: &'w [Pattern],
    /// What a file's relative path must match; `None` takes every file.
    pub(super) pattern: Option<Pattern>,
    /// The entry as written, for messages.
    pub(super) written: &'w str,
    pub(super) found: &'w mut Found,
    /// Relative path that is replaced …
    pub(super) from: &'w str,
    /// … by this guest path.
    pub(super) to: &'w str,
}

impl Walk<'_> {
    /// Finds the files at and below a relative path that exists.
    pub(super) fn run(mut self, start: &str, depth: usize) -> Result<(), FilesError> {
        let mut todo = vec![(start.to_owned(), depth.min(DEPTH_MAX))];
        let mut entries = 0;
        while let Some((path, depth)) = todo.pop() {
            let Some(listing) = self.visit(&path, depth)? else { continue };
            for name in listing {
                entries += 1;
                let name = name.into_string().map_err(|name| FilesError::NotText { path: self.root.join(&path).join(name) })?;
                let child = if path.is_empty() { name } else { format!("{path}/{name}") };
                todo.push((child, depth - 1));
            }
            if entries > ENTRIES_MAX || self.found.len() > FILES_MAX {
                return Err(FilesError::TooMany { path: self.written.to_owned() });
            }
        }
        Ok(())
    }

    /// Takes a file, or lists a directory that is to be searched.
    fn visit(&mut self, path: &str, depth: usize) -> Result<Option<Vec<OsString>>, FilesError> {
        // Here `*` also matches `/`: what is excluded is excluded with all that is below.
        if self.excluded.iter().any(|pattern| pattern.matches(path)) {
            return Ok(None);
        }
        let full = self.root.join(path);
        let source = |path: &Path, source| FilesError::Read { path: path.to_owned(), source };
        let link = full.symlink_metadata().map_err(|error| source(&full, error))?;
        let is_match = self.pattern.as_ref().is_none_or(|pattern| pattern.matches_with(path, MATCH));
        if link.is_symlink() && fs::metadata(&full).is_err() && !is_match {
            return Ok(None);
        }
        let metadata = fs::metadata(&full).map_err(|error| source(&full, error))?;
        if metadata.is_dir() {
            if depth == 0 {
                return if self.pattern.is_some() && !self.is_deep() {
                    Ok(None)
                } else {
                    Err(FilesError::TooMany { path: self.written.to_owned() })
                };
            }
            let target = self.inside(&full)?;
            let is_loop = link.is_symlink()
                && full.parent().is_some_and(|parent| parent.canonicalize().is_ok_and(|parent| parent.starts_with(&target)));
            return if is_loop { Ok(None) } else { list(&target).map(Some) };
        }
        if is_match {
            if !metadata.is_file() {
                return Err(FilesError::NotAFile { path: full });
            }
            let target = self.inside(&full)?;
            self.found.insert(self.destination(path), target);
        }
        Ok(None)
    }

    fn is_deep(&self) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.as_str().contains("**"))
    }

    /// The path with its links resolved, if that is inside the app's directory.
    fn inside(&self, path: &Path) -> Result<std::path::PathBuf, FilesError> {
        let target = canonical(path)?;
        if target.starts_with(self.root) { Ok(target) } else { Err(FilesError::LeavesRoot { path: path.to_owned() }) }
    }

    fn destination(&self, path: &str) -> String {
        let below = path.strip_prefix(self.from).unwrap_or(path).trim_start_matches('/');
        match (self.to, below) {
            ("", below) => below.to_owned(),
            (to, "") => to.to_owned(),
            (to, below) => format!("{to}/{below}"),
        }
    }
}

fn list(directory: &Path) -> Result<Vec<OsString>, FilesError> {
    let read = |source| FilesError::Read { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        names.push(entry.map_err(read)?.file_name());
        if names.len() > ENTRIES_MAX {
            return Err(FilesError::TooMany { path: directory.display().to_string() });
        }
    }
    Ok(names)
}
