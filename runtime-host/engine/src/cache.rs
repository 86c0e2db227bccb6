//! Compiled code on disk. A file is loaded only if this host wrote it: its name, its place and a keyed hash say so.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 32;
const CODE_BYTES_MAX: u64 = 1 << 30;

/// A directory of compiled code that only its owner can read or write. Each file carries a BLAKE3 hash keyed with a secret
/// that lies elsewhere; whatever does not match is thrown away and made anew.
#[derive(Debug)]
pub struct CodeCache {
    directory: PathBuf,
    key: [u8; KEY_BYTES],
}

impl CodeCache {
    /// Opens a directory for compiled code and the file of its key, making them if they are not there. A key that others
    /// could have read is no key: it is replaced, and with it all code.
    pub fn open(directory: &Path, key: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let key = read_key(key).or_else(|_| make_key(key))?;
        Ok(Self { directory: directory.to_owned(), key })
    }

    /// The file of the code stored under a name, if it is whole and ours. Behind the code stands its hash, which nobody who maps
    /// the file looks at.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        let path = self.path(name);
        let mut file = OpenOptions::new().read(true).custom_flags(NO_FOLLOW).open(&path).ok()?;
        let length = file.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= CODE_BYTES_MAX)?.len();
        let code_length = length.checked_sub(MAC_BYTES as u64)?;
        let mut hasher = self.hasher(name);
        hasher.update_reader((&mut file).take(code_length)).ok()?;
        let mut mac = [0; MAC_BYTES];
        file.read_exact(&mut mac).ok()?;
        // `blake3::Hash` compares in constant time.
        if hasher.finalize() != blake3::Hash::from_bytes(mac) {
            tracing::warn!(name, "compiled code does not match its hash: compiling again");
            self.discard(name);
            return None;
        }
        Some(path)
    }

    /// Whether there is a file under a name, whatever is in it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Keeps code under a name. A reader never sees half a file.
    pub(crate) fn store(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let mac = self.hasher(name).update(code).finalize();
        write_whole(&self.directory, &self.path(name), &[code, mac.as_bytes()])
    }

    /// Throws away what is stored under a name.
    pub(crate) fn discard(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.path(name)) {
            tracing::warn!(name, %error, "compiled code could not be removed");
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.cwasm"))
    }

    /// Hashes a name; the code is to follow.
    fn hasher(&self, name: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        hasher
    }
}

/// `O_NOFOLLOW`: a link in place of the file is no file of ours.
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

fn read_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    let mut file = OpenOptions::new().read(true).custom_flags(NO_FOLLOW).open(path)?;
    let metadata = file.metadata()?;
    let is_private = metadata.permissions().mode() & 0o077 == 0 && metadata.uid() == rustix::process::geteuid().as_raw();
    if !metadata.is_file() || !is_private {
        tracing::warn!(path = %path.display(), "the key of compiled code is not its owner's alone: making another");
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    file.read_exact(&mut key)?;
    Ok(key)
}

fn make_key(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key)?;
    write_whole(path.parent().unwrap_or(Path::new(".")), path, &[&key])?;
    // Two hosts may have made a key at the same time: what is on disk now is the key of both.
    read_key(path)
}

fn write_whole(directory: &Path, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let temporary = directory.join(format!(".{:016x}.tmp", u64::from_le_bytes(random)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(state: &Path) -> CodeCache {
        CodeCache::open(&state.join("code"), &state.join("code.key")).expect("cache")
    }

    #[test]
    fn what_was_stored_is_loaded_and_what_was_touched_is_thrown_away() {
        let state = tempfile::tempdir().expect("directory");
        let cache = open(state.path());
        cache.store("a", b"code").expect("store");
        assert_eq!(fs::read(cache.find("a").expect("stored")).expect("read")[..4], *b"code");
        assert!(open(state.path()).find("a").is_some(), "the key is kept");

        let path = cache.path("a");
        let bytes = fs::read(&path).expect("read");
        for position in 0..bytes.len() {
            let mut touched = bytes.clone();
            touched[position] ^= 1;
            fs::write(&path, &touched).expect("write");
            assert_eq!(cache.find("a"), None, "byte {position} was flipped");
            assert!(!path.exists());
        }
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).expect("write");
            assert_eq!(cache.find("a"), None, "cut to {length}");
        }
        fs::write(cache.path("b"), &bytes).expect("write");
        assert_eq!(cache.find("b"), None, "under another name");
    }

    #[test]
    fn code_of_another_host_is_not_loaded() {
        let (ours, theirs) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
        let (ours, theirs) = (open(ours.path()), open(theirs.path()));
        theirs.store("a", b"code").expect("store");
        fs::copy(theirs.path("a"), ours.path("a")).expect("copy");
        assert_eq!(ours.find("a"), None);
    }

    #[test]
    fn a_key_that_others_could_read_is_replaced_and_its_code_with_it() {
        let state = tempfile::tempdir().expect("directory");
        open(state.path()).store("a", b"code").expect("store");
        let key = state.path().join("code.key");
        assert_eq!(fs::metadata(&key).expect("key").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("permissions");
        assert_eq!(open(state.path()).find("a"), None);
        assert_eq!(fs::metadata(&key).expect("key").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_in_place_of_the_file_is_not_followed() {
        let state = tempfile::tempdir().expect("directory");
        let cache = open(state.path());
        cache.store("a", b"code").expect("store");
        let elsewhere = state.path().join("elsewhere");
        fs::rename(cache.path("a"), &elsewhere).expect("rename");
        std::os::unix::fs::symlink(&elsewhere, cache.path("a")).expect("link");
        assert_eq!(cache.find("a"), None);
    }
}
