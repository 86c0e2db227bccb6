//! Outbound HTTP as Spin 1 had it. Knows its types; must never know paths.

mod bindings {
    wit_bindgen::generate!({
        inline: "package tests:old-http; world old-http { import fermyon:spin/http; }",
        path: "../../../wit/spin1",
        world: "tests:old-http/old-http",
        generate_all,
    });
}

use bindings::fermyon::spin::http::send_request;
use bindings::fermyon::spin::http_types::{HttpError, Method, Request};
use serde_json::json;
use test_behaviour::Ask;

/// Makes one request and tells what came of it.
pub(crate) fn fetch(ask: &Ask) -> String {
    let method = match ask.method.as_str() {
        "POST" => Method::Post,
        "HEAD" => Method::Head,
        _ => Method::Get,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let request = Request {
        method,
        uri: format!("{}://{}{}", part(&ask.scheme), part(&ask.authority), part(&ask.path)),
        headers: ask.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        params: Vec::new(),
        body: (ask.body > 0).then(|| vec![b'x'; usize::try_from(ask.body).unwrap_or(0)]),
    };
    match send_request(&request) {
        Ok(response) => json!({ "status": response.status, "bytes": response.body.map_or(0, |body| body.len()) }),
        Err(error) => json!({ "error": name(error) }),
    }
    .to_string()
}

fn name(error: HttpError) -> &'static str {
    match error {
        HttpError::Success => "success",
        HttpError::DestinationNotAllowed => "destination-not-allowed",
        HttpError::InvalidUrl => "invalid-url",
        HttpError::RequestError => "request-error",
        HttpError::RuntimeError => "runtime-error",
        HttpError::TooManyRequests => "too-many-requests",
    }
}
