//! One request, from its head to the head of its answer.

use crate::access::{AccessLine, AccessLog};
use crate::app::{App, Component, StaticResponse, Target};
use crate::body::{GuestBody, RequestBody, RequestSource, ResponseBody};
use crate::cgi;
use crate::client::Client;
use crate::headers;
use crate::recording::Recording;
use crate::refusal::{self, Refusal};
use crate::routes::Route;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, request};
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
    app: App,
    sink: Arc<dyn ExecutionSink>,
    access: Option<Arc<dyn AccessLog>>,
    /// Places to run in the whole host.
    places: Arc<Semaphore>,
}

const WELL_KNOWN: &str = "/.well-known/spin/";

impl Handler {
    /// A handler that runs `concurrency_max` requests at a time, all components together, and leaves one record of each in `sink`.
    pub fn new(app: App, concurrency_max: usize, sink: Arc<dyn ExecutionSink>, access: Option<Arc<dyn AccessLog>>) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(concurrency_max.min(Semaphore::MAX_PERMITS)));
        let handler = Arc::new(Self { app, sink, access, places });
        handler.app.neighbours.lead_to(&handler);
        handler
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

    /// Answers a request that a component of the app made.
    pub(crate) async fn answer_neighbour(
        &self,
        neighbour: &Neighbour,
        request: Request<WasiBody>,
    ) -> Result<Response<ResponseBody>, Error> {
        let (started, client) = (Instant::now(), Client::within());
        let Neighbour::Component(name) = neighbour else {
            let request = headers::to_address(request, self.app.address).ok_or(Error::HttpRequestUriInvalid)?;
            return Ok(self.route(request, &client, started).await.0);
        };
        let component = self.app.components.get(name.as_str()).ok_or(Error::DestinationNotFound)?;
        let (mut parts, body) = request.into_parts();
        let uri = parts.uri.clone();
        let route = headers::from_within(&mut parts, &client).ok_or(Error::HttpRequestUriInvalid)?;
        Ok(self.cast(component, &route, parts, uri, body, started).await)
    }

    async fn route<B: RequestSource>(
        &self,
        request: Request<B>,
        client: &Client,
        started: Instant,
    ) -> (Response<ResponseBody>, Option<Arc<str>>) {
        if request.method() == Method::CONNECT {
            let mut response =
                refusal::plain(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this is no proxy: CONNECT leads nowhere");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
            return (response, None);
        }
        let (mut parts, incoming) = request.into_parts();
        let path = parts.uri.path();
        if let Some(page) = path.strip_prefix(WELL_KNOWN) {
            return (self.well_known(page), None);
        }
        let Some(found) = self.app.routes.find(path) else { return (refusal::empty(StatusCode::NOT_FOUND), None) };
        let uri = match headers::absolute_uri(&parts, &client.scheme) {
            Ok(uri) => uri,
            Err(reason) => return (refusal::plain(StatusCode::BAD_REQUEST, "bad-host", &reason.to_string()), None),
        };
        match found.target {
            Target::Static(fixed) => (fixed_response(fixed), None),
            Target::Spell(component) => {
                headers::rewrite(&mut parts.headers, &uri, found.route, &found.parameters, client);
                let response = self.cast(component, found.route, parts, uri, incoming, started).await;
                (response, Some(component.id.clone()))
            }
        }
    }

    fn well_known(&self, page: &str) -> Response<ResponseBody> {
        match page {
            "health" => Response::new(ResponseBody::whole("OK")),
            "info" => {
                let info = &self.app.info;
                let mut json = serde_json::json!({ "name": info.name });
                if let (Some(version), Some(members)) = (&info.version, json.as_object_mut()) {
                    members.insert("version".to_owned(), version.as_str().into());
                }
                let mut response = Response::new(ResponseBody::whole(format!("{json:#}")));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            _ => refusal::empty(StatusCode::NOT_FOUND),
        }
    }

    /// Has a spell answer. Every way out of here leaves one record.
    async fn cast<B: RequestSource>(
        &self,
        component: &Arc<Component>,
        route: &Arc<Route>,
        mut parts: request::Parts,
        uri: Uri,
        incoming: B,
        started: Instant,
    ) -> Response<ResponseBody> {
        let mut recording = Recording::start(component.clone(), route.clone(), self.sink.clone(), started);
        let request_bytes_max = component.limits.get(Limit::Request);
        if content_length(&parts.headers).is_some_and(|length| length > request_bytes_max) {
            return refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Request)));
        }
        let depth = spell_capabilities::depth(&parts.headers);
        if depth >= component.limits.get(Limit::Depth) {
            return refuse(recording, &Refusal::of(Outcome::LimitExceeded(Limit::Depth)));
        }
        let permit = match component.admission.admit(&self.places, component.places()).await {
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
        let host = component.grants.host(&component.limits).at_depth(depth);
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
    let host = component.grants.host_of_program(&component.limits, &program).at_depth(depth);
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
    let response = refusal.response(&recording.component);
    recording.outcome = Some(refusal.outcome);
    recording.status = response.status().as_u16();
    response
}

fn fixed_response(fixed: &StaticResponse) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(fixed.body.clone()));
    *response.status_mut() = fixed.status;
    *response.headers_mut() = fixed.headers.clone();
    response
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
