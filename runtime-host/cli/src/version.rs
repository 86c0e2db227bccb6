//! Which versions this binary is made of, and which of them nobody should run strangers' code with.

use anyhow::{Result, bail};
use std::sync::OnceLock;

/// The host's version with that of its engine and its database.
pub(crate) fn line() -> &'static str {
    static LINE: OnceLock<String> = OnceLock::new();
    LINE.get_or_init(|| {
        format!("{} (wasmtime {}, SQLite {})", env!("CARGO_PKG_VERSION"), spell_engine::WASMTIME_VERSION, spell_store::sqlite_version())
    })
}

/// Refuses to go on with a part that is known to be bad.
pub(crate) fn check() -> Result<()> {
    check_part("wasmtime", spell_engine::WASMTIME_VERSION)?;
    check_part("SQLite", spell_store::sqlite_version())
}

/// A part with versions that are known to be bad: those below this one.
struct KnownBad {
    part: &'static str,
    below: [u32; 3],
    why: &'static str,
}

const KNOWN_BAD: [KnownBad; 2] = [
    KnownBad { part: "wasmtime", below: [48, 0, 8], why: "it has published holes through which a guest gets at its host" },
    KnownBad { part: "SQLite", below: [3, 51, 3], why: "it can corrupt its write-ahead log" },
];

fn check_part(part: &str, version: &str) -> Result<()> {
    let Some(known) = KNOWN_BAD.iter().find(|known| known.part == part) else { return Ok(()) };
    let [major, minor, patch] = known.below;
    match parse(version) {
        Some(found) if found >= known.below => Ok(()),
        Some(_) => bail!("this binary was built with {part} {version}, and {}: build it with {major}.{minor}.{patch} or later", known.why),
        None => bail!("this binary was built with {part} \"{version}\", which is no version that can be judged"),
    }
}

fn parse(version: &str) -> Option<[u32; 3]> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_binary_is_made_of_is_not_known_to_be_bad() {
        assert!(check().is_ok());
    }

    #[test]
    fn bad_versions_are_refused_with_their_reason() {
        for (part, version, is_good) in [
            ("wasmtime", "48.0.7", false),
            ("wasmtime", "48.0.8", true),
            ("wasmtime", "48.0.10", true),
            ("wasmtime", "47.9.9", false),
            ("wasmtime", "unknown", false),
            ("SQLite", "3.51.2", false),
            ("SQLite", "3.53.2", true),
            ("SQLite", "3.6.99", false),
        ] {
            assert_eq!(check_part(part, version).is_ok(), is_good, "{part} {version}");
        }
    }
}
