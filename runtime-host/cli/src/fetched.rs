//! Programs that were fetched, each in a file that is named after its digest.
//!
//! It knows files and digests, and believes a file only as far as its digest goes. It must never know where a program came from.

use crate::args::Up;
use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;

/// Most bytes of programs that are kept although the app does not ask for them.
const UNUSED_BYTES_MAX: u64 = 4 << 30;
/// What the name of a file begins with that is not whole yet.
const PART: &str = ".part-";
/// A part that nothing was written to for so long is nobody's.
const PART_TIME_MAX: Duration = Duration::from_secs(3600);

/// Where programs are kept.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    directory: PathBuf,
}

impl Fetched {
    /// The programs in the directory that the command line names, or else in the state directory.
    pub(crate) fn of(arguments: &Up, state_dir: &Path) -> Self {
        Self::within(arguments.spin.cache_dir.as_deref().unwrap_or(state_dir))
    }

    /// The programs in a directory that has other things as well.
    pub(crate) fn within(directory: &Path) -> Self {
        Self { directory: directory.join("fetched") }
    }

    /// The file of a program. `digest` is `sha256:` and hexadecimal digits, as manifests have it.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        self.directory.join(format!("{}.wasm", digest.trim_start_matches("sha256:")))
    }

    /// The program, if it is there and is what it should be.
    pub(crate) fn read(&self, digest: &str) -> Result<Vec<u8>> {
        let path = self.path(digest);
        let wasm = if is_file(&path) { read(&path) } else { Err(std::io::Error::from(ErrorKind::NotFound).into()) };
        let wasm = wasm.with_context(|| format!("cannot read {}", path.display()))?;
        if digest_of(Sha256::new().chain_update(&wasm)) != digest {
            bail!("{} is not what it was when it was fetched; start again to fetch it anew", path.display());
        }
        Ok(wasm)
    }

    /// Whether a program is there. A file in its place that is something else is removed.
    pub(crate) fn has(&self, digest: &str) -> Result<bool> {
        let path = self.path(digest);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        if self.read(digest).is_ok() {
            // It was used last now; where that cannot be written, it only goes earlier.
            let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
            return Ok(true);
        }
        eprintln!("warning: {} is not what its name says: it is thrown away", path.display());
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        Ok(false)
    }

    /// A file for a program that is on its way. It goes when it is dropped.
    pub(crate) fn begin(&self) -> Result<NamedTempFile> {
        let begin = || {
            fs::create_dir_all(&self.directory)?;
            tempfile::Builder::new().prefix(PART).tempfile_in(&self.directory)
        };
        begin().with_context(|| format!("cannot write to {}", self.directory.display()))
    }

    /// Keeps a program that is whole and was checked.
    pub(crate) fn keep(&self, part: NamedTempFile, digest: &str) -> Result<()> {
        let path = self.path(digest);
        part.persist(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(())
    }

    /// Removes parts that others have left behind, and of programs that are not asked for those that were not for the longest time.
    pub(crate) fn tidy(&self, asked: &BTreeSet<&str>) -> Result<()> {
        self.tidy_to(asked, UNUSED_BYTES_MAX)
    }

    fn tidy_to(&self, asked: &BTreeSet<&str>, bytes_max: u64) -> Result<()> {
        let (now, asked): (_, BTreeSet<PathBuf>) = (SystemTime::now(), asked.iter().map(|digest| self.path(digest)).collect());
        let (mut unused, mut left_behind) = (Vec::new(), Vec::new());
        for (path, metadata) in self.files()? {
            let used_at = metadata.modified().unwrap_or(now);
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PART)) {
                left_behind.extend((now.duration_since(used_at).unwrap_or_default() > PART_TIME_MAX).then_some(path));
            } else if !asked.contains(&path) {
                unused.push((used_at, metadata.len(), path));
            }
        }
        unused.sort();
        let mut bytes = 0_u64;
        let goes = unused.into_iter().rev().filter(|(_, length, _)| {
            bytes = bytes.saturating_add(*length);
            bytes > bytes_max
        });
        for path in goes.map(|(_, _, path)| path).chain(left_behind) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<(PathBuf, Metadata)>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| format!("cannot list {}", self.directory.display()))?,
        };
        let files = entries.flatten().filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
        Ok(files.filter(|(_, metadata)| metadata.is_file()).collect())
    }
}

/// Neither a link nor a pipe, which somebody else may have put there.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Reads a program.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    let mut wasm = Vec::new();
    File::open(path)?.take(spell_compose::PROGRAM_BYTES_MAX as u64 + 1).read_to_end(&mut wasm)?;
    if wasm.len() > spell_compose::PROGRAM_BYTES_MAX {
        bail!("it is larger than {} MiB", spell_compose::PROGRAM_BYTES_MAX >> 20);
    }
    Ok(wasm)
}

/// A digest as manifests have it.
pub(crate) fn digest_of(hasher: Sha256) -> String {
    format!("sha256:{}", hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn digest(wasm: &[u8]) -> String {
        digest_of(Sha256::new().chain_update(wasm))
    }

    fn put(fetched: &Fetched, wasm: &[u8], age_seconds: u64) -> String {
        let mut part = fetched.begin().expect("part");
        part.write_all(wasm).expect("write");
        part.as_file().set_modified(SystemTime::now() - Duration::from_secs(age_seconds)).expect("time");
        let digest = digest(wasm);
        fetched.keep(part, &digest).expect("keep");
        digest
    }

    #[test]
    fn a_file_is_believed_only_as_far_as_its_digest_goes() {
        let directory = tempfile::tempdir().expect("directory");
        let fetched = Fetched::within(directory.path());
        let there = digest(b"a program");
        assert!(!fetched.has(&there).expect("look"), "nothing is there yet");
        for spoil in [
            (|path: &Path| fs::write(path, "another program")) as fn(&Path) -> std::io::Result<()>,
            |path| fs::write(path, ""),
            |path| fs::write(path, "a progra"),
            |path| {
                let elsewhere = path.with_extension("elsewhere");
                fs::rename(path, &elsewhere)?;
                std::os::unix::fs::symlink(elsewhere, path)
            },
        ] {
            assert_eq!(put(&fetched, b"a program", 0), there);
            assert!(fetched.has(&there).expect("look"));
            assert_eq!(fetched.read(&there).expect("read"), b"a program");
            spoil(&fetched.path(&there)).expect("spoil");
            assert!(fetched.read(&there).is_err());
            assert!(!fetched.has(&there).expect("look") && !fetched.path(&there).exists());
        }
    }

    #[test]
    fn programs_that_nobody_asks_for_go_once_they_are_too_many_and_parts_once_they_are_old() {
        let directory = tempfile::tempdir().expect("directory");
        let fetched = Fetched::within(directory.path());
        fetched.tidy(&BTreeSet::new()).expect("nothing to tidy");
        let [asked, oldest, old, new] =
            [(b"asked", 900), (b"oldes", 800), (b"older", 700), (b"newer", 60)].map(|(wasm, age)| put(&fetched, wasm, age));
        let (young, forgotten) = (fetched.begin().expect("part"), fetched.begin().expect("part"));
        forgotten.as_file().set_modified(SystemTime::now() - PART_TIME_MAX * 2).expect("time");
        fetched.tidy_to(&BTreeSet::from([asked.as_str()]), 10).expect("tidy");
        let there = |digest: &String| fetched.path(digest).exists();
        assert_eq!([&asked, &oldest, &old, &new].map(there), [true, false, true, true]);
        assert_eq!([young.path().exists(), forgotten.path().exists()], [true, false]);
    }
}
