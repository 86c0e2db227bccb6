//! Patterns as a tree of segments, so that finding a path takes as long as the path, not as the table.
//!
//! A path is followed from the left: the literal first, then the parameters, then the wildcard. What is found first is the most
//! specific. This file must never know what stands behind a pattern.

use super::segment::Segment;
use std::collections::HashMap;

/// A set of patterns, each with a number.
#[derive(Debug, Default)]
pub(super) struct Tree {
    literals: HashMap<Box<str>, Tree>,
    /// Segments with parameters, the most specific first.
    parameters: Vec<(Segment, Tree)>,
    /// The pattern that ends here.
    end: Option<usize>,
    /// The pattern that goes on with a wildcard.
    wildcard: Option<usize>,
}

impl Tree {
    /// Adds a pattern, unless one is there that matches the same paths: then it tells that one's number.
    pub(super) fn insert(&mut self, segments: &[Segment], is_wildcard: bool, number: usize) -> Result<(), usize> {
        let Some((first, rest)) = segments.split_first() else {
            let place = if is_wildcard { &mut self.wildcard } else { &mut self.end };
            return match place {
                Some(there) => Err(*there),
                None => {
                    *place = Some(number);
                    Ok(())
                }
            };
        };
        self.child(first).insert(rest, is_wildcard, number)
    }

    fn child(&mut self, segment: &Segment) -> &mut Tree {
        if let Segment::Literal(text) = segment {
            return self.literals.entry(text.clone()).or_default();
        }
        let there = self.parameters.iter().position(|(other, _)| other.is_like(segment));
        let index = there.unwrap_or_else(|| {
            let index = self.parameters.partition_point(|(other, _)| other.precedence(segment).is_le());
            self.parameters.insert(index, (segment.clone(), Tree::default()));
            index
        });
        &mut self.parameters[index].1
    }

    /// The number of the pattern that a path leads to; `values` takes what its parameters stand for, from the left.
    pub(super) fn find<'p>(&self, path: &'p str, values: &mut Vec<&'p str>) -> Option<usize> {
        let path = path.trim_matches('/');
        self.follow((!path.is_empty()).then_some(path), values)
    }

    fn follow<'p>(&self, path: Option<&'p str>, values: &mut Vec<&'p str>) -> Option<usize> {
        let Some(path) = path else { return self.end.or(self.wildcard) };
        let (segment, rest) = path.split_once('/').map_or((path, None), |(segment, rest)| (segment, Some(rest)));
        if let Some(found) = self.literals.get(segment).and_then(|tree| tree.follow(rest, values)) {
            return Some(found);
        }
        let before = values.len();
        for (pattern, tree) in &self.parameters {
            if pattern.matches(segment, values)
                && let Some(found) = tree.follow(rest, values)
            {
                return Some(found);
            }
            values.truncate(before);
        }
        self.wildcard
    }
}
