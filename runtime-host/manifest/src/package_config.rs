//! Which registry a package is in: the configuration of package tools (`wasm-pkg/config.toml` below the user's directory of
//! configuration), which Spin reads as well, and what a registry says of itself.
//!
//! It knows names of registries. It must never ask any.
//!
//! Source of both formats: the crate `wasm-pkg-common` 0.16, `config/toml.rs` and `metadata.rs`.

use crate::manifest::is_host;
use serde::Deserialize;
use std::collections::HashMap;

/// Where a registry says what it is.
pub const REGISTRY_METADATA_PATH: &str = "/.well-known/wasm-pkg/registry.json";
/// Registries of namespaces that everybody knows.
const KNOWN: [(&str, &str); 2] = [("wasi", "wasi.dev"), ("ba", "bytecodealliance.org")];
/// The protocol that is spoken.
const OCI: &str = "oci";

/// Why it cannot be said where a package is.
#[derive(Debug, thiserror::Error)]
pub enum PackagePlaceError {
    /// The configuration cannot be read.
    #[error("line {line}: {message}")]
    Unreadable {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// Neither the app nor the configuration names a registry.
    #[error("it is not known which registry the packages of `{0}` are in; write `registry`")]
    NoRegistry(String),
    /// The registry speaks another protocol.
    #[error("the registry {registry} speaks `{protocol}`: only `oci` is spoken")]
    OtherProtocol {
        /// Which registry.
        registry: String,
        /// What it speaks.
        protocol: String,
    },
    /// The configuration says neither `http` nor `https`.
    #[error("the registry {registry} is configured for `{protocol}`: write `http` or `https`")]
    OtherScheme {
        /// Which registry.
        registry: String,
        /// What it is configured for.
        protocol: String,
    },
    /// The registry leads to something that is no host.
    #[error("the registry {registry} says that its images are at {images:?}, which is no host")]
    NoHost {
        /// Which registry.
        registry: String,
        /// What it says.
        images: String,
    },
    /// The registry says something of its images' names that cannot be.
    #[error("the registry {registry} says that names of its images begin with {prefix:?}, which they cannot")]
    BadPrefix {
        /// Which registry.
        registry: String,
        /// What it says.
        prefix: String,
    },
}

/// Which registry the packages of each namespace are in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PackageConfig {
    default_registry: Option<String>,
    namespace_registries: HashMap<String, Mapping>,
    package_registry_overrides: HashMap<String, Mapping>,
    registry: HashMap<String, RegistryConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Mapping {
    Registry(String),
    Custom { registry: String, metadata: RegistryMetadata },
}

/// What a registry says of itself.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RegistryMetadata {
    preferred_protocol: Option<String>,
    oci: Option<OciMetadata>,
    /// What older registries say instead of `oci`.
    oci_registry: Option<String>,
    oci_namespace_prefix: Option<String>,
}

#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OciMetadata {
    registry: Option<String>,
    namespace_prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RegistryConfig {
    #[serde(alias = "type")]
    default: Option<String>,
    oci: OciConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OciConfig {
    protocol: Option<String>,
}

/// A registry, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPlace {
    /// Its host, with the port if it has one.
    pub registry: String,
    /// `http` or `https`.
    pub scheme: &'static str,
}

impl PackageConfig {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Where it is not one. The text itself is not repeated: it may have passwords.
    pub fn read(text: &str) -> Result<PackageConfig, PackagePlaceError> {
        toml_edit::de::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            PackagePlaceError::Unreadable { line: before.matches('\n').count() + 1, message: error.message().to_owned() }
        })
    }

    /// Where a package is to be asked for, and what is known of that registry; `registry` is what the app says.
    ///
    /// # Errors
    /// If nobody says where, or it is a registry that cannot be asked.
    pub fn place(&self, registry: Option<&str>, package: &str) -> Result<(RegistryPlace, Option<RegistryMetadata>), PackagePlaceError> {
        let namespace = package.split(':').next().unwrap_or_default();
        let mapping = self.package_registry_overrides.get(package).or_else(|| self.namespace_registries.get(namespace));
        let known = || KNOWN.iter().find(|(known, _)| *known == namespace).map(|(_, registry)| (*registry).to_owned());
        let (registry, metadata) = match (registry, mapping) {
            (Some(registry), _) => (registry.to_owned(), None),
            (None, Some(Mapping::Registry(registry))) => (registry.clone(), None),
            (None, Some(Mapping::Custom { registry, metadata })) => (registry.clone(), Some(metadata.clone())),
            (None, None) => {
                let registry = self.default_registry.clone().or_else(known);
                (registry.ok_or_else(|| PackagePlaceError::NoRegistry(namespace.to_owned()))?, None)
            }
        };
        Ok((self.at(registry)?, metadata))
    }

    /// How a registry is spoken to.
    fn at(&self, registry: String) -> Result<RegistryPlace, PackagePlaceError> {
        let config = self.registry.get(&registry);
        if let Some(other) = config.and_then(|config| config.default.as_deref()).filter(|protocol| *protocol != OCI) {
            return Err(PackagePlaceError::OtherProtocol { registry, protocol: other.to_owned() });
        }
        let scheme = match config.and_then(|config| config.oci.protocol.as_deref()) {
            Some("http") => "http",
            Some("https") => "https",
            Some(other) => return Err(PackagePlaceError::OtherScheme { registry, protocol: other.to_owned() }),
            None if is_loopback(&registry) => "http",
            None => "https",
        };
        Ok(RegistryPlace { registry, scheme })
    }
}

