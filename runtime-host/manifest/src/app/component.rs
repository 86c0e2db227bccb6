//! A component: a program and what it asks for.
//!
//! It knows names and paths. It must never know whether there is anything behind them.

use super::{Dependency, Target};
use crate::Template;
use serde_json::{Map, Value};
use spell_types::Limit;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// A WebAssembly program and what it asks for. Asking is not having: the operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Its name in the app: lower- or upper-case words joined by `-`.
    pub id: String,
    /// Where the program is.
    pub source: Source,
    /// What it is for.
    pub description: Option<String>,
    /// Environment variables it is started with.
    pub environment: Vec<(String, String)>,
    /// What it can ask for by name: templates over the app's variables, all of them declared.
    pub variables: Vec<(String, Template)>,
    /// The files it can read; [`App::files`](super::App::files) finds them.
    pub files: Vec<FileEntry>,
    /// Patterns of files it must not see though `files` names them.
    pub exclude_files: Vec<String>,
    /// Hosts it wants to reach, as written: templates whose variables are declared, not yet resolved.
    pub allowed_outbound_hosts: Vec<String>,
    /// Labels of the key-value stores it wants to open.
    pub key_value_stores: Vec<String>,
    /// Labels of the SQLite databases it wants to open.
    pub sqlite_databases: Vec<String>,
    /// Names of the models it wants to infer with.
    pub ai_models: Vec<String>,
    /// What satisfies its imports, in the order of the file. No two names overlap.
    pub dependencies: Vec<Dependency>,
    /// How it is built from source.
    pub build: Option<Build>,
    /// What is different under a profile, by its name.
    pub profiles: BTreeMap<String, Profile>,
    /// The environments it is meant for, if they are not the app's.
    pub targets: Option<Vec<Target>>,
    /// Limits it asks for, each in the unit of the [`Limit`].
    pub limits: Vec<(Limit, u64)>,
    /// Names of the host's environment variables it wants to see.
    pub env_passthrough: Vec<String>,
    /// What other tools keep about it, by tool, as written.
    pub tools: BTreeMap<String, Map<String, Value>>,
}

impl Component {
    /// A component that asks for nothing.
    pub(crate) fn new(id: String, source: Source) -> Self {
        Self {
            id,
            source,
            description: None,
            environment: Vec::new(),
            variables: Vec::new(),
            files: Vec::new(),
            exclude_files: Vec::new(),
            allowed_outbound_hosts: Vec::new(),
            key_value_stores: Vec::new(),
            sqlite_databases: Vec::new(),
            ai_models: Vec::new(),
            dependencies: Vec::new(),
            build: None,
            profiles: BTreeMap::new(),
            targets: None,
            limits: Vec::new(),
            env_passthrough: Vec::new(),
            tools: BTreeMap::new(),
        }
    }
}

/// Where a program is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// In this file, already joined to the app's root.
    File(PathBuf),
    /// At this URL.
    Url {
        /// `http` or `https`.
        url: String,
        /// What it must be: `sha256:` and 64 lower-case hexadecimal digits.
        digest: String,
    },
    /// In a package registry.
    Registry {
        /// The registry's host name; `None` for whatever is the default.
        registry: Option<String>,
        /// The package, `namespace:name`.
        package: String,
        /// The versions that will do: a requirement as Cargo has them, so that a bare version means a compatible one.
        version: String,
    },
}

/// The place in words, for messages.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            // What stands behind the question mark may be a password.
            Source::Url { url, .. } => match url.split_once('?') {
                Some((place, _)) => write!(f, "{place}?…"),
                None => f.write_str(url),
            },
            Source::Registry { registry, package, version } => {
                write!(f, "package {package} {version} of ")?;
                match registry {
                    Some(registry) => write!(f, "registry {registry}"),
                    None => f.write_str("the default registry"),
                }
            }
        }
    }
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
    /// A file or a directory that was put together for the component beforehand, wherever it is; links may not lead out of it.
    Prepared {
        /// An absolute path of the host.
        source: PathBuf,
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

/// What is different about a component under a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The program that takes the place of the component's own.
    pub source: Option<Source>,
    /// Environment variables that are added, or that replace those of the same name.
    pub environment: Vec<(String, String)>,
    /// Dependencies that are added, or that replace those of the same name. Together with the component's own they do not overlap.
    pub dependencies: Vec<Dependency>,
    /// Commands that take the place of those that build the component; at least one.
    pub build: Option<Vec<String>>,
}
