//! What a component is composed with: its dependencies, and the middleware around it.
//!
//! It knows the names of packages and how versions compare. It must never know how anything is composed.

use super::Source;
use crate::id;
use semver::{BuildMetadata, Version};
use std::fmt;
use std::str::FromStr;

/// The parts of a component's configuration that a dependency may inherit.
pub const INHERITABLE: [&str; 7] =
    ["ai_models", "allowed_outbound_hosts", "environment", "files", "key_value_stores", "sqlite_databases", "variables"];

/// What satisfies imports of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Which imports it satisfies.
    pub name: DependencyName,
    /// The program that satisfies them.
    pub source: DependencySource,
    /// The export that is used; `None` for the one that is named like the import.
    pub export: Option<String>,
    /// What it may do of what the component may.
    pub inherit: Inherit,
}

/// A program that sees requests before the component, and answers after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Middleware {
    /// The program.
    pub source: DependencySource,
    /// What it may do of what the component may.
    pub inherit: Inherit,
}

/// The program of a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencySource {
    /// One that is somewhere.
    Program(Source),
    /// That of the component with this id, which has nothing else that would be lost.
    Component(String),
}

/// What a dependency may do of what its component may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inherit {
    /// Everything.
    All,
    /// These of [`INHERITABLE`]; none if empty.
    Only(Vec<String>),
}

/// Which imports a dependency satisfies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependencyName {
    /// The import with this kebab-case name.
    Plain(String),
    /// Imports from a package.
    Package(PackageName),
}

/// A package, or an interface of it: `namespace:name`, `namespace:name/interface`, either with `@version`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageName {
    /// `namespace:name`.
    pub package: String,
    /// The interface; `None` for all of the package.
    pub interface: Option<String>,
    /// The version; `None` for every one.
    pub version: Option<Version>,
}

/// Why a text is not the name of a dependency, as half a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotADependencyName(&'static str);

impl FromStr for DependencyName {
    type Err = NotADependencyName;

    fn from_str(text: &str) -> Result<Self, NotADependencyName> {
        if !text.contains([':', '/']) {
            let problem = NotADependencyName("is neither a kebab-case name nor a package, such as `namespace:name/interface@1.0.0`");
            return if id::is_kebab(text) { Ok(Self::Plain(text.to_owned())) } else { Err(problem) };
        }
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(Version::parse(version).map_err(|_| NotADependencyName(NOT_A_VERSION))?)),
            None => (text, None),
        };
        let (package, interface) = match name.split_once('/') {
            Some((package, interface)) => (package, Some(interface)),
            None => (name, None),
        };
        if !is_package(package) || interface.is_some_and(|interface| !id::is_kebab(interface)) {
            return Err(NotADependencyName("is not a package, such as `namespace:name/interface@1.0.0`"));
        }
        Ok(Self::Package(PackageName { package: package.to_owned(), interface: interface.map(str::to_owned), version }))
    }
}

const NOT_A_VERSION: &str = "has no version of three numbers after its `@`, such as `1.0.0`";

/// Whether a text names a package: `namespace:name`, both in kebab case.
pub(crate) fn is_package(text: &str) -> bool {
    text.split_once(':').is_some_and(|(namespace, name)| id::is_kebab(namespace) && id::is_kebab(name))
}

impl DependencyName {
    /// Whether both name some import that the other names as well.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(this), Self::Plain(other)) => this == other,
            (Self::Package(this), Self::Package(other)) => {
                let differ = |pair: (Option<&str>, Option<&str>)| matches!(pair, (Some(this), Some(other)) if this != other);
                let versions = (this.version.as_ref().map(compatible), other.version.as_ref().map(compatible));
                this.package == other.package
                    && !matches!(versions, (Some(this), Some(other)) if this != other)
                    && !differ((this.interface.as_deref(), other.interface.as_deref()))
            }
            _ => false,
        }
    }
}

/// The least version that has the same meaning to whoever asks for a compatible one.
fn compatible(version: &Version) -> Version {
    let mut version = Version { build: BuildMetadata::EMPTY, ..version.clone() };
    if !version.pre.is_empty() {
        return version;
    }
    match (version.major, version.minor) {
        (0, 0) => {}
        (0, _) => version.patch = 0,
        _ => (version.minor, version.patch) = (0, 0),
    }
    version
}

impl fmt::Display for DependencyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Plain(name) => return f.write_str(name),
            Self::Package(name) => name,
        };
        f.write_str(&name.package)?;
        if let Some(interface) = &name.interface {
            write!(f, "/{interface}")?;
        }
        if let Some(version) = &name.version {
            write!(f, "@{version}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_dependencies_are_read_and_shown_as_they_were_written() {
        for (text, is_name) in [
            ("a", true),
            ("foo-bar", true),
            ("a:b", true),
            ("a:b/c", true),
            ("a:b@1.0.0", true),
            ("a:b/c-d@0.2.0-rc.1+x", true),
            ("a:b/c@1.0", false),
            ("a:b/c@", false),
            ("a:b/c/d", false),
            ("a:b:c", false),
            ("a/b", false),
            ("a_b", false),
            ("A-b:c", true),
            (":b", false),
            ("", false),
        ] {
            let read = text.parse::<DependencyName>();
            assert_eq!(read.as_ref().ok().map(ToString::to_string).as_deref(), is_name.then_some(text), "{text}");
        }
    }

    #[test]
    fn names_overlap_if_one_import_could_be_both() {
        for (this, other, overlap) in [
            ("a:b", "a:c", false),
            ("a:b", "a:b", true),
            ("a:b", "a:b/c", true),
            ("a:b/c", "a:b/d", false),
            ("a:b/c", "a:b/c", true),
            ("a:b@1.0.0", "a:b@2.0.0", false),
            ("a:b@1.0.0", "a:b@1.2.3", true),
            ("a:b@0.1.0", "a:b@0.2.0", false),
            ("a:b@0.1.0", "a:b@0.1.9", true),
            ("a:b@0.0.1", "a:b@0.0.2", false),
            ("a:b@1.0.0-rc.1", "a:b@1.0.0-rc.2", false),
            ("a:b@1.0.0+x", "a:b@1.0.0+y", true),
            ("a:b/c@1.0.0", "a:b/c@2.0.0", false),
            ("a:b/c@1.0.0", "a:b/d@1.0.0", false),
            ("a:b/c@1.0.0", "a:b/c", true),
            ("a", "a", true),
            ("a", "a:b", false),
        ] {
            let [this, other]: [DependencyName; 2] = [this.parse().unwrap(), other.parse().unwrap()];
            assert_eq!((this.overlaps(&other), other.overlaps(&this)), (overlap, overlap), "{this} {other}");
        }
    }
}
