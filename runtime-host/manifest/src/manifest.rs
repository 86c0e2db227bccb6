//! The manifest of an app: which version it is, and the outermost tables of version 2.
//!
//! This file knows the format. It must never know the file system: paths are joined, not followed.

mod application;
mod component;
mod component_parts;
mod connect;
mod dependency;
mod hosts;
mod profile;
mod source;
mod trigger;
mod trigger_parts;
mod variable;
mod version_1;

pub use dependency::DEPENDENCIES_MAX;
pub(crate) use source::{is_digest, is_host, is_url, not_a_url};
pub(crate) use trigger::is_http;
pub(crate) use trigger_parts::{STATUS_CODES, check_header_name, check_header_value};

use crate::app::{App, Component, Target};
use crate::diagnostic::{Diagnostic, printable, quote};
use crate::id;
use crate::reader::{Fields, Node, Reader};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// What every part of the manifest may need to know of the rest.
struct Scope<'s> {
    root: &'s Path,
    /// The names declared in `[variables]`.
    variables: BTreeSet<String>,
    /// Components that others are composed with, by id, and where that is written.
    composed: Vec<(String, Option<Range<usize>>)>,
}

/// Reads a manifest. The app is good only if nothing was reported.
pub(crate) fn read(reader: &mut Reader, fields: &Fields<'_>, root: &Path) -> App {
    let mut app = App::new(root.to_owned(), String::new());
    match read_version(reader, fields) {
        Some(Version::One { key }) => version_1::read(reader, fields, key, &mut app),
        Some(Version::Two) => read_version_2(reader, fields, &mut app),
        // Another version has another shape: nothing else that could be said about it would be true.
        None => {}
    }
    app
}

fn read_version_2(reader: &mut Reader, fields: &Fields<'_>, app: &mut App) {
    reader.check_keys(fields, &["spin_manifest_version", "application", "variables", "trigger", "component"]);
    if let Some(node) = reader.required(fields, "application") {
        application::read(reader, &node, app);
    }
    if let Some(node) = fields.get("variables") {
        app.variables = variable::read_all(reader, &node);
    }
    let root = app.root.clone();
    let mut scope = Scope { root: &root, variables: app.variables.keys().cloned().collect(), composed: Vec::new() };
    app.components = fields.get("component").map(|node| read_components(reader, &node, &mut scope)).unwrap_or_default();
    let triggers = fields.get("trigger").map(|node| trigger::read_all(reader, &node, &mut scope)).unwrap_or_default();
    connect::triggers(reader, triggers, app);
    connect::dependencies(reader, &scope, app);
}

enum Version {
    One {
        /// The key that says so.
        key: &'static str,
    },
    Two,
}

fn read_version(reader: &mut Reader, fields: &Fields<'_>) -> Option<Version> {
    let (old, new) = (fields.get("spin_version"), fields.get("spin_manifest_version"));
    let Some(node) = new.or(old) else {
        let message = "invalid manifest version: there is no `spin_manifest_version`";
        reader.report(Diagnostic::new(message, None).help("begin the file with `spin_manifest_version = 2`".to_owned()));
        return None;
    };
    match (node.key, node.as_integer(), node.as_str()) {
        ("spin_manifest_version", Some(2), _) => return Some(Version::Two),
        ("spin_manifest_version", _, Some("1")) => return Some(Version::One { key: "spin_manifest_version" }),
        ("spin_version", _, Some("1")) => return Some(Version::One { key: "spin_version" }),
        _ => {}
    }
    let written = node.as_str().map(str::to_owned).or(node.as_integer().map(|number| number.to_string()));
    let version = written.map_or_else(|| "neither a number nor a string".to_owned(), |version| quote(&version));
    let help = "Spell reads version 2, written `spin_manifest_version = 2`, and version 1, written `spin_manifest_version = \"1\"`";
    reader.report(Diagnostic::new(format!("invalid manifest version: {version}"), node.span).help(help.to_owned()));
    None
}

fn read_components(reader: &mut Reader, node: &Node<'_>, scope: &mut Scope<'_>) -> Vec<Component> {
    let Some(fields) = reader.fields(node, "[component]") else { return Vec::new() };
    let mut components = Vec::new();
    for node in fields.iter() {
        check_component_id(reader, node.key, node.key_span.clone());
        let place = format!("[component.{}]", printable(node.key));
        // One that cannot be read is still there, so that triggers which name it are not reported as well.
        components.extend(component::read(reader, &node, place, node.key, scope));
    }
    components
}

fn check_component_id(reader: &mut Reader, id: &str, span: Option<Range<usize>>) {
    if !id::is_kebab(id) {
        let help = "words joined by `-`, each of letters and digits, beginning with a letter, all lower or all upper case";
        reader.report(Diagnostic::new(format!("{} is not a component id", quote(id)), span).help(help.to_owned()));
    }
}

/// Reads the environments that something is meant for.
fn read_targets(reader: &mut Reader, node: &Node<'_>, root: &Path) -> Vec<Target> {
    let mut targets = Vec::new();
    for entry in reader.entries(node) {
        if let Some(name) = entry.as_str() {
            targets.push(Target::Named(name.to_owned()));
            continue;
        }
        if !entry.is_table() {
            reader.wrong_kind(&entry, "a string, `{ url = \"…\" }` or `{ path = \"…\" }`");
            continue;
        }
        let Some(table) = reader.fields(&entry, "the entry of `targets`") else { continue };
        let key = if table.get("url").is_some() { "url" } else { "path" };
        reader.check_keys(&table, if key == "url" { &["url"] } else { &["url", "path"] });
        let Some(text) = reader.required(&table, key).and_then(|node| reader.string(&node)) else { continue };
        targets.push(if key == "url" { Target::Url(text.to_owned()) } else { Target::File(root.join(text)) });
    }
    targets
}

fn optional_string(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<String> {
    fields.get(key).and_then(|node| reader.string(&node)).map(str::to_owned)
}

fn optional_strings(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Vec<String> {
    fields.get(key).map(|node| reader.strings(&node)).unwrap_or_default().into_iter().map(|(_, text)| text.to_owned()).collect()
}
