//! The one parser of outbound destinations: what it returns is judged by the rules and dialled, so the two cannot disagree.
//!
//! It knows schemes, host names, addresses and ports. It must never know a rule, a resolver or a socket. It refuses every
//! spelling that another parser might read differently.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[cfg(test)]
mod tests;

/// Longest authority that is looked at, in bytes.
const AUTHORITY_BYTES_MAX: usize = 512;
/// Longest scheme, in bytes.
const SCHEME_BYTES_MAX: usize = 32;
/// Longest host name in its canonical form, in bytes, as in DNS.
const NAME_BYTES_MAX: usize = 253;
/// Longest label of a host name, in bytes, as in DNS.
const LABEL_BYTES_MAX: usize = 63;

/// A host in its canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name: lower case, ASCII after UTS-46, no trailing dot, never an address in disguise.
    Name(String),
    /// An address. An IPv4-mapped IPv6 address is the IPv4 address it stands for.
    Address(IpAddr),
}

/// Where a request goes: scheme, canonical host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    scheme: String,
    host: Host,
    port: u16,
}

/// Why something is not a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// The scheme is empty, too long, or has other characters than a scheme has.
    #[error("the scheme is not one")]
    BadScheme,
    /// The authority is longer than any real one.
    #[error("the authority has more than {AUTHORITY_BYTES_MAX} bytes")]
    TooLong,
    /// There is no host.
    #[error("the host is empty")]
    EmptyHost,
    /// There is a user name or a password in front of the host.
    #[error("user names and passwords do not belong into an authority")]
    UserInfo,
    /// A control character or white space.
    #[error("the authority has a control character or white space")]
    ControlOrSpace,
    /// A percent sign.
    #[error("the authority is percent-encoded")]
    PercentEncoding,
    /// An IPv6 zone identifier.
    #[error("the address has a zone identifier")]
    ZoneIdentifier,
    /// A backslash, which some parsers read as a slash.
    #[error("the authority has a backslash")]
    Backslash,
    /// A character that ends an authority: the text is more than an authority.
    #[error("the authority has a path, a query or a fragment")]
    NotAnAuthority,
    /// A host name that DNS or UTS-46 does not allow.
    #[error("the host is not a valid name")]
    BadName,
    /// Brackets without an IPv6 address in them.
    #[error("the brackets do not hold an IPv6 address")]
    BadAddress,
    /// An IPv4 address that is not written as four plain decimal numbers.
    #[error("the host looks like an IPv4 address but is not written as four plain decimal numbers")]
    AmbiguousAddress,
    /// The port is not a number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    /// No port is written, and the scheme has none of its own.
    #[error("no port is given, and the scheme has no default port")]
    MissingPort,
}

/// The port that a scheme (in lower case) has where none is written.
pub fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" => 443,
        "mqtt" => 1883,
        "mysql" => 3306,
        "postgres" => 5432,
        "redis" => 6379,
        _ => return None,
    })
}

