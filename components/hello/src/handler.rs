//! The `wasi:http/handler` export. Knows the request; must never know how a greeting is worded.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use crate::greeting::greeting;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let name = request.headers().get("spin-path-match-name").and_then(|value| value.to_str().ok());
    greeting(name)
}
