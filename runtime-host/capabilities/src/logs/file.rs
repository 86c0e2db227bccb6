//! A file that is appended to and put aside when it is large.
//!
//! This module knows paths and sizes. It must never know what the bytes mean.

use super::{LogError, Rotation};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An append-only file, readable by its owner alone, with the files that were put aside next to it as `….1`, `….2`, ….
#[derive(Debug)]
pub(super) struct RotatingFile {
    path: PathBuf,
    /// Open once something was written: most components never print, and descriptors are few.
    file: Option<File>,
    bytes: u64,
    rotation: Rotation,
}

impl RotatingFile {
    /// Sees that the file can be written, and makes it if it is not there.
    pub(super) fn open(path: &Path, rotation: Rotation) -> Result<RotatingFile, LogError> {
        let opened = open(path).and_then(|file| Ok(file.metadata()?.len()));
        let bytes = opened.map_err(|source| LogError::Open { path: path.to_owned(), source })?;
        Ok(RotatingFile { path: path.to_owned(), file: None, bytes, rotation })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends, after putting the file aside if it would grow too large. One batch is never split over two files.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let after = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > 0 && after > self.rotation.bytes_max {
            self.rotate()?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        file.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.rotation.files_max == 0 {
            open(&self.path)?.set_len(0)?;
        } else {
            for number in (1..self.rotation.files_max).rev() {
                rename_if_there(&self.numbered(number), &self.numbered(number + 1))?;
            }
            rename_if_there(&self.path, &self.numbered(1))?;
            self.file = None;
        }
        self.bytes = 0;
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_and_texts(directory: &Path) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
        let mut files: Vec<_> =
            entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())).collect();
        files.sort();
        files
    }

    #[test]
    fn a_large_file_is_put_aside_and_only_so_many_are_kept() {
        let cases: [(u32, &[(&str, &str)]); 3] = [
            (0, &[("log", "dddd\n")]),
            (1, &[("log", "dddd\n"), ("log.1", "cccc\n")]),
            (2, &[("log", "dddd\n"), ("log.1", "cccc\n"), ("log.2", "bbbb\n")]),
        ];
        for (files_max, expected) in cases {
            let directory = tempfile::tempdir().unwrap();
            let mut file = RotatingFile::open(&directory.path().join("log"), Rotation { bytes_max: 8, files_max }).unwrap();
            for line in ["aaaa\n", "bbbb\n", "cccc\n", "dddd\n"] {
                file.append(line.as_bytes()).unwrap();
            }
            let expected: Vec<_> = expected.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
            assert_eq!(names_and_texts(directory.path()), expected);
        }
    }

    #[test]
    fn the_size_of_an_older_run_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, "1234567").unwrap();
        let mut file = RotatingFile::open(&path, Rotation { bytes_max: 8, files_max: 1 }).unwrap();
        file.append(b"89").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "89");
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_belongs_to_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        RotatingFile::open(&path, Rotation::default()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
