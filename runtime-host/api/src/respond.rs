//! What the control plane answers, and the problem documents of what is no part of the platform's API.
//!
//! It knows paths, methods and answers. It must never know connections.

use crate::platform::Routes;
use crate::serve::Control;
use axum::body::Body;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

const TEXT: &str = "text/plain; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PROBLEM: &str = "application/problem+json";

/// The answer to a request that came in at `local`, from `peer`.
pub(crate) async fn respond(
    control: &Control,
    routes: Option<Routes>,
    [local, peer]: [SocketAddr; 2],
    request: Request<Incoming>,
) -> Response<Body> {
    if !crate::loopback::is_meant_for(local, request.uri(), request.headers()) {
        return problem(StatusCode::MISDIRECTED_REQUEST, "this listener answers for loopback names and addresses only").map(Body::new);
    }
    match routes {
        Some(mut routes) if Routes::has(request.uri().path()) => routes.call(request.map(Body::new), peer).await,
        _ => observed(control, &request).map(Body::new),
    }
}

/// What can be seen of the host.
fn observed<B>(control: &Control, request: &Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/metrics") {
        return problem(StatusCode::NOT_FOUND, "there are /healthz and /metrics");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "this path is read with GET or HEAD");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/metrics" => answer(StatusCode::OK, OPENMETRICS, control.metrics.encode()),
        _ if control.draining.load(Relaxed) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, "draining\n"),
        _ => answer(StatusCode::OK, TEXT, "ok\n"),
    }
}

/// A problem document (RFC 9457). `detail` goes into JSON as it is: no quotes, no backslashes.
fn problem(status: StatusCode, detail: &'static str) -> Response<Full<Bytes>> {
    let title = status.canonical_reason().unwrap_or("Error");
    let code = status.as_u16();
    let body = format!("{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{code},\"detail\":\"{detail}\"}}\n");
    answer(status, PROBLEM, body)
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
