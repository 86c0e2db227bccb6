//! Files of `NAME=VALUE` lines that stand in for a part of the environment.
//!
//! It knows how they are read. It must never show what is in one.

use anyhow::{Context, Result, bail};
use spell_manifest::Secret;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Largest file, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// What a file says. Of two lines with the same name, the first counts.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Secret>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > BYTES_MAX {
        bail!("{} has more than {BYTES_MAX} bytes", path.display());
    }
    let mut values = BTreeMap::new();
    for (number, pair) in (1_usize..).zip(dotenvy::from_read_iter(bytes.as_slice())) {
        // The error holds the line, and the line may hold a secret.
        let Ok((name, value)) = pair else { bail!("{}: entry {number} is not NAME=VALUE", path.display()) };
        values.entry(name).or_insert_with(|| Secret::new(value));
    }
    Ok(values)
}

/// The same of a file that need not be there.
pub(crate) fn read_if_there(path: &Path) -> Result<BTreeMap<String, Secret>> {
    if path.is_file() { read(path) } else { Ok(BTreeMap::new()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_values_and_are_never_repeated() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join(".env");
        std::fs::write(&path, "# comment\nA=1\nexport B='two words'\nC=\"x\\ny\"\n\nA=again\n").expect("write");
        let values = read(&path).expect("read");
        let values: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(values, [("A", "1"), ("B", "two words"), ("C", "x\ny")]);
        std::fs::write(&path, "A=1\nhunter2 hunter2\n").expect("write");
        let error = format!("{:#}", read(&path).expect_err("no pair"));
        assert!(error.ends_with("entry 2 is not NAME=VALUE") && !error.contains("hunter2"), "{error}");
        std::fs::write(&path, vec![b'#'; 1 << 21]).expect("write");
        assert!(format!("{:#}", read(&path).expect_err("too large")).contains("more than"));
        let missing = directory.path().join("missing");
        assert!(read(&missing).is_err() && read_if_there(&missing).expect("nothing").is_empty());
    }
}
