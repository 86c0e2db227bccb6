//! Serving a part of an app: the components that were named, and those that they ask.

use anyhow::{Result, bail};
use spell_manifest::{App, Component, TriggerTarget};
use std::collections::BTreeSet;

/// Takes out every trigger that leads to other components than these. Without any named, the app stays whole.
pub(crate) fn keep(app: &mut App, ids: &[String]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    check(app, ids, "--component-id")?;
    let kept: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    for component in app.components.iter().filter(|component| kept.contains(component.id.as_str())) {
        if let Some(asked) = asked_by(component).find(|asked| !kept.contains(asked.as_str())) {
            bail!("--component-id {}: it asks \"{asked}\" by allowed_outbound_hosts; name that one as well", component.id);
        }
    }
    app.triggers.retain(|trigger| match &trigger.target {
        TriggerTarget::Component(id) => kept.contains(id.as_str()),
        TriggerTarget::Static(_) => false,
    });
    if app.triggers.is_empty() {
        bail!("--component-id: no trigger leads to any of them");
    }
    Ok(())
}

/// Sees that the components that are to be followed are there.
pub(crate) fn check_followed(app: &App, ids: &[String]) -> Result<()> {
    check(app, ids, "--follow")
}

fn check(app: &App, ids: &[String], flag: &str) -> Result<()> {
    let known: Vec<&str> = app.components.iter().map(|component| component.id.as_str()).collect();
    match ids.iter().find(|id| !known.contains(&id.as_str())) {
        Some(unknown) => bail!("{flag} {unknown}: the app has no such component; it has {}", known.join(", ")),
        None => Ok(()),
    }
}

/// The components that one asks by their names.
fn asked_by(component: &Component) -> impl Iterator<Item = String> {
    component.allowed_outbound_hosts.iter().filter_map(|host| {
        let (_, rest) = host.split_once("://")?;
        let name = rest.split([':', '/']).next()?.strip_suffix(".spin.internal")?;
        (name != "*").then(|| name.to_owned())
    })
}
