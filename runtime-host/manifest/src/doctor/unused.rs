//! Parts of an app that nothing leads to.
//!
//! This file knows which part names which. It must never take one away: its author may have plans for it.

use super::{Finding, edit};
use crate::app::{DependencySource, TriggerTarget};
use crate::{App, Component};
use std::collections::BTreeSet;

pub(super) fn examine(text: &str, app: &App) -> Vec<Finding> {
    let mut findings = variables(text, app);
    findings.extend(components(text, app));
    findings
}

/// Variables that no component is given.
fn variables(text: &str, app: &App) -> Vec<Finding> {
    let is_used = |name: &str| {
        app.components.iter().any(|component| {
            let mut templates = component.variables.iter().flat_map(|(_, template)| template.names());
            templates.any(|used| used == name) || component.allowed_outbound_hosts.iter().any(|host| names(host).any(|used| used == name))
        })
    };
    let unused = app.variables.keys().filter(|name| !is_used(name));
    unused
        .map(|name| {
            let line = edit::line_of_key(text, &["variables", name]);
            Finding::new(format!("the variable `{name}` is given to no component"), line)
                .advice(format!("give it to one: variables = {{ {name} = \"{{{{ {name} }}}}\" }}, or remove it"))
        })
        .collect()
}

/// The variables that a template names.
fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).map(str::trim)
}

/// Components that nothing leads to.
fn components(text: &str, app: &App) -> Vec<Finding> {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for trigger in &app.triggers {
        if let TriggerTarget::Component(id) = &trigger.target {
            named.insert(id);
        }
        named.extend(trigger.components.iter().flat_map(|(_, ids)| ids).map(String::as_str));
        named.extend(trigger.middleware.iter().filter_map(|middleware| of(&middleware.source)));
    }
    for trigger in &app.other_triggers {
        named.extend(trigger.component.as_deref());
        named.extend(trigger.components.iter().flat_map(|(_, ids)| ids).map(String::as_str));
    }
    named.extend(app.components.iter().flat_map(|component| &component.dependencies).filter_map(|dependency| of(&dependency.source)));
    let unnamed = app.components.iter().filter(|component| !named.contains(component.id.as_str()));
    unnamed.map(|component| unnamed_component(text, component)).collect()
}

fn of(source: &DependencySource) -> Option<&str> {
    match source {
        DependencySource::Component(id) => Some(id),
        DependencySource::Program(_) => None,
    }
}

fn unnamed_component(text: &str, component: &Component) -> Finding {
    let id = &component.id;
    Finding::new(format!("component \"{id}\": no trigger leads to it"), edit::line_of_key(text, &["component", id])).advice(format!(
        "add a trigger with `component = \"{id}\"`, of the route {{ private = true }} if only other components are to ask it, or remove it"
    ))
}
