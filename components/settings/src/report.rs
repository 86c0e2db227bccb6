//! The answer's shape. Knows what may be shown of a secret; must never know where values come from.

use std::collections::BTreeMap;

use serde::Serialize;

/// What the component sees of its configuration.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The variable `greeting`.
    pub greeting: String,
    /// The variable `api_token`, without its value.
    pub api_token: SecretSummary,
    /// The environment, in order of name.
    pub environment: BTreeMap<String, String>,
}

/// All that is ever said about a secret.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct SecretSummary {
    /// Whether it has a value.
    pub is_set: bool,
    /// Length in bytes.
    pub length_bytes: usize,
}

impl SecretSummary {
    /// Summarises a secret and forgets it.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self { is_set: !secret.is_empty(), length_bytes: secret.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, SecretSummary};

    #[test]
    fn a_report_never_contains_the_secret() {
        let api_token = SecretSummary::of("hunter2");
        let report = Report { greeting: "Hi".to_owned(), api_token, environment: [("A".to_owned(), "b".to_owned())].into() };
        let json = serde_json::to_string(&report).unwrap();
        assert!(!json.contains("hunter2"), "{json}");
        assert!(json.contains(r#""is_set":true,"length_bytes":7"#), "{json}");
    }

    #[test]
    fn an_empty_secret_counts_as_not_set() {
        assert_eq!(SecretSummary::of(""), SecretSummary { is_set: false, length_bytes: 0 });
    }
}