impl RegistryMetadata {
    /// Where the images are that a registry leads to, and what their names begin with.
    ///
    /// # Errors
    /// If it speaks something else, or what it says makes no sense.
    pub fn images(&self, place: RegistryPlace) -> Result<(RegistryPlace, String), PackagePlaceError> {
        let RegistryPlace { registry, scheme } = place;
        if let Some(other) = self.preferred_protocol.as_deref().filter(|protocol| *protocol != OCI && self.oci.is_none()) {
            return Err(PackagePlaceError::OtherProtocol { registry, protocol: other.to_owned() });
        }
        let oci = self.oci.clone().unwrap_or_default();
        let prefix = oci.namespace_prefix.or_else(|| self.oci_namespace_prefix.clone()).unwrap_or_default();
        if !prefix.split_terminator('/').all(is_name) {
            return Err(PackagePlaceError::BadPrefix { registry, prefix });
        }
        let Some(images) = oci.registry.or_else(|| self.oci_registry.clone()).filter(|images| *images != registry) else {
            return Ok((RegistryPlace { registry, scheme }, prefix));
        };
        if !is_host(&images) {
            return Err(PackagePlaceError::NoHost { registry, images });
        }
        let scheme = if is_loopback(&images) { scheme } else { "https" };
        Ok((RegistryPlace { registry: images, scheme }, prefix))
    }
}

/// A registry on this machine, as developers have it, is spoken to without TLS.
fn is_loopback(registry: &str) -> bool {
    matches!(registry.rsplit_once(':').map_or(registry, |(host, _)| host), "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether it may stand between two slashes of an image's name.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().next().is_some_and(is_plain) && text.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
        default_registry = "fallback.example.com"
        [namespace_registries]
        near = "localhost:5000"
        mirrored = { registry = "name", metadata = { preferredProtocol = "oci", oci = { registry = "images.example.com", namespacePrefix = "a/" } } }
        other = "warg.example.com"
        [package_registry_overrides]
        "near:special" = "127.0.0.1:5000"
        [registry."127.0.0.1:5000".oci]
        protocol = "https"
        auth = { username = "me", password = "hunter2token" }
        [registry."warg.example.com"]
        type = "warg"
    "#;

    #[test]
    fn the_app_goes_before_the_configuration_and_the_package_before_its_namespace() {
        let config = PackageConfig::read(CONFIG).unwrap();
        for (registry, package, expected) in [
            (Some("ghcr.io"), "near:special", "https://ghcr.io"),
            (None, "near:special", "https://127.0.0.1:5000"),
            (None, "near:usual", "http://localhost:5000"),
            (None, "any:thing", "https://fallback.example.com"),
        ] {
            let (place, metadata) = config.place(registry, package).unwrap();
            assert_eq!((format!("{}://{}", place.scheme, place.registry).as_str(), metadata.is_none()), (expected, true), "{package}");
        }
        let (place, metadata) = config.place(None, "mirrored:thing").unwrap();
        let (images, prefix) = metadata.unwrap().images(place).unwrap();
        assert_eq!((images.registry.as_str(), images.scheme, prefix.as_str()), ("images.example.com", "https", "a/"));
        assert!(config.place(None, "other:thing").unwrap_err().to_string().contains("speaks `warg`"));
        let (place, _) = PackageConfig::default().place(None, "wasi:http").unwrap();
        assert_eq!(place.registry, "wasi.dev");
        let error = PackageConfig::default().place(None, "any:thing").unwrap_err().to_string();
        assert!(error.contains("packages of `any`") && error.contains("write `registry`"), "{error}");
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line_and_not_repeated() {
        let error =
            PackageConfig::read("default_registry = \"a\"\n[registry.b.oci]\nauth = \"hunter2token\"\nprotocol = 1 # hunter2token\n")
                .unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("line 4: ") && !said.contains("hunter2token"), "{said}");
        assert!(PackageConfig::read("unheard = 1").unwrap_err().to_string().contains("unheard"));
    }

    #[test]
    fn what_a_registry_says_of_itself_is_taken_if_it_makes_sense() {
        for (text, expected) in [
            (
                r#"{"preferredProtocol":"oci","oci":{"registry":"ghcr.io","namespacePrefix":"webassembly/"}}"#,
                "https://ghcr.io webassembly/",
            ),
            (r#"{"ociRegistry":"ghcr.io","ociNamespacePrefix":"old/"}"#, "https://ghcr.io old/"),
            (r#"{"preferredProtocol":"warg","warg":{"url":"x"},"oci":{}}"#, "http://here "),
            ("{}", "http://here "),
            (r#"{"preferredProtocol":"warg"}"#, "speaks `warg`"),
            (r#"{"oci":{"registry":"user@evil.example.com"}}"#, "which is no host"),
            (r#"{"oci":{"namespacePrefix":"../../"}}"#, "which they cannot"),
            (r#"{"oci":{"namespacePrefix":"a?b"}}"#, "which they cannot"),
        ] {
            let metadata: RegistryMetadata = serde_json::from_str(text).unwrap();
            let images = metadata.images(RegistryPlace { registry: "here".to_owned(), scheme: "http" });
            let said =
                images.map_or_else(|error| error.to_string(), |(place, prefix)| format!("{}://{} {prefix}", place.scheme, place.registry));
            assert!(said.contains(expected), "{text}: {said}");
        }
    }
}
