//! `/tmp` of one request: a directory of its own on the host's disk, with a bound on what is written there, gone when the request is.
//!
//! This room knows a directory and how much of its space was taken. It must never know whose request it is.

mod filesystem;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};
use tempfile::TempDir;
use wasmtime_wasi::{FsPerms, WasiCtx};

/// Where guests see it.
const AT: &str = "/tmp";
/// What a file, a directory or a link counts, and what file systems hand out at a time, in bytes.
const BLOCK_BYTES: u64 = 4 << 10;

/// Where requests have their `/tmp`, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scratch {
    /// The directory in which each has one of its own.
    pub directory: PathBuf,
    /// Most bytes that one request writes, in blocks of 4 KiB; each file, directory and link counts one more. Nothing that is removed
    /// is given back.
    pub bytes_max: u64,
}

impl Scratch {
    /// Makes the directory, or empties it of what a host left there that ended without a chance to.
    ///
    /// # Errors
    /// If there is no such directory and it cannot be made, or it cannot be emptied.
    pub fn sweep(&self) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        empty(&self.directory)
    }
}

/// What one request has of it.
pub(crate) struct Tmp {
    /// Sees this directory, and nothing else.
    wasi: WasiCtx,
    space: Arc<Space>,
    directory: Option<TempDir>,
}

impl Tmp {
    pub(crate) fn make(scratch: &Scratch) -> io::Result<Self> {
        let directory = new_directory(&scratch.directory)?;
        let mut wasi = WasiCtx::builder();
        wasi.preopened_dir(directory.path(), AT, FsPerms::ReadWrite).map_err(io::Error::other)?;
        Ok(Self { wasi: wasi.build(), space: Arc::new(Space::new(scratch.bytes_max)), directory: Some(directory) })
    }
}

impl Drop for Tmp {
    fn drop(&mut self) {
        let Some(directory) = self.directory.take().map(TempDir::keep) else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || remove(&directory))),
            Err(_) => remove(&directory),
        }
    }
}

fn remove(directory: &Path) {
    let attempt = || empty(directory).and_then(|()| fs::remove_dir(directory));
    // What was being written when the request ended may have added to it meanwhile.
    if let Err(error) = attempt().or_else(|_| attempt()) {
        let path = directory.display();
        tracing::error!(%path, %error, "what a request left in its /tmp cannot be removed; the next start tries again");
    }
}

/// Empties a directory, however deep others lie in it: they are moved up, so that none is open while one in it is removed.
fn empty(directory: &Path) -> io::Result<()> {
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(&next)?.collect::<io::Result<Vec<_>>>()? {
            if entry.file_type()?.is_dir() {
                let up = new_directory(directory)?.keep();
                fs::rename(entry.path(), &up)?;
                directories.push(up);
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        if next != directory {
            fs::remove_dir(&next)?;
        }
    }
    Ok(())
}

/// An empty one, under a name that nothing else has.
fn new_directory(within: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("").tempdir_in(within)
}

/// What may still be written.
pub(crate) struct Space(AtomicU64);

/// All of it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing more can be written to /tmp")]
pub(crate) struct Full;

impl Space {
    fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    /// Takes whole blocks for this many bytes, or none.
    fn take(&self, bytes: u64) -> Result<(), Full> {
        let bytes = bytes.checked_next_multiple_of(BLOCK_BYTES).ok_or(Full)?;
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| Full)
    }

    /// Takes a block for a file, a directory or a link.
    fn take_entry(&self) -> Result<(), Full> {
        self.take(BLOCK_BYTES)
    }
}

/// Pays for what is written to one file, piece by piece: a block once, as long as pieces follow one another.
struct Payment {
    space: Arc<Space>,
    /// Where the next piece goes.
    at: u64,
    /// As far as blocks are paid for from there on.
    paid_until: u64,
}

impl Payment {
    fn from(space: Arc<Space>, at: u64) -> Self {
        Self { space, at, paid_until: at - at % BLOCK_BYTES }
    }

    fn pay(&mut self, bytes: u64) -> Result<(), Full> {
        let end = self.at.checked_add(bytes).ok_or(Full)?;
        let paid_until = self.paid_until.max(end.checked_next_multiple_of(BLOCK_BYTES).ok_or(Full)?);
        self.space.take(paid_until - self.paid_until)?;
        (self.at, self.paid_until) = (end, paid_until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(space: &Space) -> u64 {
        space.0.load(Ordering::Relaxed) / BLOCK_BYTES
    }

    #[test]
    fn what_is_written_is_paid_for_in_blocks_that_are_touched() {
        for (at, pieces, blocks) in [
            (0, &[0][..], 0),
            (0, &[1], 1),
            (0, &[4096], 1),
            (0, &[4097], 2),
            (0, &[1, 1, 4094], 1),
            (0, &[4095, 1, 1], 2),
            (4095, &[1], 1),
            (4095, &[2], 2),
            (1 << 40, &[1, 4095, 1], 2),
        ] {
            let space = Arc::new(Space::new(8 * BLOCK_BYTES));
            let mut payment = Payment::from(space.clone(), at);
            for piece in pieces {
                payment.pay(*piece).unwrap();
            }
            assert_eq!(8 - left(&space), blocks, "{pieces:?} at {at}");
        }
    }

    #[test]
    fn nothing_is_taken_of_a_space_that_is_too_small() {
        let space = Arc::new(Space::new(3 * BLOCK_BYTES));
        assert_eq!(space.take(3 * BLOCK_BYTES + 1), Err(Full));
        assert_eq!(space.take(u64::MAX), Err(Full));
        let mut payment = Payment::from(space.clone(), u64::MAX);
        assert_eq!(payment.pay(1), Err(Full));
        assert_eq!(left(&space), 3);
        space.take_entry().unwrap();
        let mut payment = Payment::from(space.clone(), 0);
        assert_eq!((payment.pay(BLOCK_BYTES), payment.pay(BLOCK_BYTES + 1), payment.pay(1)), (Ok(()), Err(Full), Ok(())));
        assert_eq!((left(&space), space.take_entry()), (0, Err(Full)));
    }

    #[test]
    fn a_directory_is_there_as_long_as_its_request_and_what_others_left_is_swept() {
        let directory = tempfile::tempdir().unwrap();
        let scratch = Scratch { directory: directory.path().join("tmp"), bytes_max: 0 };
        let entries = || fs::read_dir(&scratch.directory).unwrap().count();
        scratch.sweep().unwrap();
        let tmp = Tmp::make(&scratch).unwrap();
        fs::write(tmp.directory.as_ref().unwrap().path().join("file"), "text").unwrap();
        assert_eq!(entries(), 1);
        drop(tmp);
        assert_eq!(entries(), 0);
        fs::write(scratch.directory.join("left"), "text").unwrap();
        fs::create_dir_all(scratch.directory.join("d/".repeat(1_000))).unwrap();
        fs::write(scratch.directory.join("d/d/d/file"), "text").unwrap();
        scratch.sweep().unwrap();
        assert_eq!(entries(), 0);
    }
}
