//! What GitHub says by itself, on a webhook. No API key is shown: the signature over the body proves who says it.
//!
//! It knows GitHub's headers. It must never believe what is said, nor know what becomes of it.

use crate::platform::description::codes;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::json;
use crate::platform::{Api, body};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use spell_cast::{Heard, Notice};
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Heard)]
struct HeardShown {
    status: &'static str,
}

/// Hears from GitHub
///
/// A `workflow_run` event, signed with the secret that GitHub and the host have: the run that it names is asked about at once. What it says is
/// not believed. Where GitHub is not set up there is no such path.
#[utoipa::path(
    post, path = "/api/webhooks/github", operation_id = "hearFromGithub", tag = "Webhooks",
    params(
        ("X-GitHub-Event" = String, Header, description = "Which event"),
        ("X-GitHub-Delivery" = String, Header, description = "Its id: heard once"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=`, and the HMAC-SHA256 of the body"),
    ),
    request_body(content = Object, description = "What GitHub says", content_type = "application/json"),
    responses(
        (status = 200, description = "It was heard before", body = HeardShown),
        (status = 202, description = "It is heard", body = HeardShown),
    ),
    extensions(("x-refusals" = json!(codes(&[Refusal::NotFound, Refusal::WebhookForged, Refusal::BodyTooLarge]))))
)]
pub(crate) async fn hear(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Problem> {
    // Where nobody listens, nothing is read.
    let nobody = || Problem::new(Refusal::NotFound, "there is no such path in this API");
    let workflows = api.platform.github.clone().ok_or_else(nobody)?;
    let headers = request.headers().clone();
    let (body, _place) = body::read(&api, request, &body::JSON).await?;
    let (event, id) = (one(&headers, "x-github-event"), one(&headers, "x-github-delivery"));
    let heard = workflows.hear(Notice { event, id, signature: one(&headers, "x-hub-signature-256"), body: &body });
    match heard {
        Heard::NotSetUp => Err(nobody()),
        Heard::Forged => Err(Problem::new(Refusal::WebhookForged, "X-Hub-Signature-256 does not prove that GitHub says it")),
        Heard::Replayed => json(StatusCode::OK, &HeardShown { status: "replayed" }),
        Heard::Taken => json(StatusCode::ACCEPTED, &HeardShown { status: "accepted" }),
    }
}

/// The value of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return "" };
    value.to_str().unwrap_or_default()
}
