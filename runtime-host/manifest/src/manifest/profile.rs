//! `[component.<id>.profile.<name>]`: what is different about a component under a name such as `release`.
//!
//! It knows the table's keys. It must never know which profile will be asked for.

use super::component_parts::{read_commands, read_environment};
use super::dependency::{self, Placed};
use super::{Scope, source};
use crate::app::{Dependency, Profile};
use crate::diagnostic::{Diagnostic, printable};
use crate::reader::{Fields, Node, Reader};
use std::collections::BTreeMap;

/// Reads all profiles of a component whose own dependencies are `base`.
pub(super) fn read_all(
    reader: &mut Reader,
    fields: &Fields<'_>,
    base: &[Dependency],
    whole: Option<bool>,
    scope: &mut Scope<'_>,
) -> BTreeMap<String, Profile> {
    let mut profiles = BTreeMap::new();
    let Some(table) = fields.get("profile").and_then(|node| reader.fields(&node, "`profile`")) else { return profiles };
    for node in table.iter() {
        if node.key.trim().is_empty() {
            reader.report(Diagnostic::new("a profile must have a name", node.key_span.clone()));
        }
        if let Some(profile) = read(reader, &node, base, whole, scope) {
            profiles.insert(node.key.to_owned(), profile);
        }
    }
    profiles
}

fn read(reader: &mut Reader, node: &Node<'_>, base: &[Dependency], whole: Option<bool>, scope: &mut Scope<'_>) -> Option<Profile> {
    let fields = reader.fields(node, format!("the profile `{}`", printable(node.key)))?;
    reader.check_keys(&fields, &["source", "environment", "dependencies", "build"]);
    let placed = dependency::read_all(reader, &fields, whole, scope);
    refuse_overlap(reader, &placed, base);
    let build = fields.get("build").and_then(|node| reader.fields(&node, "`build`"));
    Some(Profile {
        source: fields.get("source").and_then(|node| source::read(reader, &node, scope.root)),
        environment: read_environment(reader, &fields),
        dependencies: placed.into_iter().map(|(dependency, _)| dependency).collect(),
        build: build.and_then(|table| {
            reader.check_keys(&table, &["command"]);
            read_commands(reader, &table)
        }),
    })
}

/// A dependency of the same name replaces the component's own; with all others it must get along.
fn refuse_overlap(reader: &mut Reader, placed: &[Placed], base: &[Dependency]) {
    let kept = |own: &&Dependency| !placed.iter().any(|(dependency, _)| dependency.name == own.name);
    let kept: Vec<&Dependency> = if placed.is_empty() { Vec::new() } else { base.iter().filter(kept).collect() };
    for (dependency, span) in placed {
        dependency::refuse_overlap(reader, dependency, span.clone(), kept.iter().copied());
    }
}
