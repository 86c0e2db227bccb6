//! What a manifest may ask for and this host does not run: refused by name, so that no app runs with less than it asked for.
//!
//! It knows what is missing. It must never know how to make up for it.

use crate::sources;
use anyhow::{Context, Result, bail};
use spell_manifest::{App, Source, TriggerTarget};
use std::collections::HashSet;

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
    }
    sources::of(app, served).into_iter().try_for_each(|(whose, source)| refuse_package(source).context(whose))
}

/// Refuses a program that is in a registry.
pub(crate) fn refuse_package(source: &Source) -> Result<()> {
    match source {
        Source::File(_) | Source::Url { .. } => Ok(()),
        source @ Source::Registry { .. } => {
            bail!("its `source`, {source}, is not fetched yet; write the program's `url` and `digest`, or the path of its file")
        }
    }
}
