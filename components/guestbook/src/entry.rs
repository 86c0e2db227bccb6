//! An entry and its rules. Knows JSON and lengths; must never know HTTP or the store.

use serde::{Deserialize, Serialize};

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 80;
/// Longest message, in characters.
pub const MESSAGE_CHARS_MAX: usize = 1000;

/// What a visitor sends.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewEntry {
    /// Who writes.
    pub name: String,
    /// What they write.
    pub message: String,
}

/// What the book keeps and shows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Identifies the entry; ids sort by time.
    pub id: String,
    /// Who wrote.
    pub name: String,
    /// What they wrote.
    pub message: String,
}

impl NewEntry {
    /// Reads and checks a request body; the error says what to change.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        let entry: Self = serde_json::from_slice(body).map_err(|error| format!("the body is not an entry: {error}"))?;
        check("name", &entry.name, NAME_CHARS_MAX)?;
        check("message", &entry.message, MESSAGE_CHARS_MAX)?;
        Ok(entry)
    }

    /// Gives the entry its id, made of the time in milliseconds and a random number so that ids sort and do not collide.
    #[must_use]
    pub fn with_id(self, now_ms: u64, random: u64) -> Entry {
        Entry { id: format!("{now_ms:012x}{random:016x}"), name: self.name, message: self.message }
    }
}

fn check(field: &str, text: &str, chars_max: usize) -> Result<(), String> {
    let chars = text.chars().count();
    if text.trim().is_empty() {
        Err(format!("`{field}` is empty"))
    } else if chars > chars_max {
        Err(format!("`{field}` has {chars} characters, at most {chars_max} are kept"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::NewEntry;

    #[test]
    fn a_refused_body_is_told_why() {
        let too_long = format!(r#"{{"name":"Ada","message":"{}"}}"#, "x".repeat(1001));
        let table = [
            ("", "the body is not an entry"),
            ("[]", "the body is not an entry"),
            (r#"{"name":"Ada"}"#, "missing field `message`"),
            (r#"{"name":"Ada","message":"x","admin":true}"#, "unknown field `admin`"),
            (r#"{"name":" ","message":"x"}"#, "`name` is empty"),
            (too_long.as_str(), "`message` has 1001 characters, at most 1000 are kept"),
        ];
        for (body, reason) in table {
            let refused = NewEntry::parse(body.as_bytes()).unwrap_err();
            assert!(refused.contains(reason), "{body:?} gave {refused:?}");
        }
    }

    #[test]
    fn a_length_is_counted_in_characters_not_bytes() {
        let body = format!(r#"{{"name":"Ada","message":"{}"}}"#, "ü".repeat(1000));
        assert!(NewEntry::parse(body.as_bytes()).is_ok());
    }

    #[test]
    fn ids_sort_by_time() {
        let entry = || NewEntry::parse(br#"{"name":"Ada","message":"Hello"}"#).unwrap();
        let (earlier, later) = (entry().with_id(1_999, u64::MAX), entry().with_id(20_000, 0));
        assert!(earlier.id < later.id);
    }
}
