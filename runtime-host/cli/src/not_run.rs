//! What a manifest may ask for and this host does not run: refused by name, so that no app runs with less than it asked for.
//!
//! It knows what is missing. It must never know how to make up for it.

use anyhow::{Context, Result, bail};
use spell_manifest::{App, Component, Source};
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
        if !trigger.middleware.is_empty() {
            bail!("trigger \"{id}\": `middleware` is not supported yet; compose it into the component");
        }
    }
    for component in app.components.iter().filter(|component| served.contains(component.id.as_str())) {
        refuse_component(component).with_context(|| format!("component \"{}\"", component.id))?;
    }
    Ok(())
}

fn refuse_component(component: &Component) -> Result<()> {
    if let Some(dependency) = component.dependencies.first() {
        bail!("the dependency \"{}\" is not supported yet; compose the component when it is built", dependency.name);
    }
    file_of(component).map(|_| ())
}

/// The file of a component's program.
pub(crate) fn file_of(component: &Component) -> Result<&Path> {
    match &component.source {
        Source::File(path) => Ok(path),
        source => bail!("its `source`, {source}, is not fetched yet; download the program and write the path of its file"),
    }
}
