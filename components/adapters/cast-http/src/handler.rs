//! The handler: reads the request, casts, writes the answer. Knows `wasi:http`; must never know what a failure means.

use crate::problem::{self, HOW_TO, Problem};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bindings::exports::wasi::http::incoming_handler::Guest;
use bindings::spell::runtime::cast::{self, Content};
use bindings::wasi::http::types::{Fields, HeaderError, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package spell:adapters;

            world cast-http {
                import spell:runtime/cast@0.1.0;
                import wasi:http/types@0.2.0;
                export wasi:http/incoming-handler@0.2.0;
            }
        ",
        path: [
            "../../../wit/deps/wasi-io", "../../../wit/deps/wasi-clocks", "../wit/wasi-http", "../../../wit/spell-runtime",
        ],
        world: "spell:adapters/cast-http",
        std_feature,
        generate_all,
    });
}

/// The most bytes that are asked for at once; hosts give fewer.
const READ_BYTES_MAX: u64 = 1 << 20;

struct Handler;

bindings::export!(Handler with_types_in bindings);

impl Guest for Handler {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        if !matches!(request.method(), Method::Post) {
            let problem = Problem { status: 405, code: "method-not-allowed", detail: HOW_TO };
            return refuse(outparam, problem);
        }
        let headers = request.headers();
        let input = match read(&request, announced_bytes(&headers)) {
            Ok(bytes) => Content { bytes, content_type: text_of(&headers, "content-type") },
            Err((code, detail)) => return refuse(outparam, Problem::of_failure(code, detail)),
        };
        let outcome = cast::cast(&input);
        // The answer may need its memory.
        drop(input);
        match outcome {
            Ok(content) => answer(outparam, content),
            Err(failure) => refuse(outparam, Problem::of_failure(&failure.code, &failure.message)),
        }
    }
}

/// The first header with a name, if it is a text.
fn text_of(headers: &Fields, name: &str) -> Option<String> {
    headers.get(name).into_iter().next().and_then(|value| String::from_utf8(value).ok())
}

fn announced_bytes(headers: &Fields) -> Option<u64> {
    text_of(headers, "content-length")?.parse().ok()
}

/// The body of a request. Its pieces are copied once, into their place: at once if the length is known, else after the last.
fn read(request: &IncomingRequest, announced_bytes: Option<u64>) -> Result<Vec<u8>, (&'static str, &'static str)> {
    const TOO_LARGE: (&str, &str) = ("too-large", "the body does not fit into memory");
    const BROKEN_OFF: (&str, &str) = ("invalid-input", "the body broke off");
    let body = request.consume().map_err(|()| BROKEN_OFF)?;
    let stream = body.stream().map_err(|()| BROKEN_OFF)?;
    if let Some(announced_bytes) = announced_bytes {
        let mut bytes = Vec::new();
        let announced_bytes = usize::try_from(announced_bytes).map_err(|_| TOO_LARGE)?;
        bytes.try_reserve_exact(announced_bytes).map_err(|_| TOO_LARGE)?;
        while let Some(piece) = next(&stream).map_err(|()| BROKEN_OFF)? {
            bytes.try_reserve(piece.len()).map_err(|_| TOO_LARGE)?;
            bytes.extend_from_slice(&piece);
        }
        return Ok(bytes);
    }
    let (mut pieces, mut bytes_count) = (Vec::new(), 0);
    while let Some(piece) = next(&stream).map_err(|()| BROKEN_OFF)? {
        bytes_count += piece.len();
        pieces.push(piece);
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(bytes_count).map_err(|_| TOO_LARGE)?;
    for piece in pieces {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The next bytes; `None` after the last.
fn next(stream: &InputStream) -> Result<Option<Vec<u8>>, ()> {
    match stream.blocking_read(READ_BYTES_MAX) {
        Ok(piece) => Ok(Some(piece)),
        Err(StreamError::Closed) => Ok(None),
        Err(StreamError::LastOperationFailed(_)) => Err(()),
    }
}

fn answer(outparam: ResponseOutparam, content: Content) {
    let guess = || if str::from_utf8(&content.bytes).is_ok() { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let content_type = content.content_type.as_deref().unwrap_or_else(guess);
    match head(content_type, content.bytes.len(), None) {
        Ok(headers) => send(outparam, 200, headers, &content.bytes),
        Err(_) => refuse(outparam, Problem::of_failure("bad-answer", "the spell's content type is none that HTTP can carry")),
    }
}

fn refuse(outparam: ResponseOutparam, problem: Problem<'_>) {
    let body = problem.to_json();
    let allow = (problem.status == 405).then_some("POST");
    // All of it is ours and can be sent; without a head, the host answers.
    if let Ok(headers) = head(problem::CONTENT_TYPE, body.len(), allow) {
        send(outparam, problem.status, headers, body.as_bytes());
    }
}

fn head(content_type: &str, bytes_count: usize, allow: Option<&str>) -> Result<Fields, HeaderError> {
    let headers = Fields::new();
    headers.append("content-type", content_type.as_bytes())?;
    headers.append("content-length", bytes_count.to_string().as_bytes())?;
    allow.iter().try_for_each(|methods| headers.append("allow", methods.as_bytes()))?;
    Ok(headers)
}

fn send(outparam: ResponseOutparam, status: u16, headers: Fields, bytes: &[u8]) {
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let body = response.body();
    ResponseOutparam::set(outparam, Ok(response));
    let Ok(body) = body else { return };
    // A client that has gone away needs no more.
    if body.write().is_ok_and(|stream| write(&stream, bytes).is_ok()) {
        let _ = OutgoingBody::finish(body, None);
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
