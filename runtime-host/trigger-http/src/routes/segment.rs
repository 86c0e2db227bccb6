//! One segment of a pattern: a literal, or parts between dots of which some are parameters (`:name.:extension`).

use std::cmp::Ordering;

/// A segment of a pattern that is no wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Itself, and nothing else.
    Literal(Box<str>),
    /// What stands between the dots; at least one of it is a parameter.
    Parts(Box<[Part]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(Box<str>),
    Parameter(Box<str>),
}

impl Segment {
    /// Reads a segment; tells what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "..." || text.contains('*') {
            return Err("a wildcard can only be the last segment".to_owned());
        }
        if !text.split('.').any(|part| part.starts_with(':')) {
            return Ok(Self::Literal(text.into()));
        }
        let part = |text: &str| match text.strip_prefix(':') {
            Some("") => Err("a parameter needs a name behind its colon".to_owned()),
            Some(name) => Ok(Part::Parameter(name.into())),
            None => Ok(Part::Literal(text.into())),
        };
        text.split('.').map(part).collect::<Result<_, _>>().map(Self::Parts)
    }

    /// Names of its parameters, from the left.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let parts = match self {
            Self::Literal(_) => &[][..],
            Self::Parts(parts) => parts,
        };
        parts.iter().filter_map(|part| match part {
            Part::Parameter(name) => Some(&**name),
            Part::Literal(_) => None,
        })
    }

    /// Adds what the parameters stand for in a matching segment; false if it does not match. A parameter stands for at least one
    /// character and ends at the next dot, the last one at the end of the segment.
    pub(super) fn matches<'p>(&self, segment: &'p str, values: &mut Vec<&'p str>) -> bool {
        let parts = match self {
            Self::Literal(literal) => return **literal == *segment,
            Self::Parts(parts) => parts,
        };
        let mut rest = Some(segment);
        for (index, part) in parts.iter().enumerate() {
            let Some(here) = rest else { return false };
            let is_last = index + 1 == parts.len();
            let (text, behind) =
                if is_last { (here, None) } else { here.split_once('.').map_or((here, None), |(text, behind)| (text, Some(behind))) };
            match part {
                Part::Literal(literal) if **literal == *text => {}
                Part::Parameter(_) if !text.is_empty() => values.push(text),
                _ => return false,
            }
            rest = behind;
        }
        rest.is_none()
    }

    /// `Less` for the one that is tried first: literals before parameters from the left, then the one with more dots.
    pub(super) fn precedence(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (self.ranks(), other.ranks());
        let by_rank = mine.iter().zip(&theirs).map(|(mine, theirs)| mine.cmp(theirs)).fold(Ordering::Equal, Ordering::then);
        by_rank.then(theirs.len().cmp(&mine.len()))
    }

    /// Whether both match the same segments: all but the names of their parameters is the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(mine), Self::Literal(theirs)) => mine == theirs,
            (Self::Parts(mine), Self::Parts(theirs)) => {
                let is_like = |(mine, theirs): (&Part, &Part)| match (mine, theirs) {
                    (Part::Literal(mine), Part::Literal(theirs)) => mine == theirs,
                    (mine, theirs) => matches!((mine, theirs), (Part::Parameter(_), Part::Parameter(_))),
                };
                mine.len() == theirs.len() && mine.iter().zip(theirs).all(is_like)
            }
            _ => false,
        }
    }

    fn ranks(&self) -> Vec<u8> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Parts(parts) => parts.iter().map(|part| u8::from(matches!(part, Part::Parameter(_)))).collect(),
        }
    }
}
