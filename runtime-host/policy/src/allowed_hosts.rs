//! What a component asked to reach: the entries of `allowed_outbound_hosts`.
//!
//! It knows the grammar of an entry and whether a [`Destination`] matches. It must never know templates (they are resolved
//! before), resolvers, or what the operator granted: a match here is necessary and never sufficient.

mod pattern;
#[cfg(test)]
mod tests;

use crate::Destination;
use pattern::Pattern;

/// Most entries of one component.
const ENTRIES_MAX: usize = 256;
/// Longest entry, in bytes.
const ENTRY_BYTES_MAX: usize = 512;
/// Most bytes of a refused entry that an error repeats.
const SHOWN_BYTES_MAX: usize = 80;

/// The destinations that a component asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts {
    rules: Vec<Rule>,
}

/// The rule that lets a destination through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant<'a> {
    /// The entry, as written.
    pub entry: &'a str,
    /// Whether the entry named an address itself: an IP literal, a CIDR network or `localhost`. That the author meant a
    /// private address does not open it; the operator must grant it too.
    pub names_address: bool,
}

/// An entry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{entry}\": {reason}")]
pub struct AllowedHostError {
    /// The entry, cut where it is very long, its control characters escaped.
    pub entry: String,
    /// What is wrong with it.
    pub reason: AllowedHostReason,
}

/// Why an entry of `allowed_outbound_hosts` cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AllowedHostReason {
    /// The old spelling of "everything".
    #[error("not supported; to allow every destination, write \"*://*:*\"")]
    AllowAll,
    /// There is no `://`.
    #[error("write <scheme>://<host>[:<port>]; the scheme may be \"*\"")]
    MissingScheme,
    /// The scheme has other characters than letters.
    #[error("the scheme must be letters only, or \"*\"")]
    BadScheme,
    /// `{a,b}`.
    #[error("lists in braces are not supported; write one entry for each")]
    List,
    /// Something stands behind the host and the port.
    #[error("an entry names a host, never a path, a query or a fragment")]
    Path,
    /// A `*` that is neither the whole host nor its first label.
    #[error("\"*\" may stand for the whole host or for its first label only")]
    BadWildcard,
    /// The host is not one.
    #[error("{0}")]
    BadHost(crate::DestinationError),
    /// The network is not `<address>/<prefix length>`.
    #[error("the network must be an IP address and a prefix length, such as \"10.0.0.0/8\"")]
    BadNetwork,
    /// The port is neither a number, nor a range, nor `*`.
    #[error("the port must be a number from 1 to 65535, a range \"a..b\" (b excluded), or \"*\"")]
    BadPort,
    /// A range that holds no port.
    #[error("the port range is empty: its end is excluded")]
    EmptyRange,
    /// No port is written and the scheme has no default.
    #[error("no port is given, and the scheme has no default port")]
    MissingPort,
    /// The entry is too long.
    #[error("an entry has at most {ENTRY_BYTES_MAX} bytes")]
    TooLong,
    /// There are too many entries.
    #[error("a component has at most {ENTRIES_MAX} entries")]
    TooMany,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    entry: String,
    pattern: Pattern,
}

impl AllowedHosts {
    /// Reads entries whose templates are already resolved. Entries that an empty variable leaves without a host (nothing at
    /// all, `http://`, `https://`) are skipped.
    ///
    /// ```
    /// use spell_policy::{AllowedHosts, Destination};
    /// let allowed = AllowedHosts::parse(["https://*.example.com", ""]).unwrap();
    /// assert!(allowed.allows(&Destination::parse("https", "api.example.com").unwrap()));
    /// assert!(!allowed.allows(&Destination::parse("https", "example.com").unwrap()));
    /// ```
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<AllowedHosts, AllowedHostError> {
        let mut rules = Vec::new();
        for entry in entries {
            let entry = entry.trim();
            if matches!(entry, "" | "http://" | "https://") {
                continue;
            }
            let refuse = |reason| AllowedHostError { entry: shown(entry), reason };
            if rules.len() >= ENTRIES_MAX {
                return Err(refuse(AllowedHostReason::TooMany));
            }
            if entry.len() > ENTRY_BYTES_MAX {
                return Err(refuse(AllowedHostReason::TooLong));
            }
            rules.push(Rule { entry: entry.to_owned(), pattern: Pattern::parse(entry).map_err(refuse)? });
        }
        Ok(AllowedHosts { rules })
    }

    /// Whether any entry matches.
    pub fn allows(&self, destination: &Destination) -> bool {
        self.rules.iter().any(|rule| rule.pattern.matches(destination))
    }

    /// The entry that matches: one that names an address where there is one, else the first.
    pub fn grant(&self, destination: &Destination) -> Option<Grant<'_>> {
        let matching = || self.rules.iter().filter(|rule| rule.pattern.matches(destination));
        let rule = matching().find(|rule| rule.pattern.names_address()).or_else(|| matching().next())?;
        Some(Grant { entry: &rule.entry, names_address: rule.pattern.names_address() })
    }

    /// Whether there is an entry for this scheme, or for any.
    pub fn takes_scheme(&self, scheme: &str) -> bool {
        self.rules.iter().any(|rule| rule.pattern.takes_scheme(scheme))
    }

    /// Whether nothing at all is allowed.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The components that are asked for by name, as `<component>.spin.internal`.
    pub fn internal_components(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| rule.pattern.internal_component())
    }
}

/// An entry as an error may show it.
fn shown(entry: &str) -> String {
    let mut shown = String::new();
    for c in entry.chars() {
        if shown.len() >= SHOWN_BYTES_MAX {
            shown.push('…');
            break;
        }
        shown.extend(c.escape_debug());
    }
    shown
}
