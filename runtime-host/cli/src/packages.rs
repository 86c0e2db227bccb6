//! The packages that an app is made of: which version of each, where its program is, and what its digest is.
//!
//! It knows requirements and versions. It must never take a program: what it finds is fetched and checked like what is at any URL.

mod registry;

use anyhow::{Context, Result, bail};
use registry::Repository;
use semver::{Version, VersionReq};
use spell_capabilities::Fetcher;
use spell_manifest::{PackageConfig, Source};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;

/// Most versions that are named where none will do.
const SHOWN_VERSIONS_MAX: usize = 5;

/// A package that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Where its program is.
    pub(crate) url: String,
    /// What the program must be, as manifests have it.
    pub(crate) digest: String,
    /// What the registry is told of who asks.
    pub(crate) authorization: Option<String>,
}

/// What was found, by what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Packages(HashMap<Source, Found>);

impl Packages {
    /// Asks registries for packages, each with whose it is. Of the versions that will do, the newest is found.
    pub(crate) async fn find(asked: &[(String, Source)], fetcher: &Fetcher) -> Result<Packages> {
        let mut packages = Packages::default();
        if asked.is_empty() {
            return Ok(packages);
        }
        let config = config_of_user()?;
        for (whose, source) in asked {
            if !packages.0.contains_key(source) {
                let found = find(source, &config, fetcher).await.with_context(|| format!("{whose}: {source} cannot be found"))?;
                packages.0.insert(source.clone(), found);
            }
        }
        Ok(packages)
    }

    /// What was found for this.
    pub(crate) fn get(&self, source: &Source) -> Option<&Found> {
        self.0.get(source)
    }
}

async fn find(source: &Source, config: &PackageConfig, fetcher: &Fetcher) -> Result<Found> {
    let Source::Registry { registry, package, version } = source else { bail!("it is no package") };
    let mut repository = Repository::open(config.place(registry.as_deref(), package)?, package, fetcher).await?;
    let (required, tags) = (VersionReq::parse(version)?, repository.tags().await?);
    let newest = newest(&tags, &required).with_context(|| none(&tags))?;
    let digest = repository.program(newest).await.with_context(|| format!("version {newest}"))?;
    eprintln!("Found {newest} for {source}: {digest}");
    Ok(repository.found(digest))
}

/// The configuration of who runs this; an empty one, if there is none.
fn config_of_user() -> Result<PackageConfig> {
    let directory = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let below = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")));
    let Some(path) = below.map(|below| below.join("wasm-pkg/config.toml")) else { return Ok(PackageConfig::default()) };
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PackageConfig::default()),
        text => {
            let text = text.with_context(|| format!("cannot read {}", path.display()))?;
            PackageConfig::read(&text).with_context(|| path.display().to_string())
        }
    }
}

/// The tag of the newest version that will do.
fn newest<'a>(tags: &'a [String], required: &VersionReq) -> Option<&'a str> {
    let versions = tags.iter().filter_map(|tag| Some((Version::parse(tag).ok()?, tag.as_str())));
    versions.filter(|(version, _)| required.matches(version)).max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, tag)| tag)
}

/// Says what there is instead.
fn none(tags: &[String]) -> String {
    let mut versions: Vec<Version> = tags.iter().filter_map(|tag| Version::parse(tag).ok()).collect();
    versions.sort();
    let shown: Vec<String> = versions.iter().rev().take(SHOWN_VERSIONS_MAX).map(Version::to_string).collect();
    match (shown.is_empty(), versions.len() > SHOWN_VERSIONS_MAX) {
        (true, _) => "the registry has no version of it".to_owned(),
        (false, false) => format!("none of its versions will do: the registry has {}", shown.join(", ")),
        (false, true) => format!("none of its {} versions will do: the newest are {}", versions.len(), shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_will_do_is_found() {
        let tags = ["1.2.0", "1.10.0", "1.9.0", "2.0.0-rc.1", "latest", "sha256-00.sig", "1.3"].map(str::to_owned);
        for (required, expected) in [
            ("1.2.0", Some("1.10.0")),
            ("=1.2.0", Some("1.2.0")),
            ("~1.9", Some("1.9.0")),
            (">=1, <1.10", Some("1.9.0")),
            ("*", Some("1.10.0")),
            ("2", None),
            ("2.0.0-rc.1", Some("2.0.0-rc.1")),
        ] {
            assert_eq!(newest(&tags, &VersionReq::parse(required).unwrap()), expected, "{required}");
        }
    }

    #[test]
    fn where_no_version_will_do_some_are_named() {
        let tags = |count: u64| (0..count).map(|number| format!("1.{number}.0")).collect::<Vec<_>>();
        for (count, expected) in
            [(0, "no version of it"), (2, "has 1.1.0, 1.0.0"), (12, "none of its 12 versions will do: the newest are 1.11.0,")]
        {
            assert!(none(&tags(count)).contains(expected), "{}", none(&tags(count)));
        }
    }
}
