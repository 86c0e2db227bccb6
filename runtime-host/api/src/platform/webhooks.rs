//! Webhooks: made, listed, changed, given another secret, tried and deleted, each tenant its own.
//!
//! It knows the order in which a request is refused. It must never know the secret of one but when it is made.

use crate::platform::asked::{Asked, At, Page, cut};
use crate::platform::auth::Caller;
use crate::platform::description::codes;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::webhook_forms::{DeliveriesShown, DeliveryShown, NewSaid, Said, WebhookShown, WebhooksShown, delivery_shown, shown};
use crate::platform::wire::json;
use crate::platform::{Api, body};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use spell_cast::{AboutWebhook, Event, NewWebhook, Scope};
use std::sync::Arc;

/// Makes a webhook
///
/// Its secret is in this answer and never again. Nobody is asked at the URL.
#[utoipa::path(
    post, path = "/api/webhooks", operation_id = "createWebhook", tag = "Webhooks",
    request_body(content = NewSaid, example = json!({
        "url": "https://shop.example/hook", "description": "for the shop", "events": ["cast.failed"]
    })),
    responses((status = 201, description = "The webhook", body = WebhookShown, example = json!({
        "id": "hook_0199c5a1b2f300112233445566778899", "url": "https://shop.example/hook", "description": "for the shop",
        "events": ["cast.failed"], "spell_key": null, "active": true, "secret": "whsec_…",
        "previous_secret_until": null, "off_reason": null, "failing_since": null, "deliveries_waiting": 0, "events_dropped": 0,
        "created_at": "2026-01-31T09:05:07.042Z", "updated_at": "2026-01-31T09:05:07.042Z"
    }))),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::WebhooksTooMany, Refusal::BodyTooLarge]))))
)]
pub(crate) async fn create(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let said = body::read_json::<NewSaid>(&api, request).await?.into_change()?;
    let (url, description, events) = (String::new(), String::new(), Event::OF_CASTS.to_vec());
    let about = said.apply(AboutWebhook { url, description, events, spell: None, is_active: true })?;
    let NewWebhook { webhook, secret } = api.platform.add_webhook(tenant, about).await?;
    json(StatusCode::CREATED, &shown(webhook, Some(secret.bytes())))
}

/// Lists webhooks
///
/// Those of the tenant, without their secrets.
#[utoipa::path(
    get, path = "/api/webhooks", operation_id = "listWebhooks", tag = "Webhooks",
    responses((status = 200, description = "All of them", body = WebhooksShown, example = json!({ "webhooks": [] }))),
    extensions(("x-scope" = json!("admin")))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let webhooks = api.platform.webhooks.webhooks(tenant).await?;
    json(StatusCode::OK, &WebhooksShown { webhooks: webhooks.into_iter().map(|webhook| shown(webhook, None)).collect() })
}

/// Shows a webhook
#[utoipa::path(
    get, path = "/api/webhooks/{id}", operation_id = "showWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id", example = "hook_0199c5a1b2f300112233445566778899")),
    responses((status = 200, description = "The webhook", body = WebhookShown)),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::WebhookNotFound]))))
)]
pub(crate) async fn show(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    json(StatusCode::OK, &shown(api.platform.webhook(tenant, &id).await?, None))
}

/// Changes a webhook
///
/// What is not said stays. One that is switched on again begins anew.
#[utoipa::path(
    patch, path = "/api/webhooks/{id}", operation_id = "changeWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id", example = "hook_0199c5a1b2f300112233445566778899")),
    request_body(content = Said, example = json!({ "events": ["cast.failed", "cast.indeterminate"], "active": true })),
    responses((status = 200, description = "The webhook as it is now", body = WebhookShown)),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::WebhookNotFound, Refusal::BodyTooLarge]))))
)]
pub(crate) async fn change(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let said: Said = body::read_json(&api, request).await?;
    let about = said.apply(api.platform.webhook(tenant, &id).await?.about)?;
    json(StatusCode::OK, &shown(api.platform.change_webhook(tenant, &id, about).await?, None))
}

/// Deletes a webhook
///
/// What waits for it is not delivered.
#[utoipa::path(
    delete, path = "/api/webhooks/{id}", operation_id = "deleteWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id", example = "hook_0199c5a1b2f300112233445566778899")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::WebhookNotFound]))))
)]
pub(crate) async fn delete(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    api.platform.remove_webhook(tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Gives a webhook another secret
///
/// It is in this answer and never again. The one before signs as well, for a day.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/rotate", operation_id = "rotateWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id", example = "hook_0199c5a1b2f300112233445566778899")),
    responses((status = 200, description = "The webhook, with its new secret", body = WebhookShown)),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::WebhookNotFound]))))
)]
pub(crate) async fn rotate(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let NewWebhook { webhook, secret } = api.platform.rotate_webhook(tenant, &id).await?;
    json(StatusCode::OK, &shown(webhook, Some(secret.bytes())))
}

/// Tries a webhook
///
/// It is told `webhook.test`, as soon as it can be: the deliveries say what came of it.
#[utoipa::path(
    post, path = "/api/webhooks/{id}/test", operation_id = "testWebhook", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id", example = "hook_0199c5a1b2f300112233445566778899")),
    responses((status = 202, description = "The delivery", body = DeliveryShown, example = json!({
        "id": "msg_0199c5a1b2f300112233445566778899", "event": "webhook.test", "cast_id": null, "state": "waiting", "attempts": 0,
        "last_status": null, "last_error": null, "next_attempt_at": "2026-01-31T09:05:07.042Z", "created_at": "2026-01-31T09:05:07.042Z"
    }))),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::WebhookNotFound, Refusal::WebhookNotActive]))))
)]
pub(crate) async fn test(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    json(StatusCode::ACCEPTED, &delivery_shown(api.platform.test_webhook(tenant, &id).await?))
}

/// Lists what was sent
///
/// The newest first, a page at a time, for as long as it is kept.
#[utoipa::path(
    get, path = "/api/webhooks/{id}/deliveries", operation_id = "listDeliveries", tag = "Webhooks",
    params(("id" = String, Path, description = "The webhook's id", example = "hook_0199c5a1b2f300112233445566778899"), Page),
    responses((status = 200, description = "A page", body = DeliveriesShown, example = json!({ "deliveries": [], "next_cursor": null }))),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::WebhookNotFound, Refusal::Invalid]))))
)]
pub(crate) async fn deliveries(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(id): At<String>,
    Asked(page): Asked<Page>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let count_max = page.count_max()?;
    let webhook = api.platform.webhook(tenant, &id).await?;
    let mut found = api.platform.webhooks.deliveries(&webhook.id, page.cursor.as_deref(), count_max + 1).await?;
    let next_cursor = cut(&mut found, count_max, |delivery| delivery.id.clone());
    json(StatusCode::OK, &DeliveriesShown { deliveries: found.into_iter().map(delivery_shown).collect(), next_cursor })
}
