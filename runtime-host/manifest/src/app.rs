//! An app as its manifest describes it: plain data, checked, with every default filled in.
//!
//! These types know names and paths. They must never know TOML or JSON syntax: whoever holds an `App` need not care how it was
//! written.

mod component;
mod dependency;
mod profile;
mod trigger;

pub use component::{Build, Component, FileEntry, Profile, Source};
pub(crate) use dependency::is_package;
pub use dependency::{Dependency, DependencyName, DependencySource, INHERITABLE, Inherit, Middleware, NotADependencyName, PackageName};
pub use profile::UndefinedProfile;
pub use trigger::{Executor, HttpTrigger, OtherTrigger, StaticResponse, TriggerRoute, TriggerTarget, WAGI_ARGV, WAGI_ENTRYPOINT};

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// An app: components, and the triggers that lead to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The directory that relative paths of the manifest start from.
    pub root: PathBuf,
    /// The app's name; never empty.
    pub name: String,
    /// The app's version, in whatever form its author chose.
    pub version: Option<String>,
    /// What the app is for.
    pub description: Option<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// The environments it is meant for. They are checked when an app is built and change nothing about how it runs.
    pub targets: Vec<Target>,
    /// Settings of all triggers of a type, by type, as written. Nothing is left of `http`: it has no settings that say anything.
    pub trigger_settings: BTreeMap<String, Map<String, Value>>,
    /// What other tools keep in the manifest, by tool, as written.
    pub tools: BTreeMap<String, Map<String, Value>>,
    /// The variables that components may refer to, by name.
    pub variables: BTreeMap<String, Variable>,
    /// All components, in the order of the file, those written inline in a trigger last. Their ids are unique.
    pub components: Vec<Component>,
    /// All HTTP triggers, in the order of the file. Their ids are unique, and the components they name exist.
    pub triggers: Vec<HttpTrigger>,
    /// All triggers of other types. Nothing runs them here; their ids are unique among all, and the components they name exist.
    pub other_triggers: Vec<OtherTrigger>,
    /// The profile that was applied.
    pub profile: Option<String>,
    /// What is outdated or says nothing: sentences for whoever starts the app, each with its place.
    pub warnings: Vec<String>,
}

impl App {
    /// An app with a directory and a name and nothing else.
    pub(crate) fn new(root: PathBuf, name: String) -> Self {
        Self {
            root,
            name,
            version: None,
            description: None,
            authors: Vec::new(),
            targets: Vec::new(),
            trigger_settings: BTreeMap::new(),
            tools: BTreeMap::new(),
            variables: BTreeMap::new(),
            components: Vec::new(),
            triggers: Vec::new(),
            other_triggers: Vec::new(),
            profile: None,
            warnings: Vec::new(),
        }
    }

    /// The component with this id.
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.id == id)
    }

    /// Where the program is that a dependency or a middleware names; `None` if it names a component that is not there.
    pub fn source_of<'a>(&'a self, dependency: &'a DependencySource) -> Option<&'a Source> {
        match dependency {
            DependencySource::Program(source) => Some(source),
            DependencySource::Component(id) => self.component(id).map(|component| &component.source),
        }
    }
}

/// A variable of the app. It is required exactly if it has no default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value where nobody gives one; `None` if one must be given.
    pub default: Option<String>,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What it is for.
    pub description: Option<String>,
}

/// An environment that an app is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One of a catalogue, by its name there.
    Named(String),
    /// One that is described at this URL.
    Url(String),
    /// One that is described in this file, already joined to the app's root.
    File(PathBuf),
}
