//! The parts of a component that have a shape of their own: `environment`, `files`, `build` and `tool`.
//!
//! It knows how each is written. It must never know whether a file is there.

use super::application::read_tools;
use super::{optional_string, optional_strings};
use crate::app::{Build, Component, FileEntry};
use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader};
use crate::{files, id, limits};
use std::path::PathBuf;

/// Reads the variables that a component is started with.
pub(super) fn read_environment(reader: &mut Reader, fields: &Fields<'_>) -> Vec<(String, String)> {
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

/// Reads the entries of `files`. Whether there are such files is not asked here.
pub(super) fn read_files(reader: &mut Reader, fields: &Fields<'_>) -> Vec<FileEntry> {
    let Some(node) = fields.get("files") else { return Vec::new() };
    let mut entries = Vec::new();
    for entry in reader.entries(&node) {
        let read = if entry.is_table() { read_mount(reader, &entry) } else { read_pattern(reader, &entry) };
        entries.extend(read);
    }
    entries
}

/// Reads how the component is built.
pub(super) fn read_build(reader: &mut Reader, fields: &Fields<'_>) -> Option<Build> {
    let node = fields.get("build")?;
    let table = reader.fields(&node, "`build`")?;
    reader.check_keys(&table, &["command", "workdir", "watch"]);
    let commands = read_commands(reader, &table)?;
    let workdir = optional_string(reader, &table, "workdir").map(PathBuf::from);
    Some(Build { commands, workdir, watch: optional_strings(reader, &table, "watch") })
}

/// Reads the key `command`: one command or a list of them.
pub(super) fn read_commands(reader: &mut Reader, table: &Fields<'_>) -> Option<Vec<String>> {
    let command = reader.required(table, "command")?;
    let commands: Vec<String> = if command.is_array() {
        reader.strings(&command).into_iter().map(|(_, text)| text.to_owned()).collect()
    } else {
        vec![reader.string(&command)?.to_owned()]
    };
    if commands.is_empty() {
        reader.report(Diagnostic::new("`command` is empty", command.span));
    }
    Some(commands)
}

/// Reads `tool`: from `tool.spell` limits, and the names of environment variables that are let through. Other tools are kept.
pub(super) fn read_tool(reader: &mut Reader, fields: &Fields<'_>, component: &mut Component) {
    let Some(tools) = fields.get("tool").and_then(|node| reader.fields(&node, "`tool`")) else { return };
    component.tools = read_tools(reader, &tools);
    let Some(spell) = tools.get("spell").and_then(|node| reader.fields(&node, "`tool.spell`")) else { return };
    reader.check_keys(&spell, &["limits", "env_passthrough"]);
    let table = spell.get("limits").and_then(|node| reader.fields(&node, "`limits`"));
    component.limits = table.map(|table| limits::read(reader, &table)).unwrap_or_default();
    for (node, name) in spell.get("env_passthrough").map(|node| reader.strings(&node)).unwrap_or_default() {
        if !id::is_environment_name(name) {
            reader.report(Diagnostic::new(format!("{} is not the name of an environment variable", quote(name)), node.span.clone()));
        }
        component.env_passthrough.push(name.to_owned());
    }
}

fn read_pattern(reader: &mut Reader, node: &Node<'_>) -> Option<FileEntry> {
    let Some(pattern) = node.as_str() else {
        reader.wrong_kind(node, "a string or a table with `source` and `destination`");
        return None;
    };
    check(reader, node, files::check_path(pattern));
    // A name may hold brackets that are no pattern, so this is wrong only if it looks like one on purpose.
    if let Err(error) = files::compile(pattern)
        && pattern.contains('*')
    {
        reader.report(Diagnostic::new(error.to_string(), node.span.clone()));
    }
    Some(FileEntry::Pattern(pattern.to_owned()))
}

fn read_mount(reader: &mut Reader, node: &Node<'_>) -> Option<FileEntry> {
    let fields = reader.fields(node, "the entry of `files`")?;
    reader.check_keys(&fields, &["source", "destination"]);
    let (source_node, destination_node) = (reader.required(&fields, "source"), reader.required(&fields, "destination"));
    let (source_node, destination_node) = (source_node?, destination_node?);
    let (source, destination) = (reader.string(&source_node), reader.string(&destination_node));
    let (source, destination) = (source?, destination?);
    check(reader, &source_node, files::check_path(source));
    check(reader, &destination_node, files::check_destination(destination).map(|_| ()));
    Some(FileEntry::Mount { source: source.to_owned(), destination: destination.to_owned() })
}

fn check(reader: &mut Reader, node: &Node<'_>, checked: Result<(), &'static str>) {
    if let Err(reason) = checked {
        let path = quote(node.as_str().unwrap_or_default());
        reader.report(Diagnostic::new(format!("{path} {reason}"), node.span.clone()));
    }
}
