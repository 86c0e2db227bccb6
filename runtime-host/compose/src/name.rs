//! The names of imports and exports, and which of them a dependency is meant for.
//!
//! It knows how names are written and how versions compare. It must never know what is behind a name.

use semver::{BuildMetadata, Version};
use std::fmt;
use std::str::FromStr;

/// An interface as an import or an export names it: `namespace:package/interface@version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface<'n> {
    /// `namespace:package`.
    package: &'n str,
    interface: &'n str,
    pub(crate) version: Option<Version>,
}

impl<'n> Interface<'n> {
    /// `None` if it is no interface of a package, or has a version that is none.
    pub(crate) fn parse(name: &'n str) -> Option<Self> {
        let (name, version) = split_version(name)?;
        let (package, interface) = name.split_once('/')?;
        (package.contains(':') && !interface.is_empty()).then_some(Self { package, interface, version })
    }

    /// Whether this is the name of its package, or its own name, in both cases without a version.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        match name.split_once('/') {
            Some((package, interface)) => self.package == package && self.interface == interface,
            None => self.package == name,
        }
    }

    /// Whether it is the same interface in a version that can take the other's place, as far as the numbers tell.
    pub(crate) fn is_compatible(&self, other: &Interface<'_>) -> bool {
        self.package == other.package && self.interface == other.interface && are_compatible(self.version.as_ref(), other.version.as_ref())
    }
}

/// Which imports of a component a dependency satisfies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The import with this name.
    Plain(String),
    /// Imports from a package.
    Package {
        /// `namespace:package`.
        package: String,
        /// The interface; `None` for every one of the package.
        interface: Option<String>,
        /// A version that the import's is compatible with; `None` for every version.
        version: Option<Version>,
    },
}

/// A text names no imports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no import: write `namespace:package/interface@version`, of which the last two can be left out, or a name without `:`")]
pub struct NotASelector(String);

impl FromStr for Selector {
    type Err = NotASelector;

    fn from_str(text: &str) -> Result<Self, NotASelector> {
        let wrong = || NotASelector(text.to_owned());
        if !text.contains([':', '/', '@']) {
            return if text.is_empty() { Err(wrong()) } else { Ok(Self::Plain(text.to_owned())) };
        }
        let (name, version) = split_version(text).ok_or_else(wrong)?;
        let (package, interface) = name.split_once('/').map_or((name, None), |(package, interface)| (package, Some(interface)));
        if !package.contains(':') || interface == Some("") {
            return Err(wrong());
        }
        Ok(Self::Package { package: package.to_owned(), interface: interface.map(str::to_owned), version })
    }
}

impl Selector {
    /// Whether a dependency with this name satisfies an import.
    pub(crate) fn selects(&self, import: &str) -> bool {
        match self {
            Self::Plain(name) => name == import,
            Self::Package { package, interface, version } => Interface::parse(import).is_some_and(|import| {
                import.package == package
                    && interface.as_deref().is_none_or(|interface| interface == import.interface)
                    && (version.is_none() || are_compatible(version.as_ref(), import.version.as_ref()))
            }),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => f.write_str(name),
            Self::Package { package, interface, version } => {
                f.write_str(package)?;
                interface.iter().try_for_each(|interface| write!(f, "/{interface}"))?;
                version.iter().try_for_each(|version| write!(f, "@{version}"))
            }
        }
    }
}

/// The export that stands for an import: that of the same name, else the newest one whose version is compatible.
pub(crate) fn export_for<'e>(import: &str, exports: &'e [String]) -> Option<&'e String> {
    if let Some(same) = exports.iter().find(|export| *export == import) {
        return Some(same);
    }
    let wanted = Interface::parse(import)?;
    let fitting = exports.iter().filter_map(|export| Some((Interface::parse(export)?, export)));
    let fitting = fitting.filter(|(interface, _)| wanted.is_compatible(interface));
    fitting.max_by(|(this, _), (other, _)| this.version.cmp(&other.version)).map(|(_, export)| export)
}

/// The name without its version, and the version if it has one. `None` if what stands there is no version.
fn split_version(name: &str) -> Option<(&str, Option<Version>)> {
    match name.split_once('@') {
        Some((name, version)) => Some((name, Some(Version::parse(version).ok()?))),
        None => Some((name, None)),
    }
}

fn are_compatible(this: Option<&Version>, other: Option<&Version>) -> bool {
    this.map(least_compatible) == other.map(least_compatible)
}

/// The least version that has the same meaning to whoever asks for a compatible one.
fn least_compatible(version: &Version) -> Version {
    let mut version = Version { build: BuildMetadata::EMPTY, ..version.clone() };
    if version.pre.is_empty() {
        match (version.major, version.minor) {
            (0, 0) => {}
            (0, _) => version.patch = 0,
            _ => (version.minor, version.patch) = (0, 0),
        }
    }
    version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_satisfies_the_imports_that_its_name_says() {
        for (selector, import, expected) in [
            ("a:b/c@1.0.0", "a:b/c@1.0.0", true),
            ("a:b/c@1.0.0", "a:b/c@1.4.2", true),
            ("a:b/c@1.0.0", "a:b/c@2.0.0", false),
            ("a:b/c@0.1.0", "a:b/c@0.2.0", false),
            ("a:b/c@1.0.0", "a:b/c", false),
            ("a:b/c", "a:b/c@1.0.0", true),
            ("a:b/c", "a:b/c", true),
            ("a:b/c", "a:b/cd", false),
            ("a:b", "a:b/c@1.0.0", true),
            ("a:b", "a:bc/c@1.0.0", false),
            ("a:b@1.0.0", "a:b/c@1.2.0", true),
            ("a:b@1.0.0-rc.1", "a:b/c@1.0.0", false),
            ("a:b", "c", false),
            ("c", "c", true),
            ("c", "a:b/c", false),
        ] {
            let read: Selector = selector.parse().unwrap();
            assert_eq!((read.selects(import), read.to_string().as_str()), (expected, selector), "{selector} {import}");
        }
        for wrong in ["", "a:b@1", "a/b", "a:b/", "@1.0.0"] {
            assert!(wrong.parse::<Selector>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_export_of_the_same_name_goes_before_a_newer_one() {
        let exports = ["a:b/c@1.1.0", "a:b/c@1.0.0", "a:b/c@1.2.0", "a:b/c@2.0.0", "a:b/d", "c"].map(str::to_owned);
        for (import, expected) in [
            ("a:b/c@1.0.0", Some("a:b/c@1.0.0")),
            ("a:b/c@1.0.5", Some("a:b/c@1.2.0")),
            ("a:b/c@3.0.0", None),
            ("a:b/c", None),
            ("a:b/d", Some("a:b/d")),
            ("c", Some("c")),
            ("d", None),
        ] {
            assert_eq!(export_for(import, &exports).map(String::as_str), expected, "{import}");
        }
    }
}
