//! Responses of wasi:http 0.3. Knows streams and futures; must never know behaviours.

use spin_sdk::wasip3::http::types::{Fields, Response};
use spin_sdk::wasip3::wit_bindgen::{StreamReader, StreamWriter, spawn};
use spin_sdk::wasip3::{wit_future, wit_stream};

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

/// Writes it all; false when the reader has gone away.
pub(crate) async fn write(writer: &mut StreamWriter<u8>, bytes: Vec<u8>) -> bool {
    writer.write_all(bytes).await.is_empty()
}
