//! Where a path leads: Spin's route patterns with Spin's precedence.

use http::HeaderValue;
use routefinder::{RouteSpec, Router, Segment};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

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

/// A route as the guest is told of it.
#[derive(Debug)]
pub struct Route {
    pattern: Arc<str>,
    /// Segments in front of a trailing wildcard; `None` where there is no wildcard.
    wildcard_at: Option<usize>,
    pub(crate) matched: HeaderValue,
    pub(crate) without_wildcard: HeaderValue,
}

impl Route {
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

    /// Whether the segments of the pattern are whole segments of the path. The router lets a slash be missing: for it, `/x/*`
    /// takes `/xa/b`.
    fn has_slashes_in(&self, path: &str) -> bool {
        let mut segments = path.trim_matches('/').split('/');
        let pattern = self.pattern.split('/').filter(|segment| !segment.is_empty());
        pattern.take_while(|segment| !matches!(*segment, "..." | "*")).all(|expected| {
            let Some(segment) = segments.next() else { return false };
            match expected.strip_prefix(':') {
                Some(name) if !name.contains('.') => !segment.is_empty(),
                _ if expected.contains(':') => specification(expected).matches(segment).is_some(),
                _ => expected == segment,
            }
        })
    }

    fn parse(pattern: &str) -> Result<(Self, RouteSpec), RouteError> {
        let malformed = |reason: String| RouteError::Malformed { pattern: pattern.to_owned(), reason };
        // No path has them, and the router counts bytes for characters: it would panic.
        if !pattern.is_ascii() {
            return Err(malformed("write what is not ASCII percent-encoded".to_owned()));
        }
        let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/{pattern}") };
        let (prefix, wildcard) = match absolute.strip_suffix("/...").or_else(|| absolute.strip_suffix("/*")) {
            Some(prefix) => (prefix.to_owned(), true),
            None => (absolute.clone(), false),
        };
        if prefix.split('/').any(|segment| segment.contains('*') || segment == "...") {
            return Err(malformed("a wildcard can only be the last segment".to_owned()));
        }
        let spec = if wildcard { format!("{prefix}/*") } else { prefix.clone() };
        RouteSpec::try_from(spec.as_str()).map_err(|error| malformed(error.to_string()))?;
        let spec = specification(&spec);
        let value =
            |text: &str| HeaderValue::try_from(text).map_err(|_| malformed("it holds characters that no header can carry".to_owned()));
        let route = Self {
            pattern: pattern.into(),
            wildcard_at: wildcard.then(|| prefix.split('/').filter(|segment| !segment.is_empty()).count()),
            matched: value(&absolute)?,
            without_wildcard: value(&prefix)?,
        };
        Ok((route, spec))
    }
}

/// A table of routes, each with what answers on it.
pub struct Routes<T> {
    router: Router<(Arc<Route>, T)>,
    warnings: Vec<String>,
}

/// A path that was found.
pub(crate) struct Found<'r, T> {
    pub(crate) route: &'r Arc<Route>,
    pub(crate) target: &'r T,
    /// Names and values of the `:name` segments.
    pub(crate) parameters: Vec<(String, String)>,
}

impl<T> Routes<T> {
    /// Builds the table. Of identical patterns the last one counts; of patterns that match the same paths under other
    /// names, the first.
    pub fn new(entries: impl IntoIterator<Item = (String, T)>) -> Result<Self, RouteError> {
        let mut warnings = Vec::new();
        let mut ordered: Vec<(String, T)> = Vec::new();
        let mut position: HashMap<String, usize> = HashMap::new();
        for (pattern, target) in entries {
            match position.get(&pattern).and_then(|&index| ordered.get_mut(index)) {
                Some(entry) => {
                    warnings.push(format!("route \"{pattern}\" is declared twice: the last one counts"));
                    entry.1 = target;
                }
                None => {
                    position.insert(pattern.clone(), ordered.len());
                    ordered.push((pattern, target));
                }
            }
        }
        let mut router = Router::new();
        let mut shapes: HashMap<String, String> = HashMap::new();
        for (pattern, target) in ordered {
            let (route, spec) = Route::parse(&pattern)?;
            if pattern.trim_start_matches('/').starts_with(".well-known/spin") {
                warnings.push(format!("route \"{pattern}\" is never reached: /.well-known/spin/ belongs to the host"));
            }
            if let Some(first) = shapes.get(&shape(&spec)) {
                warnings.push(format!("route \"{pattern}\" matches the same paths as \"{first}\": the first one counts"));
                continue;
            }
            shapes.insert(shape(&spec), pattern);
            // A parsed specification cannot be refused any more.
            let _ = router.add(spec, (Arc::new(route), target));
        }
        Ok(Self { router, warnings })
    }

