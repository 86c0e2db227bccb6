//! `[[variables_provider]]`: who is asked for the values of an app's variables.
//!
//! It knows providers by name. It must never read the process's environment: it is handed a lookup.

use super::stores::refuse_type;
use super::{Secret, required_string};
use crate::diagnostic::Diagnostic;
use crate::reader::{Fields, Node, Reader};
use std::collections::BTreeMap;

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
    },
}

const PREFIX: &str = "SPIN_VARIABLE";

impl VariablesProvider {
    /// The value it has for a variable; `environment` is how the environment of the host is looked into.
    pub fn value_of(&self, variable: &str, environment: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self {
            Self::Static { values } => values.get(variable).map(|value| value.expose().to_owned()),
            Self::Environment { prefix } => environment(&format!("{prefix}_{}", variable.to_ascii_uppercase())),
        }
    }
}

pub(super) fn read_all(reader: &mut Reader, fields: &Fields<'_>) -> Vec<VariablesProvider> {
    let (new, old) = (fields.get("variables_provider"), fields.get("config_provider"));
    if let (Some(_), Some(old)) = (&new, &old) {
        let message = "`config_provider` is the old name of `variables_provider`, which is there as well";
        reader.report(Diagnostic::new(message, old.key_span.clone()).help("write all as [[variables_provider]]".to_owned()));
    }
    let entries = new.or(old).map(|node| reader.entries(&node)).unwrap_or_default();
    entries.iter().filter_map(|entry| read(reader, entry)).collect()
}

fn read(reader: &mut Reader, entry: &Node<'_>) -> Option<VariablesProvider> {
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
            if let Some(node) = table.get("dotenv_path") {
                reader.unsupported(&node, "`dotenv_path`", "set the variables in the environment of the host");
            }
            let prefix = table.get("prefix").and_then(|node| reader.string(&node)).unwrap_or(PREFIX);
            Some(VariablesProvider::Environment { prefix: prefix.to_owned() })
        }
        other => {
            let node = table.get("type")?;
            refuse_type(reader, &node, other, "providers of variables", &["vault", "azure_key_vault"], &["static", "env"]);
            None
        }
    }
}
