//! What a spell asks to reach beyond clocks and randomness, and whether it may ask for it.
//!
//! It knows what is asked for, and the bounds of that. It must never know addresses, or how anything is reached.

use spell_policy::environment::{self, Unfit};
use spell_policy::{AllowedHostError, AllowedHosts};
use std::collections::BTreeMap;

/// Destinations that a spell may ask for.
pub const NETWORK_ENTRIES_MAX: usize = 64;
/// Environment variables that a spell may have.
pub const VARIABLES_MAX: usize = 64;
/// Bytes of their names and values together.
pub const ENVIRONMENT_BYTES_MAX: usize = 32 << 10;

/// What a spell asks to reach. By default, nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Reach {
    /// Destinations, as `allowed_outbound_hosts` of a manifest has them. Where there are none, none is reached.
    pub network: Vec<String>,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Whether each cast has a `/tmp` of its own.
    pub tmp: bool,
}

/// What the operator lets spells ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reachable {
    /// Whether any may ask for the network.
    pub network: bool,
    /// Whether any may ask for a `/tmp`.
    pub tmp: bool,
}

impl Default for Reachable {
    fn default() -> Self {
        Self { network: true, tmp: true }
    }
}

/// Why a spell may not ask for this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReachError {
    /// The operator keeps all spells from the network.
    #[error("network: the operator lets no spell reach the network")]
    NoNetwork,
    /// The operator has no `/tmp` for spells.
    #[error("tmp: the operator has no /tmp for spells")]
    NoTmp,
    /// There are too many destinations.
    #[error("network: a spell has at most {NETWORK_ENTRIES_MAX} destinations")]
    TooManyDestinations,
    /// A destination cannot be used.
    #[error("network: {0}")]
    Destination(#[from] AllowedHostError),
    /// A destination is blank.
    #[error("network: a destination is empty: write <scheme>://<host>[:<port>], or an empty list for none")]
    NoDestination,
    /// A destination is a component of an app, and there is no app.
    #[error("network: \"{0}\" is a component of an app, and spells are in none")]
    Component(String),
    /// There are too many variables.
    #[error("environment: a spell has at most {VARIABLES_MAX} variables")]
    TooManyVariables,
    /// The variables are too large.
    #[error("environment: the variables have more than {ENVIRONMENT_BYTES_MAX} bytes together")]
    EnvironmentTooLarge,
    /// A guest may not see a variable.
    #[error("environment: {name:?} is refused: {unfit}")]
    Variable {
        /// Which one.
        name: String,
        /// The rule.
        unfit: Unfit,
    },
}

impl Reach {
    /// Whether a spell may ask for all this.
    pub fn check(&self, reachable: Reachable) -> Result<(), ReachError> {
        if !reachable.network && !self.network.is_empty() {
            return Err(ReachError::NoNetwork);
        }
        if !reachable.tmp && self.tmp {
            return Err(ReachError::NoTmp);
        }
        self.check_network()?;
        self.check_environment()
    }

    fn check_network(&self) -> Result<(), ReachError> {
        if self.network.len() > NETWORK_ENTRIES_MAX {
            return Err(ReachError::TooManyDestinations);
        }
        for entry in &self.network {
            let allowed = AllowedHosts::parse([entry.as_str()])?;
            // What is skipped there stands for nothing.
            if allowed.is_empty() {
                return Err(ReachError::NoDestination);
            }
            if let Some(component) = allowed.internal_components().next() {
                return Err(ReachError::Component(component.to_owned()));
            }
        }
        Ok(())
    }

    fn check_environment(&self) -> Result<(), ReachError> {
        if self.environment.len() > VARIABLES_MAX {
            return Err(ReachError::TooManyVariables);
        }
        if self.environment.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > ENVIRONMENT_BYTES_MAX {
            return Err(ReachError::EnvironmentTooLarge);
        }
        let unfit = self.environment.iter().find_map(|(name, value)| Some((name, environment::unfit(name, value)?)));
        unfit.map_or(Ok(()), |(name, unfit)| Err(ReachError::Variable { name: name.clone(), unfit }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Reachable = Reachable { network: true, tmp: true };

    fn said(reach: &Reach, reachable: Reachable) -> String {
        reach.check(reachable).map_or_else(|error| error.to_string(), |()| "granted".to_owned())
    }

    fn network(entries: &[&str]) -> Reach {
        Reach { network: entries.iter().map(ToString::to_string).collect(), ..Reach::default() }
    }

    fn variable(name: &str, value: &str) -> Reach {
        Reach { environment: BTreeMap::from([(name.to_owned(), value.to_owned())]), ..Reach::default() }
    }

    #[test]
    fn destinations_are_those_of_manifests_and_no_components() {
        for (entries, expected) in [
            (&[][..], "granted"),
            (&["https://api.example.com", "http://*.example.com:8080"], "granted"),
            (&["example.com"], "network: \"example.com\": write <scheme>://<host>[:<port>]; the scheme may be \"*\""),
            (&[""], "network: a destination is empty: write <scheme>://<host>[:<port>], or an empty list for none"),
            (&["https://"], "network: a destination is empty: write <scheme>://<host>[:<port>], or an empty list for none"),
            (&["http://other.spin.internal"], "network: \"other\" is a component of an app, and spells are in none"),
        ] {
            assert_eq!(said(&network(entries), ALL), expected, "{entries:?}");
        }
        let many = vec!["https://example.com"; NETWORK_ENTRIES_MAX];
        assert_eq!(said(&network(&many), ALL), "granted");
        assert_eq!(said(&network(&[many, vec!["https://example.com"]].concat()), ALL), "network: a spell has at most 64 destinations");
    }

    #[test]
    fn variables_that_look_secret_or_are_too_many_are_refused_by_name() {
        for (name, value, expected) in [
            ("MONKEY", "banana", "granted"),
            ("API_KEY", "x", "environment: \"API_KEY\" is refused: its name looks like that of a secret"),
            ("PLACE", "postgres://user:pass@db/app", "environment: \"PLACE\" is refused: its value looks like a secret"),
            ("A=B", "x", "environment: \"A=B\" is refused: it is no proper name for a variable"),
            ("", "x", "environment: \"\" is refused: it is no proper name for a variable"),
            ("ZERO", "\0", "environment: \"ZERO\" is refused: its value is too long, or has a NUL"),
        ] {
            assert_eq!(said(&variable(name, value), ALL), expected, "{name}");
        }
        let of = |count: usize, bytes: usize| {
            let environment = (0..count).map(|number| (format!("V{number:02}"), "x ".repeat(bytes / 2))).collect();
            said(&Reach { environment, ..Reach::default() }, ALL)
        };
        assert_eq!(of(VARIABLES_MAX, 2), "granted");
        assert_eq!(of(VARIABLES_MAX + 1, 2), "environment: a spell has at most 64 variables");
        assert_eq!(of(VARIABLES_MAX, 510), "environment: the variables have more than 32768 bytes together");
    }

    #[test]
    fn what_the_operator_keeps_back_cannot_be_asked_for() {
        let nothing = Reachable { network: false, tmp: false };
        assert_eq!(said(&Reach::default(), nothing), "granted");
        assert_eq!(said(&variable("MONKEY", "banana"), nothing), "granted");
        assert_eq!(said(&network(&["https://example.com"]), nothing), "network: the operator lets no spell reach the network");
        let tmp = Reach { tmp: true, ..Reach::default() };
        assert_eq!(said(&tmp, ALL), "granted");
        assert_eq!(said(&tmp, nothing), "tmp: the operator has no /tmp for spells");
    }
}
