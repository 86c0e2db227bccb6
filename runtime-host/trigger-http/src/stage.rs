//! Where a component answers one request, from its admission to the head of its answer, whoever led the request there.
//!
//! It knows one component at a time. It must never know routes of an app, or who asks.

use crate::app::Component;
use crate::body::{GuestBody, RequestBody, RequestSource, ResponseBody};
use crate::cgi;
use crate::client::Client;
use crate::headers::{self, BadRequest};
use crate::recording::Recording;
use crate::refusal::{self, Failures, Refusal};
use crate::routes::Route;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request};
use http_body::Body;
use http_body_util::BodyExt;
use spell_engine::{Execution, Failure};
use spell_types::{ExecutionSink, Limit, Outcome};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, WasiBody};

/// Has components answer: so many at a time in the whole host.
pub struct Stage {
    pub(crate) failures: Failures,
    places: Arc<Semaphore>,
    /// All of these: a component that wants more takes them all, rather than never finding a place.
    places_max: u32,
    /// The longest wait for one of these places.
    place_time_max: Duration,
}

/// A request that a component can be given: its URI is absolute, and its headers are those that the host vouches for.
pub struct Vouched {
    parts: request::Parts,
    uri: Uri,
    route: Arc<Route>,
    body: WasiBody,
}

/// The request cannot be given to any component: its host is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Doubtful(#[from] BadRequest);

/// Goes with an answer of the host's own, in place of a component's: how that was recorded, and why, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// How it was recorded.
    pub outcome: Outcome,
    /// Why.
    pub detail: String,
}

impl Vouched {
    /// Vouches for a request that came in on a route.
    pub fn new<B>(request: Request<B>, route: Arc<Route>, client: &Client) -> Result<Self, Doubtful>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Send + 'static,
    {
        let (mut parts, body) = request.into_parts();
        let uri = headers::absolute_uri(&parts, &client.scheme)?;
        headers::rewrite(&mut parts.headers, &uri, &route, &[], client);
        let broken = |error: B::Error| {
            tracing::debug!(%error, "a request broke off");
            Error::ConnectionTerminated
        };
        Ok(Self { parts, uri, route, body: body.map_err(broken).boxed_unsync() })
    }
}

impl Stage {
    /// A stage whose components take these places, none of which is taken yet; who finds none waits for one, or not at all.
    pub fn new(places: Arc<Semaphore>, place_time_max: Duration, failures: Failures) -> Self {
        let places_max = u32::try_from(places.available_permits()).unwrap_or(u32::MAX);
        Self { failures, places, places_max, place_time_max }
    }

    /// Has a component answer, and leaves one record in `sink`. To be awaited, and the answer's body to be polled, within a Tokio runtime
    /// with time and network. Where the host answers in the component's place, the answer has the extension [`Refused`].
    pub async fn answer(&self, component: Arc<Component>, sink: Arc<dyn ExecutionSink>, vouched: Vouched) -> Response<ResponseBody> {
        let Vouched { parts, uri, route, body } = vouched;
        self.cast(component, route, sink, parts, uri, body, Instant::now()).await
    }

    /// Has a component answer. Every way out of here leaves one record.
    #[expect(clippy::too_many_arguments, reason = "they are what a request is taken apart into")]
    pub(crate) async fn cast<B: RequestSource>(
        &self,
        component: Arc<Component>,
        route: Arc<Route>,
        sink: Arc<dyn ExecutionSink>,
        mut parts: request::Parts,
        uri: Uri,
        incoming: B,
        started: Instant,
    ) -> Response<ResponseBody> {
        let mut recording = Recording::start(component, route, sink, self.failures, started);
        let request_bytes_max = recording.component.limits.get(Limit::Request);
        if content_length(&parts.headers).is_some_and(|length| length > request_bytes_max) {
            return refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Request)));
        }
        let depth = spell_capabilities::depth(&parts.headers);
        if depth >= recording.component.limits.get(Limit::Depth) {
            return refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Depth)));
        }
        let places = recording.component.places().min(self.places_max);
        let permit = match recording.component.admission.admit(&self.places, places, self.place_time_max).await {
            Ok(permit) => permit,
            Err(reason) => return refuse(recording, &reason.into()),
        };
        let is_head = parts.method == Method::HEAD;
        parts.uri = uri;
        let body = RequestBody::new(incoming, recording.bytes_in.clone(), request_bytes_max);
        match begin(&mut recording, Request::from_parts(parts, body), depth).await {
            Ok(execution) => recording.begin_guest(execution, permit),
            Err(failure) => return refuse(recording, &(&failure).into()),
        }
        match std::future::poll_fn(|context| recording.poll_answer(context)).await {
            // Whatever the guest made of half a body: its client learns that the body was too large.
            _ if recording.bytes_in.too_large() => refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Request))),
            Ok(answer) => send(recording, answer, is_head).await,
            Err(failure) => refuse(recording, &(&failure).into()),
        }
    }
}

