//! Which of the host's environment variables a guest may see: those that its manifest names, without those that look secret.
//!
//! It knows names, and values for as long as it looks at them. It must never know the host's environment by itself, and it
//! keeps no value that it refused.

mod names;
#[cfg(test)]
mod tests;
mod values;
mod words;

use std::collections::HashSet;

pub use names::is_secret_name;
pub use values::is_secret_value;

/// Most names that one component may ask for; those behind are refused.
pub const NAMES_MAX: usize = 256;
/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 32 << 10;

/// What becomes of the variables that a component asked for. Each name is in one list only, once, in the order asked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Filtered {
    /// Names and values that the guest sees.
    pub passed: Vec<(String, String)>,
    /// Names that it may not see: by their name or their value they look secret, or they are no proper names or too long.
    pub refused: Vec<String>,
    /// Names that the host does not have.
    pub missing: Vec<String>,
}

/// Values stay out of logs, even those that passed.
impl std::fmt::Debug for Filtered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let passed: Vec<&str> = self.passed.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Filtered").field("passed", &passed).field("refused", &self.refused).field("missing", &self.missing).finish()
    }
}

/// Decides over the names of `env_passthrough`. The host's environment is asked for these names alone, and only for those that
/// do not look secret.
pub fn filter(requested: &[String], host_env: impl Fn(&str) -> Option<String>) -> Filtered {
    let mut filtered = Filtered::default();
    let mut seen = HashSet::new();
    for (index, name) in requested.iter().enumerate() {
        if !seen.insert(name) {
            continue;
        }
        if index >= NAMES_MAX || !is_proper_name(name) || is_secret_name(name) {
            filtered.refused.push(name.clone());
            continue;
        }
        match host_env(name) {
            None => filtered.missing.push(name.clone()),
            Some(value) if is_improper_value(&value) || is_secret_value(&value) => filtered.refused.push(name.clone()),
            Some(value) => filtered.passed.push((name.clone(), value)),
        }
    }
    filtered
}

/// Why a guest may not see a variable that somebody sets for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is empty, longer than [`NAME_BYTES_MAX`], or has characters that no name has.
    #[error("it is no proper name for a variable")]
    Name,
    /// See [`is_secret_name`].
    #[error("its name looks like that of a secret")]
    SecretName,
    /// It is longer than [`VALUE_BYTES_MAX`], or has a NUL.
    #[error("its value is too long, or has a NUL")]
    Value,
    /// See [`is_secret_value`].
    #[error("its value looks like a secret")]
    SecretValue,
}

/// The rule that keeps a variable from a guest, if one does: the same that [`filter`] goes by.
pub fn unfit(name: &str, value: &str) -> Option<Unfit> {
    match () {
        () if !is_proper_name(name) => Some(Unfit::Name),
        () if is_secret_name(name) => Some(Unfit::SecretName),
        () if is_improper_value(value) => Some(Unfit::Value),
        () if is_secret_value(value) => Some(Unfit::SecretValue),
        () => None,
    }
}

fn is_proper_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(|c| c == '=' || c.is_control())
}

fn is_improper_value(value: &str) -> bool {
    value.len() > VALUE_BYTES_MAX || value.contains('\0')
}
