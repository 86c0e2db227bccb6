//! The outbound requests of one request: counted, judged, sent.
//!
//! This module knows the order of the rules. It must never know how a connection is made.

use super::body::LimitedBody;
use super::connector::CONNECT_TIMEOUT;
use super::{Outbound, Timeouts, destination, failure};
use crate::Grants;
use http::{HeaderName, Request, Response, header};
use http_body_util::BodyExt;
use spell_policy::Destination;
use spell_types::{Limit, Limits};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::{Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// Most bytes that are copied out of a guest in one write to a body.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// Headers that belong to the connection, which is the host's business.
static FORBIDDEN: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| Arc::new(is_forbidden));

/// What one request may still send, and what it has sent.
pub(crate) struct OutboundSession {
    grants: Arc<Grants>,
    requests: u64,
    requests_max: u64,
    /// There once something was asked for.
    shared: Option<Arc<Shared>>,
}

/// The part that requests under way need as well.
struct Shared {
    concurrent: Arc<Semaphore>,
    refused: AtomicU64,
}

/// One request on its way.
struct Attempt {
    grants: Arc<Grants>,
    outbound: Arc<Outbound>,
    shared: Arc<Shared>,
    timeouts: Timeouts,
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Done), Error>;

impl OutboundSession {
    pub(crate) fn new(grants: Arc<Grants>, limits: &Limits) -> OutboundSession {
        OutboundSession { grants, requests: 0, requests_max: limits.get(Limit::OutboundRequests), shared: None }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    pub(crate) fn refused(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.refused.load(Ordering::Relaxed))
    }

    fn shared(&mut self) -> Arc<Shared> {
        let concurrent_max = self.grants.outbound.as_ref().map_or(0, |outbound| outbound.rules.concurrent_per_request_max);
        let new = || {
            let concurrent = Arc::new(Semaphore::new(concurrent_max.min(Semaphore::MAX_PERMITS)));
            Arc::new(Shared { concurrent, refused: AtomicU64::new(0) })
        };
        Arc::clone(self.shared.get_or_insert_with(new))
    }

    /// Everything that can be decided without the network.
    fn admit(&mut self, request: &mut Request<WasiBody>, options: Option<RequestOptions>) -> Result<Attempt, Error> {
        self.requests = self.requests.saturating_add(1);
        let shared = self.shared();
        let refusals = &shared.refused;
        let component = &self.grants.component;
        if self.requests > self.requests_max {
            if refuse(refusals) {
                tracing::warn!(%component, limit = self.requests_max, "outbound request refused: limit outbound_requests reached");
            }
            return Err(Error::HttpRequestDenied);
        }
        let destination = destination(request).inspect_err(|error| {
            if refuse(refusals) {
                tracing::warn!(%component, %error, "outbound request refused: it cannot be sent as it is");
            }
        })?;
        let outbound = self.grants.outbound.as_ref().filter(|outbound| outbound.rules.allowed.allows(&destination));
        let Some(outbound) = outbound else {
            if refuse(refusals) {
                report_not_allowed(component, &destination);
            }
            return Err(Error::HttpRequestDenied);
        };
        let outbound = Arc::clone(outbound);
        let timeouts = Timeouts::new(&outbound.rules, options);
        Ok(Attempt { grants: Arc::clone(&self.grants), outbound, shared, timeouts })
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
        match self.admit(&mut request, options) {
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
        let destination = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let sent = CONNECT_TIMEOUT.scope(self.timeouts.connect, self.outbound.client.request(request));
        let response = match tokio::time::timeout(left, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.report(&destination, &error)),
            Err(_) => return Err(Error::ConnectionReadTimeout),
        };
        let response = response.map(|body| {
            LimitedBody::new(body, self.outbound.rules.response_bytes_max, self.timeouts.between_bytes, permits).boxed_unsync()
        });
        let done: Done = Box::new(std::future::ready(Ok(())));
        Ok((response, done))
    }

    /// A place among those of this request, and one among those of the component.
    async fn permits(&self) -> [Option<OwnedSemaphorePermit>; 2] {
        // A semaphore that is never closed never fails.
        let own = Arc::clone(&self.shared.concurrent).acquire_owned().await.ok();
        let component = Arc::clone(&self.outbound.concurrent).acquire_owned().await.ok();
        [own, component]
    }

    fn report(&self, destination: &str, error: &hyper_util::client::legacy::Error) -> Error {
        let component = &self.grants.component;
        if let Some(reason) = failure::address_refused(error) {
            if refuse(&self.shared.refused) {
                tracing::warn!(%component, destination, %reason, "outbound request refused: the operator has to allow this address");
            }
        } else {
            tracing::info!(%component, destination, error = %failure::innermost(error), "outbound request failed");
        }
        failure::for_guest(error)
    }
}

/// Counts a refusal; true for the first of a request, the only one that is worth a line in the log.
fn refuse(refused: &AtomicU64) -> bool {
    refused.fetch_add(1, Ordering::Relaxed) == 0
}

fn report_not_allowed(component: &str, destination: &Destination) {
    let hint = format!("allowed_outbound_hosts = [\"{}://{}\"]", destination.scheme(), destination.authority());
    tracing::warn!(component, %destination, "outbound request refused: the manifest would have to say {hint}");
}

fn is_forbidden(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::HOST
        || *name == header::TRANSFER_ENCODING
        || *name == header::UPGRADE
        || *name == header::PROXY_AUTHENTICATE
        || *name == header::PROXY_AUTHORIZATION
        || matches!(name.as_str(), "keep-alive" | "proxy-connection" | "http2-settings")
}
