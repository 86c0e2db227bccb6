//! `[[variables_provider]]`: who is asked for the values of an app's variables.
//!
//! It knows providers by name. It must never read the process's environment: it is handed a lookup.

use super::stores::refuse_type;
use super::{RuntimeConfig, Secret, read_path, required_string};
use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Fields, Node, Reader};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Who is asked for the values of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariablesProvider {
    /// The file itself.
    Static {
        /// Values by the names of variables.
        values: BTreeMap<String, Secret>,
    },
    /// The environment of the host.
    Environment {
        /// What stands before the name, without the `_` between them.
        prefix: String,
        /// A file with more of the environment; what the environment itself has goes before it.
        dotenv_path: Option<PathBuf>,
        /// What that file says, once somebody has [read](crate::RuntimeConfig::read_dotenv) it.
        dotenv: BTreeMap<String, Secret>,
    },
}

const PREFIX: &str = "SPIN_VARIABLE";

impl VariablesProvider {
    /// The value it has for a variable; `environment` is how the environment of the host is looked into.
    pub fn value_of(&self, variable: &str, environment: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Static { values } => values.get(variable).map(|value| value.expose().to_owned()),
            Self::Environment { prefix, dotenv, .. } => {
                let name = format!("{prefix}_{}", variable.to_ascii_uppercase());
                environment(&name).or_else(|| dotenv.get(&name).map(|value| value.expose().to_owned()))
            }
        }
    }
}

impl RuntimeConfig {
    /// Has every file that a provider names read.
    ///
    /// # Errors
    /// The first that there is.
    pub fn read_dotenv<E>(&mut self, read: impl Fn(&Path) -> Result<BTreeMap<String, Secret>, E>) -> Result<(), E> {
        for provider in &mut self.variables_providers {
            if let VariablesProvider::Environment { dotenv_path: Some(path), dotenv, .. } = provider {
                *dotenv = read(path)?;
            }
        }
        Ok(())
    }
}

pub(super) fn read_all(reader: &mut Reader, fields: &Fields<'_>, directory: &Path) -> Vec<VariablesProvider> {
    let (new, old) = (fields.get("variables_provider"), fields.get("config_provider"));
    if let (Some(_), Some(old)) = (&new, &old) {
        let message = "`config_provider` is the old name of `variables_provider`, which is there as well";
        reader.report(Diagnostic::new(message, old.key_span.clone()).help("write all as [[variables_provider]]".to_owned()));
    }
    let entries = new.or(old).map(|node| reader.entries(&node)).unwrap_or_default();
    entries.iter().filter_map(|entry| read(reader, entry, directory)).collect()
}

fn read(reader: &mut Reader, entry: &Node<'_>, directory: &Path) -> Option<VariablesProvider> {
    let table = reader.fields(entry, format!("[[{}]]", entry.key))?;
    let kind = required_string(reader, &table, "type")?;
    match kind {
        "static" => {
            reader.check_keys(&table, &["type", "values"]);
            let node = reader.required(&table, "values")?;
            let values = reader.fields(&node, "`values`")?;
            let values = values.iter().filter_map(|node| Some((node.key.to_owned(), Secret::new(reader.string(&node)?))));
            Some(VariablesProvider::Static { values: values.collect() })
        }
        "env" => {
            reader.check_keys(&table, &["type", "prefix", "dotenv_path"]);
            let prefix = table.get("prefix").and_then(|node| reader.string(&node)).unwrap_or(PREFIX);
            let dotenv_path = read_path(reader, &table, "dotenv_path", directory);
            Some(VariablesProvider::Environment { prefix: prefix.to_owned(), dotenv_path, dotenv: BTreeMap::new() })
        }
        "vault" | "azure_key_vault" => {
            let message = format!("not supported yet: providers of variables of type {}", quote(kind));
            let help = "have its agent write a file of NAME=VALUE lines, and name it: type = \"env\", dotenv_path = \"…\"";
            reader.report(Diagnostic::new(message, table.get("type")?.span).help(help.to_owned()));
            None
        }
        other => {
            let node = table.get("type")?;
            refuse_type(reader, &node, other, "providers of variables", &[], &["static", "env"]);
            None
        }
    }
}
