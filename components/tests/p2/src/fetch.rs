//! Outgoing requests of wasi:http 0.2. Knows how one is made; must never follow a redirect.

use serde_json::{Value, json};
use test_behaviour::error_name;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, IncomingResponse, OutgoingRequest, Scheme};

use crate::handler::read;

/// Gets a URL so many times, one after the other; JSON of each outcome.
pub(crate) fn all(url: &str, times: u64) -> String {
    let outcomes: Vec<Value> = (0..times)
        .map(|_| match get(url) {
            Ok((status, bytes)) => json!({ "status": status, "bytes": bytes }),
            Err(error) => json!({ "error": error_name(&format!("{error:?}")) }),
        })
        .collect();
    Value::Array(outcomes).to_string()
}

fn get(url: &str) -> Result<(u16, usize), ErrorCode> {
    let response = send(url)?;
    let body = response.consume().map_err(|()| ErrorCode::InternalError(None))?;
    let stream = body.stream().map_err(|()| ErrorCode::InternalError(None))?;
    let mut bytes = 0;
    let is_whole = read(&stream, |chunk| {
        bytes += chunk.len();
        true
    });
    if is_whole { Ok((response.status(), bytes)) } else { Err(ErrorCode::HttpResponseIncomplete) }
}

fn send(url: &str) -> Result<IncomingResponse, ErrorCode> {
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;

    let response = outgoing_handler::handle(request, None)?;
    response.subscribe().block();
    match response.get() {
        Some(Ok(outcome)) => outcome,
        _ => Err(ErrorCode::InternalError(None)),
    }
}
