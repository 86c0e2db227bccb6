//! What a manifest may ask for and this host does not run: refused by name, so that no app runs with less than it asked for.
//!
//! It knows what is missing. It must never know how to make up for it.

use anyhow::{Result, bail};
use spell_manifest::{App, TriggerTarget};

/// Refuses an app that asks for something that is not run.
pub(crate) fn refuse(app: &App) -> Result<()> {
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
    Ok(())
}
