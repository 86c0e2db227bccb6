//! Addresses of databases and brokers: `scheme://[user[:password]@]host[:port][/path][?name=value]`.
//!
//! This module knows the grammar, and keeps what is secret apart from what may be shown. It must never know which addresses are allowed.

use percent_encoding::percent_decode_str;
use spell_policy::Destination;

/// Longest address that is looked at, in bytes.
const ADDRESS_BYTES_MAX: usize = 4096;

/// An address, read. There is no way to print it whole: only its destination may be shown.
pub(crate) struct Address {
    /// Where it leads.
    pub(crate) destination: Destination,
    /// Who asks, if anybody is named.
    pub(crate) user: Option<String>,
    /// What proves it.
    pub(crate) password: Option<String>,
    /// What stands behind the slash, decoded.
    pub(crate) path: String,
    query: String,
}

/// Why something is no address. It never repeats the address, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// It is too long.
    #[error("the address has more than {ADDRESS_BYTES_MAX} bytes")]
    TooLong,
    /// There is no `://`, or another scheme than this kind of server has.
    #[error("the address does not begin with a scheme of this kind of server")]
    BadScheme,
    /// A character that two readers could take for two things.
    #[error("the address has a control character, white space, a backslash or a fragment")]
    BadCharacter,
    /// An `@`, a `/` or a `?` in a user name or a password that is not percent-encoded.
    #[error("user name, password, path and query have to be percent-encoded")]
    NotEncoded,
    /// What is encoded is not text.
    #[error("user name, password or path is not UTF-8")]
    NotText,
    /// Host and port are none.
    #[error(transparent)]
    BadDestination(#[from] spell_policy::DestinationError),
}

impl Address {
    /// Reads an address whose scheme is one of these.
    pub(crate) fn parse(text: &str, schemes: &[&str]) -> Result<Address, AddressError> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '#')) {
            return Err(AddressError::BadCharacter);
        }
        let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| schemes.contains(scheme)).ok_or(AddressError::BadScheme)?;
        let (authority, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
        let (secrets, place) = authority.rsplit_once('@').map_or((None, authority), |(secrets, place)| (Some(secrets), place));
        // A password with a slash in it would end the authority early, and the rest of it would be taken for a path.
        if behind.contains('@') || secrets.is_some_and(|secrets| secrets.contains('@')) {
            return Err(AddressError::NotEncoded);
        }
        let (user, password) =
            match secrets.map(|secrets| secrets.split_once(':').map_or((secrets, None), |(user, word)| (user, Some(word)))) {
                None => (None, None),
                Some((user, password)) => (Some(decoded(user)?).filter(|user| !user.is_empty()), password.map(decoded).transpose()?),
            };
        let destination = Destination::parse(scheme, place)?;
        Ok(Address { destination, user, password, path: decoded(path.trim_start_matches('/'))?, query: query.to_owned() })
    }

    /// Nothing but a destination.
    pub(crate) fn of(destination: Destination) -> Address {
        Address { destination, user: None, password: None, path: String::new(), query: String::new() }
    }

    /// The values behind the question mark, decoded.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&str, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (name, decoded(value).unwrap_or_default()))
    }
}

fn decoded(text: &str) -> Result<String, AddressError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| AddressError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_parts_that_are_written() {
        for (text, place, user, password, path) in [
            ("redis://h", "redis://h:6379", None, None, ""),
            ("redis://h:1/2", "redis://h:1", None, None, "2"),
            ("redis://:p@h", "redis://h:6379", None, Some("p"), ""),
            ("redis://u:p%40%2F%3a@[::1]:7/", "redis://[::1]:7", Some("u"), Some("p@/:"), ""),
            ("redis://u@H.", "redis://h:6379", Some("u"), None, ""),
            ("redis://u:a:b@h?x=y%20z", "redis://h:6379", Some("u"), Some("a:b"), ""),
        ] {
            let address = Address::parse(text, &["redis"]).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = (address.destination.to_string(), address.user, address.password, address.path);
            assert_eq!(found, (place.to_owned(), user.map(str::to_owned), password.map(str::to_owned), path.to_owned()), "{text}");
        }
        let address = Address::parse("redis://h?a=b%20c&d", &["redis"]).map_err(|error| panic!("{error}")).into_iter().next().unwrap();
        assert_eq!(address.parameters().collect::<Vec<_>>(), [("a", "b c".to_owned()), ("d", String::new())]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        use AddressError::*;
        for (text, expected) in [
            ("", BadScheme),
            ("h:6379", BadScheme),
            ("http://h", BadScheme),
            ("REDIS://h", BadScheme),
            ("redis://u:p@evil@allowed", NotEncoded),
            ("redis://u:12/3@h", NotEncoded),
            ("redis://u:12?3@h", NotEncoded),
            ("redis://h/\\@evil", BadCharacter),
            ("redis://h#@evil", BadCharacter),
            ("redis://h\n", BadCharacter),
            ("redis://u:%ff@h", NotText),
        ] {
            assert_eq!(Address::parse(text, &["redis"]).err(), Some(expected), "{text}");
        }
        for text in ["redis://", "redis:///1", "redis://h:0", "redis://h:x", "redis://0x7f000001", "redis://a%2eb"] {
            assert!(matches!(Address::parse(text, &["redis"]).err(), Some(BadDestination(_))), "{text}");
        }
        assert_eq!(Address::parse(&format!("redis://{}", "h".repeat(5000)), &["redis"]).err(), Some(TooLong));
    }
}
