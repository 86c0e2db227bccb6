//! Why there is no answer. Must never know which status somebody makes of it.

use std::fmt;

/// Why there is no answer.
///
/// Whatever can be shown becomes one, by [`Failure::failed`]; a text does by itself:
///
/// ```
/// use spell_sdk::{Failure, spell};
///
/// #[spell]
/// fn half(text: String) -> Result<String, Failure> {
///     let number: u32 = text.trim().parse().map_err(Failure::invalid_input)?;
///     if number % 2 == 1 {
///         return Err("it is odd".into());
///     }
///     Ok((number / 2).to_string())
/// }
/// # assert_eq!(half("4".to_owned()).unwrap(), "2");
/// # assert_eq!(half("3".to_owned()).unwrap_err(), Failure::failed("it is odd"));
/// # assert_eq!(half("x".to_owned()).unwrap_err(), Failure::invalid_input("invalid digit found in string"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A word for programs, in kebab case.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Failure {
    /// A failure with a code of the spell's own, such as `out-of-stock`.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { code: code.into(), message: message.to_string() }
    }

    /// The spell says no: `failed`.
    #[must_use]
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::new("failed", message)
    }

    /// The caller can mend it: `invalid-input`.
    #[must_use]
    pub fn invalid_input(message: impl fmt::Display) -> Self {
        Self::new("invalid-input", message)
    }

    /// There is more of it than the spell takes: `too-large`.
    #[must_use]
    pub fn too_large(message: impl fmt::Display) -> Self {
        Self::new("too-large", message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::failed(message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::failed(message)
    }
}
