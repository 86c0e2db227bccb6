//! An outgoing request told raw. Knows its parts and how a URL has them; must never judge whether they make sense.

use crate::query::{Field, Query};

/// An outgoing request with whatever was asked for; a part that is `None` is not set at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of every request")]
pub struct Ask {
    pub method: String,
    pub scheme: Option<String>,
    pub authority: Option<String>,
    pub path: Option<String>,
    pub headers: Vec<Field>,
    pub connect_ns: Option<u64>,
    pub first_byte_ns: Option<u64>,
    pub between_bytes_ns: Option<u64>,
    /// Bytes of the body, which is missing when there are none.
    pub body: u64,
}

impl Ask {
    /// A plain GET of a URL; what has no `://` gives none of the parts.
    #[must_use]
    pub fn get(url: &str) -> Self {
        let parts = url.split_once("://").map(|(scheme, rest)| (scheme, rest.split_at(rest.find('/').unwrap_or(rest.len()))));
        Self {
            method: "GET".to_owned(),
            scheme: parts.map(|(scheme, _)| scheme.to_owned()),
            authority: parts.map(|(_, (authority, _))| authority.to_owned()),
            path: parts.map(|(_, (_, path))| if path.is_empty() { "/".to_owned() } else { path.to_owned() }),
            headers: Vec::new(),
            connect_ns: None,
            first_byte_ns: None,
            between_bytes_ns: None,
            body: 0,
        }
    }

    pub(crate) fn of(query: &Query) -> Self {
        let plain = Self::get(&query.text("url", ""));
        Self {
            method: query.text("method", &plain.method),
            scheme: query.given("scheme").or(plain.scheme),
            authority: query.given("authority").or(plain.authority),
            path: query.given("path").or(plain.path),
            headers: query.fields("headers"),
            connect_ns: query.given_number("connect_ns"),
            first_byte_ns: query.given_number("first_byte_ns"),
            between_bytes_ns: query.given_number("between_bytes_ns"),
            body: query.number("body", 0),
        }
    }

    /// Whether any timeout is set.
    #[must_use]
    pub fn has_timeouts(&self) -> bool {
        [self.connect_ns, self.first_byte_ns, self.between_bytes_ns].iter().any(Option::is_some)
    }
}

#[cfg(test)]
mod tests {
    use super::Ask;

    #[test]
    fn a_url_has_three_parts_or_none() {
        let table = [
            ("http://h", Some(("http", "h", "/"))),
            ("https://u@h:1/a?b#c", Some(("https", "u@h:1", "/a?b#c"))),
            ("ftp:///a", Some(("ftp", "", "/a"))),
            ("h/a", None),
        ];
        for (url, expected) in table {
            let ask = Ask::get(url);
            let parts = ask.scheme.as_deref().zip(ask.authority.as_deref()).zip(ask.path.as_deref());
            assert_eq!(parts.map(|((scheme, authority), path)| (scheme, authority, path)), expected, "for {url}");
        }
    }
}