impl Destination {
    /// Reads a scheme and an authority (`host`, `host:port`, `[v6]:port`).
    ///
    /// ```
    /// use spell_policy::Destination;
    /// let destination = Destination::parse("HTTPS", "Example.COM.").unwrap();
    /// assert_eq!(destination.to_string(), "https://example.com:443");
    /// assert!(Destination::parse("http", "allowed@evil").is_err());
    /// assert!(Destination::parse("http", "0x7f000001").is_err());
    /// ```
    pub fn parse(scheme: &str, authority: &str) -> Result<Destination, DestinationError> {
        let scheme = parse_scheme(scheme)?;
        refuse_suspicious(authority)?;
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => parse_port(port)?,
            None => default_port(&scheme).ok_or(DestinationError::MissingPort)?,
        };
        Ok(Destination { scheme, host: Host::parse(host)?, port })
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, 1 to 65535.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host`, or `host:port` where the port is not the scheme's own: what belongs into a `Host` header.
    pub fn authority(&self) -> String {
        if default_port(&self.scheme) == Some(self.port) { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Whether it is the application itself: `self` or `self.alt`.
    pub fn is_self(&self) -> bool {
        self.host.is_self()
    }

    /// The component that `<component>.spin.internal` stands for.
    pub fn internal_component(&self) -> Option<&str> {
        self.host.internal_component()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

impl Host {
    /// Reads a host without a port; an IPv6 address stands in brackets.
    pub(crate) fn parse(text: &str) -> Result<Host, DestinationError> {
        refuse_suspicious(text)?;
        if let Some(inside) = text.strip_prefix('[') {
            let address = inside.strip_suffix(']').and_then(|inside| inside.parse::<Ipv6Addr>().ok());
            return address.map(|v6| Host::Address(v6.to_canonical())).ok_or(DestinationError::BadAddress);
        }
        if let Ok(v4) = text.parse::<Ipv4Addr>() {
            return Ok(Host::Address(IpAddr::V4(v4)));
        }
        canonical_name(text).map(Host::Name)
    }

    pub(crate) fn internal_component(&self) -> Option<&str> {
        match self {
            Host::Name(name) => name.strip_suffix(".spin.internal"),
            Host::Address(_) => None,
        }
    }

    pub(crate) fn is_self(&self) -> bool {
        matches!(self, Host::Name(name) if name == "self" || name == "self.alt")
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Address(IpAddr::V4(v4)) => v4.fmt(f),
            Host::Address(IpAddr::V6(v6)) => write!(f, "[{v6}]"),
        }
    }
}

/// A port from its decimal digits; signs and other decoration are refused.
pub(crate) fn parse_port(text: &str) -> Result<u16, DestinationError> {
    let digits = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if digits { text.parse().ok() } else { None };
    port.filter(|port| *port != 0).ok_or(DestinationError::BadPort)
}

/// A scheme in lower case.
pub(crate) fn parse_scheme(text: &str) -> Result<String, DestinationError> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !starts_well || text.len() > SCHEME_BYTES_MAX || !text.bytes().all(good) {
        return Err(DestinationError::BadScheme);
    }
    Ok(text.to_ascii_lowercase())
}

fn refuse_suspicious(text: &str) -> Result<(), DestinationError> {
    if text.len() > AUTHORITY_BYTES_MAX {
        return Err(DestinationError::TooLong);
    }
    for c in text.chars() {
        match c {
            c if c.is_control() || c.is_whitespace() => return Err(DestinationError::ControlOrSpace),
            '@' => return Err(DestinationError::UserInfo),
            '\\' => return Err(DestinationError::Backslash),
            '/' | '?' | '#' => return Err(DestinationError::NotAnAuthority),
            '%' if text.starts_with('[') => return Err(DestinationError::ZoneIdentifier),
            '%' => return Err(DestinationError::PercentEncoding),
            _ => {}
        }
    }
    Ok(())
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), DestinationError> {
    let host_end = match authority.find(']') {
        Some(bracket) if authority.starts_with('[') => bracket + 1,
        Some(_) => return Err(DestinationError::BadName),
        None if authority.starts_with('[') => return Err(DestinationError::BadAddress),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_end);
    if rest.is_empty() {
        return Ok((host, None));
    }
    rest.strip_prefix(':').map(|port| (host, Some(port))).ok_or(DestinationError::BadAddress)
}

/// The name as DNS knows it, in lower case. UTS-46 comes first, so that no later check can be dodged by a look-alike character.
fn canonical_name(text: &str) -> Result<String, DestinationError> {
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::EMPTY).map_err(|_| DestinationError::BadName)?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    if name.is_empty() {
        return Err(DestinationError::EmptyHost);
    }
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return Err(DestinationError::BadName);
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err(DestinationError::AmbiguousAddress);
    }
    Ok(name.to_owned())
}

/// Underscores are no host name by the book, but real names inside clusters have them.
fn is_label(label: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    !label.is_empty() && label.len() <= LABEL_BYTES_MAX && label.bytes().all(good)
}

/// Whether a resolver may take a name that ends in this label for an IPv4 address: decimal, octal or hexadecimal.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hex || label.bytes().all(|byte| byte.is_ascii_digit())
}
