//! `[[trigger.<type>]]`: what leads where. Types other than HTTP are kept as they are written.
//!
//! It knows the tables of triggers. It must never know which components there are.

use super::dependency::read_middleware;
use super::trigger_parts::{read_executor, read_route, read_static_response};
use super::{Scope, component};
use crate::app::{Component, Executor, Middleware, StaticResponse, TriggerRoute};
use crate::diagnostic::{Diagnostic, printable, quote};
use crate::reader::{Fields, Node, Reader};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::Range;

/// A trigger that may still lack an id, and whose components may still be inside it.
pub(super) struct RawTrigger<'t> {
    pub(super) kind: &'t str,
    /// Empty until [`name_all`].
    pub(super) id: String,
    pub(super) component: Option<RawComponent<'t>>,
    pub(super) components: Vec<(String, Vec<RawComponent<'t>>)>,
    pub(super) rest: RawRest,
    pub(super) span: Option<Range<usize>>,
}

/// A component as a trigger names it.
pub(super) enum RawComponent<'t> {
    Named {
        id: &'t str,
        span: Option<Range<usize>>,
    },
    Inline(Box<Component>),
    /// Something already reported.
    Unclear,
}

/// What is left of a trigger without its components.
pub(super) enum RawRest {
    Http { route: TriggerRoute, executor: Executor, middleware: Vec<Middleware>, response: Option<StaticResponse> },
    Other(Map<String, Value>),
}

/// Whether triggers of this type are answered here: `spell` is HTTP under a name that other hosts leave alone.
pub(crate) fn is_http(kind: &str) -> bool {
    matches!(kind, "http" | "spell")
}

/// The keys that triggers of all types have; the rest is up to the type.
const COMMON_KEYS: [&str; 4] = ["id", "component", "components", "dependencies"];

/// Reads all triggers, by type.
pub(super) fn read_all<'t>(reader: &mut Reader, node: &Node<'t>, scope: &mut Scope<'_>) -> Vec<RawTrigger<'t>> {
    let mut triggers = Vec::new();
    let Some(types) = reader.fields(node, "[trigger]") else { return triggers };
    for node in types.iter() {
        for entry in reader.entries(&node) {
            triggers.extend(read(reader, &entry, node.key, scope));
        }
    }
    triggers
}

/// Gives every trigger an id: its own, else one made of its component's, else a numbered one.
pub(super) fn name_all(reader: &mut Reader, triggers: &mut [RawTrigger<'_>]) {
    let mut taken = BTreeSet::new();
    for trigger in triggers.iter().filter(|trigger| !trigger.id.is_empty()) {
        if !taken.insert(trigger.id.clone()) {
            reader.report(Diagnostic::new(format!("there are two triggers with the id {}", quote(&trigger.id)), trigger.span.clone()));
        }
    }
    let (mut kind, mut count) = ("", 0);
    for trigger in triggers.iter_mut() {
        if trigger.kind != kind {
            (kind, count) = (trigger.kind, 0);
        }
        if !trigger.id.is_empty() {
            continue;
        }
        let natural = match &trigger.component {
            Some(RawComponent::Named { id, .. }) => Some(format!("{id}-{kind}-trigger")),
            _ => None,
        };
        let id = natural.filter(|id| !taken.contains(id)).unwrap_or_else(|| {
            loop {
                count += 1;
                let id = format!("{kind}-trigger{count}");
                if !taken.contains(&id) {
                    break id;
                }
            }
        });
        taken.insert(id.clone());
        trigger.id = id;
    }
}

fn read<'t>(reader: &mut Reader, node: &Node<'t>, kind: &'t str, scope: &mut Scope<'_>) -> Option<RawTrigger<'t>> {
    let fields = reader.fields(node, format!("[[trigger.{}]]", printable(kind)))?;
    let id_node = fields.get("id");
    let id = id_node.as_ref().and_then(|node| reader.string(node)).unwrap_or_default().to_owned();
    let component = fields.get("component").map(|node| read_component(reader, &node, scope));
    let components = read_components(reader, &fields, scope);
    let rest = if is_http(kind) { read_http(reader, &fields, scope) } else { read_other(&fields) };
    let span = id_node.and_then(|node| node.span).or(fields.span.clone());
    Some(RawTrigger { kind, id, component, components, rest, span })
}

fn read_http(reader: &mut Reader, fields: &Fields<'_>, scope: &mut Scope<'_>) -> RawRest {
    reader.check_keys(fields, &[&COMMON_KEYS[..], &["static_response", "route", "executor"]].concat());
    RawRest::Http {
        route: read_route(reader, fields),
        executor: read_executor(reader, fields),
        middleware: read_middleware(reader, fields, scope),
        response: fields.get("static_response").map(|node| read_static_response(reader, &node)),
    }
}

fn read_other(fields: &Fields<'_>) -> RawRest {
    // What such a trigger is composed with is its own business as well.
    RawRest::Other(fields.data_without(&["id", "component", "components"]))
}

fn read_component<'t>(reader: &mut Reader, node: &Node<'t>, scope: &mut Scope<'_>) -> RawComponent<'t> {
    if node.is_table() {
        let component = component::read(reader, node, "the inline component".to_owned(), "", scope);
        return component.map_or(RawComponent::Unclear, |component| RawComponent::Inline(Box::new(component)));
    }
    match node.as_str() {
        Some(id) => RawComponent::Named { id, span: node.span.clone() },
        None => {
            reader.wrong_kind(node, "the id of a component or a table");
            RawComponent::Unclear
        }
    }
}

/// Reads further components, one or many for each role.
fn read_components<'t>(reader: &mut Reader, fields: &Fields<'t>, scope: &mut Scope<'_>) -> Vec<(String, Vec<RawComponent<'t>>)> {
    let Some(table) = fields.get("components").and_then(|node| reader.fields(&node, "`components`")) else { return Vec::new() };
    let mut roles = Vec::new();
    for node in table.iter() {
        let entries = if node.is_array() { reader.entries(&node) } else { vec![node.clone()] };
        roles.push((node.key.to_owned(), entries.iter().map(|entry| read_component(reader, entry, scope)).collect()));
    }
    roles
}
