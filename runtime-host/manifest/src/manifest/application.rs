//! `[application]`: what an app says about itself.
//!
//! It knows the table's keys. It must never know components or routes.

use super::{optional_string, optional_strings, read_targets};
use crate::app::App;
use crate::diagnostic::{Diagnostic, printable};
use crate::reader::{Fields, Node, Reader};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads the table into the app.
pub(super) fn read(reader: &mut Reader, node: &Node<'_>, app: &mut App) {
    let Some(fields) = reader.fields(node, "[application]") else { return };
    reader.check_keys(&fields, &["name", "version", "description", "authors", "trigger", "tool", "targets"]);
    read_identity(reader, &fields, app);
    app.targets = fields.get("targets").map(|node| read_targets(reader, &node, &app.root)).unwrap_or_default();
    if let Some(node) = fields.get("trigger") {
        read_trigger_settings(reader, &node, app);
    }
    let Some(tools) = fields.get("tool").and_then(|node| reader.fields(&node, "[application.tool]")) else { return };
    if let Some(node) = tools.get("spell") {
        let help = "limits belong to a component, in [component.<id>.tool.spell]";
        reader.report(Diagnostic::new("unknown table [application.tool.spell]", node.key_span).help(help.to_owned()));
    }
    app.tools = read_tools(reader, &tools);
}

/// Reads what both versions of the manifest have: name, version, description, authors.
pub(super) fn read_identity(reader: &mut Reader, fields: &Fields<'_>, app: &mut App) {
    if let Some(node) = reader.required(fields, "name")
        && let Some(name) = reader.string(&node)
    {
        app.name = name.to_owned();
        if name.trim().is_empty() {
            reader.report(Diagnostic::new("the application's `name` is empty", node.span));
        }
    }
    app.version = optional_string(reader, fields, "version");
    app.description = optional_string(reader, fields, "description");
    app.authors = optional_strings(reader, fields, "authors");
}

/// Keeps the tables of all tools but ours.
pub(super) fn read_tools(reader: &mut Reader, tools: &Fields<'_>) -> BTreeMap<String, Map<String, Value>> {
    let mut kept = BTreeMap::new();
    for node in tools.iter().filter(|node| node.key != "spell") {
        if let Some(table) = reader.fields(&node, "`tool`") {
            kept.insert(node.key.to_owned(), table.data_without(&[]));
        }
    }
    kept
}

/// Settings for all triggers of a type. Those for HTTP are a relic of version 1, of which only what says nothing is left.
fn read_trigger_settings(reader: &mut Reader, node: &Node<'_>, app: &mut App) {
    let Some(types) = reader.fields(node, "[application.trigger]") else { return };
    for node in types.iter() {
        let Some(settings) = reader.fields(&node, format!("[application.trigger.{}]", printable(node.key))) else { continue };
        if !super::trigger::is_http(node.key) {
            app.trigger_settings.insert(node.key.to_owned(), settings.data_without(&[]));
            continue;
        }
        reader.check_keys(&settings, &["base"]);
        let Some(base) = settings.get("base") else { continue };
        match reader.string(&base) {
            Some("/") => {
                reader.warn(Diagnostic::new("`base` says nothing any more", base.key_span).help("remove it".to_owned()));
            }
            Some(_) => {
                let help = "write the whole path in the `route` of each trigger";
                reader.report(Diagnostic::new("`base` can only be \"/\"", base.span).help(help.to_owned()));
            }
            None => {}
        }
    }
}
