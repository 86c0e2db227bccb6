//! Sends a request and collects its answer. Knows `wasi:http`; must never know how a plugin describes what it wants.

use crate::redirect::{self, REDIRECTS_MAX};
use crate::request::{Request, Target, headers_to_json};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bindings::exports::spell::runtime::extism_http::{Guest, Response};
use bindings::wasi::http::outgoing_handler;
use bindings::wasi::http::types::{
    ErrorCode, Fields, HeaderError, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};
use bindings::wasi::io::streams::{OutputStream, StreamError};

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package spell:adapters;

            world extism-http {
                import wasi:http/outgoing-handler@0.2.0;
                export spell:runtime/extism-http@0.1.0;
            }
        ",
        path: [
            "../../../wit/deps/wasi-io", "../../../wit/deps/wasi-clocks", "../wit/wasi-http", "../../../wit/spell-runtime",
        ],
        world: "spell:adapters/extism-http",
        std_feature,
        generate_all,
    });
}

/// The most bytes that a response's body has, as Extism's own host has it.
const RESPONSE_BYTES_MAX: usize = 50 << 20;
/// The most bytes that are asked for at once; hosts give fewer.
const READ_BYTES_MAX: u64 = 1 << 20;
/// They say how a body is sent; that is settled here, and by the host.
const HEADERS_OF_THE_CONNECTION: [&str; 5] = ["connection", "content-length", "keep-alive", "te", "transfer-encoding"];

struct Sender;

bindings::export!(Sender with_types_in bindings);

impl Guest for Sender {
    fn send(request: Vec<u8>, body: Option<Vec<u8>>) -> Result<Response, String> {
        let (mut request, mut body) = (Request::parse(&request)?, body);
        for _ in 0..=REDIRECTS_MAX {
            let target = Target::parse(&request.url)?;
            let outgoing = outgoing(&request, &target, body.as_deref())?;
            let response = exchange(outgoing, body.as_deref()).map_err(|error| told(&request.url, &error))?;
            let (status, headers) = (response.status(), response.headers());
            let location = headers.get("location").into_iter().next().and_then(|location| String::from_utf8(location).ok());
            let next = location.and_then(|location| redirect::next(&request, &target, body.is_some(), status, &location));
            let Some(next) = next else {
                let headers = headers_to_json(headers.entries());
                let body = read(&response, &request.url)?;
                return Ok(Response { status, headers, body });
            };
            (request, body) = (next, None);
        }
        Err(format!("HTTP request was sent on more than {REDIRECTS_MAX} times, last to {}", request.url))
    }
}

fn outgoing(request: &Request, target: &Target, body: Option<&[u8]>) -> Result<OutgoingRequest, String> {
    let headers = Fields::new();
    let host = |name: &str, value: &str| name.eq_ignore_ascii_case("host") && value.eq_ignore_ascii_case(&target.authority);
    let is_settled = |name: &str| HEADERS_OF_THE_CONNECTION.iter().any(|other| other.eq_ignore_ascii_case(name));
    for (name, value) in request.headers.iter().filter(|(name, value)| !is_settled(name) && !host(name, value)) {
        headers.append(name, value.as_bytes()).map_err(|error| match error {
            HeaderError::Forbidden => format!("The HTTP header {name:?} cannot be set"),
            _ => format!("The HTTP header {name:?} has a name or a value that cannot be sent"),
        })?;
    }
    let method = request.method().to_ascii_uppercase();
    let takes_body = !matches!(method.as_str(), "GET" | "HEAD" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE");
    if body.is_some() || takes_body {
        let bytes_count = body.map_or(0, <[u8]>::len).to_string();
        // The host may want to say it itself.
        let _ = headers.append("content-length", bytes_count.as_bytes());
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = if target.is_https { Scheme::Https } else { Scheme::Http };
    outgoing.set_method(&method_of(method)).map_err(|()| format!("Invalid HTTP method {:?}", request.method()))?;
    let is_set = outgoing.set_scheme(Some(&scheme)).is_ok()
        && outgoing.set_authority(Some(&target.authority)).is_ok()
        && outgoing.set_path_with_query(Some(&target.path_with_query)).is_ok();
    if is_set { Ok(outgoing) } else { Err(format!("Invalid URL {:?}", request.url)) }
}

fn method_of(name: String) -> Method {
    match name.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        _ => Method::Other(name),
    }
}

/// Sends it and waits for the head of the answer.
fn exchange(outgoing: OutgoingRequest, bytes: Option<&[u8]>) -> Result<IncomingResponse, ErrorCode> {
    let body = outgoing.body().map_err(|()| ErrorCode::InternalError(None))?;
    let answer = outgoing_handler::handle(outgoing, None)?;
    // Where it cannot be written, the answer says why, and there can be one before the end.
    if bytes.is_none_or(|bytes| body.write().is_ok_and(|stream| write(&stream, bytes).is_ok())) {
        let _ = OutgoingBody::finish(body, None);
    }
    loop {
        match answer.get() {
            Some(outcome) => return outcome.unwrap_or(Err(ErrorCode::InternalError(None))),
            None => answer.subscribe().block(),
        }
    }
}

/// Writes as much at once as the host has room for.
fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        let room_bytes = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        if room_bytes == 0 {
            stream.subscribe().block();
            continue;
        }
        let (piece, rest) = bytes.split_at(room_bytes.min(bytes.len()));
        stream.write(piece)?;
        bytes = rest;
    }
    stream.blocking_flush()
}

fn read(response: &IncomingResponse, url: &str) -> Result<Vec<u8>, String> {
    let body = response.consume().map_err(|()| broken_off(url))?;
    let stream = body.stream().map_err(|()| broken_off(url))?;
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        match stream.blocking_read(READ_BYTES_MAX) {
            Ok(piece) if bytes.len() + piece.len() > RESPONSE_BYTES_MAX => {
                return Err(format!("HTTP response exceeds the configured maximum number of bytes: {RESPONSE_BYTES_MAX}"));
            }
            Ok(piece) => {
                bytes.try_reserve(piece.len()).map_err(|_| format!("The HTTP response of {url} does not fit into memory"))?;
                bytes.extend_from_slice(&piece);
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => return Err(broken_off(url)),
        }
    }
    drop(stream);
    drop(IncomingBody::finish(body));
    Ok(bytes)
}

fn broken_off(url: &str) -> String {
    format!("The HTTP response of {url} broke off")
}

fn told(url: &str, error: &ErrorCode) -> String {
    match error {
        ErrorCode::HttpRequestDenied => format!("HTTP request to {url} is not allowed"),
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout | ErrorCode::DestinationNotFound => {
            format!("HTTP request to {url} failed: there is no such host")
        }
        ErrorCode::ConnectionRefused => format!("HTTP request to {url} failed: the connection was refused"),
        ErrorCode::ConnectionTimeout | ErrorCode::HttpResponseTimeout | ErrorCode::ConnectionReadTimeout => {
            format!("HTTP request to {url} failed: nobody answered in time")
        }
        ErrorCode::InternalError(Some(reason)) => format!("HTTP request to {url} failed: {reason}"),
        other => format!("HTTP request to {url} failed: {other:?}"),
    }
}
