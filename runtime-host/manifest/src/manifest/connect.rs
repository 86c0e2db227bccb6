//! Puts together what was read apart: triggers get their ids, inline components join the others, and what is named must be there.
//!
//! It knows ids. It must never know TOML: everything has been read.

use super::Scope;
use super::trigger::{self, RawComponent, RawRest, RawTrigger};
use crate::app::{App, Component, HttpTrigger, OtherTrigger, TriggerTarget};
use crate::diagnostic::{Diagnostic, printable, quote};
use crate::id;
use crate::reader::Reader;
use std::collections::{BTreeMap, BTreeSet};

/// Gives the app its triggers, and the components that stood inside them.
pub(super) fn triggers(reader: &mut Reader, mut raw: Vec<RawTrigger<'_>>, app: &mut App) {
    trigger::name_all(reader, &mut raw);
    let declared: Vec<String> = app.components.iter().map(|component| component.id.clone()).collect();
    let mut components = Components { ids: declared.iter().cloned().collect(), declared, inline_count: 0, new: Vec::new() };
    for RawTrigger { id, component, components: roles, rest, span, kind } in raw {
        let count = usize::from(component.is_some()) + roles.iter().map(|(_, specs)| specs.len()).sum::<usize>();
        // Of several inline components none is *the* component of the trigger.
        let natural_id = (count == 1).then(|| format!("{id}-component"));
        let is_unclear = matches!(component, Some(RawComponent::Unclear));
        let component = component.and_then(|spec| components.take(reader, spec, natural_id.as_deref()));
        let mut named = Vec::new();
        for (role, specs) in roles {
            named.push((role, specs.into_iter().filter_map(|spec| components.take(reader, spec, natural_id.as_deref())).collect()));
        }
        let (route, executor, middleware, response) = match rest {
            RawRest::Http { route, executor, middleware, response } => (route, executor, middleware, response),
            RawRest::Other(settings) => {
                app.other_triggers.push(OtherTrigger { id, kind: kind.to_owned(), component, components: named, settings });
                continue;
            }
        };
        let target = match (component, response) {
            (Some(id), None) => TriggerTarget::Component(id),
            (None, Some(response)) if !is_unclear => TriggerTarget::Static(response),
            (None, None) if is_unclear => continue,
            (component, _) => {
                let problem = if component.is_some() || is_unclear { "both" } else { "neither" };
                let message = format!("Triggers must specify either component or static_response - {} has {problem}", printable(&id));
                reader.report(Diagnostic::new(message, span));
                continue;
            }
        };
        app.triggers.push(HttpTrigger { id, route, target, executor, middleware, components: named });
    }
    app.components.append(&mut components.new);
}

/// Reports components that others are composed with though they are not there, or have what would be lost.
pub(super) fn dependencies(reader: &mut Reader, scope: &Scope<'_>, app: &App) {
    let components: BTreeMap<&str, &Component> = app.components.iter().map(|component| (component.id.as_str(), component)).collect();
    for (id, span) in &scope.composed {
        let Some(component) = components.get(id.as_str()) else {
            report_missing(reader, id, span.clone(), app.components.iter().map(|component| component.id.as_str()));
            continue;
        };
        let lost = lost_when_composed(component);
        if !lost.is_empty() {
            let message = format!(
                "dependencies may not have their own resources or permissions, but component {} has {}",
                quote(id),
                lost.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
            );
            let help = "let it inherit from the component that it is composed with, by `inherit_configuration`";
            reader.report(Diagnostic::new(message, span.clone()).help(help.to_owned()));
        }
    }
}

/// The keys of a component that mean nothing once it is part of another.
fn lost_when_composed(component: &Component) -> Vec<&'static str> {
    // Taken apart, so that whoever adds a field must decide about it here.
    let Component {
        id: _,
        source: _,
        description: _,
        environment,
        variables,
        files,
        exclude_files: _,
        allowed_outbound_hosts,
        key_value_stores,
        sqlite_databases,
        ai_models,
        dependencies,
        build: _,
        profiles,
        targets: _,
        limits: _,
        env_passthrough: _,
        tools: _,
    } = component;
    let keys = [
        ("ai_models", !ai_models.is_empty()),
        ("allowed_outbound_hosts", !allowed_outbound_hosts.is_empty()),
        ("dependencies", !dependencies.is_empty() || profiles.values().any(|profile| !profile.dependencies.is_empty())),
        ("environment", !environment.is_empty() || profiles.values().any(|profile| !profile.environment.is_empty())),
        ("files", !files.is_empty()),
        ("key_value_stores", !key_value_stores.is_empty()),
        ("sqlite_databases", !sqlite_databases.is_empty()),
        ("variables", !variables.is_empty()),
    ];
    keys.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key).collect()
}

/// The components that triggers may name, and those that stood inside triggers.
struct Components {
    declared: Vec<String>,
    ids: BTreeSet<String>,
    inline_count: u64,
    new: Vec<Component>,
}

impl Components {
    /// The id of a component that a trigger names or contains. One that is missing is reported and has its id nevertheless.
    fn take(&mut self, reader: &mut Reader, spec: RawComponent<'_>, natural_id: Option<&str>) -> Option<String> {
        match spec {
            RawComponent::Named { id, span } => {
                if !self.ids.contains(id) {
                    report_missing(reader, id, span, self.declared.iter().map(String::as_str));
                }
                Some(id.to_owned())
            }
            RawComponent::Inline(mut component) => {
                component.id = self.inline_id(natural_id);
                self.ids.insert(component.id.clone());
                self.new.push(*component);
                self.new.last().map(|component| component.id.clone())
            }
            RawComponent::Unclear => None,
        }
    }

    /// The id of a component that stands inside a trigger: made of the trigger's where that gives one, else numbered.
    fn inline_id(&mut self, natural: Option<&str>) -> String {
        if let Some(natural) = natural.filter(|natural| id::is_kebab(natural) && !self.ids.contains(*natural)) {
            return natural.to_owned();
        }
        loop {
            self.inline_count += 1;
            let id = format!("inline-component{}", self.inline_count);
            if !self.ids.contains(&id) {
                return id;
            }
        }
    }
}

fn report_missing<'i>(reader: &mut Reader, id: &str, span: Option<std::ops::Range<usize>>, known: impl Iterator<Item = &'i str>) {
    let help = reader.did_you_mean(id, known).unwrap_or_else(|| "write a [component.…] table for it".to_owned());
    reader.report(Diagnostic::new(format!("there is no component {}", quote(id)), span).help(help));
}
