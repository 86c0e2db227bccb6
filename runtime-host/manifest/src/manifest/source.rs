//! Where a program is: a path, a URL or a package.
//!
//! It knows how each is written. It must never look for any of them.

use crate::app::Source;
use crate::app::is_package;
use crate::diagnostic::{Diagnostic, masked, quote};
use crate::reader::{Fields, Node, Reader};
use semver::VersionReq;
use std::path::{Path, PathBuf};

/// Reads a value that is a path, a table with a URL, or a table with a package.
pub(super) fn read(reader: &mut Reader, node: &Node<'_>, root: &Path) -> Option<Source> {
    if !node.is_table() {
        return read_path(reader, node, root).map(Source::File);
    }
    let table = reader.fields(node, "`source`")?;
    if table.get("url").is_some() {
        reader.check_keys(&table, &["url", "digest"]);
        return read_url(reader, &table);
    }
    reader.check_keys(&table, &["registry", "package", "version"]);
    let package = reader.required(&table, "package").and_then(|node| reader.string(&node));
    read_package(reader, &table, package?)
}

/// Reads a path and joins it to the app's root.
pub(super) fn read_path(reader: &mut Reader, node: &Node<'_>, root: &Path) -> Option<PathBuf> {
    let path = reader.string(node)?;
    if path.is_empty() || path.contains('\0') {
        reader.report(Diagnostic::new(format!("`{}` is not a path", node.key), node.span.clone()));
    }
    Some(root.join(path))
}

/// Reads the keys `url` and `digest`, both of which must be there.
pub(super) fn read_url(reader: &mut Reader, table: &Fields<'_>) -> Option<Source> {
    let (url_node, digest_node) = (reader.required(table, "url"), reader.required(table, "digest"));
    let url = url_node.as_ref().and_then(|node| reader.string(node));
    if let (Some(node), Some(url)) = (&url_node, url)
        && !is_url(url)
    {
        let (message, help) = not_a_url(url);
        reader.report(Diagnostic::new(message, node.span.clone()).help(help.to_owned()));
    }
    let digest = digest_node.as_ref().and_then(|node| reader.string(node));
    if let (Some(node), Some(digest)) = (&digest_node, digest)
        && !is_digest(digest)
    {
        let message = format!("{} is not a digest", quote(digest));
        reader.report(Diagnostic::new(message, node.span.clone()).help("write `sha256:` and 64 hexadecimal digits".to_owned()));
    }
    Some(Source::Url { url: url?.to_owned(), digest: digest?.to_ascii_lowercase() })
}

/// Reads the keys `version` and `registry`, of which the first must be there, and checks the name of the package.
pub(super) fn read_package(reader: &mut Reader, table: &Fields<'_>, package: &str) -> Option<Source> {
    if !is_package(package) {
        let span = table.get("package").and_then(|node| node.span).or(table.span.clone());
        let message = format!("{} is not the name of a package", quote(package));
        reader.report(Diagnostic::new(message, span).help("write `namespace:name`".to_owned()));
    }
    let version_node = reader.required(table, "version")?;
    let version = reader.string(&version_node)?;
    check_requirement(reader, &version_node, version);
    let registry_node = table.get("registry");
    let registry = registry_node.as_ref().and_then(|node| reader.string(node));
    if let (Some(node), Some(registry)) = (&registry_node, registry)
        && !is_host(registry)
    {
        reader.report(Diagnostic::new(format!("{} is not the host name of a registry", quote(registry)), node.span.clone()));
    }
    Some(Source::Registry { registry: registry.map(str::to_owned), package: package.to_owned(), version: version.to_owned() })
}

/// Reports a text that does not say which versions will do.
pub(super) fn check_requirement(reader: &mut Reader, node: &Node<'_>, version: &str) {
    if VersionReq::parse(version).is_err() {
        let message = format!("{} does not say which versions will do", quote(version));
        reader
            .report(Diagnostic::new(message, node.span.clone()).help("write a version like \"1.2.3\" or a range like \"^1.2\"".to_owned()));
    }
}

/// Whether it is `http` or `https`, with a host, and without anything that could be read in two ways.
pub(crate) fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        is_host(host) && text.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// What to say of a text that is no URL, and what to do about it.
pub(crate) fn not_a_url(text: &str) -> (String, &'static str) {
    if masked(text) == text {
        return (format!("{} is not an `http` or `https` URL", quote(text)), "write one like \"https://example.com/a.wasm\"");
    }
    let help = "put the program where nobody has to log in: its digest says what it is";
    (format!("{} has a user name or a password", quote(text)), help)
}

/// Whether it is `sha256:` and 64 hexadecimal digits.
pub(crate) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether it could be a host, with a port or without.
pub(crate) fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_digests_are_told_from_other_texts() {
        for (text, expected) in [
            ("https://example.com/a.wasm", true),
            ("http://127.0.0.1:8080/a?b#c", true),
            ("http://[::1]/a", true),
            ("https://", false),
            ("https:///a", false),
            ("ftp://example.com/a", false),
            ("https://user:word@example.com/a", false),
            ("https://example.com/a b", false),
            ("example.com/a", false),
        ] {
            assert_eq!(is_url(text), expected, "{text}");
        }
        for (digits, expected) in [("a".repeat(64), true), ("F0".repeat(32), true), ("a".repeat(63), false), ("g".repeat(64), false)] {
            assert_eq!(is_digest(&format!("sha256:{digits}")), expected, "{digits}");
        }
        assert!(!is_digest(&"a".repeat(64)));
    }
}
