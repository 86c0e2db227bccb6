//! What is said on standard output once the app is served, as Spin says it: tools wait for these lines.

use crate::args::Format;
use anyhow::Result;
use serde::Serialize;
use spell_manifest::{App, TriggerRoute, TriggerTarget};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

/// A route that can be reached. The order of its fields is that of Spin's JSON.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    route: String,
    wildcard: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

#[derive(Serialize)]
struct Announcement<'a> {
    base_url: &'a str,
    routes: Vec<Shown<'a>>,
}

/// The address and the routes of an app.
pub(crate) fn announcement(app: &App, base_url: &str, format: Format) -> Result<String> {
    let routes = shown(app);
    match format {
        Format::Plain => Ok(plain(&routes, base_url)),
        Format::Json => Ok(format!("{}\n", serde_json::to_string(&Announcement { base_url, routes })?)),
    }
}

fn plain(routes: &[Shown<'_>], base_url: &str) -> String {
    let mut text = format!("\nServing {base_url}\nAvailable Routes:\n");
    for route in routes {
        let wildcard = if route.wildcard { " (wildcard)" } else { "" };
        text.push_str(&format!("  {}: {base_url}{}{wildcard}\n", route.id, route.route));
        if let Some(description) = route.description {
            text.push_str(&format!("    {description}\n"));
        }
    }
    text
}

fn shown(app: &App) -> Vec<Shown<'_>> {
    let descriptions = app.components.iter().map(|component| (component.id.as_str(), component.description.as_deref()));
    let descriptions: HashMap<&str, Option<&str>> = descriptions.collect();
    let mut routes: Vec<Shown<'_>> = Vec::new();
    for trigger in &app.triggers {
        let TriggerRoute::Public(pattern) = &trigger.route else { continue };
        let (id, description) = match &trigger.target {
            TriggerTarget::Component(id) => (id, descriptions.get(id.as_str()).copied().flatten()),
            TriggerTarget::Static(_) => (&trigger.id, None),
        };
        let prefix = pattern.strip_suffix("/...").or_else(|| pattern.strip_suffix("/*"));
        let path = prefix.unwrap_or(pattern);
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        let shown = Shown { id, route: format!("{slash}{path}"), wildcard: prefix.is_some(), description };
        // Of two equal routes, the last one is served, in the place of the first.
        match routes.iter_mut().find(|known| (&known.route, known.wildcard) == (&shown.route, shown.wildcard)) {
            Some(known) => *known = shown,
            None => routes.push(shown),
        }
    }
    in_spins_order(routes, |shown| Specificity::of(&shown.route, shown.wildcard))
}

/// The order in which Spin prints routes. Its router keeps them in a map, by an order that is none: whether one route goes before
/// another depends on those between. So only such a map, filled in the same order, gives it (`routefinder` 0.5.4).
fn in_spins_order<T>(routes: Vec<T>, of: impl Fn(&T) -> Specificity) -> Vec<T> {
    let map: BTreeMap<Specificity, T> = routes.into_iter().fold(BTreeMap::new(), |mut map, route| {
        map.insert(of(&route), route);
        map
    });
    map.into_values().collect()
}

/// How much a route says, by its parts.
#[derive(PartialEq, Eq)]
struct Specificity(Vec<Part>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Literal,
    Parameter,
    Wildcard,
    Slash,
    /// One behind a parameter; any other is part of a literal.
    Dot,
}

impl Part {
    fn compare(self, other: Part) -> Ordering {
        use Part::{Dot, Literal, Parameter, Slash, Wildcard};
        match (self, other) {
            (own, other) if own == other => Ordering::Equal,
            (Slash, Dot) | (Dot, Slash) => Ordering::Equal,
            (Parameter | Wildcard, Literal) | (Wildcard, Parameter) | (Slash, _) => Ordering::Less,
            (Dot | Literal | Parameter | Wildcard, _) => Ordering::Greater,
        }
    }
}

impl Specificity {
    fn of(path: &str, is_wildcard: bool) -> Self {
        let mut parts = Vec::new();
        let mut separator = None;
        for section in path.trim_matches('/').split_inclusive(['/', '.']) {
            if separator == Some('.') && parts.last() != Some(&Part::Literal) {
                parts.push(Part::Dot);
            }
            let name = section.trim_end_matches(['/', '.']);
            if !name.is_empty() {
                parts.extend((separator == Some('/')).then_some(Part::Slash));
                parts.push(if name.starts_with(':') { Part::Parameter } else { Part::Literal });
            }
            separator = section.chars().last();
        }
        if is_wildcard {
            parts.extend((!parts.is_empty()).then_some(Part::Slash));
            parts.push(Part::Wildcard);
        }
        Self(parts)
    }

    fn dots(&self) -> usize {
        self.0.iter().filter(|part| **part == Part::Dot).count()
    }
}

impl Ord for Specificity {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = self.0.iter().zip(&other.0).map(|(own, other)| own.compare(*other));
        let rest = [self.dots().cmp(&other.dots()), other.0.len().cmp(&self.0.len())];
        parts.chain(rest).find(|order| order.is_ne()).unwrap_or(Ordering::Less).reverse()
    }
}

impl PartialOrd for Specificity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_stand_in_the_order_of_spins_router() {
        let declared = [
            "/...",
            "/users/:id",
            "/users/me",
            "/a",
            "/p2/...",
            "/a/b/c",
            "/",
            "/a.b",
            "/:x.:y",
            "/:x",
            "/x/:y/...",
            "/x/y/z/...",
            "/b/",
            "/x/...",
        ];
        let ordered = in_spins_order(declared.to_vec(), |route| {
            let prefix = route.strip_suffix("/...");
            Specificity::of(prefix.unwrap_or(route), prefix.is_some())
        });
        // As `routefinder` 0.5.4 gives them.
        let expected = [
            "/b/",
            "/x/y/z/...",
            "/x/:y/...",
            "/:x.:y",
            "/",
            "/a",
            "/a.b",
            "/users/me",
            "/a/b/c",
            "/users/:id",
            "/p2/...",
            "/x/...",
            "/:x",
            "/...",
        ];
        assert_eq!(ordered, expected);
    }
}
