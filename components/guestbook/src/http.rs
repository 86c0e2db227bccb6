//! wasi:http 0.2 in three calls. Knows streams and outparams; must never know what the bytes mean.

use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::StreamError;

/// Longest request body that is read, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;
/// Most bytes that one blocking write may carry (a rule of wasi:io).
const WRITE_BYTES_MAX: usize = 4096;

/// A whole response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// The method's name and the value of one header.
pub(crate) fn method_and_header(request: &IncomingRequest, name: &str) -> (String, String) {
    let method = match request.method() {
        Method::Get => "GET".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Other(name) => name,
        other => format!("{other:?}"),
    };
    let value = request.headers().get(name).into_iter().next_back().unwrap_or_default();
    (method, String::from_utf8(value).unwrap_or_default())
}

/// The body, or `None` when it is longer than [`BODY_BYTES_MAX`] or breaks off.
pub(crate) fn read_body(request: &IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let stream = body.stream().ok()?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(4096) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Some(bytes),
            Err(StreamError::LastOperationFailed(_)) => return None,
        }
        if bytes.len() > BODY_BYTES_MAX {
            return None;
        }
    }
}

/// Sends a response; a caller who has gone away is no one's error.
pub(crate) fn send(outparam: ResponseOutparam, answer: &Answer) {
    let headers = Fields::new();
    for (name, value) in &answer.headers {
        let _ = headers.append(name, value.as_bytes());
    }
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(answer.status);
    let body = response.body();
    ResponseOutparam::set(outparam, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        for chunk in answer.body.chunks(WRITE_BYTES_MAX) {
            if stream.blocking_write_and_flush(chunk).is_err() {
                break;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}
