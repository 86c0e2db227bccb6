//! The outbound requests of one request: counted, judged, sent.
//!
//! This module knows the order of the rules. It must never know how a connection is made.

use super::asking::{Asking, Shared};
use super::body::LimitedBody;
use super::connector::{DIALLING, Dialling};
use super::{Neighbour, Outbound, Timeouts, destination, failure};
use crate::{Grants, depth};
use http::uri::Scheme;
use http::{HeaderName, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use spell_types::{Limit, Limits};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// Most bytes that are copied out of a guest in one write to a body.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// Headers that belong to the connection, which is the host's business.
static FORBIDDEN: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| Arc::new(is_forbidden));

/// What one request may still send, and what it has sent.
pub(crate) struct OutboundSession {
    grants: Arc<Grants>,
    requests_max: u64,
    /// How deep the request that makes them lies in a chain of calls.
    pub(crate) depth: u64,
    /// There once something was asked for.
    shared: Option<Arc<Shared>>,
}

/// One request on its way.
struct Attempt {
    asking: Asking,
    outbound: Arc<Outbound>,
    timeouts: Timeouts,
    /// Whom of its own app it is for.
    neighbour: Option<Neighbour>,
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Done), Error>;

impl OutboundSession {
    pub(crate) fn new(grants: Arc<Grants>, limits: &Limits) -> OutboundSession {
        OutboundSession { grants, requests_max: limits.get(Limit::OutboundRequests), depth: 0, shared: None }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.requests())
    }

    pub(crate) fn refused(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.refused())
    }

    /// The request as those see it who ask on its behalf.
    pub(crate) fn asking(&mut self) -> Asking {
        let concurrent_max = self.grants.outbound.as_ref().map_or(0, |outbound| outbound.rules.concurrent_per_request_max);
        let shared = Arc::clone(self.shared.get_or_insert_with(|| Arc::new(Shared::new(concurrent_max))));
        Asking { grants: Arc::clone(&self.grants), shared, requests_max: self.requests_max }
    }

    /// Most bytes of an answer that is held whole.
    pub(crate) fn whole_bytes_max(&self) -> usize {
        self.grants.outbound.as_ref().map_or(0, |outbound| usize::try_from(outbound.rules.query_bytes_max).unwrap_or(usize::MAX))
    }

    /// Everything that can be decided without the network.
    fn admit_request(&mut self, request: &mut Request<WasiBody>, options: Option<RequestOptions>) -> Result<Attempt, Error> {
        let asking = self.asking();
        if !asking.count() {
            return Err(Error::HttpRequestDenied);
        }
        let destination = destination(request).inspect_err(|error| asking.note_unreadable(&shown(request.uri()), error))?;
        let outbound = asking.judge(&destination).ok_or(Error::HttpRequestDenied)?;
        depth::mark(request.headers_mut(), self.depth);
        let timeouts = Timeouts::new(&outbound.rules, options);
        let neighbour = Neighbour::at(&destination);
        Ok(Attempt { asking, outbound, timeouts, neighbour })
    }
}

impl WasiHttpHooks for OutboundSession {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        is_forbidden(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::clone(&FORBIDDEN)
    }

    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Done,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        match self.admit_request(&mut request, options) {
            Ok(attempt) => Box::new(attempt.send(request)),
            Err(error) => Box::new(std::future::ready(Err(error))),
        }
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        WRITE_BYTES_MAX
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        WRITE_BYTES_MAX
    }
}

impl Attempt {
    async fn send(self, request: Request<WasiBody>) -> Answer {
        let started = tokio::time::Instant::now();
        let permits = tokio::time::timeout(self.timeouts.first_byte, self.permits()).await.map_err(|_| Error::ConnectionLimitReached)?;
        let left = self.timeouts.first_byte.saturating_sub(started.elapsed());
        let (bytes_max, silence_max) = (self.outbound.rules.response_bytes_max, self.timeouts.between_bytes);
        let response = match &self.neighbour {
            Some(neighbour) => {
                let answer = tokio::time::timeout(left, self.ask(neighbour, request)).await.map_err(|_| Error::ConnectionReadTimeout)??;
                answer.map(|body| LimitedBody::new(body, bytes_max, silence_max, permits).boxed_unsync())
            }
            None => self.fetch(request, left).await?.map(|body| LimitedBody::new(body, bytes_max, silence_max, permits).boxed_unsync()),
        };
        let done: Done = Box::new(std::future::ready(Ok(())));
        Ok((response, done))
    }

    /// Asks within the app.
    async fn ask(&self, neighbour: &Neighbour, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        match &self.outbound.neighbours {
            // There is no TLS inside a process, and nobody else has these names.
            Some(neighbours) if request.uri().scheme() == Some(&Scheme::HTTP) => neighbours.ask(neighbour.clone(), request).await,
            _ => Err(Error::DestinationNotFound),
        }
    }

    /// Asks over the network.
    async fn fetch(&self, request: Request<WasiBody>, within: Duration) -> Result<Response<Incoming>, Error> {
        let destination = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let sent = DIALLING.scope(self.dialling(&destination), self.outbound.client().request(request));
        let response = match tokio::time::timeout(within, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.report(&destination, &error)),
            Err(_) => return Err(Error::ConnectionReadTimeout),
        };
        // Nobody asked for another protocol, and what follows is not HTTP.
        if response.status().is_informational() {
            return Err(Error::HttpUpgradeFailed);
        }
        Ok(response)
    }

    /// A place among those of this request, one among those of the component and, over the network, those that all components share.
    async fn permits(&self) -> Vec<OwnedSemaphorePermit> {
        // A semaphore that is never closed never fails.
        let own = Arc::clone(&self.asking.shared.concurrent).acquire_owned().await.ok();
        let component = Arc::clone(&self.outbound.concurrent).acquire_owned().await.ok();
        let shared = if self.neighbour.is_none() { self.outbound.places.take("http").await } else { Vec::new() };
        own.into_iter().chain(component).chain(shared).collect()
    }

    /// What the connection has to know, if one is made.
    fn dialling(&self, destination: &str) -> Dialling {
        Dialling { timeout: self.timeouts.connect, refused: Box::new(self.asking.noting(&self.outbound, destination)) }
    }

    fn report(&self, destination: &str, error: &hyper_util::client::legacy::Error) -> Error {
        let component = &self.asking.grants.component;
        if let Some(reason) = failure::address_refused(error) {
            if self.asking.shared.refuse() {
                tracing::warn!(%component, destination, %reason, "outbound request refused: the operator has to allow this address");
            }
        } else {
            tracing::info!(%component, destination, error = %failure::innermost(error), "outbound request failed");
        }
        failure::for_guest(error)
    }
}

/// A URL without what stands before its host, which may be a password.
fn shown(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    if place == authority { uri.to_string() } else { uri.to_string().replacen(authority, place, 1) }
}

/// Whether a header belongs to the connection and not to the guest.
pub(crate) fn is_forbidden(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::HOST
        || *name == header::TRANSFER_ENCODING
        || *name == header::UPGRADE
        || *name == header::PROXY_AUTHENTICATE
        || *name == header::PROXY_AUTHORIZATION
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}
