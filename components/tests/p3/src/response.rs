//! Responses of wasi:http 0.3. Knows streams and futures; must never know behaviours.

use spin_sdk::wasip3::http::types::{Fields, Response};
use spin_sdk::wasip3::wit_bindgen::{StreamReader, StreamWriter, spawn};
use spin_sdk::wasip3::{wit_future, wit_stream};
use test_behaviour::{Answer, Field, chunks};

/// A response and the body to write once it has been returned.
pub(crate) fn start(status: u16, headers: &[(&str, &str)]) -> (Response, StreamWriter<u8>) {
    let (writer, reader) = wit_stream::new();
    (with_body(status, headers, reader), writer)
}

/// A response whose body is a stream that already exists.
pub(crate) fn with_body(status: u16, headers: &[(&str, &str)], body: StreamReader<u8>) -> Response {
    let fields = Fields::new();
    for (name, value) in headers {
        let _ = fields.append(name, value.as_bytes());
    }
    // No trailers: the future's default answers when its writer is dropped.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(fields, Some(body), trailers);
    let _ = response.set_status_code(status);
    response
}

/// A whole response, its length announced.
pub(crate) fn whole(status: u16, content_type: &str, body: Vec<u8>) -> Response {
    let length = body.len().to_string();
    let (response, mut writer) = start(status, &[("content-type", content_type), ("content-length", &length)]);
    spawn(async move {
        writer.write_all(body).await;
    });
    response
}

/// Exactly that answer, or which part of it the host refused.
pub(crate) fn respond(answer: &Answer) -> Response {
    try_respond(answer).unwrap_or_else(|name| whole(500, "text/plain", format!("refused: {name}").into_bytes()))
}

/// Fields one by one; the name of the first that is refused.
pub(crate) fn fields(all: &[Field]) -> Result<Fields, String> {
    let fields = Fields::new();
    all.iter().try_for_each(|(name, value)| fields.append(name, value).map_err(|_| name.clone()))?;
    Ok(fields)
}

/// Writes it all; false when the reader has gone away.
pub(crate) async fn write(writer: &mut StreamWriter<u8>, bytes: Vec<u8>) -> bool {
    writer.write_all(bytes).await.is_empty()
}

/// Writes that many bytes, until the reader goes away.
pub(crate) async fn fill(writer: &mut StreamWriter<u8>, bytes: u64) {
    for chunk in chunks(bytes) {
        if !write(writer, chunk).await {
            return;
        }
    }
}

fn try_respond(answer: &Answer) -> Result<Response, String> {
    let (headers, trailers) = (fields(&answer.headers)?, fields(&answer.trailers)?);
    let (mut body, reader) = wit_stream::new();
    let (end, ended) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(reader), ended);
    response.set_status_code(answer.status).map_err(|()| "status".to_owned())?;
    let (bytes, trailers) = (answer.bytes, (!answer.trailers.is_empty()).then_some(trailers));
    spawn(async move {
        fill(&mut body, bytes).await;
        drop(body);
        let _ = end.write(Ok(trailers)).await;
    });
    Ok(response)
}
