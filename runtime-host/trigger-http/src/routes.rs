//! Where a path leads: Spin's route patterns with Spin's precedence.

use http::HeaderValue;
use routefinder::{RouteSpec, Router};
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
            expected.contains(':') || expected == segment
        })
    }

    fn parse(pattern: &str) -> Result<(Self, RouteSpec), RouteError> {
        let malformed = |reason: String| RouteError::Malformed { pattern: pattern.to_owned(), reason };
        let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/{pattern}") };
        let (prefix, wildcard) = match absolute.strip_suffix("/...").or_else(|| absolute.strip_suffix("/*")) {
            Some(prefix) => (prefix.to_owned(), true),
            None => (absolute.clone(), false),
        };
        if prefix.split('/').any(|segment| segment.contains('*') || segment == "...") {
            return Err(malformed("a wildcard can only be the last segment".to_owned()));
        }
        let spec = if wildcard { format!("{prefix}/*") } else { prefix.clone() };
        let spec = RouteSpec::try_from(spec.as_str()).map_err(|error| malformed(error.to_string()))?;
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
        let found = self.router.match_iter(path).find(|found| found.handler().0.has_slashes_in(path))?;
        let captures = found.captures();
        let parameters = captures.params().iter().map(|capture| (capture.name().to_owned(), capture.value().to_owned())).collect();
        let (route, target) = found.handler();
        Some(Found { route, target, parameters })
    }
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
mod tests {
    use super::*;

    fn routes(patterns: &[&str]) -> Routes<usize> {
        Routes::new(patterns.iter().enumerate().map(|(index, pattern)| ((*pattern).to_owned(), index))).expect("routes")
    }

    #[test]
    fn paths_lead_where_spin_leads_them() {
        let table: &[(&[&str], &str, Option<usize>)] = &[
            (&["/x/..."], "/x", Some(0)),
            (&["/x/..."], "/x/", Some(0)),
            (&["/x/..."], "/x/a/b", Some(0)),
            (&["/x/..."], "/xa", None),
            (&["/xy/..."], "/xyz/a", None),
            (&["/x/...", "/xa/..."], "/xa/b", Some(1)),
            (&["/foo/:a"], "/fooabc", None),
            (&["/:a/b/..."], "/x/bc/d", None),
            (&["/x/*"], "/x/a", Some(0)),
            (&["/:name"], "/a", Some(0)),
            (&["/:name"], "/", None),
            (&["/:name"], "/a/b", None),
            (&["/f/:n.:ext"], "/f/a.txt", Some(0)),
            (&["/foo"], "//foo//", Some(0)),
            (&["/foo/bar"], "/foo//bar", None),
            (&["/Foo"], "/foo", None),
            (&["/a b"], "/a%20b", None),
            (&["foo"], "/foo", Some(0)),
            (&["/:a/b", "/a/:b"], "/a/b", Some(1)),
            (&["/...", "/a/...", "/a/b"], "/a/b", Some(2)),
            (&["/...", "/a/...", "/a/b"], "/a/c", Some(1)),
            (&["/...", "/a/...", "/a/b"], "/c", Some(0)),
            (&["/dup", "/other", "/dup"], "/dup", Some(2)),
            (&["/a/:x", "/a/:y"], "/a/1", Some(0)),
            (&["/foo", "/foo/"], "/foo", Some(0)),
        ];
        for (patterns, path, expected) in table {
            assert_eq!(routes(patterns).find(path).map(|found| *found.target), *expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn the_trailing_path_begins_where_the_wildcard_does() {
        for (pattern, path, expected) in [
            ("/t/...", "/t", ""),
            ("/t/...", "/t/", "/"),
            ("/t/...", "/t/h", "/h"),
            ("/t/...", "/t/h/", "/h/"),
            ("/:a/t/...", "/x/t/h", "/h"),
            ("/...", "/a/b", "/a/b"),
            ("/...", "/", "/"),
            ("/t", "/t", ""),
        ] {
            let routes = routes(&[pattern]);
            let found = routes.find(path).expect(path);
            assert_eq!(found.route.path_info(path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_that_cannot_be_matched_are_refused() {
        for pattern in ["/a/*/b", "/a/:", "/a/*x", "/a/.../b", "/a\n"] {
            assert!(Routes::new([(pattern.to_owned(), ())]).is_err(), "{pattern}");
        }
    }

    #[test]
    fn doubtful_tables_are_warned_about() {
        assert_eq!(routes(&["/a", "/b"]).warnings().len(), 0);
        assert_eq!(routes(&["/a", "/a"]).warnings().len(), 1);
        assert_eq!(routes(&["/a/:x", "/a/:y"]).warnings().len(), 1);
        assert_eq!(routes(&["/.well-known/spin/health"]).warnings().len(), 1);
    }
}
