//! The secret that hashes of keys are made with, in a file beside the database: a copy of one without the other opens nothing.
//!
//! It knows the file. It must never know keys.

use anyhow::{Context, Result, bail};
use spell_cast::Pepper;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FILE_NAME: &str = "keys.pepper";
const BYTES: usize = 32;
/// Whoever is not the owner.
const OTHERS: u32 = 0o077;

/// Reads the secret of a state directory, or makes it. Without it no key is worth anything, so it is never made anew where there is one.
pub(crate) fn open(state_dir: &Path) -> Result<Pepper> {
    let path = state_dir.join(FILE_NAME);
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(file) => make(file, state_dir).with_context(|| format!("cannot write {}", path.display())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
}

fn make(mut file: File, state_dir: &Path) -> Result<Pepper> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    File::open(state_dir)?.sync_all()?;
    Ok(Pepper::from_bytes(bytes))
}

fn read(path: &Path) -> Result<Pepper> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    if file.metadata()?.permissions().mode() & OTHERS != 0 {
        bail!(
            "{shown} can be read by others than its owner: whoever has read it can try keys against a copy of the database; run `chmod 600 {shown}`"
        );
    }
    let mut bytes = Vec::new();
    file.take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let Ok(bytes) = <[u8; BYTES]>::try_from(bytes) else {
        bail!("{shown} does not have {BYTES} bytes: bring back the file that was there, or remove it, and make all keys anew");
    };
    Ok(Pepper::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn it_is_made_once_and_refused_when_others_could_have_read_it() {
        let directory = tempfile::tempdir().expect("directory");
        let hash = || open(directory.path()).map(|pepper| pepper.hash("sk_x"));
        let first = hash().expect("made");
        assert_eq!(hash().expect("read"), first);
        let path = directory.path().join(FILE_NAME);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("permissions");
        assert!(hash().expect_err("readable").to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        fs::write(&path, [0; 31]).expect("write");
        assert!(hash().expect_err("cut").to_string().contains("32 bytes"));
    }
}
