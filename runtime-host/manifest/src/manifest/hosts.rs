//! `allowed_http_hosts`: the notation for outbound hosts that came before `allowed_outbound_hosts`.
//!
//! It knows both notations. It must never know which host may be reached.

use crate::diagnostic::{Diagnostic, quote};
use crate::reader::{Node, Reader};

/// The entry that stood for every host.
const EVERY_HOST: &str = "insecure:allow-all";

/// The same hosts as entries of `allowed_outbound_hosts`.
pub(super) fn convert(reader: &mut Reader, node: &Node<'_>) -> Vec<String> {
    let mut converted = Vec::new();
    let mut has_every_host = false;
    for (node, text) in reader.strings(node) {
        if text == EVERY_HOST {
            has_every_host = true;
        } else if let Some(entries) = convert_one(text) {
            converted.extend(entries);
        } else {
            let message = format!("{} is not a host with an optional port", quote(text));
            reader.report(Diagnostic::new(message, node.span.clone()).help("write it like \"example.com:8080\"".to_owned()));
        }
    }
    if has_every_host { ["http://*:*", "https://*:*", "http://self"].map(str::to_owned).to_vec() } else { converted }
}

/// A list that may be long, fit for a message.
pub(super) fn shortened(list: &str) -> String {
    let mut short: String = list.chars().filter(|c| !c.is_control()).take(200).collect();
    if short.len() < list.len() {
        short.push('…');
    }
    short
}

/// A host, or a URL of nothing but a host, with both schemes; `None` if it is neither.
fn convert_one(text: &str) -> Option<Vec<String>> {
    let (default_port, rest) = match text.split_once("://") {
        Some(("http", rest)) => ("80", rest),
        Some(("https", rest)) => ("443", rest),
        Some(_) => return None,
        None => ("80", text),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        // A colon within brackets belongs to an address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_*".contains(&byte)),
    };
    if !is_host || port.is_some_and(|port| port.starts_with('+') || port.parse::<u16>().is_err()) {
        return None;
    }
    if host == "self" {
        return Some(vec!["http://self".to_owned()]);
    }
    // The default port of the scheme means: the default port of either.
    let port = port.filter(|port| *port != default_port).map(|port| format!(":{port}")).unwrap_or_default();
    Some(vec![format!("http://{host}{port}"), format!("https://{host}{port}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_entries_become_both_schemes_or_are_refused() {
        for (old, new) in [
            ("example.com", Some("http://example.com https://example.com")),
            ("example.com:8080", Some("http://example.com:8080 https://example.com:8080")),
            ("http://example.com/", Some("http://example.com https://example.com")),
            ("https://example.com:443", Some("http://example.com https://example.com")),
            ("https://example.com:80", Some("http://example.com:80 https://example.com:80")),
            ("[::1]:8001", Some("http://[::1]:8001 https://[::1]:8001")),
            ("[::1]", Some("http://[::1] https://[::1]")),
            ("192.168.1.1:3002", Some("http://192.168.1.1:3002 https://192.168.1.1:3002")),
            ("self", Some("http://self")),
            ("http://example.com/a", None),
            ("ftp://example.com", None),
            ("example.com:port", None),
            ("example.com:99999", None),
            ("user@example.com", None),
            ("{{ host }}", None),
            ("[x]", None),
            ("", None),
        ] {
            assert_eq!(convert_one(old).map(|entries| entries.join(" ")).as_deref(), new, "{old}");
        }
    }
}
