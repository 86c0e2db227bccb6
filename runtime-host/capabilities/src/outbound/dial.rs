//! The one way to a TCP connection: the name is resolved here, and only addresses that were checked are dialled.
//!
//! This module knows names, addresses and the operator's rule for them. It must never know what is spoken over a connection.

use super::Enforcement;
use spell_policy::{AddressPolicy, AddressRefused, Destination, Host};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpStream;

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// It took too long.
    #[error("no connection within the time allowed")]
    Timeout,
    /// Scheme, host and port do not make a destination.
    #[error("the destination cannot be read")]
    BadDestination,
    /// The name could not be asked for.
    #[error("the name cannot be resolved: {0}")]
    Lookup(io::Error),
    /// The name is known and leads nowhere.
    #[error("the name has no address")]
    NoAddress,
    /// The operator lets nobody reach the address.
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    /// Nobody answers there.
    #[error("{0}")]
    Tcp(io::Error),
    /// Who answers there cannot prove to be the one that was asked for, or speaks no TLS.
    #[error("{0}")]
    Tls(Box<dyn std::error::Error + Send + Sync>),
}

/// Makes connections to addresses that the operator lets us reach.
#[derive(Clone)]
pub(crate) struct Dial {
    addresses: Arc<AddressPolicy>,
    enforcement: Enforcement,
}

impl Dial {
    pub(super) fn new(addresses: AddressPolicy, enforcement: Enforcement) -> Dial {
        Dial { addresses: Arc::new(addresses), enforcement }
    }

    /// A connection to the destination; each address that may not be reached is told to `note`.
    pub(super) async fn connect(&self, destination: &Destination, note: impl Fn(&AddressRefused)) -> Result<TcpStream, ConnectError> {
        connect_to_first(&self.reachable(destination, note).await?).await
    }

    /// The addresses of a destination that may be reached; an error if there is none.
    pub(super) async fn reachable(
        &self,
        destination: &Destination,
        note: impl Fn(&AddressRefused),
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        checked(&self.addresses, self.enforcement, resolve(destination).await?, note)
    }
}

/// A connection that the operator asks for: no rule for guests applies.
pub(super) async fn connect_unjudged(destination: &Destination) -> Result<TcpStream, ConnectError> {
    connect_to_first(&resolve(destination).await?).await
}

async fn resolve(destination: &Destination) -> Result<Vec<SocketAddr>, ConnectError> {
    match destination.host() {
        Host::Address(address) => Ok(vec![SocketAddr::new(*address, destination.port())]),
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), destination.port())).await.map_err(ConnectError::Lookup)?;
            Ok(found.collect())
        }
    }
}

fn checked(
    policy: &AddressPolicy,
    enforcement: Enforcement,
    resolved: Vec<SocketAddr>,
    note: impl Fn(&AddressRefused),
) -> Result<Vec<SocketAddr>, ConnectError> {
    let mut refused = ConnectError::NoAddress;
    let mut reachable = Vec::new();
    for address in resolved {
        let verdict = policy.check(plain(address.ip())).inspect_err(&note);
        match (verdict, enforcement) {
            (Ok(()), _) | (Err(_), Enforcement::Count) => reachable.push(address),
            (Err(reason), Enforcement::Enforce) => refused = ConnectError::Refused(reason),
        }
    }
    if reachable.is_empty() { Err(refused) } else { Ok(reachable) }
}

/// An IPv4 address in IPv6 clothes is the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

async fn connect_to_first(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut failure = ConnectError::NoAddress;
    for address in addresses.iter().take(ADDRESSES_MAX) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(ConnectError::Tcp)?;
                return Ok(stream);
            }
            Err(error) => failure = ConnectError::Tcp(error),
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_checked_addresses_are_left() {
        let policy = AddressPolicy::default();
        let both = vec!["127.0.0.1:80".parse().unwrap(), "93.184.216.34:80".parse().unwrap()];
        assert_eq!(checked(&policy, Enforcement::Enforce, both.clone(), |_| {}).unwrap(), ["93.184.216.34:80".parse().unwrap()]);
        for refused in ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "169.254.169.254:80", "10.0.0.1:80"] {
            let found = checked(&policy, Enforcement::Enforce, vec![refused.parse().unwrap()], |_| {});
            assert!(matches!(found, Err(ConnectError::Refused(_))), "{refused}");
        }
        assert!(matches!(checked(&policy, Enforcement::Enforce, Vec::new(), |_| {}), Err(ConnectError::NoAddress)));
        let noted = std::cell::Cell::new(0);
        let found = checked(&policy, Enforcement::Count, both.clone(), |_| noted.set(noted.get() + 1));
        assert_eq!((found.unwrap(), noted.get()), (both, 1), "what is only counted is reached");
    }
}
