//! Variables: constants of the component, resolved when it was loaded.
//!
//! This module knows names and values. It must never know where a value came from.

use crate::Host;
use crate::bindings::{plain, spin2, spin3};
use crate::host::HostAccess;
use crate::key_value::Answer;
use wasmtime::component::Accessor;

/// Most characters of a guest's own text that are given back to it in an error.
const SHOWN_CHARACTERS_MAX: usize = 64;

/// Why there is no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoVariable {
    InvalidName(String),
    Undefined(String),
}

impl Host {
    pub(crate) fn variable(&self, name: &str) -> Result<String, NoVariable> {
        if let Some(value) = self.grants.variables.get(name) {
            return Ok(value.clone());
        }
        let shown: String = name.chars().take(SHOWN_CHARACTERS_MAX).collect();
        Err(match name_fault(name) {
            Some(fault) => NoVariable::InvalidName(format!("{shown:?} {fault}")),
            None => NoVariable::Undefined(format!("no variable {shown:?} for this component")),
        })
    }
}

/// What is wrong with a name: it must be lower case, words joined by single underscores.
fn name_fault(name: &str) -> Option<&'static str> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !name.bytes().all(good) {
        Some("has a character that is not a lower-case letter, a digit or an underscore")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("does not start with a lower-case letter")
    } else if name.ends_with('_') || name.contains("__") {
        Some("has an underscore that joins nothing")
    } else {
        None
    }
}

impl From<NoVariable> for spin2::variables::Error {
    fn from(error: NoVariable) -> Self {
        match error {
            NoVariable::InvalidName(text) => Self::InvalidName(text),
            NoVariable::Undefined(text) => Self::Undefined(text),
        }
    }
}

impl From<NoVariable> for spin3::variables::Error {
    fn from(error: NoVariable) -> Self {
        match error {
            NoVariable::InvalidName(text) => Self::InvalidName(text),
            NoVariable::Undefined(text) => Self::Undefined(text),
        }
    }
}

impl spin2::variables::Host for Host {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, spin2::variables::Error>> {
        Ok(self.variable(&name).map_err(Into::into))
    }
}

impl spin3::variables::Host for Host {}

impl plain::config::Host for Host {
    async fn get(&mut self, key: String) -> Answer<Option<String>, plain::config::Error> {
        // What is no name of a variable has no value either.
        Ok(Ok(self.grants.variables.get(&key).cloned()))
    }

    async fn get_all(&mut self) -> Answer<Vec<(String, String)>, plain::config::Error> {
        Ok(Ok(self.grants.variables.clone().into_iter().collect()))
    }
}

impl<T: Send> spin3::variables::HostWithStore<T> for HostAccess {
    async fn get(store: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, spin3::variables::Error>> {
        Ok(store.with(|mut access| access.get().variable(&name)).map_err(Into::into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Grants;
    use spell_types::Limits;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    #[test]
    fn a_component_sees_its_own_variables_only() {
        let variables = BTreeMap::from([("greeting".to_owned(), "hello".to_owned())]);
        let host = Arc::new(Grants { variables, ..Grants::none("test") }).host(&Limits::default());
        assert_eq!(host.variable("greeting"), Ok("hello".to_owned()));
        for name in ["other", "a1_b2"] {
            assert!(matches!(host.variable(name), Err(NoVariable::Undefined(_))), "{name}");
        }
        for name in ["", "Greeting", "a__b", "a_", "_a", "1a", "a-b", "\u{e4}", &"A".repeat(1 << 20)] {
            let Err(NoVariable::InvalidName(text)) = host.variable(name) else { panic!("{name} is a bad name") };
            assert!(text.len() < 300, "{text}");
        }
    }
}
