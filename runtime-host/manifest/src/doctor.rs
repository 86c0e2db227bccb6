//! What is wrong with an app, or will be, and what would mend it: a diagnosis for each kind of mistake.
//!
//! This module knows manifests and the facts that it is handed. It must never look at files, programs or tools itself.

mod build;
mod edit;
mod hosts;
mod imports;
mod keys;
mod unused;
mod upgrade;

pub use keys::mistakes;

use crate::App;
use std::collections::{BTreeMap, BTreeSet};

/// What is so outside of the manifest.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The targets that Rust can build for; `None` if there is no telling.
    pub rust_targets: Option<BTreeSet<String>>,
    /// The components whose program is not there.
    pub missing: BTreeSet<String>,
    /// What programs import, by component.
    pub imports: BTreeMap<String, Vec<String>>,
    /// Entries of `allowed_outbound_hosts` that are none, each with the reason.
    pub bad_hosts: BTreeMap<String, String>,
    /// What is to be said about the routes.
    pub routes: Vec<String>,
}

/// Something that is wrong, or useless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, in a sentence.
    pub message: String,
    /// In which line of the manifest.
    pub line: Option<usize>,
    /// What to do about it, where nothing can be done for its author.
    pub advice: Option<String>,
    /// What would mend it.
    pub fix: Option<Fix>,
}

/// What would mend something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words.
    pub does: String,
    /// What is changed.
    pub change: Change,
}

/// What is changed to mend something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The manifest becomes this text, in which comments and layout are as before.
    Manifest(String),
    /// This component is built.
    Build(String),
    /// Rust learns to build for this target.
    RustTarget(String),
}

impl Finding {
    fn new(message: impl Into<String>, line: Option<usize>) -> Self {
        Self { message: message.into(), line, advice: None, fix: None }
    }

    fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    fn fix(self, does: impl Into<String>, change: Option<Change>) -> Self {
        Self { fix: change.map(|change| Fix { does: does.into(), change }), ..self }
    }
}

/// Entries of `allowed_outbound_hosts` that could be put in the place of one that is none, the likeliest first.
pub use hosts::corrections;

/// Looks for everything that could be wrong with an app that can be read, and is written like this.
pub fn examine(text: &str, app: &App, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(upgrade::examine(text, app));
    findings.extend(build::old_target(text, app));
    findings.extend(build::missing_targets(app, facts));
    findings.extend(build::missing_programs(app, facts));
    findings.extend(hosts::examine(text, app, facts));
    findings.extend(imports::examine(text, app, facts));
    findings
        .extend(facts.routes.iter().map(|message| Finding::new(message.clone(), None).advice("change one of the routes, or remove it")));
    findings.extend(unused::examine(text, app));
    findings
}
