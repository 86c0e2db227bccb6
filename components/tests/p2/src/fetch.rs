//! Outgoing requests of wasi:http 0.2. Knows how one is made; must never follow a redirect.

use serde_json::{Value, json};
use test_behaviour::{Ask, CHUNK_BYTES, error_name};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, FutureIncomingResponse, IncomingResponse, Method, OutgoingRequest, RequestOptions, ResponseOutparam, Scheme,
};

use crate::handler::read;
use crate::response::{Body, fields, send, start};

/// The status and the length of the body, or the error's name.
type Outcome = Result<(u16, usize), String>;

/// Gets a URL so many times, one after the other; JSON of each outcome.
pub(crate) fn all(url: &str, times: u64) -> String {
    list((0..times).map(|_| exchange(&Ask::get(url))))
}

/// Gets a URL so many times, side by side; JSON of each outcome.
pub(crate) fn side_by_side(url: &str, times: u64) -> String {
    let begun: Vec<_> = (0..times).map(|_| begin(&Ask::get(url))).collect();
    list(begun.into_iter().map(|begun| begun.and_then(wait).and_then(measure)))
}

/// Makes one request; JSON of its outcome.
pub(crate) fn one(ask: &Ask) -> String {
    describe(exchange(ask)).to_string()
}

/// Passes on the status and the body of a URL, which never enters this component's memory.
pub(crate) fn pipe(url: &str, out: ResponseOutparam) {
    match begin(&Ask::get(url)).and_then(wait) {
        Ok(response) => pour(&response, &start(out, response.status(), &[])),
        Err(error) => send(out, 502, "text/plain", error.as_bytes()),
    }
}

fn pour(response: &IncomingResponse, to: &Body) {
    let (Ok(body), Some(to)) = (response.consume(), to.stream()) else { return };
    if let Ok(from) = body.stream() {
        while to.blocking_splice(&from, CHUNK_BYTES as u64).is_ok() {}
    }
}

fn list(outcomes: impl Iterator<Item = Outcome>) -> String {
    Value::Array(outcomes.map(describe).collect()).to_string()
}

fn describe(outcome: Outcome) -> Value {
    match outcome {
        Ok((status, bytes)) => json!({ "status": status, "bytes": bytes }),
        Err(error) => json!({ "error": error }),
    }
}

fn exchange(ask: &Ask) -> Outcome {
    begin(ask).and_then(wait).and_then(measure)
}

/// Sends the head and the whole body.
fn begin(ask: &Ask) -> Result<FutureIncomingResponse, String> {
    let request = request(ask)?;
    let options = options(ask)?;
    let body = (ask.body > 0).then(|| Body::new(request.body().ok()));
    let response = outgoing_handler::handle(request, options).map_err(name)?;
    if let Some(body) = body {
        body.fill(ask.body);
    }
    Ok(response)
}

fn wait(response: FutureIncomingResponse) -> Result<IncomingResponse, String> {
    response.subscribe().block();
    match response.get() {
        Some(Ok(outcome)) => outcome.map_err(name),
        _ => Err(name(ErrorCode::InternalError(None))),
    }
}

fn measure(response: IncomingResponse) -> Outcome {
    let unreadable = |()| name(ErrorCode::InternalError(None));
    let body = response.consume().map_err(unreadable)?;
    let stream = body.stream().map_err(unreadable)?;
    let mut bytes = 0;
    let is_whole = read(&stream, |chunk| {
        bytes += chunk.len();
        true
    });
    if is_whole { Ok((response.status(), bytes)) } else { Err(name(ErrorCode::HttpResponseIncomplete)) }
}

fn request(ask: &Ask) -> Result<OutgoingRequest, String> {
    let headers = fields(&ask.headers).map_err(|_| refused("header"))?;
    let request = OutgoingRequest::new(headers);
    request.set_method(&method(&ask.method)).map_err(|()| refused("method"))?;
    request.set_scheme(ask.scheme.as_deref().map(scheme).as_ref()).map_err(|()| refused("scheme"))?;
    request.set_authority(ask.authority.as_deref()).map_err(|()| refused("authority"))?;
    request.set_path_with_query(ask.path.as_deref()).map_err(|()| refused("path"))?;
    Ok(request)
}

fn options(ask: &Ask) -> Result<Option<RequestOptions>, String> {
    if !ask.has_timeouts() {
        return Ok(None);
    }
    let options = RequestOptions::new();
    options.set_connect_timeout(ask.connect_ns).map_err(|()| refused("timeout"))?;
    options.set_first_byte_timeout(ask.first_byte_ns).map_err(|()| refused("timeout"))?;
    options.set_between_bytes_timeout(ask.between_bytes_ns).map_err(|()| refused("timeout"))?;
    Ok(Some(options))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn scheme(name: &str) -> Scheme {
    match name {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    }
}

fn refused(part: &str) -> String {
    format!("refused-{part}")
}

fn name(error: ErrorCode) -> String {
    error_name(&format!("{error:?}"))
}
