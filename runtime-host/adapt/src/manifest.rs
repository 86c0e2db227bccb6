//! An app that is made of one program: its component, and the text of its manifest.
//!
//! It knows names of apps, and which line of a manifest grants what. It must never know where an app is put.

use crate::component::ComponentFacts;
use crate::error::AdaptError;
use crate::http::export_http;
use std::fmt::Write;

/// The longest name of an app.
pub(crate) const APP_NAME_BYTES_MAX: usize = 64;
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

/// A Spin app with one component, for whichever host runs those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The text of its `spin.toml`.
    pub manifest: String,
    /// Its component, which answers HTTP. The manifest calls it by the name of the app, with `.wasm` behind it.
    pub component: Vec<u8>,
}

/// Makes an app of a component that is cast, or answers HTTP, and has it answer under every path. The name is one of [`app_name`]'s.
///
/// # Errors
/// As [`export_http`], and if the name is none for an app.
///
/// ```
/// let module = wat::parse_str(
///     r#"(module (memory (export "memory") 1) (func (export "process") (param i32 i32) (result i64) (i64.const 0)))"#,
/// )
/// .expect("it is valid");
/// let spell = spell_adapt::adapt(&module, &spell_adapt::Choice::default()).expect("it can be called").wasm;
/// let app = spell_adapt::app(&spell, "hello", "1.2.0").expect("it is a spell");
/// assert!(app.manifest.contains("source = \"hello.wasm\""));
/// ```
pub fn app(component: &[u8], name: &str, version: &str) -> Result<App, AdaptError> {
    check_app_name(name)?;
    let component = export_http(component)?;
    let imports = ComponentFacts::read(&component)?.imports;
    let mut lines: Vec<&str> = Vec::new();
    for (interface, line) in GRANTS {
        if imports.iter().any(|import| import.starts_with(interface)) && !lines.contains(&line) {
            lines.push(line);
        }
    }
    // Versions of apps are semantic versions, which have no character that means something in a text.
    let version: String = version.chars().filter(|character| !matches!(character, '"' | '\\') && !character.is_control()).collect();
    let mut text = format!("spin_manifest_version = 2\n\n[application]\nname = \"{name}\"\nversion = \"{version}\"\n\n");
    // Writing into a text cannot fail.
    let _ = writeln!(text, "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"{name}\"\n\n[component.{name}]\nsource = \"{name}.wasm\"");
    lines.iter().for_each(|line| text.extend([line, "\n"]));
    Ok(App { manifest: text, component })
}

/// Whether apps and their components can be called so.
///
/// # Errors
/// If they cannot; it says what a name is.
pub fn check_app_name(name: &str) -> Result<(), AdaptError> {
    if name.is_empty() || name.len() > APP_NAME_BYTES_MAX || kebab(name) != name {
        return Err(AdaptError::AppName(name.to_owned()));
    }
    Ok(())
}

/// A name for an app, made of what something else is called, such as a file without its extension.
pub fn app_name(text: &str) -> String {
    let name = kebab(&text.to_lowercase());
    if name.is_empty() {
        NAME.to_owned()
    } else {
        name.chars().take(APP_NAME_BYTES_MAX).collect::<String>().trim_end_matches('-').to_owned()
    }
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
    fn a_name_is_made_of_what_something_is_called() {
        let cases = [("my_spell", "my-spell"), ("B c.v2", "b-c-v2"), ("-", "spell"), ("123", "spell"), ("x-1", "x1")];
        for (text, name) in cases {
            assert_eq!(app_name(text), name, "{text}");
            assert!(check_app_name(name).is_ok(), "{name}");
        }
        let long = app_name(&"ab-".repeat(40));
        assert!(check_app_name(&long).is_ok(), "{long}");
    }

    #[test]
    fn names_that_components_cannot_have_are_refused() {
        for name in ["", "a--b", "1a", "a.b", "\"", "ä", &"a".repeat(65)] {
            assert!(check_app_name(name).is_err(), "{name}");
        }
    }
}
