//! Which value each variable of an app has.
//!
//! This file knows names and the order of who is asked. It must never read the process's environment: it is handed a lookup.

use crate::suggest::did_you_mean;
use crate::{App, VariablesProvider};
use std::collections::BTreeMap;
use std::fmt;

/// Variables that are missing a value, or values that have no variable. It never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct VariablesError {
    /// Required variables that nobody gave a value, in order.
    pub missing: Vec<String>,
    /// Names that were given a value, but that the app does not declare, each with a hint.
    pub undeclared: Vec<(String, Option<String>)>,
}

/// The environment variable that gives a value to an app's variable.
///
/// ```
/// assert_eq!(spell_manifest::environment_name("api_key"), "SPIN_VARIABLE_API_KEY");
/// ```
pub fn environment_name(variable: &str) -> String {
    format!("SPIN_VARIABLE_{}", variable.to_ascii_uppercase())
}

impl App {
    /// The value of every variable: the one in `given` (from the command line), else the one that `environment` has under
    /// [`environment_name`], else the default.
    pub fn resolve_variables(
        &self,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, VariablesError> {
        self.resolve_variables_with(given, &[], environment)
    }

    /// The same, but after `given` the providers are asked, one after the other.
    pub fn resolve_variables_with(
        &self,
        given: &BTreeMap<String, String>,
        providers: &[VariablesProvider],
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<BTreeMap<String, String>, VariablesError> {
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, variable) in &self.variables {
            let provided = || providers.iter().find_map(|provider| provider.value_of(name, &environment));
            let value = given.get(name).cloned().or_else(provided).or_else(|| environment(&environment_name(name)));
            let value = value.or_else(|| variable.default.clone());
            match value {
                Some(value) => _ = values.insert(name.clone(), value),
                None => missing.push(name.clone()),
            }
        }
        let declared = || self.variables.keys().map(String::as_str);
        let undeclared: Vec<_> = given
            .keys()
            .filter(|name| !self.variables.contains_key(*name))
            .map(|name| (name.clone(), did_you_mean(name, declared())))
            .collect();
        if missing.is_empty() && undeclared.is_empty() { Ok(values) } else { Err(VariablesError { missing, undeclared }) }
    }
}

impl fmt::Display for VariablesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for name in &self.missing {
            let from_environment = environment_name(name);
            write!(f, "{separator}variable `{name}` has no value; give it with `--variable {name}=…` or `{from_environment}`")?;
            separator = "\n";
        }
        for (name, hint) in &self.undeclared {
            write!(f, "{separator}the app has no variable `{name}`")?;
            if let Some(hint) = hint {
                write!(f, "; {hint}")?;
            }
            separator = "\n";
        }
        Ok(())
    }
}

/// The names and texts of a TOML file that is one flat table of texts, in their order.
///
/// # Errors
/// If it is no TOML, or has anything else in it.
pub fn texts(toml: &str) -> Result<Vec<(String, String)>, String> {
    let document: toml_edit::Document<&str> = toml_edit::Document::parse(toml).map_err(|error| error.to_string())?;
    let text = |(name, item): (&str, &toml_edit::Item)| match item.as_str() {
        Some(text) => Ok((name.to_owned(), text.to_owned())),
        None => Err(format!("`{name}` is no text: write {name} = \"…\"")),
    };
    document.as_table().iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> App {
        let text = "spin_manifest_version = 2\napplication = { name = \"x\" }\n[variables]\nhost = { default = \"d\" }\ntoken = { required = true }\nuser = { required = true }\n";
        crate::parse(text, "spin.toml", "app".as_ref()).unwrap()
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_default() {
        let environment = |name: &str| matches!(name, "SPIN_VARIABLE_TOKEN" | "SPIN_VARIABLE_USER").then(|| "environment".to_owned());
        let values = app().resolve_variables(&map(&[("token", "line")]), environment).unwrap();
        assert_eq!(values, map(&[("host", "d"), ("token", "line"), ("user", "environment")]));
    }

    #[test]
    fn everything_missing_is_named_with_the_ways_to_give_it() {
        let error = app().resolve_variables(&map(&[("tken", "SECRET")]), |_| None).unwrap_err();
        let expected = "variable `token` has no value; give it with `--variable token=…` or `SPIN_VARIABLE_TOKEN`\n\
                        variable `user` has no value; give it with `--variable user=…` or `SPIN_VARIABLE_USER`\n\
                        the app has no variable `tken`; did you mean `token`?";
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("SECRET"));
    }
}
