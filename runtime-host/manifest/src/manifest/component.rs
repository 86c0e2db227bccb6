//! `[component.<id>]`: a program and what it asks for. The same table may stand inline in a trigger.
//!
//! It knows which keys there are. It must never know what is granted.

use super::component_parts::{read_build, read_environment, read_files, read_tool};
use super::{Scope, dependency, hosts, optional_string, profile, read_targets, source, variable};
use crate::app::{Component, Source};
use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader};
use crate::{Template, files, id};
use std::path::PathBuf;

const KEYS: [&str; 17] = [
    "source",
    "description",
    "environment",
    "variables",
    "files",
    "exclude_files",
    "allowed_outbound_hosts",
    "allowed_http_hosts",
    "key_value_stores",
    "sqlite_databases",
    "ai_models",
    "targets",
    "build",
    "tool",
    "dependencies_inherit_configuration",
    "dependencies",
    "profile",
];

/// Reads a component; `None` if it is not even a table.
pub(super) fn read(reader: &mut Reader, node: &Node<'_>, place: String, id: &str, scope: &mut Scope<'_>) -> Option<Component> {
    let fields = reader.fields(node, place)?;
    reader.check_keys(&fields, &KEYS);
    let mut component = read_common(reader, &fields, id, "variables", scope);
    component.allowed_outbound_hosts = read_hosts(reader, &fields, scope);
    component.targets = fields.get("targets").map(|node| read_targets(reader, &node, scope.root));
    read_tool(reader, &fields, &mut component);
    let whole = fields.get("dependencies_inherit_configuration").and_then(|node| reader.boolean(&node));
    let placed = dependency::read_all(reader, &fields, whole, scope);
    component.dependencies = placed.into_iter().map(|(dependency, _)| dependency).collect();
    component.profiles = profile::read_all(reader, &fields, &component.dependencies, whole, scope);
    Some(component)
}

/// Reads what components have in every version of the manifest; `variables` is the key of their variables.
pub(super) fn read_common(reader: &mut Reader, fields: &Fields<'_>, id: &str, variables: &str, scope: &Scope<'_>) -> Component {
    let source = reader.required(fields, "source").and_then(|node| source::read(reader, &node, scope.root));
    let mut component = Component::new(id.to_owned(), source.unwrap_or_else(|| Source::File(PathBuf::new())));
    component.description = optional_string(reader, fields, "description");
    component.environment = read_environment(reader, fields);
    component.variables = read_variables(reader, fields, variables, scope);
    component.files = read_files(reader, fields);
    component.exclude_files = read_exclude_files(reader, fields);
    component.key_value_stores = read_labels(reader, fields, "key_value_stores");
    component.sqlite_databases = read_labels(reader, fields, "sqlite_databases");
    component.ai_models = read_models(reader, fields);
    component.build = read_build(reader, fields);
    component
}

fn read_variables(reader: &mut Reader, fields: &Fields<'_>, key: &str, scope: &Scope<'_>) -> Vec<(String, Template)> {
    let Some(table) = fields.get(key).and_then(|node| reader.fields(&node, format!("`{key}`"))) else { return Vec::new() };
    let mut variables = Vec::new();
    for node in table.iter() {
        variable::check_name(reader, node.key, node.key_span.clone());
        let Some(text) = reader.string(&node) else { continue };
        if let Some(template) = variable::template(reader, text, node.span.clone(), scope) {
            variables.push((node.key.to_owned(), template));
        }
    }
    variables
}

/// Reads the hosts that the component wants to reach, those in the old notation last, in the new one.
fn read_hosts(reader: &mut Reader, fields: &Fields<'_>, scope: &Scope<'_>) -> Vec<String> {
    let mut all = read_outbound_hosts(reader, fields, scope);
    let Some(node) = fields.get("allowed_http_hosts") else { return all };
    let converted = hosts::convert(reader, &node);
    if !converted.is_empty() {
        let list = converted.iter().map(|host| format!("\"{host}\"")).collect::<Vec<_>>().join(", ");
        let warning = Diagnostic::new("`allowed_http_hosts` is out of date", node.key_span);
        reader.warn(warning.help(format!("write `allowed_outbound_hosts = [{}]` instead", hosts::shortened(&list))));
    }
    all.extend(converted);
    all
}

pub(super) fn read_outbound_hosts(reader: &mut Reader, fields: &Fields<'_>, scope: &Scope<'_>) -> Vec<String> {
    let Some(node) = fields.get("allowed_outbound_hosts") else { return Vec::new() };
    let mut hosts = Vec::new();
    for (node, host) in reader.strings(&node) {
        variable::template(reader, host, node.span.clone(), scope);
        hosts.push(host.to_owned());
    }
    hosts
}

fn read_labels(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Vec<String> {
    let Some(node) = fields.get(key) else { return Vec::new() };
    let mut labels = Vec::new();
    for (node, label) in reader.strings(&node) {
        if !id::is_label(label) {
            reader.report(Diagnostic::new(
                format!("{} is not a label; write words joined by `-` or by `_`", quote(label)),
                node.span.clone(),
            ));
        }
        labels.push(label.to_owned());
    }
    labels
}

fn read_models(reader: &mut Reader, fields: &Fields<'_>) -> Vec<String> {
    let Some(node) = fields.get("ai_models") else { return Vec::new() };
    let mut models = Vec::new();
    for (node, model) in reader.strings(&node) {
        if model.is_empty() || model.contains(char::is_control) {
            reader.report(Diagnostic::new(format!("{} is not the name of a model", quote(model)), node.span.clone()));
        }
        models.push(model.to_owned());
    }
    models
}

fn read_exclude_files(reader: &mut Reader, fields: &Fields<'_>) -> Vec<String> {
    let Some(node) = fields.get("exclude_files") else { return Vec::new() };
    let mut patterns = Vec::new();
    for (node, pattern) in reader.strings(&node) {
        if let Err(error) = files::compile(pattern) {
            reader.report(Diagnostic::new(error.to_string(), node.span.clone()));
        }
        patterns.push(pattern.to_owned());
    }
    patterns
}
