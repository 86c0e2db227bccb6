//! The only way out to the network, for HTTP and for databases and brokers, and every rule on that way.
//!
//! This module knows requests, connections, rules and limits; WASI 0.2 and 0.3 both come through [`OutboundSession`]. It must never know
//! which generation asked. No redirect of a guest is followed, no proxy is used, and nothing about either is read from the environment.

mod address;
mod asking;
mod body;
mod connection;
mod connector;
mod dial;
mod failure;
mod fetch;
mod neighbours;
mod places;
mod session;
pub(crate) mod sockets;
mod stream;
mod trust;

use connector::Connector;
use dial::Dial;
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use spell_policy::{AddressPolicy, AllowedHosts, Destination};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

pub(crate) use address::{Address, AddressError};
pub(crate) use connection::{ConnectionError, Passage, Turns, connect_unjudged, tls_name, too_large};
pub use fetch::{Ask, FetchError, FetchFailure, FetchRules, FetchSink, Fetcher};
pub use neighbours::{Neighbour, NeighbourAnswer, Neighbours};
pub use places::{ConnectionPlaces, PlacesMax};
pub(crate) use session::{OutboundSession, is_forbidden};
pub(crate) use stream::{AnswerBound, AnswerTooLarge, CheckedStream, Duplex};
pub use trust::{HostTrust, TlsRoots, TrustError};

/// Most bytes of path and query.
const PATH_BYTES_MAX: usize = 16 << 10;
/// No timeout is longer, whatever was configured: clocks overflow somewhere beyond.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);
/// Connections kept open to one host while nothing uses them, and for how long.
const IDLE_PER_HOST_MAX: usize = 8;
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// Most header fields and bytes of head in a response.
const RESPONSE_HEADERS_MAX: usize = 100;
const RESPONSE_HEAD_BYTES_MAX: usize = 64 << 10;

/// What becomes of a request to a destination that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforcement {
    /// It is refused.
    #[default]
    Enforce,
    /// It is counted and noted, and let through: to see what a rule would refuse before it does.
    Count,
}

/// The rules that a component's outbound requests are under.
#[derive(Debug, Clone)]
pub struct OutboundRules {
    /// What the component asked for and was granted.
    pub allowed: AllowedHosts,
    /// Addresses that the operator lets anybody reach.
    pub addresses: AddressPolicy,
    /// Longest time from the start of connecting until a connection (TLS included) is there.
    pub connect_timeout: Duration,
    /// Longest time from the guest's request until the response's head is there; connecting counts.
    pub first_byte_timeout: Duration,
    /// Longest silence within a response body.
    pub between_bytes_timeout: Duration,
    /// Most bytes of a response body.
    pub response_bytes_max: u64,
    /// Longest time of one query of a database or one message to a broker, its whole answer included.
    pub query_timeout: Duration,
    /// Most bytes of the answer to a query, as it is held by the host.
    pub query_bytes_max: u64,
    /// Most rows of the answer to a query.
    pub query_rows_max: u64,
    /// Requests that all requests of the component together have under way at once, and connections that they hold.
    pub concurrent_max: usize,
    /// Requests that one request of the component has under way at once, and connections that it holds.
    pub concurrent_per_request_max: usize,
    /// Whether destinations and addresses that are not allowed are refused.
    pub enforcement: Enforcement,
    /// Whether connections for HTTP are kept for further requests.
    pub keep_connections: bool,
}

impl Default for OutboundRules {
    fn default() -> Self {
        Self {
            allowed: AllowedHosts::default(),
            addresses: AddressPolicy::default(),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(30),
            between_bytes_timeout: Duration::from_secs(30),
            response_bytes_max: 100 << 20,
            query_timeout: Duration::from_secs(30),
            query_bytes_max: 4 << 20,
            query_rows_max: 10_000,
            concurrent_max: 256,
            concurrent_per_request_max: 6,
            enforcement: Enforcement::Enforce,
            keep_connections: true,
        }
    }
}

/// A component's way out: its rules, and connections that no other component shares.
pub struct Outbound {
    rules: OutboundRules,
    tls: TlsRoots,
    /// The other components of the app, where it has any that may be asked.
    neighbours: Option<Arc<dyn Neighbours>>,
    dial: Dial,
    /// Made by the first request: most components have none to make.
    client: OnceLock<Client<Connector, WasiBody>>,
    concurrent: Arc<Semaphore>,
    /// Places that all components share.
    places: Arc<ConnectionPlaces>,
}

