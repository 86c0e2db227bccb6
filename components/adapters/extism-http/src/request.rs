//! A request as Extism describes it, and its parts as `wasi:http` wants them. Knows JSON and URLs; must never send anything.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

/// Extism's description of a request.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Request {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) method: Option<String>,
    #[serde(default, alias = "header")]
    pub(crate) headers: BTreeMap<String, String>,
}

impl Request {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json)
            .map_err(|error| format!("The description of the HTTP request is not the JSON that is expected: {error}"))
    }

    /// `GET` where nothing else is said.
    pub(crate) fn method(&self) -> &str {
        self.method.as_deref().unwrap_or("GET")
    }
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) is_https: bool,
    pub(crate) authority: String,
    pub(crate) path_with_query: String,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let wrong = |reason: &str| format!("Invalid URL {url:?}: {reason}");
        let url = url.trim();
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it begins with `http://` or `https://`"))?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("only `http` and `https` can be sent")),
        };
        // What stands behind `#` is for whoever asks, not for whoever answers.
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(wrong("it has no host"));
        }
        if authority.contains('@') {
            return Err(wrong("it has a name or a password; send the header `authorization` instead"));
        }
        if !authority.is_ascii() {
            return Err(wrong("its host has letters beyond ASCII; write it as `xn--…`"));
        }
        let mut path_with_query = if path.starts_with('/') { String::new() } else { "/".to_owned() };
        push_encoded(&mut path_with_query, path);
        Ok(Self { is_https, authority: authority.to_ascii_lowercase(), path_with_query })
    }
}

/// What URLs cannot hold, as browsers write it; the rest as it stands, `%` too.
fn push_encoded(text: &mut String, part: &str) {
    for byte in part.bytes() {
        match byte {
            b'!' | b'#'..=b';' | b'=' | b'?'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~' => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
}

/// The headers of an answer: names in lower case, of several the last.
pub(crate) fn headers_to_json(headers: impl IntoIterator<Item = (String, alloc::vec::Vec<u8>)>) -> alloc::vec::Vec<u8> {
    let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()));
    let headers: BTreeMap<String, String> = headers.collect();
    // A map of strings can always be written.
    serde_json::to_vec(&headers).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_extism_describes() {
        let json = br#"{"url":"http://a/","method":"PUT","headers":{"x-a":"1","accept":"text/\u00e4"},"new":[1.5,null]}"#;
        let request = Request::parse(json).unwrap();
        assert_eq!((request.url.as_str(), request.method()), ("http://a/", "PUT"));
        assert_eq!(request.headers.get("accept").map(String::as_str), Some("text/ä"));
        let request = Request::parse(br#"{"url":"http://a/","method":null,"header":{"x-a":"1"}}"#).unwrap();
        assert_eq!((request.method(), request.headers.len()), ("GET", 1));
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_place() {
        for (json, said) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("{}", "missing field `url` at line 1 column 2"),
            ("{\n\"url\": 1}", "invalid type: integer `1`, expected a string at line 2 column 8"),
            (r#"{"url":"a","headers":{"a":["b"]}}"#, "invalid type: sequence, expected a string at line 1 column 26"),
        ] {
            let error = Request::parse(json.as_bytes()).unwrap_err();
            assert_eq!(error, format!("The description of the HTTP request is not the JSON that is expected: {said}"));
        }
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (url, is_https, authority, path_with_query) in [
            ("http://example.com", false, "example.com", "/"),
            ("HTTPS://Example.COM:8443/A?b=C#d", true, "example.com:8443", "/A?b=C"),
            ("http://a?b", false, "a", "/?b"),
            ("http://a#b/c", false, "a", "/"),
            ("http://[::1]:80/x", false, "[::1]:80", "/x"),
            ("  http://a/b ", false, "a", "/b"),
            ("http://a/ä b%20c|\"<>\u{7f}", false, "a", "/%C3%A4%20b%20c%7C%22%3C%3E%7F"),
            ("http://a/b\r\nhost: c", false, "a", "/b%0D%0Ahost:%20c"),
            ("http://a/x@y", false, "a", "/x@y"),
        ] {
            let expected = Target { is_https, authority: authority.to_owned(), path_with_query: path_with_query.to_owned() };
            assert_eq!(Target::parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_asked_is_refused_with_the_reason() {
        for (url, reason) in [
            ("", "it begins with"),
            ("example.com", "it begins with"),
            ("ftp://a/", "only `http` and `https`"),
            ("http:///a", "it has no host"),
            ("https://?a", "it has no host"),
            ("http://a:b@c/", "it has a name or a password"),
            ("http://größe/", "letters beyond ASCII"),
        ] {
            let error = Target::parse(url).unwrap_err();
            assert!(error.starts_with(&format!("Invalid URL {url:?}: ")) && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn of_several_headers_the_last_is_told() {
        let headers = [("X-A", "1"), ("b", "\"\n"), ("x-a", "2")].map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        assert_eq!(headers_to_json(headers), br#"{"b":"\"\n","x-a":"2"}"#);
        assert_eq!(headers_to_json([("a".to_owned(), vec![b'b', 0xff])]), "{\"a\":\"b\u{fffd}\"}".as_bytes());
        assert_eq!(headers_to_json([]), b"{}");
    }
}
