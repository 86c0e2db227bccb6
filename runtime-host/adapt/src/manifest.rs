//! The manifest of an app that is made of one program.

use anyhow::{Result, bail};
use spell_adapt::{AdaptError, Choice, inspect};
use std::fmt::Write;
use std::path::Path;

const NAME_BYTES_MAX: usize = 64;
/// What an app is called whose file has no name of its own.
const NAME: &str = "spell";
/// Interfaces that a component may only use if its manifest names what it uses, and the line that does.
const GRANTS: [(&str, &str); 7] = [
    ("fermyon:spin/key-value", "key_value_stores = [\"default\"]"),
    ("spin:key-value/", "key_value_stores = [\"default\"]"),
    ("wasi:keyvalue/", "key_value_stores = [\"default\"]"),
    ("fermyon:spin/sqlite", "sqlite_databases = [\"default\"]"),
    ("spin:sqlite/", "sqlite_databases = [\"default\"]"),
    ("wasi:http/outgoing-handler", OUTBOUND),
    ("wasi:http/client", OUTBOUND),
];
const OUTBOUND: &str = "# Hosts that it may send requests to, as in \"https://api.example.com\".\nallowed_outbound_hosts = []";

/// The manifest of an app that serves a component under every path.
pub(crate) fn text(name: &str, component: &[u8]) -> Result<String, AdaptError> {
    let imports = inspect(component, &Choice::default())?.imports;
    let mut lines: Vec<&str> = Vec::new();
    for (interface, line) in GRANTS {
        if imports.iter().any(|import| import.name.starts_with(interface)) && !lines.contains(&line) {
            lines.push(line);
        }
    }
    let mut text = format!("spin_manifest_version = 2\n\n[application]\nname = \"{name}\"\nversion = \"0.1.0\"\n\n");
    // Writing into a text cannot fail.
    let _ = writeln!(text, "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"{name}\"\n\n[component.{name}]\nsource = \"{name}.wasm\"");
    lines.iter().for_each(|line| text.extend([line, "\n"]));
    Ok(text)
}

/// The name that was given, if components can be called so.
pub(crate) fn checked(name: &str) -> Result<String> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || kebab(name) != name {
        bail!(
            "an app cannot be called `{name}`: its name is of letters, digits and single hyphens, begins with a letter, and has at most {NAME_BYTES_MAX}"
        );
    }
    Ok(name.to_owned())
}

/// A name made of that of a file.
pub(crate) fn name_of(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let name = kebab(&stem);
    if name.is_empty() { NAME.to_owned() } else { name.chars().take(NAME_BYTES_MAX).collect::<String>().trim_end_matches('-').to_owned() }
}

/// Letters and digits in words, each of which begins with a letter; other characters part words.
fn kebab(text: &str) -> String {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(String::new(), |mut name, word| {
        if word.starts_with(|first: char| first.is_ascii_alphabetic()) {
            name.push_str(if name.is_empty() { "" } else { "-" });
            name.push_str(word);
        } else if !name.is_empty() {
            name.push_str(word);
        }
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_that_of_the_file() {
        let cases = [("my_spell.wasm", "my-spell"), ("a/B c.v2.wasm", "b-c-v2"), ("-", "spell"), ("123.wasm", "spell"), ("x-1.wasm", "x1")];
        for (file, name) in cases {
            assert_eq!(name_of(Path::new(file)), name, "{file}");
            assert!(checked(name).is_ok(), "{name}");
        }
        let long = name_of(Path::new(&"ab-".repeat(40)));
        assert!(checked(&long).is_ok(), "{long}");
    }

    #[test]
    fn names_that_components_cannot_have_are_refused() {
        for name in ["", "a--b", "1a", "a.b", "\"", "ä", &"a".repeat(65)] {
            assert!(checked(name).is_err(), "{name}");
        }
    }
}
