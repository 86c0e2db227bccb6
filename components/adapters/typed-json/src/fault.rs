//! What is said when a cast has no answer, and where in the JSON the reason is.

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Names from the input that messages repeat are cut to so many characters.
const NAME_CHARS_MAX: usize = 100;
/// Messages list so many names.
const NAMES_MAX: usize = 30;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A word for programs.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Failure {
    /// The caller can mend it.
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self { code: "invalid-input", message: message.into() }
    }

    /// The function says no.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: "failed", message: message.into() }
    }

    /// What came back is no value.
    pub(crate) fn bad_answer() -> Self {
        Self { code: "bad-answer", message: "the function gave something that is no value of its type".to_owned() }
    }
}

/// A step into JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step<'d> {
    /// Into a field, as the input calls it.
    Field(Cow<'d, str>),
    /// Into an element.
    Index(usize),
}

/// Where in the JSON this is, and what is wrong there.
pub(crate) fn at(path: &[Step<'_>], fault: &str) -> String {
    if path.is_empty() {
        return fault.to_owned();
    }
    let steps = path.iter().map(|step| match step {
        Step::Field(name) => format!("/{}", cut(name).replace('~', "~0").replace('/', "~1")),
        Step::Index(index) => format!("/{index}"),
    });
    format!("at {}: {fault}", steps.collect::<String>())
}

/// A name from the input, as messages repeat it.
pub(crate) fn cut(name: &str) -> String {
    let mut cut: String = name.chars().take(NAME_CHARS_MAX).collect();
    if cut.len() < name.len() {
        cut.push('…');
    }
    cut
}

/// Names in a row.
pub(crate) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(NAMES_MAX);
    names.truncate(NAMES_MAX);
    let text = names.join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}

/// Whether a name of the input is this WIT name, also if it is written with `_` where WIT has `-`.
pub(crate) fn is_name(name: &str, given: &str) -> bool {
    name.len() == given.len() && name.bytes().zip(given.bytes()).all(|(name, given)| name == given || (name == b'-' && given == b'_'))
}
