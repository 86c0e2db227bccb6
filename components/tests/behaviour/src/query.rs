//! A query string. Knows `name=value` pairs and percent-encoding; must never know what they mean.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The part of a path after `?`.
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The first value of that name, decoded, or a default.
    pub(crate) fn text(&self, name: &str, default: &str) -> String {
        let mut pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned());
        value.unwrap_or_else(|| default.to_owned())
    }

    /// The first value of that name as a number, or a default when it is missing or not a number.
    pub(crate) fn number<T: FromStr>(&self, name: &str, default: T) -> T {
        self.text(name, "").parse().unwrap_or(default)
    }
}
