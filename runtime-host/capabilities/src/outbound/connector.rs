//! How a connection is made: the name is resolved here, and only addresses that were checked are dialled.
//!
//! This module knows names, addresses and time. It must never know requests.

use super::Enforcement;
use http::Uri;
use hyper_rustls::{DefaultServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use spell_policy::{AddressPolicy, AddressRefused, Destination, Host};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

tokio::task_local! {
    /// The request that a connection is made for.
    pub(super) static DIALLING: Dialling;
}

/// What a request tells the connection that is made for it.
pub(super) struct Dialling {
    /// How long it may take.
    pub(super) timeout: Duration,
    /// Notes an address that may not be reached.
    pub(super) refused: Box<dyn Fn(&AddressRefused) + Send + Sync>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("no connection within the time allowed")]
    Timeout,
    #[error("the destination cannot be read")]
    BadDestination,
    #[error("the name cannot be resolved: {0}")]
    Lookup(io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error(transparent)]
    Refused(#[from] AddressRefused),
    #[error("{0}")]
    Tcp(io::Error),
    #[error("{0}")]
    Tls(Box<dyn std::error::Error + Send + Sync>),
}

type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, ConnectError>> + Send>>;
type Tcp = TokioIo<TcpStream>;

/// Connects over TCP and, where the scheme asks for it, TLS, all within one time limit.
#[derive(Clone)]
pub(super) struct Connector {
    https: HttpsConnector<CheckedTcp>,
    timeout: Duration,
}

impl Connector {
    pub(super) fn new(addresses: AddressPolicy, enforcement: Enforcement, timeout: Duration, tls: &Arc<rustls::ClientConfig>) -> Connector {
        let tcp = CheckedTcp { addresses: Arc::new(addresses), enforcement };
        let https = HttpsConnector::new(tcp, Arc::clone(tls), false, Arc::new(DefaultServerNameResolver::default()));
        Connector { https, timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Tcp>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let timeout = DIALLING.try_with(|request| request.timeout).unwrap_or(self.timeout);
        let connecting = self.https.call(uri);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(Ok(stream)) => Ok(stream),
                // What is not ours comes from TLS.
                Ok(Err(error)) => Err(error.downcast::<ConnectError>().map_or_else(ConnectError::Tls, |error| *error)),
                Err(_) => Err(ConnectError::Timeout),
            }
        })
    }
}

/// TCP connections to addresses that the operator lets us reach.
#[derive(Clone)]
struct CheckedTcp {
    addresses: Arc<AddressPolicy>,
    enforcement: Enforcement,
}

impl Service<Uri> for CheckedTcp {
    type Response = Tcp;
    type Error = ConnectError;
    type Future = Connecting<Tcp>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (addresses, enforcement) = (Arc::clone(&self.addresses), self.enforcement);
        Box::pin(async move {
            let resolved = resolve(&uri).await?;
            let note = |reason: &AddressRefused| _ = DIALLING.try_with(|request| (request.refused)(reason));
            connect_to_first(&checked(&addresses, enforcement, resolved, note)?).await
        })
    }
}

async fn resolve(uri: &Uri) -> Result<Vec<SocketAddr>, ConnectError> {
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(ConnectError::BadDestination);
    };
    // Read by the same code that judged it.
    let destination = Destination::parse(scheme, authority.as_str()).map_err(|_| ConnectError::BadDestination)?;
    match destination.host() {
        Host::Address(address) => Ok(vec![SocketAddr::new(*address, destination.port())]),
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), destination.port())).await.map_err(ConnectError::Lookup)?;
            Ok(found.collect())
        }
    }
}

/// The addresses that may be reached; an error if there is none.
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

async fn connect_to_first(addresses: &[SocketAddr]) -> Result<Tcp, ConnectError> {
    let mut failure = ConnectError::NoAddress;
    for address in addresses.iter().take(ADDRESSES_MAX) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).map_err(ConnectError::Tcp)?;
                return Ok(TokioIo::new(stream));
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
