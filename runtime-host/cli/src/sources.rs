//! The programs that an app is made of, with whose each is.
//!
//! It knows what the app says. It must never look for a program.

use spell_manifest::{App, DependencySource, Source, TriggerTarget};
use std::collections::HashSet;

/// The programs of these components, of what they depend on, and of what stands around them, each with whose it is.
pub(crate) fn of<'a>(app: &'a App, components: &HashSet<&str>) -> Vec<(String, &'a Source)> {
    let mut sources = Vec::new();
    let mut add = |whose: String, source: &'a DependencySource| sources.extend(app.source_of(source).map(|source| (whose, source)));
    for trigger in &app.triggers {
        if matches!(&trigger.target, TriggerTarget::Component(id) if components.contains(id.as_str())) {
            for middleware in &trigger.middleware {
                add(format!("trigger \"{}\": its `middleware`", trigger.id), &middleware.source);
            }
        }
    }
    let components = || app.components.iter().filter(|component| components.contains(component.id.as_str()));
    for component in components() {
        for dependency in &component.dependencies {
            add(format!("component \"{}\": the dependency \"{}\"", component.id, dependency.name), &dependency.source);
        }
    }
    sources.extend(components().map(|component| (format!("component \"{}\"", component.id), &component.source)));
    sources
}
