//! Version 1 of the manifest, turned into what version 2 would have said.
//!
//! It knows the old shape. It must never know more of the new one than the parts that both have.

use super::component::{read_common, read_outbound_hosts};
use super::trigger_parts::{read_executor, read_route};
use super::{Scope, application, hosts, trigger, variable};
use crate::app::{App, Component, HttpTrigger, OtherTrigger, TriggerRoute, TriggerTarget};
use crate::diagnostic::{Diagnostic, quote};
use crate::id;
use crate::reader::{Fields, Node, Reader};
use std::collections::BTreeSet;

const COMPONENT_KEYS: [&str; 14] = [
    "id",
    "source",
    "trigger",
    "description",
    "config",
    "environment",
    "files",
    "exclude_files",
    "allowed_http_hosts",
    "allowed_outbound_hosts",
    "key_value_stores",
    "sqlite_databases",
    "ai_models",
    "build",
];

/// What every component could reach before manifests could say anything about it.
const REACHED_BY_ALL: [&str; 3] = ["redis://*:*", "mysql://*:*", "postgres://*:*"];

/// Reads a manifest of version 1; `version_key` is the key that said so.
pub(super) fn read(reader: &mut Reader, fields: &Fields<'_>, version_key: &'static str, app: &mut App) {
    reader.check_keys(fields, &[version_key, "name", "version", "description", "authors", "trigger", "variables", "component"]);
    application::read_identity(reader, fields, app);
    if let Some(node) = fields.get("variables") {
        app.variables = variable::read_all(reader, &node);
    }
    let Some(kind) = reader.required(fields, "trigger").and_then(|node| read_trigger_type(reader, &node, app)) else { return };
    let root = app.root.clone();
    let scope = Scope { root: &root, variables: app.variables.keys().cloned().collect(), composed: Vec::new() };
    let mut taken = BTreeSet::new();
    for entry in fields.get("component").map(|node| reader.entries(&node)).unwrap_or_default() {
        let Some(table) = reader.fields(&entry, "[[component]]") else { continue };
        if let Some(component) = read_component(reader, &table, &scope, &mut taken) {
            read_trigger(reader, &table, &kind, &component.id, app);
            app.components.push(component);
        }
    }
}

/// The type that all triggers of the app have, and what belongs before the routes of its components.
struct TriggerType {
    kind: String,
    base: String,
}

fn read_trigger_type(reader: &mut Reader, node: &Node<'_>, app: &mut App) -> Option<TriggerType> {
    let table = reader.fields(node, "`trigger`")?;
    let kind = reader.required(&table, "type").and_then(|node| reader.string(&node))?.to_owned();
    if !trigger::is_http(&kind) {
        let settings = table.data_without(&["type"]);
        if !settings.is_empty() {
            app.trigger_settings.insert(kind.clone(), settings);
        }
        return Some(TriggerType { kind, base: String::new() });
    }
    reader.check_keys(&table, &["type", "base"]);
    let base = table.get("base").and_then(|node| reader.string(&node)).unwrap_or_default();
    Some(TriggerType { kind, base: base.trim_end_matches('/').to_owned() })
}

fn read_component(reader: &mut Reader, table: &Fields<'_>, scope: &Scope<'_>, taken: &mut BTreeSet<String>) -> Option<Component> {
    reader.check_keys(table, &COMPONENT_KEYS);
    let id_node = reader.required(table, "id")?;
    let written = reader.string(&id_node)?;
    let id = if id::is_kebab(written) { written.to_owned() } else { written.replace('_', "-").to_lowercase() };
    super::check_component_id(reader, &id, id_node.span.clone());
    if !taken.insert(id.clone()) {
        reader.report(Diagnostic::new(format!("there are two components with the id {}", quote(&id)), id_node.span));
    }
    let mut component = read_common(reader, table, &id, "config", scope);
    component.allowed_outbound_hosts = read_outbound_hosts(reader, table, scope);
    if table.get("allowed_outbound_hosts").is_none() {
        component.allowed_outbound_hosts.extend(REACHED_BY_ALL.map(str::to_owned));
    }
    if let Some(node) = table.get("allowed_http_hosts") {
        component.allowed_outbound_hosts.extend(hosts::convert(reader, &node));
    }
    Some(component)
}

/// Reads what leads to a component: in version 1 that stands in the component itself.
fn read_trigger(reader: &mut Reader, table: &Fields<'_>, kind: &TriggerType, component: &str, app: &mut App) {
    let Some(fields) = reader.required(table, "trigger").and_then(|node| reader.fields(&node, "[component.trigger]")) else { return };
    let id = format!("trigger-{component}");
    if !trigger::is_http(&kind.kind) {
        let settings = fields.data_without(&[]);
        let component = Some(component.to_owned());
        app.other_triggers.push(OtherTrigger { id, kind: kind.kind.clone(), component, components: Vec::new(), settings });
        return;
    }
    reader.check_keys(&fields, &["route", "executor"]);
    let route = match read_route(reader, &fields) {
        TriggerRoute::Public(route) => TriggerRoute::Public(below(&kind.base, route)),
        TriggerRoute::Private => TriggerRoute::Private,
    };
    app.triggers.push(HttpTrigger {
        id,
        route,
        target: TriggerTarget::Component(component.to_owned()),
        executor: read_executor(reader, &fields),
        middleware: Vec::new(),
        components: Vec::new(),
    });
}

/// The route with the base before it, which has no slash at its end.
fn below(base: &str, route: String) -> String {
    if base.is_empty() { route } else { format!("/{}/{}", base.trim_start_matches('/'), route.trim_start_matches('/')) }
}
