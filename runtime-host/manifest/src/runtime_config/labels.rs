//! Labels that components use and nothing stands behind.
//!
//! It knows names. It must never know what a store is.

use super::RuntimeConfig;
use crate::App;
use std::fmt;

/// The label that needs no entry in the file.
const DEFAULT: &str = "default";

/// A label that nothing stands behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {key} label \"{label}\" for component \"{component}\"")]
pub struct UnknownLabel {
    /// The component that uses it.
    pub component: String,
    /// The key of the manifest that it stands in.
    pub key: &'static str,
    /// The label.
    pub label: String,
}

/// All labels of an app that nothing stands behind; at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownLabels(pub Vec<UnknownLabel>);

impl fmt::Display for UnknownLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, label) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{label}")?;
        }
        Ok(())
    }
}

impl RuntimeConfig {
    /// Checks that something stands behind every label that a component uses.
    pub fn check_labels(&self, app: &App) -> Result<(), UnknownLabels> {
        let mut unknown = Vec::new();
        for component in &app.components {
            let stores = component.key_value_stores.iter().filter(|label| !self.key_value_stores.contains_key(*label));
            let databases = component.sqlite_databases.iter().filter(|label| !self.sqlite_databases.contains_key(*label));
            let labels = stores.map(|label| ("key_value_stores", label)).chain(databases.map(|label| ("sqlite_databases", label)));
            unknown.extend(labels.filter(|(_, label)| *label != DEFAULT).map(|(key, label)| UnknownLabel {
                component: component.id.clone(),
                key,
                label: label.clone(),
            }));
        }
        if unknown.is_empty() { Ok(()) } else { Err(UnknownLabels(unknown)) }
    }
}
