//! `[[trigger.http]]`: which requests lead where. Other types of triggers are known by name only.

use super::trigger_parts::{read_executor, read_route, read_static_response};
use super::{Scope, component};
use crate::app::{Component, StaticResponse, TriggerRoute};
use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader, Unsupported};
use crate::suggest::closest;
use std::collections::BTreeSet;
use std::ops::Range;

/// A trigger that may still lack an id, and whose component may still be inside it.
pub(super) struct RawTrigger<'t> {
    /// Empty until [`name_all`].
    pub(super) id: String,
    pub(super) route: TriggerRoute,
    pub(super) target: RawTarget<'t>,
    pub(super) span: Option<Range<usize>>,
}

/// What a trigger leads to.
pub(super) enum RawTarget<'t> {
    Named {
        id: &'t str,
        span: Option<Range<usize>>,
    },
    Inline(Box<Component>),
    Static(StaticResponse),
    /// Nothing that could be used: "neither" or "both", or something already reported.
    Unclear(Option<&'static str>),
}

const SUPPORTED: [&str; 5] = ["id", "component", "static_response", "route", "executor"];
const UNSUPPORTED: [Unsupported; 2] = [
    ("components", "write one trigger for each component"),
    ("dependencies", "a trigger's middleware is not run; compose it into the component"),
];

/// Reads all HTTP triggers and reports all others.
pub(super) fn read_all<'t>(reader: &mut Reader, node: &Node<'t>, scope: &Scope<'_>) -> Vec<RawTrigger<'t>> {
    let mut triggers = Vec::new();
    let Some(types) = reader.fields(node, "[trigger]") else { return triggers };
    for node in types.iter() {
        if node.key == "http" {
            for entry in reader.entries(&node) {
                triggers.extend(read(reader, &entry, scope));
            }
        } else if !node.is_empty() {
            let help = if closest(node.key, ["http"]).is_some() { "did you mean `http`?" } else { "Spell runs HTTP triggers" };
            reader.unsupported(&node, &format!("triggers of type {}", quote(node.key)), help);
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
    let mut count = 0;
    for trigger in triggers.iter_mut().filter(|trigger| trigger.id.is_empty()) {
        let natural = match &trigger.target {
            RawTarget::Named { id, .. } => Some(format!("{id}-http-trigger")),
            _ => None,
        };
        let id = natural.filter(|id| !taken.contains(id)).unwrap_or_else(|| {
            loop {
                count += 1;
                let id = format!("http-trigger{count}");
                if !taken.contains(&id) {
                    break id;
                }
            }
        });
        taken.insert(id.clone());
        trigger.id = id;
    }
}

fn read<'t>(reader: &mut Reader, node: &Node<'t>, scope: &Scope<'_>) -> Option<RawTrigger<'t>> {
    let fields = reader.fields(node, "[[trigger.http]]")?;
    reader.check_keys(&fields, &SUPPORTED, &UNSUPPORTED);
    let id_node = fields.get("id");
    let id = id_node.as_ref().and_then(|node| reader.string(node)).unwrap_or_default().to_owned();
    let route = read_route(reader, &fields);
    read_executor(reader, &fields);
    let target = read_target(reader, &fields, scope);
    let span = id_node.and_then(|node| node.span).or(fields.span.clone());
    Some(RawTrigger { id, route, target, span })
}

fn read_target<'t>(reader: &mut Reader, fields: &Fields<'t>, scope: &Scope<'_>) -> RawTarget<'t> {
    // `components` was reported; that there is no `component` beside it is no news.
    let is_reported = fields.get("components").is_some_and(|node| !node.is_empty());
    match (fields.get("component"), fields.get("static_response")) {
        (None, None) => RawTarget::Unclear((!is_reported).then_some("neither")),
        (Some(_), Some(_)) => RawTarget::Unclear(Some("both")),
        (None, Some(node)) => RawTarget::Static(read_static_response(reader, &node)),
        (Some(node), None) if node.is_table() => {
            let component = component::read(reader, &node, "the inline component".to_owned(), "", scope);
            component.map_or(RawTarget::Unclear(None), |component| RawTarget::Inline(Box::new(component)))
        }
        (Some(node), None) => match node.as_str() {
            Some(id) => RawTarget::Named { id, span: node.span },
            None => {
                reader.wrong_kind(&node, "the id of a component or a table");
                RawTarget::Unclear(None)
            }
        },
    }
}
