//! `[component.<id>]`: a program and what it asks for. The same table may stand inline in a trigger.

use super::component_parts::{read_build, read_files, read_source, read_tool};
use super::{Scope, optional_string, variable};
use crate::app::Component;
use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader, Unsupported};
use crate::{Template, files, id};

const SUPPORTED: [&str; 12] = [
    "source",
    "description",
    "environment",
    "variables",
    "files",
    "exclude_files",
    "allowed_outbound_hosts",
    "key_value_stores",
    "build",
    "tool",
    // Targets are checked when an app is built; they change nothing about how it runs.
    "targets",
    "dependencies_inherit_configuration",
];

const UNSUPPORTED: [Unsupported; 5] = [
    ("sqlite_databases", "remove it to run the component without SQLite"),
    ("ai_models", "remove it to run the component without inference"),
    ("allowed_http_hosts", "write `allowed_outbound_hosts` instead, with a scheme: \"https://example.com\""),
    ("dependencies", "compose the component with its dependencies when it is built"),
    ("profile", "there is only the profile that the component itself describes"),
];

/// Reads a component; `None` if it is not even a table.
pub(super) fn read(reader: &mut Reader, node: &Node<'_>, place: String, id: &str, scope: &Scope<'_>) -> Option<Component> {
    let fields = reader.fields(node, place)?;
    reader.check_keys(&fields, &SUPPORTED, &UNSUPPORTED);
    if let Some(node) = fields.get("dependencies_inherit_configuration")
        && reader.boolean(&node) == Some(true)
    {
        reader.unsupported(&node, "`dependencies_inherit_configuration`", "");
    }
    fields.get("targets").map(|node| reader.entries(&node));
    let (limits, env_passthrough) = read_tool(reader, &fields);
    Some(Component {
        id: id.to_owned(),
        source: scope.root.join(read_source(reader, &fields).unwrap_or_default()),
        description: optional_string(reader, &fields, "description"),
        environment: read_environment(reader, &fields),
        variables: read_variables(reader, &fields, scope),
        files: read_files(reader, &fields),
        exclude_files: read_exclude_files(reader, &fields),
        allowed_outbound_hosts: read_hosts(reader, &fields, scope),
        key_value_stores: read_stores(reader, &fields),
        build: read_build(reader, &fields),
        limits,
        env_passthrough,
    })
}

fn read_environment(reader: &mut Reader, fields: &Fields<'_>) -> Vec<(String, String)> {
    let Some(table) = fields.get("environment").and_then(|node| reader.fields(&node, "`environment`")) else { return Vec::new() };
    let mut environment = Vec::new();
    for node in table.iter() {
        if !id::is_environment_name(node.key) {
            reader
                .report(Diagnostic::new(format!("{} is not the name of an environment variable", quote(node.key)), node.key_span.clone()));
        }
        let Some(value) = reader.string(&node) else { continue };
        if value.contains('\0') {
            reader.report(Diagnostic::new("an environment variable cannot contain a zero character", node.span.clone()));
        }
        environment.push((node.key.to_owned(), value.to_owned()));
    }
    environment
}

fn read_variables(reader: &mut Reader, fields: &Fields<'_>, scope: &Scope<'_>) -> Vec<(String, Template)> {
    let Some(table) = fields.get("variables").and_then(|node| reader.fields(&node, "`variables`")) else { return Vec::new() };
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

fn read_hosts(reader: &mut Reader, fields: &Fields<'_>, scope: &Scope<'_>) -> Vec<String> {
    let Some(node) = fields.get("allowed_outbound_hosts") else { return Vec::new() };
    let mut hosts = Vec::new();
    for (node, host) in reader.strings(&node) {
        variable::template(reader, host, node.span.clone(), scope);
        hosts.push(host.to_owned());
    }
    hosts
}

fn read_stores(reader: &mut Reader, fields: &Fields<'_>) -> Vec<String> {
    let Some(node) = fields.get("key_value_stores") else { return Vec::new() };
    let mut stores = Vec::new();
    for (node, store) in reader.strings(&node) {
        if !id::is_label(store) {
            reader.report(Diagnostic::new(
                format!("{} is not a label; write words joined by `-` or by `_`", quote(store)),
                node.span.clone(),
            ));
        }
        stores.push(store.to_owned());
    }
    stores
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
