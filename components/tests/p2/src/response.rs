//! Responses of wasi:http 0.2. Knows outparams and streams; must never know behaviours.

use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::OutputStream;

/// Most bytes that one blocking write may carry (a rule of wasi:io).
const WRITE_BYTES_MAX: usize = 4096;

/// A response body being written; ends the body when dropped.
pub(crate) struct Body {
    // The stream goes before the body it belongs to.
    stream: Option<OutputStream>,
    body: Option<OutgoingBody>,
}

impl Body {
    /// Writes and flushes; false when the reader has gone away.
    pub(crate) fn write(&self, bytes: &[u8]) -> bool {
        let Some(stream) = &self.stream else { return false };
        bytes.chunks(WRITE_BYTES_MAX).all(|chunk| stream.blocking_write_and_flush(chunk).is_ok())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        drop(self.stream.take());
        if let Some(body) = self.body.take() {
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

/// Sends the head and gives the body to write.
pub(crate) fn start(outparam: ResponseOutparam, status: u16, headers: &[(&str, &str)]) -> Body {
    let fields = Fields::new();
    for (name, value) in headers {
        let _ = fields.append(name, value.as_bytes());
    }
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(status);
    let body = response.body().ok();
    ResponseOutparam::set(outparam, Ok(response));
    let stream = body.as_ref().and_then(|body| body.write().ok());
    Body { stream, body }
}

/// Sends a whole response, its length announced.
pub(crate) fn send(outparam: ResponseOutparam, status: u16, content_type: &str, body: &[u8]) {
    let length = body.len().to_string();
    start(outparam, status, &[("content-type", content_type), ("content-length", &length)]).write(body);
}