    /// What an author would want to know about the table.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The routes, most specific first.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<Route>, &T)> {
        self.router.iter().map(|(_, (route, target))| (route, target))
    }

    pub(crate) fn find(&self, path: &str) -> Option<Found<'_, T>> {
        // The order in which the router keeps its routes is none: a route that begins with a dot, or a third route, can put
        // two others in the wrong one.
        let matching = self.router.match_iter(path).filter(|found| found.handler().0.has_slashes_in(path));
        let found = matching.reduce(|best, next| if is_before(next.route(), best.route()) { next } else { best })?;
        let captures = found.captures();
        let parameters = captures.params().iter().map(|capture| (capture.name().to_owned(), capture.value().to_owned())).collect();
        let (route, target) = found.handler();
        Some(Found { route, target, parameters })
    }
}

/// The router itself loses the slash before a dot: for it, `/a/.b` is `/a.b`.
fn specification(pattern: &str) -> RouteSpec {
    let mut parts = Vec::new();
    for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
        if !parts.is_empty() {
            parts.push(Segment::Slash);
        }
        parts.extend(parts_of(segment));
    }
    RouteSpec::from(parts)
}

/// A segment without parameters is one literal. In any other, a dot behind a parameter is a part of its own, and one behind a
/// literal belongs to it.
fn parts_of(segment: &str) -> Vec<Segment> {
    if segment == "*" {
        return vec![Segment::Wildcard];
    }
    if !segment.split('.').any(|part| part.starts_with(':')) {
        return vec![Segment::Exact(segment.into())];
    }
    let mut parts = Vec::new();
    let mut rest = Some(segment);
    while let Some(here) = rest {
        let (part, behind) = here.split_once('.').map_or((here, None), |(part, behind)| (part, Some(behind)));
        let dot = behind.map(|_| Segment::Dot);
        match part.strip_prefix(':') {
            Some(name) => parts.extend([Some(Segment::Param(name.into())), dot].into_iter().flatten()),
            None if behind.is_some() => parts.push(Segment::Exact(format!("{part}.").into())),
            None if part.is_empty() => {}
            None => parts.push(Segment::Exact(part.into())),
        }
        rest = behind;
    }
    parts
}

/// Whether a route goes before another that matches the same path: a literal before a parameter before a wildcard, from the
/// left; then the one with more dots, then the shorter one.
fn is_before(this: &RouteSpec, other: &RouteSpec) -> bool {
    let by_rank = ranks(this).zip(ranks(other)).map(|(mine, theirs)| mine.cmp(&theirs)).fold(Ordering::Equal, Ordering::then);
    let dots = |spec: &RouteSpec| spec.segments().iter().filter(|segment| matches!(segment, Segment::Dot)).count();
    by_rank.then(dots(other).cmp(&dots(this))).then(this.segments().len().cmp(&other.segments().len())).is_lt()
}

/// A dot at the beginning of a segment is a literal like any other.
fn ranks(spec: &RouteSpec) -> impl Iterator<Item = u8> {
    spec.segments().iter().map(|segment| match segment {
        Segment::Exact(_) | Segment::Dot | Segment::Slash => 0,
        Segment::Param(_) => 1,
        Segment::Wildcard => 2,
    })
}

/// A pattern with the names of its parameters taken out.
fn shape(spec: &RouteSpec) -> String {
    spec.to_string().trim_matches('/').split('/').map(shape_of_segment).collect::<Vec<_>>().join("/")
}

fn shape_of_segment(segment: &str) -> String {
    let parts: Vec<&str> = segment.split('.').map(|part| if part.starts_with(':') { ":" } else { part }).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests;
