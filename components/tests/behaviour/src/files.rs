//! What a guest does to files. Knows the standard library's operations; must never know which files there are.

use std::fs::{self, File, OpenOptions};
use std::io::{Result, Write};

use crate::output::chunks;
use crate::query::Query;

/// One operation on a file or directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOperation {
    /// Its name; see [`crate::Behaviour::File`].
    pub name: String,
    /// The file or directory.
    pub path: String,
    /// The new name, where there is one.
    pub to: String,
    /// How many: bytes for `write`, `append` and `truncate`, files for `open-many`.
    pub count: u64,
}

impl FileOperation {
    pub(crate) fn of(query: &Query) -> Self {
        let count = query.number("n", 16);
        Self { name: query.text("op", "read"), path: query.text("path", "/"), to: query.text("to", ""), count }
    }

    /// Does it: a file's content, the names in a directory, or "ok".
    ///
    /// # Errors
    /// What the standard library says of it.
    pub fn run(&self) -> Result<Vec<u8>> {
        let done = match self.name.as_str() {
            "read" => return fs::read(&self.path),
            "list" => return list(&self.path),
            "write" => File::create(&self.path).and_then(|mut file| self.fill(&mut file)),
            "append" => OpenOptions::new().append(true).create(true).open(&self.path).and_then(|mut file| self.fill(&mut file)),
            "truncate" => OpenOptions::new().write(true).open(&self.path).and_then(|file| file.set_len(self.count)),
            "remove" => fs::remove_file(&self.path),
            "rename" => fs::rename(&self.path, &self.to),
            "create-dir" => fs::create_dir(&self.path),
            "remove-dir" => fs::remove_dir(&self.path),
            "symlink" => symbolic_link(&self.path, &self.to),
            "hard-link" => fs::hard_link(&self.path, &self.to),
            "open-many" => self.open_many(),
            _ => Err(std::io::Error::other("no such operation")),
        };
        done.map(|()| b"ok".to_vec())
    }

    fn fill(&self, file: &mut File) -> Result<()> {
        chunks(self.count).try_for_each(|chunk| file.write_all(&chunk))
    }

    /// Keeps all of them open at once.
    fn open_many(&self) -> Result<()> {
        let mut open = Vec::new();
        for number in 1..=self.count {
            open.push(File::open(&self.path).map_err(|error| std::io::Error::other(format!("file {number}: {error}")))?);
        }
        std::hint::black_box(&open);
        Ok(())
    }
}

/// The names in a directory, sorted, one a line.
fn list(path: &str) -> Result<Vec<u8>> {
    let names: Result<Vec<_>> = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect();
    let mut names = names?;
    names.sort_unstable();
    Ok(names.join("\n").into_bytes())
}

#[expect(deprecated, reason = "the one way to a symbolic link that the standard library has on every target")]
fn symbolic_link(target: &str, link: &str) -> Result<()> {
    fs::soft_link(target, link)
}