impl Outbound {
    /// Prepares the way out; nothing is connected yet.
    pub fn new(mut rules: OutboundRules, tls: &TlsRoots) -> Outbound {
        let timeouts =
            [&mut rules.connect_timeout, &mut rules.first_byte_timeout, &mut rules.between_bytes_timeout, &mut rules.query_timeout];
        for timeout in timeouts {
            *timeout = (*timeout).min(TIMEOUT_MAX);
        }
        let concurrent = Arc::new(Semaphore::new(rules.concurrent_max.min(Semaphore::MAX_PERMITS)));
        let dial = Dial::new(rules.addresses.clone(), rules.enforcement);
        Outbound { rules, tls: tls.clone(), neighbours: None, dial, client: OnceLock::new(), concurrent, places: Arc::default() }
    }

    /// The same, with a way to the other components of the app. Without it, no request to one is answered.
    #[must_use]
    pub fn with_neighbours(self, neighbours: Arc<dyn Neighbours>) -> Outbound {
        Outbound { neighbours: Some(neighbours), ..self }
    }

    /// Whether a guest may have sockets of its own.
    pub(crate) fn takes_sockets(&self) -> bool {
        self.rules.allowed.takes_scheme("tcp")
    }

    /// The same, under limits that all components share.
    #[must_use]
    pub fn with_places(self, places: Arc<ConnectionPlaces>) -> Outbound {
        Outbound { places, ..self }
    }

    /// The same with the places of another one of the same component: what either has under way counts for both.
    #[must_use]
    pub fn with_places_of(self, before: &Outbound) -> Outbound {
        let are_same = self.rules.concurrent_max == before.rules.concurrent_max;
        Outbound { concurrent: if are_same { before.concurrent.clone() } else { self.concurrent }, ..self }
    }

    fn client(&self) -> &Client<Connector, WasiBody> {
        self.client.get_or_init(|| {
            let connector = Connector::new(self.dial.clone(), self.rules.connect_timeout, self.tls.clone());
            let idle_max = if self.rules.keep_connections { IDLE_PER_HOST_MAX } else { 0 };
            Client::builder(TokioExecutor::new())
                .timer(TokioTimer::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIME_MAX)
                .pool_max_idle_per_host(idle_max)
                .http1_max_headers(RESPONSE_HEADERS_MAX)
                .http1_max_buf_size(RESPONSE_HEAD_BYTES_MAX)
                .http2_max_header_list_size(RESPONSE_HEAD_BYTES_MAX as u32)
                .build(connector)
        })
    }
}

/// The guest's timeouts, none longer than the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    fn new(rules: &OutboundRules, asked: Option<RequestOptions>) -> Timeouts {
        let asked = asked.unwrap_or_default();
        let shorter = |asked: Option<Duration>, most: Duration| asked.map_or(most, |asked| asked.min(most));
        Timeouts {
            connect: shorter(asked.connect_timeout, rules.connect_timeout),
            first_byte: shorter(asked.first_byte_timeout, rules.first_byte_timeout),
            between_bytes: shorter(asked.between_bytes_timeout, rules.between_bytes_timeout),
        }
    }
}

/// Reads where a request goes and rewrites it so that what is dialled is what was judged.
fn destination(request: &mut Request<WasiBody>) -> Result<Destination, Error> {
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let uri = request.uri();
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(Error::HttpRequestUriInvalid);
    };
    let destination = Destination::parse(scheme, authority.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    if path.as_str().len() > PATH_BYTES_MAX {
        return Err(Error::HttpRequestUriTooLong);
    }
    // Anything else could be read as a whole URL, or as a wildcard, by the server or by what stands before it.
    if !path.path().starts_with('/') {
        return Err(Error::HttpRequestUriInvalid);
    }
    let authority = destination.authority();
    let host = http::HeaderValue::try_from(&authority).map_err(|_| Error::HttpRequestUriInvalid)?;
    let built = Uri::builder().scheme(destination.scheme()).authority(authority).path_and_query(path).build();
    *request.uri_mut() = built.map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(http::header::HOST, host);
    Ok(destination)
}

#[cfg(test)]
mod tests;
