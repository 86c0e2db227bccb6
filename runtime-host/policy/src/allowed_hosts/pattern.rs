//! One entry of `allowed_outbound_hosts`: `<scheme>://<host>[:<port>][/]`, read and matched.
//!
//! It knows one entry. It must never know the others, nor who wrote them.

use super::AllowedHostReason as Reason;
use crate::destination::{Destination, DestinationError, Host, default_port, parse_port};
use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::Range;

/// An entry, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    /// `None` stands for `*`.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// The names below this domain, the domain itself excluded; `.example.com`, with its leading dot.
    Subdomains(String),
    Exactly(Host),
    Network(IpNet),
    /// `self` or `self.alt`: the application itself.
    Itself,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PortPattern {
    Any,
    One(u16),
    Within(Range<u16>),
}

impl Pattern {
    pub(super) fn parse(entry: &str) -> Result<Pattern, Reason> {
        if entry == "insecure:allow-all" {
            return Err(Reason::AllowAll);
        }
        let (scheme, rest) = entry.split_once("://").ok_or(Reason::MissingScheme)?;
        let scheme = parse_scheme(scheme)?;
        if rest.contains(['{', '}']) {
            return Err(Reason::List);
        }
        let (host, port) = parse_target(rest)?;
        let port = match port {
            Some(port) => PortPattern::parse(port)?,
            None => PortPattern::One(scheme.as_deref().and_then(default_port).ok_or(Reason::MissingPort)?),
        };
        Ok(Pattern { scheme, host, port })
    }

    /// Whether destinations of this scheme can match.
    pub(super) fn takes_scheme(&self, scheme: &str) -> bool {
        self.scheme.as_deref().is_none_or(|own| own == scheme)
    }

    pub(super) fn matches(&self, destination: &Destination) -> bool {
        self.takes_scheme(destination.scheme()) && self.port.matches(destination.port()) && self.host.matches(destination.host())
    }

    pub(super) fn names_address(&self) -> bool {
        match &self.host {
            HostPattern::Network(_) | HostPattern::Exactly(Host::Address(_)) => true,
            HostPattern::Exactly(Host::Name(name)) => name == "localhost" || name.ends_with(".localhost"),
            HostPattern::Subdomains(domain) => domain == ".localhost" || domain.ends_with(".localhost"),
            HostPattern::Any | HostPattern::Itself => false,
        }
    }

    pub(super) fn internal_component(&self) -> Option<&str> {
        match &self.host {
            HostPattern::Exactly(host) => host.internal_component(),
            _ => None,
        }
    }
}

impl HostPattern {
    fn parse(host: &str) -> Result<HostPattern, Reason> {
        if host == "*" {
            return Ok(HostPattern::Any);
        }
        if let Some(domain) = host.strip_prefix("*.") {
            return match parse_host(domain)? {
                Host::Name(name) => Ok(HostPattern::Subdomains(format!(".{name}"))),
                Host::Address(_) => Err(Reason::BadWildcard),
            };
        }
        let host = parse_host(host)?;
        Ok(if host.is_self() { HostPattern::Itself } else { HostPattern::Exactly(host) })
    }

    fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (HostPattern::Any, _) => true,
            // The suffix begins with a dot, so it only matches at the border of a label; a name is never just a dot and a suffix.
            (HostPattern::Subdomains(suffix), Host::Name(name)) => name.ends_with(suffix),
            (HostPattern::Exactly(this), host) => this == host,
            (HostPattern::Network(network), Host::Address(address)) => network.contains(address),
            (HostPattern::Itself, host) => host.is_self(),
            (HostPattern::Subdomains(_), Host::Address(_)) | (HostPattern::Network(_), Host::Name(_)) => false,
        }
    }
}

impl PortPattern {
    fn parse(text: &str) -> Result<PortPattern, Reason> {
        if text == "*" {
            return Ok(PortPattern::Any);
        }
        let number = |text| parse_port(text).map_err(|_| Reason::BadPort);
        let Some((start, end)) = text.split_once("..") else {
            return number(text).map(PortPattern::One);
        };
        let range = number(start)?..number(end)?;
        if range.is_empty() { Err(Reason::EmptyRange) } else { Ok(PortPattern::Within(range)) }
    }

    fn matches(&self, port: u16) -> bool {
        match self {
            PortPattern::Any => true,
            PortPattern::One(one) => *one == port,
            PortPattern::Within(range) => range.contains(&port),
        }
    }
}

/// The scheme in lower case; `None` for `*`.
fn parse_scheme(scheme: &str) -> Result<Option<String>, Reason> {
    match scheme {
        "*" => Ok(None),
        scheme if scheme.contains(['{', '}']) => Err(Reason::List),
        scheme if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) => Err(Reason::BadScheme),
        scheme => Ok(Some(scheme.to_ascii_lowercase())),
    }
}

/// The host and the text of the port. A slash is part of a network, or the last character, or an error.
fn parse_target(rest: &str) -> Result<(HostPattern, Option<&str>), Reason> {
    let Some((before, after)) = rest.split_once('/') else {
        return parse_plain(rest);
    };
    if after.is_empty() {
        return parse_plain(before);
    }
    let after = after.strip_suffix('/').unwrap_or(after);
    let (length, port) = after.split_once(':').map_or((after, None), |(length, port)| (length, Some(port)));
    // An IPv6 network may be written `v6/length`, `[v6]/length` or `[v6/length]`.
    let (address, length) = match (before.strip_prefix('['), length.strip_suffix(']')) {
        (None, None) => (before.parse::<IpAddr>().ok(), length),
        (Some(inside), None) => (inside.strip_suffix(']').and_then(|v6| v6.parse().ok()).map(IpAddr::V6), length),
        (Some(v6), Some(length)) => (v6.parse().ok().map(IpAddr::V6), length),
        (None, Some(_)) => (None, length),
    };
    let address = address.ok_or(Reason::Path)?;
    let length = if length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit()) { length.parse().ok() } else { None };
    let network = length.and_then(|length: u8| IpNet::new(address, length).ok()).ok_or(Reason::BadNetwork)?;
    Ok((HostPattern::Network(network), port))
}

fn parse_plain(text: &str) -> Result<(HostPattern, Option<&str>), Reason> {
    let host_end = match text.find(']') {
        Some(bracket) if text.starts_with('[') => bracket + 1,
        _ => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(host_end);
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port),
        None if rest.is_empty() => None,
        None => return Err(Reason::BadHost(DestinationError::BadAddress)),
    };
    Ok((HostPattern::parse(host)?, port))
}

fn parse_host(host: &str) -> Result<Host, Reason> {
    if host.contains('*') {
        return Err(Reason::BadWildcard);
    }
    Host::parse(host).map_err(|error| match error {
        DestinationError::NotAnAuthority => Reason::Path,
        other => Reason::BadHost(other),
    })
}
