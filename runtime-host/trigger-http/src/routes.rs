//! Where a path leads: Spin's route patterns with Spin's precedence.

mod segment;
mod tree;

use http::HeaderValue;
use segment::Segment;
use std::sync::{Arc, LazyLock};
use tree::Tree;

/// Why a route cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// The pattern is not well formed.
    #[error("route \"{pattern}\" is not a route: {reason}")]
    Malformed {
        /// The route as written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

static EVERYTHING: LazyLock<Arc<str>> = LazyLock::new(|| "/...".into());

/// A route as the guest is told of it.
#[derive(Debug)]
pub struct Route {
    pattern: Arc<str>,
    /// Segments in front of a trailing wildcard; `None` where there is no wildcard.
    wildcard_at: Option<usize>,
    /// Names of its parameters, from the left.
    parameters: Vec<Box<str>>,
    pub(crate) matched: HeaderValue,
    pub(crate) without_wildcard: HeaderValue,
}

impl Route {
    /// The route of a component that is asked by its name: it takes every path.
    pub(crate) fn everything() -> Self {
        Self {
            pattern: EVERYTHING.clone(),
            wildcard_at: Some(0),
            parameters: Vec::new(),
            matched: HeaderValue::from_static("/..."),
            without_wildcard: HeaderValue::from_static(""),
        }
    }

    /// A route that takes a path, and every path below it. The path has plain segments alone.
    pub fn below(path: &str) -> Result<Self, RouteError> {
        Self::parse(&format!("{path}/...")).map(|(route, _)| route)
    }

    /// The pattern as written in the manifest.
    pub fn pattern(&self) -> &Arc<str> {
        &self.pattern
    }

    /// Whether the pattern ends in a wildcard.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard_at.is_some()
    }

    /// What the trailing wildcard stands for in this path: empty, or beginning with a slash.
    pub(crate) fn path_info<'p>(&self, path: &'p str) -> &'p str {
        let Some(segments) = self.wildcard_at else { return "" };
        let mut rest = path;
        for _ in 0..segments {
            let inner = rest.trim_start_matches('/');
            rest = inner.find('/').map_or("", |slash| inner.get(slash..).unwrap_or(""));
        }
        rest
    }

    fn parse(pattern: &str) -> Result<(Self, Vec<Segment>), RouteError> {
        let malformed = |reason: String| RouteError::Malformed { pattern: pattern.to_owned(), reason };
        if !pattern.is_ascii() {
            return Err(malformed("write what is not ASCII percent-encoded".to_owned()));
        }
        let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/{pattern}") };
        let (prefix, is_wildcard) = match absolute.strip_suffix("/...").or_else(|| absolute.strip_suffix("/*")) {
            Some(prefix) => (prefix.to_owned(), true),
            None => (absolute.clone(), false),
        };
        let segments = prefix.split('/').filter(|segment| !segment.is_empty()).map(Segment::parse);
        let segments = segments.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
        let value =
            |text: &str| HeaderValue::try_from(text).map_err(|_| malformed("it holds characters that no header can carry".to_owned()));
        let route = Self {
            pattern: pattern.into(),
            wildcard_at: is_wildcard.then_some(segments.len()),
            parameters: segments.iter().flat_map(Segment::names).map(Box::from).collect(),
            matched: value(&absolute)?,
            without_wildcard: value(&prefix)?,
        };
        Ok((route, segments))
    }
}

/// A table of routes, each with what answers on it.
pub struct Routes<T> {
    tree: Tree,
    entries: Vec<(Arc<Route>, T)>,
    warnings: Vec<String>,
}

/// A path that was found.
pub(crate) struct Found<'r, 'p, T> {
    pub(crate) route: &'r Arc<Route>,
    pub(crate) target: &'r T,
    /// Names and values of the `:name` segments.
    pub(crate) parameters: Vec<(&'r str, &'p str)>,
}

impl<T> Routes<T> {
    /// Builds the table. Of identical patterns the last one counts; of patterns that match the same paths under other
    /// names, the first.
    pub fn new(entries: impl IntoIterator<Item = (String, T)>) -> Result<Self, RouteError> {
        let mut routes = Self { tree: Tree::default(), entries: Vec::new(), warnings: Vec::new() };
        for (pattern, target) in entries {
            routes.add(&pattern, target)?;
        }
        Ok(routes)
    }

    fn add(&mut self, pattern: &str, target: T) -> Result<(), RouteError> {
        let (route, segments) = Route::parse(pattern)?;
        if pattern.trim_start_matches('/').starts_with(".well-known/spin") {
            self.warnings.push(format!("route \"{pattern}\" is never reached: /.well-known/spin/ belongs to the host"));
        }
        let number = self.entries.len();
        match self.tree.insert(&segments, route.is_wildcard(), number) {
            Ok(()) => self.entries.push((Arc::new(route), target)),
            Err(there) => {
                let Some((first, first_target)) = self.entries.get_mut(there) else { return Ok(()) };
                if *first.pattern == *pattern {
                    *first_target = target;
                    self.warnings.push(format!("route \"{pattern}\" is declared twice: the last one counts"));
                } else {
                    let first = &first.pattern;
                    self.warnings.push(format!("route \"{pattern}\" matches the same paths as \"{first}\": the first one counts"));
                }
            }
        }
        Ok(())
    }

    /// What an author would want to know about the table.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The routes, in the order in which they were declared.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<Route>, &T)> {
        self.entries.iter().map(|(route, target)| (route, target))
    }

    pub(crate) fn find<'r, 'p>(&'r self, path: &'p str) -> Option<Found<'r, 'p, T>> {
        let mut values = Vec::new();
        let (route, target) = self.entries.get(self.tree.find(path, &mut values)?)?;
        let parameters = route.parameters.iter().map(|name| &**name).zip(values).collect();
        Some(Found { route, target, parameters })
    }
}

#[cfg(test)]
mod tests;