/// Has a guest made for a request, which does not run yet.
async fn begin<B: RequestSource>(recording: &mut Recording, request: Request<RequestBody<B>>, depth: u64) -> Result<Execution, Failure> {
    let component = recording.component.clone();
    let spell = component.spell(recording.started.into_std()).await.map_err(|error| Failure::Host(error.to_string()))?;
    let Some(arguments) = &component.arguments else {
        let host = component.host().at_depth(depth).in_trace(request.headers());
        return spell.call(request, host, &component.limits);
    };
    // A program is given the whole body, for which its time counts already.
    let (parts, body) = request.into_parts();
    let body = tokio::select! {
        collected = body.collect() => match collected {
            Ok(collected) => collected.to_bytes(),
            Err(_) if recording.bytes_in.too_large() => return Err(Failure::Limit(Limit::Request)),
            Err(error) => return Err(Failure::GuestError(format!("the request's body broke off: {error}"))),
        },
        () = tokio::time::sleep_until(recording.deadline) => return Err(Failure::Limit(Limit::Time)),
    };
    let program = cgi::program(&parts, &recording.route, arguments, body, &component.limits);
    let host = component.grants.host_of_program(&component.limits, &program).at_depth(depth).in_trace(&parts.headers);
    let output = program.output;
    spell.run(host, &component.limits, move || {
        if output.is_exceeded() {
            Err(Failure::Limit(Limit::Response))
        } else {
            cgi::answer(&output.contents()).map_err(Failure::GuestError)
        }
    })
}

/// Sends a guest's answer, if it is one that can be sent.
async fn send(mut recording: Recording, answer: Response<WasiBody>, is_head: bool) -> Response<ResponseBody> {
    let (mut parts, body) = answer.into_parts();
    if !(200..=599).contains(&parts.status.as_u16()) {
        let refusal =
            Refusal::bad_response(&format!("the spell answered with the status {}, which is none from 200 to 599", parts.status.as_u16()));
        return refuse(recording, &refusal);
    }
    if parts.status == StatusCode::NO_CONTENT {
        // RFC 9110, section 8.6: not with this status.
        parts.headers.remove(CONTENT_LENGTH);
    }
    let is_sent = !is_head && !matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let promised = content_length(&parts.headers);
    if is_sent && promised.is_some_and(|length| length > recording.component.limits.get(Limit::Response)) {
        return refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Response)));
    }
    recording.status = parts.status.as_u16();
    let mut guest = GuestBody::new(recording, body, promised, is_sent);
    let filled = std::future::poll_fn(|context| Poll::Ready(guest.fill(context))).await;
    match filled {
        Ok(()) => Response::from_parts(parts, ResponseBody::guest(guest)),
        Err(outcome) => match guest.into_recording() {
            Some(recording) => refuse(recording, &Refusal::of(outcome)),
            None => refusal::empty(StatusCode::BAD_GATEWAY),
        },
    }
}

fn refuse(mut recording: Recording, refusal: &Refusal) -> Response<ResponseBody> {
    recording.end_guest();
    let mut response = refusal.response(&recording.component, recording.failures);
    response.extensions_mut().insert(Refused { outcome: refusal.outcome, detail: refusal.detail.clone() });
    recording.outcome = Some(refusal.outcome);
    recording.status = response.status().as_u16();
    response
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
