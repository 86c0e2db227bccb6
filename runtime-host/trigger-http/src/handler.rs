//! One request, from its head to the head of its answer.

use crate::access::{AccessLine, AccessLog};
use crate::app::{App, Component};
use crate::body::{GuestBody, RequestBody, RequestSource, ResponseBody};
use crate::cgi;
use crate::client::Client;
use crate::headers;
use crate::recording::Recording;
use crate::refusal::{self, Failures, Refusal};
use crate::routes::Route;
use crate::way::Way;
use arc_swap::ArcSwap;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request};
use http_body_util::BodyExt;
use spell_capabilities::Neighbour;
use spell_engine::{Execution, Failure};
use spell_types::{ExecutionSink, Limit, Outcome};
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, WasiBody};

/// Answers the requests of an app, whatever connection they come from.
pub struct Handler {
    /// The app of this moment. Whoever reads it keeps nothing of it but the component and the route that a request leads to.
    app: ArcSwap<App>,
    sink: Arc<dyn ExecutionSink>,
    access: Option<Arc<dyn AccessLog>>,
    failures: Failures,
    /// Places to run in the whole host.
    places: Arc<Semaphore>,
}

impl Handler {
    /// A handler that runs `concurrency_max` requests at a time, all components together, and leaves one record of each in `sink`.
    pub fn new(
        app: App,
        concurrency_max: usize,
        failures: Failures,
        sink: Arc<dyn ExecutionSink>,
        access: Option<Arc<dyn AccessLog>>,
    ) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(concurrency_max.min(Semaphore::MAX_PERMITS)));
        let app = Arc::new(app);
        let handler = Arc::new(Self { app: ArcSwap::new(app.clone()), sink, access, failures, places });
        app.neighbours.lead_to(&handler, &app);
        handler
    }

    /// The app that new requests are answered by.
    pub fn app(&self) -> Arc<App> {
        self.app.load_full()
    }

    /// Answers new requests by another app from now on. Those under way end on the one before, which is given back: it is to be kept
    /// until it is at rest, because its components may still ask each other.
    pub fn replace(self: &Arc<Self>, app: App) -> Arc<App> {
        let app = Arc::new(app);
        app.neighbours.lead_to(self, &app);
        self.app.swap(app)
    }

    /// Answers a request, whatever it is. To be awaited, and its body to be polled, within a Tokio runtime with time and network.
    pub async fn answer<B: RequestSource>(&self, request: Request<B>, client: &Client) -> Response<ResponseBody> {
        let started = Instant::now();
        let Some(access) = &self.access else { return self.route(request, client, started).await.0 };
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (response, component) = self.route(request, client, started).await;
        access.answered(&AccessLine {
            method: method.as_str(),
            path: &path,
            status: response.status().as_u16(),
            component: component.as_deref(),
            wall: started.elapsed(),
        });
        response
    }

    /// Answers a request that a component of an app made, by that same app.
    pub(crate) async fn answer_neighbour(
        &self,
        app: &App,
        neighbour: &Neighbour,
        request: Request<WasiBody>,
    ) -> Result<Response<ResponseBody>, Error> {
        let (started, client) = (Instant::now(), Client::within());
        let Neighbour::Component(name) = neighbour else {
            let request = headers::to_address(request, app.address).ok_or(Error::HttpRequestUriInvalid)?;
            let (mut parts, body) = request.into_parts();
            let way = app.way(&mut parts, &client);
            return Ok(self.follow(way, parts, body, started).await.0);
        };
        let component = app.components.get(name.as_str()).ok_or(Error::DestinationNotFound)?.clone();
        let (mut parts, body) = request.into_parts();
        let uri = parts.uri.clone();
        let route = headers::from_within(&mut parts, &client).ok_or(Error::HttpRequestUriInvalid)?;
        Ok(self.cast(component, route, parts, uri, body, started).await)
    }

    async fn route<B: RequestSource>(
        &self,
        request: Request<B>,
        client: &Client,
        started: Instant,
    ) -> (Response<ResponseBody>, Option<Arc<str>>) {
        let (mut parts, incoming) = request.into_parts();
        // The app is let go of before anything is waited for.
        let way = self.app.load().way(&mut parts, client);
        self.follow(way, parts, incoming, started).await
    }

    async fn follow<B: RequestSource>(
        &self,
        way: Way,
        parts: request::Parts,
        incoming: B,
        started: Instant,
    ) -> (Response<ResponseBody>, Option<Arc<str>>) {
        match way {
            Way::Answered(response) => (response, None),
            Way::Component { component, route, uri } => {
                let id = component.id.clone();
                (self.cast(component, route, parts, uri, incoming, started).await, Some(id))
            }
        }
    }

    /// Has a spell answer. Every way out of here leaves one record.
    async fn cast<B: RequestSource>(
        &self,
        component: Arc<Component>,
        route: Arc<Route>,
        mut parts: request::Parts,
        uri: Uri,
        incoming: B,
        started: Instant,
    ) -> Response<ResponseBody> {
        let mut recording = Recording::start(component, route, self.sink.clone(), self.failures, started);
        let request_bytes_max = recording.component.limits.get(Limit::Request);
        if content_length(&parts.headers).is_some_and(|length| length > request_bytes_max) {
            return refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Request)));
        }
        let depth = spell_capabilities::depth(&parts.headers);
        if depth >= recording.component.limits.get(Limit::Depth) {
            return refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Depth)));
        }
        let permit = match recording.component.admission.admit(&self.places, recording.component.places()).await {
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
        let host = component.grants.host(&component.limits).at_depth(depth).in_trace(request.headers());
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
    let response = refusal.response(&recording.component, recording.failures);
    recording.outcome = Some(refusal.outcome);
    recording.status = response.status().as_u16();
    response
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
