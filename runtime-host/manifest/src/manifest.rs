//! The manifest of an app, version 2: its outermost tables, and what must fit together between them.
//!
//! This file knows the format. It must never know the file system: paths are joined, not followed.

mod component;
mod component_parts;
mod trigger;
mod trigger_parts;
mod variable;

use crate::app::{App, Component, TriggerTarget};
use crate::diagnostic::{Diagnostic, printable, quote};
use crate::id;
use crate::reader::{Fields, Node, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use trigger::{RawTarget, RawTrigger};

/// What every part of the manifest may need to know of the rest.
struct Scope<'s> {
    root: &'s Path,
    /// The names declared in `[variables]`.
    variables: BTreeSet<&'s str>,
}

/// Reads a manifest. The app is good only if nothing was reported.
pub(crate) fn read(reader: &mut Reader, fields: &Fields<'_>, root: &Path) -> App {
    let mut app = App {
        root: root.to_owned(),
        name: String::new(),
        version: None,
        description: None,
        authors: Vec::new(),
        variables: BTreeMap::new(),
        components: Vec::new(),
        triggers: Vec::new(),
    };
    // Another version has another shape: nothing else that could be said about it would be true.
    if !is_version_2(reader, fields) {
        return app;
    }
    reader.check_keys(fields, &["spin_manifest_version", "application", "variables", "trigger", "component"], &[]);
    if let Some(node) = reader.required(fields, "application") {
        read_application(reader, &node, &mut app);
    }
    if let Some(node) = fields.get("variables") {
        app.variables = variable::read_all(reader, &node);
    }
    let scope = Scope { root, variables: app.variables.keys().map(String::as_str).collect() };
    let mut components = fields.get("component").map(|node| read_components(reader, &node, &scope)).unwrap_or_default();
    let triggers = fields.get("trigger").map(|node| trigger::read_all(reader, &node, &scope)).unwrap_or_default();
    app.triggers = connect(reader, triggers, &mut components);
    app.components = components;
    app
}

fn is_version_2(reader: &mut Reader, fields: &Fields<'_>) -> bool {
    let (old, new) = (fields.get("spin_version"), fields.get("spin_manifest_version"));
    let Some(node) = new.or(old) else {
        let message = "invalid manifest version: there is no `spin_manifest_version`";
        reader.report(Diagnostic::new(message, None).help("begin the file with `spin_manifest_version = 2`".to_owned()));
        return false;
    };
    if node.key == "spin_manifest_version" && node.as_integer() == Some(2) {
        return true;
    }
    let written = node.as_str().map(str::to_owned).or(node.as_integer().map(|number| number.to_string()));
    let version = written.map_or_else(|| "neither a number nor a string".to_owned(), |version| quote(&version));
    let help = "Spell reads version 2, written `spin_manifest_version = 2`; `spin doctor` converts version 1";
    reader.report(Diagnostic::new(format!("invalid manifest version: {version}"), node.span).help(help.to_owned()));
    false
}

fn read_application(reader: &mut Reader, node: &Node<'_>, app: &mut App) {
    let Some(fields) = reader.fields(node, "[application]") else { return };
    // Targets are checked when an app is built; they change nothing about how it runs.
    reader.check_keys(&fields, &["name", "version", "description", "authors", "trigger", "tool", "targets"], &[]);
    if let Some(node) = reader.required(&fields, "name")
        && let Some(name) = reader.string(&node)
    {
        app.name = name.to_owned();
        if name.trim().is_empty() {
            reader.report(Diagnostic::new("the application's `name` is empty", node.span));
        }
    }
    app.version = optional_string(reader, &fields, "version");
    app.description = optional_string(reader, &fields, "description");
    app.authors = optional_strings(reader, &fields, "authors");
    fields.get("targets").map(|node| reader.entries(&node));
    if let Some(node) = fields.get("trigger") {
        read_application_trigger(reader, &node);
    }
    if let Some(tools) = fields.get("tool").and_then(|node| reader.fields(&node, "[application.tool]"))
        && let Some(node) = tools.get("spell")
    {
        let help = "limits belong to a component, in [component.<id>.tool.spell]";
        reader.report(Diagnostic::new("unknown table [application.tool.spell]", node.key_span).help(help.to_owned()));
    }
}

