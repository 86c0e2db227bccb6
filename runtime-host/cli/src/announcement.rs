//! What is said on standard output once the app is served, as Spin says it: tools wait for these lines.

use crate::args::Format;
use serde_json::json;
use spell_manifest::{App, TriggerRoute, TriggerTarget};
use std::collections::HashMap;

/// A route that can be reached.
struct Shown<'a> {
    id: &'a str,
    path: String,
    is_wildcard: bool,
    description: Option<&'a str>,
}

/// The address and the routes of an app.
pub(crate) fn announcement(app: &App, base_url: &str, format: Format) -> String {
    let routes = shown(app);
    match format {
        Format::Plain => plain(&routes, base_url),
        Format::Json => json(&routes, base_url),
    }
}

fn plain(routes: &[Shown<'_>], base_url: &str) -> String {
    let mut text = format!("\nServing {base_url}\nAvailable Routes:\n");
    for route in routes {
        let wildcard = if route.is_wildcard { " (wildcard)" } else { "" };
        text.push_str(&format!("  {}: {base_url}{}{wildcard}\n", route.id, route.path));
        if let Some(description) = route.description {
            text.push_str(&format!("    {description}\n"));
        }
    }
    text
}

fn json(routes: &[Shown<'_>], base_url: &str) -> String {
    let routes = routes.iter().map(|route| {
        let mut object = json!({ "id": route.id, "route": route.path, "wildcard": route.is_wildcard });
        if let (Some(description), Some(members)) = (route.description, object.as_object_mut()) {
            members.insert("description".to_owned(), description.into());
        }
        object
    });
    let routes: Vec<_> = routes.collect();
    format!("{}\n", json!({ "base_url": base_url, "routes": routes }))
}

fn shown(app: &App) -> Vec<Shown<'_>> {
    let descriptions = app.components.iter().map(|component| (component.id.as_str(), component.description.as_deref()));
    let descriptions: HashMap<&str, Option<&str>> = descriptions.collect();
    let mut routes = Vec::new();
    for trigger in &app.triggers {
        let TriggerRoute::Public(pattern) = &trigger.route else { continue };
        let (id, description) = match &trigger.target {
            TriggerTarget::Component(id) => (id, descriptions.get(id.as_str()).copied().flatten()),
            TriggerTarget::Static(_) => (&trigger.id, None),
        };
        let prefix = pattern.strip_suffix("/...").or_else(|| pattern.strip_suffix("/*"));
        let path = prefix.unwrap_or(pattern);
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        routes.push(Shown { id, path: format!("{slash}{path}"), is_wildcard: prefix.is_some(), description });
    }
    routes
}
