//! What the input and the output of a spell look like: JSON Schema, draft 2020-12, within bounds.
//!
//! It knows schemas and content. It must never know where either comes from, or who is told what does not match.

mod checkers;
mod parts;

pub(crate) use checkers::{Checkers, Side};

use jsonschema::{Draft, PatternOptions, Validator};
use parts::Parts;
use serde_json::Value;
use spell_types::Content;

/// Bytes of a schema.
pub const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// Keywords of a schema, and values that it lists, each as often as it is referred to.
pub const SCHEMA_PARTS_MAX: usize = 512;
/// Patterns of a schema.
pub const SCHEMA_PATTERNS_MAX: usize = 16;
/// Bytes of a content that is checked.
pub const CHECKED_BYTES_MAX: usize = 1 << 20;
/// Bytes of one that is checked for items that are there twice.
pub const UNIQUE_BYTES_MAX: usize = 64 << 10;
/// Memory of a pattern that is ready, in bytes.
const PATTERN_BYTES_MAX: usize = 512 << 10;
/// Mismatches that are told.
const MISMATCHES_MAX: usize = 10;
/// Characters of each.
const MISMATCH_CHARACTERS_MAX: usize = 200;
/// Parts of a schema times bytes of a content up to which it is told what does not match: telling takes memory for each.
const TOLD_WORK_MAX: usize = 1 << 18;

/// What the content of a spell looks like, as JSON Schemas in JSON. Where there is none, it is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schemas {
    /// What it is cast with.
    pub input: Option<String>,
    /// What it answers with.
    pub output: Option<String>,
}

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is too large.
    #[error("a schema has at most {SCHEMA_BYTES_MAX} bytes")]
    TooLarge,
    /// It has too many parts.
    #[error("a schema has at most {SCHEMA_PARTS_MAX} keywords and listed values, each as often as it is referred to")]
    TooManyParts,
    /// It has too many patterns.
    #[error("a schema has at most {SCHEMA_PATTERNS_MAX} patterns")]
    TooManyPatterns,
    /// It leads back to itself.
    #[error("\"$ref\": {0:?} leads back to itself, and what it takes to check it has no bound")]
    Recursive(String),
    /// It refers to something that is not in it.
    #[error("\"$ref\": {0:?} is not in the schema: write \"#\" and a JSON Pointer; nothing is fetched")]
    NotInside(String),
    /// It uses what is not there.
    #[error("{0:?} is not supported here: what it takes to check it has no bound, or it belongs to another draft than 2020-12")]
    Unsupported(String),
    /// It is none.
    #[error("{at}: {reason}")]
    Invalid {
        /// Where, as a JSON Pointer.
        at: String,
        /// What is wrong.
        reason: String,
    },
}

/// What of a content does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, as a JSON Pointer.
    pub at: String,
    /// What is wrong there.
    pub reason: String,
}

/// Why a content is not what its schema says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", shown(.0))]
pub struct Mismatches(pub Vec<Mismatch>);

/// A schema that is ready.
pub(crate) struct Checker {
    validator: Validator,
    parts: usize,
    bytes_max: usize,
}

impl Schemas {
    /// Whether both can be used; the error names which one cannot. This blocks for as long as making them ready takes.
    pub fn check(&self) -> Result<(), (&'static str, SchemaError)> {
        for (name, schema) in [("inputSchema", &self.input), ("outputSchema", &self.output)] {
            if let Some(schema) = schema {
                Checker::new(schema).map_err(|error| (name, error))?;
            }
        }
        Ok(())
    }
}

impl Checker {
    pub(crate) fn new(schema: &str) -> Result<Self, SchemaError> {
        if schema.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooLarge);
        }
        let schema: Value = serde_json::from_str(schema).map_err(|error| invalid(String::new(), error.to_string()))?;
        let Parts { count, has_unique, .. } = Parts::of(&schema)?;
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let options = Validator::options().with_draft(Draft::Draft202012).with_pattern_options(patterns).should_validate_formats(false);
        let validator =
            options.build(&schema).map_err(|error| invalid(error.instance_path.to_string(), cut(error.masked().to_string())))?;
        let bytes_max = if has_unique { UNIQUE_BYTES_MAX } else { CHECKED_BYTES_MAX };
        Ok(Self { validator, parts: count, bytes_max })
    }

    /// What it takes at most to check a content.
    fn work(&self, content: &Content) -> usize {
        self.parts.saturating_mul(content.bytes.len())
    }

    /// Whether a content is what the schema says. This blocks for as long as looking takes.
    pub(crate) fn check(&self, content: &Content) -> Result<(), Mismatches> {
        if content.bytes.len() > self.bytes_max {
            let (size, max) = (content.bytes.len(), self.bytes_max);
            return Err(whole(format!("it has {size} bytes, and at most {max} can be checked by this schema")));
        }
        let value = value_of(content)?;
        if self.validator.is_valid(&value) {
            return Ok(());
        }
        if self.work(content) > TOLD_WORK_MAX {
            return Err(whole("it does not match the schema".to_owned()));
        }
        let errors = self.validator.iter_errors(&value).take(MISMATCHES_MAX);
        let told = errors.map(|error| Mismatch { at: error.instance_path.to_string(), reason: cut(error.masked().to_string()) });
        Err(Mismatches(told.collect()))
    }
}

/// What a content is in JSON: a text is a string. What does not say what it is, is JSON if it can be read as such, and otherwise a text.
fn value_of(content: &Content) -> Result<Value, Mismatches> {
    let essence = content.content_type.as_deref().map(|said| said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let text = || std::str::from_utf8(&content.bytes).map(|text| Value::String(text.to_owned()));
    let read = || serde_json::from_slice(&content.bytes);
    match essence {
        Some(json) if json == "application/json" || json.ends_with("+json") => {
            read().map_err(|error| whole(format!("it is no JSON: {error}")))
        }
        Some(_) => text().map_err(|_| whole("it is no text".to_owned())),
        None if content.bytes.is_empty() => Ok(Value::Null),
        None => read().or_else(|_| text().map_err(|_| whole("it is neither JSON nor a text".to_owned()))),
    }
}

fn invalid(at: String, reason: String) -> SchemaError {
    SchemaError::Invalid { at: if at.is_empty() { "the schema".to_owned() } else { at }, reason }
}

fn whole(reason: String) -> Mismatches {
    Mismatches(vec![Mismatch { at: String::new(), reason }])
}

fn shown(mismatches: &[Mismatch]) -> String {
    let said = mismatches.iter().map(|Mismatch { at, reason }| if at.is_empty() { reason.clone() } else { format!("{at}: {reason}") });
    said.collect::<Vec<_>>().join("; ")
}

fn cut(text: String) -> String {
    match text.char_indices().nth(MISMATCH_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