/// Settings for all triggers of a type: a relic of version 1, of which only what says nothing is left.
fn read_application_trigger(reader: &mut Reader, node: &Node<'_>) {
    let Some(types) = reader.fields(node, "[application.trigger]") else { return };
    for node in types.iter() {
        if node.key != "http" {
            if !node.is_empty() {
                reader.unsupported(&node, &format!("settings of triggers of type {}", quote(node.key)), "Spell runs HTTP triggers");
            }
            continue;
        }
        let Some(http) = reader.fields(&node, "[application.trigger.http]") else { continue };
        reader.check_keys(&http, &["base"], &[]);
        if let Some(base) = http.get("base")
            && reader.string(&base).is_some_and(|text| text != "/")
        {
            let help = "write the whole path in the `route` of each trigger";
            reader.report(Diagnostic::new("`base` can only be \"/\"", base.span).help(help.to_owned()));
        }
    }
}

fn read_components(reader: &mut Reader, node: &Node<'_>, scope: &Scope<'_>) -> Vec<Component> {
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

fn check_component_id(reader: &mut Reader, id: &str, span: Option<std::ops::Range<usize>>) {
    if !id::is_kebab(id) {
        let help = "words joined by `-`, each of letters and digits, beginning with a letter, all lower or all upper case";
        reader.report(Diagnostic::new(format!("{} is not a component id", quote(id)), span).help(help.to_owned()));
    }
}

/// Names what has no name, moves inline components to the others, and checks that every component named is there.
fn connect(reader: &mut Reader, mut raw: Vec<RawTrigger<'_>>, components: &mut Vec<Component>) -> Vec<crate::HttpTrigger> {
    trigger::name_all(reader, &mut raw);
    let mut ids: BTreeSet<String> = components.iter().map(|component| component.id.clone()).collect();
    let declared: Vec<String> = ids.iter().cloned().collect();
    let mut inline_count = 0;
    let mut triggers = Vec::new();
    for RawTrigger { id, route, target, span } in raw {
        let target = match target {
            RawTarget::Named { id, span } => {
                if !ids.contains(id) {
                    let help = reader
                        .did_you_mean(id, declared.iter().map(String::as_str))
                        .unwrap_or_else(|| "write a [component.…] table for it".to_owned());
                    reader.report(Diagnostic::new(format!("there is no component {}", quote(id)), span).help(help));
                }
                TriggerTarget::Component(id.to_owned())
            }
            RawTarget::Inline(mut component) => {
                component.id = inline_id(&id, &ids, &mut inline_count);
                ids.insert(component.id.clone());
                let target = TriggerTarget::Component(component.id.clone());
                components.push(*component);
                target
            }
            RawTarget::Static(response) => TriggerTarget::Static(response),
            RawTarget::Unclear(problem) => {
                if let Some(problem) = problem {
                    let message = format!("Triggers must specify either component or static_response - {} has {problem}", printable(&id));
                    reader.report(Diagnostic::new(message, span));
                }
                continue;
            }
        };
        triggers.push(crate::HttpTrigger { id, route, target });
    }
    triggers
}

fn inline_id(trigger_id: &str, ids: &BTreeSet<String>, count: &mut usize) -> String {
    let natural = format!("{trigger_id}-component");
    if id::is_kebab(&natural) && !ids.contains(&natural) {
        return natural;
    }
    loop {
        *count += 1;
        let id = format!("inline-component{count}");
        if !ids.contains(&id) {
            return id;
        }
    }
}

fn optional_string(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<String> {
    fields.get(key).and_then(|node| reader.string(&node)).map(str::to_owned)
}

fn optional_strings(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Vec<String> {
    fields.get(key).map(|node| reader.strings(&node)).unwrap_or_default().into_iter().map(|(_, text)| text.to_owned()).collect()
}
