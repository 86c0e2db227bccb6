//! What a manifest may ask for and this host does not run: refused by name, so that no app runs with less than it asked for.
//!
//! It knows what is missing. It must never know how to make up for it.

use anyhow::{Context, Result, bail};
use spell_manifest::{App, Component, DependencySource, Source, TriggerTarget};
use std::collections::HashSet;
use std::path::Path;

/// Refuses an app that asks for something that is not run. Of its components, those that nothing leads to may ask for anything.
pub(crate) fn refuse(app: &App, served: &HashSet<&str>) -> Result<()> {
    if let Some(trigger) = app.other_triggers.first() {
        let (id, kind) = (&trigger.id, &trigger.kind);
        bail!("trigger \"{id}\" is of type \"{kind}\": only triggers of type \"http\" (or \"spell\") are run");
    }
    for trigger in &app.triggers {
        let id = &trigger.id;
        if !trigger.middleware.is_empty() && matches!(trigger.target, TriggerTarget::Static(_)) {
            bail!("trigger \"{id}\": `middleware` stands around components, and this trigger has a `static_response`; remove one of them");
        }
        let sources = trigger.middleware.iter().map(|middleware| &middleware.source);
        refuse_sources(app, sources).with_context(|| format!("trigger \"{id}\": its `middleware`"))?;
    }
    for component in app.components.iter().filter(|component| served.contains(component.id.as_str())) {
        refuse_component(app, component).with_context(|| format!("component \"{}\"", component.id))?;
    }
    Ok(())
}

fn refuse_component(app: &App, component: &Component) -> Result<()> {
    for dependency in &component.dependencies {
        refuse_sources(app, [&dependency.source]).with_context(|| format!("the dependency \"{}\"", dependency.name))?;
    }
    file_of(&component.source).map(|_| ())
}

fn refuse_sources<'s>(app: &'s App, sources: impl IntoIterator<Item = &'s DependencySource>) -> Result<()> {
    sources.into_iter().filter_map(|source| app.source_of(source)).try_for_each(|source| file_of(source).map(|_| ()))
}

/// The file of a program.
pub(crate) fn file_of(source: &Source) -> Result<&Path> {
    match source {
        Source::File(path) => Ok(path),
        source => bail!("its `source`, {source}, is not fetched yet; download the program and write the path of its file"),
    }
}
