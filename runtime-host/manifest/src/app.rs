//! An app as its manifest describes it: plain data, checked, with every default filled in.
//!
//! These types know names and paths. They must never know TOML: whoever holds an `App` need not care how it was written.

use crate::Template;
use spell_types::Limit;
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
    /// The variables that components may refer to, by name.
    pub variables: BTreeMap<String, Variable>,
    /// All components, in the order of the file, those written inline in a trigger last. Their ids are unique.
    pub components: Vec<Component>,
    /// All HTTP triggers, in the order of the file. Their ids are unique, and the components they name exist.
    pub triggers: Vec<HttpTrigger>,
}

impl App {
    /// The component with this id.
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.id == id)
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

/// A WebAssembly program and what it asks for. Asking is not having: the operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name in the app: lower- or upper-case words joined by `-`.
    pub id: String,
    /// The program's file, already joined to the app's root.
    pub source: PathBuf,
    /// What it is for.
    pub description: Option<String>,
    /// Environment variables it is started with.
    pub environment: Vec<(String, String)>,
    /// What it can ask for by name: templates over the app's variables, all of them declared.
    pub variables: Vec<(String, Template)>,
    /// The files it can read; [`App::files`] finds them.
    pub files: Vec<FileEntry>,
    /// Patterns of files it must not see though `files` names them.
    pub exclude_files: Vec<String>,
    /// Hosts it wants to reach, as written: templates whose variables are declared, not yet resolved.
    pub allowed_outbound_hosts: Vec<String>,
    /// Labels of the key-value stores it wants to open.
    pub key_value_stores: Vec<String>,
    /// How it is built from source.
    pub build: Option<Build>,
    /// Limits it asks for, each in the unit of the [`Limit`].
    pub limits: Vec<(Limit, u64)>,
    /// Names of the host's environment variables it wants to see.
    pub env_passthrough: Vec<String>,
}

/// An entry of a component's `files`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEntry {
    /// A path or a pattern below the app's root; what it finds keeps its relative path.
    Pattern(String),
    /// A file or a directory of the app that appears at another path.
    Mount {
        /// The path below the app's root.
        source: String,
        /// The path that the guest sees; a leading `/` makes no difference.
        destination: String,
    },
}

/// How a component is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Shell commands, run one after the other; at least one.
    pub commands: Vec<String>,
    /// Where they run, relative to the app's root.
    pub workdir: Option<PathBuf>,
    /// Patterns of files that make a new build necessary when they change.
    pub watch: Vec<String>,
}

/// What answers a kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTrigger {
    /// Its name in the app.
    pub id: String,
    /// Which requests it answers.
    pub route: TriggerRoute,
    /// What answers them.
    pub target: TriggerTarget,
}

/// Which requests a trigger answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerRoute {
    /// Those whose path matches this pattern, which is as written: its syntax is not checked here.
    Public(String),
    /// None that come from outside.
    Private,
}

/// What answers the requests of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerTarget {
    /// The component with this id.
    Component(String),
    /// Always the same answer, without running anything.
    Static(StaticResponse),
}

/// An answer written in the manifest. Status and headers are valid in HTTP and do not interfere with its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticResponse {
    /// From 200 to 999.
    pub status_code: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The text of the answer.
    pub body: Option<String>,
}
