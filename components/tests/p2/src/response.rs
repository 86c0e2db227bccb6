//! Responses of wasi:http 0.2. Knows outparams and streams; must never know behaviours.

use test_behaviour::{Answer, Field, chunks};
use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::OutputStream;

/// Most bytes that one blocking write may carry (a rule of wasi:io).
const WRITE_BYTES_MAX: usize = 4096;

/// A body being written, of a response or of a request; ends the body when dropped.
pub(crate) struct Body {
    // The stream goes before the body it belongs to.
    stream: Option<OutputStream>,
    body: Option<OutgoingBody>,
    trailers: Option<Fields>,
}

impl Body {
    pub(crate) fn new(body: Option<OutgoingBody>) -> Self {
        let stream = body.as_ref().and_then(|body| body.write().ok());
        Self { stream, body, trailers: None }
    }

    /// Writes and flushes; false when the reader has gone away.
    pub(crate) fn write(&self, bytes: &[u8]) -> bool {
        let Some(stream) = &self.stream else { return false };
        bytes.chunks(WRITE_BYTES_MAX).all(|chunk| stream.blocking_write_and_flush(chunk).is_ok())
    }

    /// Writes that many bytes, until the reader goes away.
    pub(crate) fn fill(&self, bytes: u64) {
        chunks(bytes).all(|chunk| self.write(&chunk));
    }

    /// The stream to write to, for what is more than plain bytes.
    pub(crate) fn stream(&self) -> Option<&OutputStream> {
        self.stream.as_ref()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        drop(self.stream.take());
        if let Some(body) = self.body.take() {
            let _ = OutgoingBody::finish(body, self.trailers.take());
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
    begin(outparam, response)
}

/// Sends a whole response, its length announced.
pub(crate) fn send(outparam: ResponseOutparam, status: u16, content_type: &str, body: &[u8]) {
    let length = body.len().to_string();
    start(outparam, status, &[("content-type", content_type), ("content-length", &length)]).write(body);
}

/// Sends exactly that answer, or says which part of it the host refused.
pub(crate) fn respond(outparam: ResponseOutparam, answer: &Answer) {
    match prepare(answer) {
        Ok((response, trailers)) => {
            let mut body = begin(outparam, response);
            body.trailers = trailers;
            body.fill(answer.bytes);
        }
        Err(name) => send(outparam, 500, "text/plain", format!("refused: {name}").as_bytes()),
    }
}

/// Fields one by one; the name of the first that is refused.
pub(crate) fn fields(all: &[Field]) -> Result<Fields, String> {
    let fields = Fields::new();
    all.iter().try_for_each(|(name, value)| fields.append(name, value).map_err(|_| name.clone()))?;
    Ok(fields)
}

fn prepare(answer: &Answer) -> Result<(OutgoingResponse, Option<Fields>), String> {
    let response = OutgoingResponse::new(fields(&answer.headers)?);
    response.set_status_code(answer.status).map_err(|()| "status".to_owned())?;
    let trailers = fields(&answer.trailers)?;
    Ok((response, (!answer.trailers.is_empty()).then_some(trailers)))
}

fn begin(outparam: ResponseOutparam, response: OutgoingResponse) -> Body {
    let body = response.body().ok();
    ResponseOutparam::set(outparam, Ok(response));
    Body::new(body)
}
