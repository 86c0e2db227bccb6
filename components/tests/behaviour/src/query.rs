//! A query string. Knows `name=value` pairs and percent-encoding; must never know what they mean.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The name of a header or trailer, and its raw value.
pub type Field = (String, Vec<u8>);

/// The part of a path after `?`.
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The first value of that name, decoded, whatever its bytes.
    pub(crate) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| percent_decode_str(value).collect())
    }

    /// The first value of that name, decoded, if it is there at all.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        self.bytes(name).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// The first value of that name, decoded, or a default.
    pub(crate) fn text(&self, name: &str, default: &str) -> String {
        self.given(name).unwrap_or_else(|| default.to_owned())
    }

    /// The first value of that name as a number, or a default when it is missing or not a number.
    pub(crate) fn number<T: FromStr>(&self, name: &str, default: T) -> T {
        self.given_number(name).unwrap_or(default)
    }

    /// The first value of that name as a number, if it is there and one.
    pub(crate) fn given_number<T: FromStr>(&self, name: &str) -> Option<T> {
        self.given(name).and_then(|text| text.parse().ok())
    }

    /// Lines of `name:value`; nothing is trimmed, and a value may be any bytes but a line end.
    pub(crate) fn fields(&self, name: &str) -> Vec<Field> {
        let bytes = self.bytes(name).unwrap_or_default();
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(field).collect()
    }
}

fn field(line: &[u8]) -> Field {
    let mut parts = line.splitn(2, |byte| *byte == b':');
    let name = parts.next().unwrap_or_default();
    (String::from_utf8_lossy(name).into_owned(), parts.next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Field, Query};

    #[test]
    fn lines_become_fields() {
        let field = |name: &str, value: &[u8]| -> Field { (name.to_owned(), value.to_owned()) };
        let table = [
            ("", vec![]),
            ("h=", vec![]),
            ("h=a:b%3Ac%0Ad%0Ae:", vec![field("a", b"b:c"), field("d", b""), field("e", b"")]),
            ("h=a:%20%FF%0D", vec![field("a", b" \xff\r")]),
        ];
        for (query, expected) in table {
            assert_eq!(Query::new(query).fields("h"), expected, "for {query:?}");
        }
    }
}
