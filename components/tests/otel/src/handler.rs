//! The `wasi:http/incoming-handler` export. Knows paths; must never know what a span consists of.

use crate::{measured, told};
use serde_json::{Value, json};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Otel;

impl Guest for Otel {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let mut words = path.trim_start_matches('/').split('/');
        let (what, number) = (words.next().unwrap_or_default(), words.next().and_then(|number| number.parse().ok()).unwrap_or(0));
        answer(out, &act(what, number).to_string());
    }
}

wasip2::http::proxy::export!(Otel);

fn act(what: &str, number: usize) -> Value {
    match what {
        "context" => told::context(),
        "span" => told::span(true),
        "unsampled" => told::span(false),
        "bad-span" => told::bad_spans(),
        "log" => told::log(),
        "metrics" => json!(measured::all().err()),
        "bad-metrics" => json!(measured::uneven().err()),
        "flood" => told::flood(number),
        "deep" => told::deep(number),
        "heavy" => told::heavy(number),
        _ => json!(null),
    }
}

fn answer(out: ResponseOutparam, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(stream) = body.write() {
        let _ = stream.blocking_write_and_flush(text.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}
