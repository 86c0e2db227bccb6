//! A path through a table of routes: what is found really matches, nothing that matches is missed, and of two patterns the
//! more specific one wins whatever else is in the table.
//!
//! The first line is a request target, every other line a pattern. This target reads patterns anew, segment by segment, and
//! must never know how the table is kept. It takes the source of the table and not its crate, which would bring wasmtime.

#![no_main]

#[allow(dead_code, reason = "this target needs a part of it")]
#[path = "../../runtime-host/trigger-http/src"]
mod trigger_http {
    pub(crate) mod routes;
}

use libfuzzer_sys::fuzz_target;

use std::cmp::Ordering;
use trigger_http::routes::{Found, Routes};

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
    // `*` may be found, and is refused before a guest hears of it.
    if !path.starts_with('/') {
        return;
    }
    let pattern = &**found.route.pattern();
    assert_eq!(patterns[*found.target], pattern);
    let Some((_, own)) = matching.iter().find(|(other, _)| *other == pattern) else { panic!("{pattern} does not match {path}") };
    check_found(path, &found, own);
    for (other, _) in &matching {
        let is_better = precedence(other, pattern) == Ordering::Less;
        assert!(!is_better, "{path} leads to {pattern}, and not to {other}");
    }
});

/// How a pattern matches a path.
#[derive(Debug)]
struct Fit {
    parameters: Vec<(String, String)>,
    /// What is left for the wildcard.
    rest: String,
}

fn fit(pattern: &str, path: &str) -> Option<Fit> {
    let segments = pattern.split('/').filter(|segment| !segment.is_empty());
    let mut path_segments = path.trim_matches('/').split('/').filter(|_| !path.trim_matches('/').is_empty());
    let mut fit = Fit { parameters: Vec::new(), rest: String::new() };
    for segment in segments {
        if matches!(segment, "..." | "*") {
            fit.rest = path_segments.collect::<Vec<_>>().join("/");
            return Some(fit);
        }
        take_segment(segment, path_segments.next()?, &mut fit)?;
    }
    path_segments.next().is_none().then_some(fit)
}

/// A segment is one literal, or parts between dots of which some are parameters. A parameter ends at the next dot, the last
/// one at the end of the segment.
fn take_segment(pattern: &str, segment: &str, fit: &mut Fit) -> Option<()> {
    let parts: Vec<&str> = pattern.split('.').collect();
    if !has_parameter(pattern) {
        return (pattern == segment).then_some(());
    }
    let mut rest = segment;
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        if let Some(name) = part.strip_prefix(':') {
            let (value, behind) = if is_last { (rest, "") } else { rest.split_once('.')? };
            if value.is_empty() {
                return None;
            }
            fit.parameters.push((name.to_owned(), value.to_owned()));
            rest = behind;
        } else {
            let behind = rest.strip_prefix(part)?;
            rest = if is_last { behind } else { behind.strip_prefix('.')? };
        }
    }
    rest.is_empty().then_some(())
}

fn has_parameter(segment: &str) -> bool {
    segment.split('.').any(|part| part.starts_with(':'))
}

/// `Less` if the first of two patterns that match the same path goes before the second.
fn precedence(this: &str, other: &str) -> Ordering {
    let segments = |pattern: &'_ str| pattern.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (this, other) = (segments(this), segments(other));
    let by_segments = this.iter().zip(&other).map(|(mine, theirs)| precedence_of_segment(mine, theirs));
    // The longer one has a wildcard for nothing.
    by_segments.fold(Ordering::Equal, Ordering::then).then(this.len().cmp(&other.len()))
}

/// A literal goes before parts of which some are parameters, those with more dots first, and a parameter before a wildcard.
fn precedence_of_segment(this: &str, other: &str) -> Ordering {
    let rank = |segment: &str| if matches!(segment, "..." | "*") { 2 } else { i32::from(has_parameter(segment)) };
    let by_kind = rank(this).cmp(&rank(other));
    if by_kind.is_ne() || rank(this) != 1 {
        return by_kind;
    }
    let parts = this.split('.').zip(other.split('.'));
    let by_parts = parts.map(|(mine, theirs)| mine.starts_with(':').cmp(&theirs.starts_with(':')));
    by_parts.fold(Ordering::Equal, Ordering::then).then(dots_of(other).cmp(&dots_of(this)))
}

fn dots_of(segment: &str) -> usize {
    if has_parameter(segment) { segment.matches('.').count() } else { 0 }
}

fn check_found(path: &str, found: &Found<'_, '_, usize>, fit: &Fit) {
    let expected: Vec<(&str, &str)> = fit.parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(found.parameters, expected);
    let info = found.route.path_info(path);
    assert!(info.is_empty() || info.starts_with('/') && found.route.is_wildcard(), "{info:?}");
    assert!(path.ends_with(info), "{info:?} is not the end of {path:?}");
    assert_eq!(info.trim_matches('/'), fit.rest.trim_matches('/'), "what the wildcard stands for");
}
