//! A path through a table of routes: what is found really matches, nothing that matches is missed, and the most specific
//! pattern wins.
//!
//! The first line is a request target, every other line a pattern. This target reads patterns anew, segment by segment, and
//! must never know how the table is kept. It takes the source of the table and not its crate, which would bring wasmtime.

#![no_main]

#[allow(dead_code, reason = "this target needs a part of it")]
#[path = "../../runtime-host/trigger-http/src/routes.rs"]
mod routes;

use libfuzzer_sys::fuzz_target;
use routes::{Found, Routes};

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let Some(Ok(uri)) = lines.next().map(str::parse::<http::Uri>) else { return };
    // Each pattern that is good by itself; the table keeps the last of identical ones.
    let patterns: Vec<&str> = lines.filter(|pattern| Routes::new([((*pattern).to_owned(), ())]).is_ok()).collect();
    let entries = patterns.iter().enumerate().map(|(index, pattern)| ((*pattern).to_owned(), index));
    let table = Routes::new(entries).expect("patterns that are good one by one are good together");
    assert!(table.iter().count() <= patterns.len());
    for (route, _) in table.iter() {
        assert!(patterns.contains(&&**route.pattern()));
    }
    let path = uri.path();
    let matching: Vec<(&str, Fit)> = patterns.iter().filter_map(|pattern| Some((*pattern, fit(pattern, path)?))).collect();
    let Some(found) = table.find(path) else {
        assert!(matching.is_empty(), "{path} is not found, and matches {matching:?}");
        return;
    };
    let pattern = &**found.route.pattern();
    assert_eq!(patterns[*found.target], pattern);
    let Some((_, own)) = matching.iter().find(|(other, _)| *other == pattern) else { panic!("{pattern} does not match {path}") };
    check_found(path, &found, own);
    for (other, fit) in &matching {
        assert!(!is_more_specific(&fit.kinds, &own.kinds), "{path} leads to {pattern}, and not to {other}");
    }
});

/// How a pattern matches a path.
#[derive(Debug)]
struct Fit {
    kinds: Vec<Kind>,
    parameters: Vec<(String, String)>,
    /// What is left for the wildcard.
    rest: String,
}

/// What a segment of a pattern is, the least specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Wildcard,
    Parameter,
    /// `:name.:extension` and the like.
    Mixed,
    Literal,
}

fn fit(pattern: &str, path: &str) -> Option<Fit> {
    let segments: Vec<&str> = pattern.split('/').filter(|segment| !segment.is_empty()).collect();
    let mut path_segments = path.trim_matches('/').split('/').filter(|_| !path.trim_matches('/').is_empty());
    let mut fit = Fit { kinds: Vec::new(), parameters: Vec::new(), rest: String::new() };
    for segment in segments {
        if matches!(segment, "..." | "*") {
            fit.kinds.push(Kind::Wildcard);
            fit.rest = path_segments.collect::<Vec<_>>().join("/");
            return Some(fit);
        }
        fit.kinds.push(take_segment(segment, path_segments.next()?, &mut fit.parameters)?);
    }
    path_segments.next().is_none().then_some(fit)
}

/// A segment is one literal, or parts between dots of which some are parameters. A parameter ends at the next dot, the last
/// one at the end of the segment.
fn take_segment(pattern: &str, segment: &str, parameters: &mut Vec<(String, String)>) -> Option<Kind> {
    let parts: Vec<&str> = pattern.split('.').collect();
    if !parts.iter().any(|part| part.starts_with(':')) {
        return (pattern == segment).then_some(Kind::Literal);
    }
    let mut rest = Some(segment);
    for (index, part) in parts.iter().enumerate() {
        let here = rest?;
        let is_last = index + 1 == parts.len();
        rest = match part.strip_prefix(':') {
            Some(name) => {
                let (value, behind) = if is_last { (here, None) } else { here.split_once('.').map(|(value, behind)| (value, Some(behind)))? };
                if here.is_empty() {
                    return None;
                }
                parameters.push((name.to_owned(), value.to_owned()));
                behind
            }
            None if is_last => return (here == *part).then_some(Kind::Mixed),
            None => Some(here.strip_prefix(part)?.strip_prefix('.')?),
        };
    }
    Some(if parts.len() == 1 { Kind::Parameter } else { Kind::Mixed })
}

/// The first segment that differs decides. Of two mixed ones nobody says which is more specific.
fn is_more_specific(this: &[Kind], other: &[Kind]) -> bool {
    for (mine, theirs) in this.iter().zip(other) {
        if mine != theirs {
            return mine > theirs;
        }
        if *mine == Kind::Mixed {
            return false;
        }
    }
    // Both match the same path: the longer one has a wildcard for nothing.
    this.len() < other.len()
}

fn check_found(path: &str, found: &Found<'_, usize>, fit: &Fit) {
    assert_eq!(found.parameters, fit.parameters);
    let info = found.route.path_info(path);
    assert!(info.is_empty() || info.starts_with('/') && found.route.is_wildcard(), "{info:?}");
    assert!(path.ends_with(info), "{info:?} is not the end of {path:?}");
    assert_eq!(info.trim_matches('/'), fit.rest.trim_matches('/'), "what the wildcard stands for");
}
