//! Webhooks: made, listed, changed, given another secret, tried and deleted, each tenant its own.
//!
//! It knows their form on the wire. It must never know the secret of one but when it is made.

use crate::platform::asked::{Asked, At, Page, cut};
use crate::platform::auth::Caller;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::spells::text;
use crate::platform::wire::{json, moment};
use crate::platform::{Api, body};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use spell_cast::{AboutWebhook, Delivery, Event, NewWebhook, OffReason, Scope, Webhook};
use spell_types::SpellKey;
use std::sync::Arc;

/// Characters of a URL at most.
const URL_CHARACTERS_MAX: usize = 2_000;
/// Characters of what a webhook is for at most.
const DESCRIPTION_CHARACTERS_MAX: usize = 200;
/// What secrets begin with, by Standard Webhooks 1.0.
const SECRET_MARK: &str = "whsec_";

/// What is said of a webhook; when it is changed, what is not said stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    url: Option<String>,
    description: Option<String>,
    events: Option<Vec<String>>,
    /// `null` is every spell.
    #[serde(default, deserialize_with = "said")]
    spell_key: Option<Option<String>>,
    active: Option<bool>,
}

/// Also `null` says something.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

#[derive(Serialize)]
struct WebhookShown {
    id: String,
    url: String,
    description: String,
    events: Vec<&'static str>,
    spell_key: Option<String>,
    active: bool,
    /// The secret, the one time that it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    previous_secret_until: Option<String>,
    off_reason: Option<&'static str>,
    failing_since: Option<String>,
    deliveries_waiting: u64,
    events_dropped: u64,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct WebhooksShown {
    webhooks: Vec<WebhookShown>,
}

#[derive(Serialize)]
struct DeliveryShown {
    id: String,
    event: &'static str,
    cast_id: Option<String>,
    state: &'static str,
    attempts: u32,
    last_status: Option<u16>,
    last_error: Option<String>,
    next_attempt_at: Option<String>,
    created_at: String,
}

#[derive(Serialize)]
struct DeliveriesShown {
    deliveries: Vec<DeliveryShown>,
    next_cursor: Option<String>,
}

pub(crate) async fn create(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let said: Said = body::read_json(&api, request).await?;
    if said.url.is_none() {
        return Err(Problem::new(Refusal::Invalid, "url is required and must be a string"));
    }
    let (url, description, events) = (String::new(), String::new(), Event::OF_CASTS.to_vec());
    let about = said.apply(AboutWebhook { url, description, events, spell: None, is_active: true })?;
    let NewWebhook { webhook, secret } = api.platform.add_webhook(tenant, about).await?;
    json(StatusCode::CREATED, &shown(webhook, Some(secret.bytes())))
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let webhooks = api.platform.webhooks.webhooks(tenant).await?;
    json(StatusCode::OK, &WebhooksShown { webhooks: webhooks.into_iter().map(|webhook| shown(webhook, None)).collect() })
}

pub(crate) async fn show(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    json(StatusCode::OK, &shown(api.platform.webhook(tenant, &id).await?, None))
}

pub(crate) async fn change(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let said: Said = body::read_json(&api, request).await?;
    let about = said.apply(api.platform.webhook(tenant, &id).await?.about)?;
    json(StatusCode::OK, &shown(api.platform.change_webhook(tenant, &id, about).await?, None))
}

pub(crate) async fn delete(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    api.platform.remove_webhook(tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn rotate(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let NewWebhook { webhook, secret } = api.platform.rotate_webhook(tenant, &id).await?;
    json(StatusCode::OK, &shown(webhook, Some(secret.bytes())))
}

pub(crate) async fn test(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    json(StatusCode::ACCEPTED, &delivery_shown(api.platform.test_webhook(tenant, &id).await?))
}

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

impl Said {
    fn apply(self, mut about: AboutWebhook) -> Result<AboutWebhook, Problem> {
        if let Some(url) = self.url {
            about.url = readable_url(url)?;
        }
        if let Some(description) = self.description {
            about.description = text("description", description, 0, DESCRIPTION_CHARACTERS_MAX)?;
        }
        if let Some(events) = self.events {
            about.events = known_events(&events)?;
        }
        if let Some(spell) = self.spell_key {
            about.spell = spell.as_deref().map(spell_key).transpose()?;
        }
        about.is_active = self.active.unwrap_or(about.is_active);
        Ok(about)
    }
}

/// What lies behind it is judged where it is asked.
fn readable_url(url: String) -> Result<String, Problem> {
    if (1..=URL_CHARACTERS_MAX).contains(&url.len()) && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(url);
    }
    Err(Problem::new(Refusal::Invalid, format!("url must have between 1 and {URL_CHARACTERS_MAX} visible ASCII characters")))
}

/// Each event once, in their own order.
fn known_events(names: &[String]) -> Result<Vec<Event>, Problem> {
    let is_known = |name: &String| Event::OF_CASTS.iter().any(|event| event.name() == name);
    if names.is_empty() || !names.iter().all(is_known) {
        let all = Event::OF_CASTS.map(Event::name).join(", ");
        return Err(Problem::new(Refusal::Invalid, format!("events must be one or more of: {all}")));
    }
    Ok(Event::OF_CASTS.into_iter().filter(|event| names.iter().any(|name| name == event.name())).collect())
}

fn spell_key(key: &str) -> Result<SpellKey, Problem> {
    key.parse().map_err(|error| Problem::new(Refusal::Invalid, format!("spell_key: {error}")))
}

fn shown(webhook: Webhook, secret: Option<&[u8]>) -> WebhookShown {
    let about = webhook.about;
    WebhookShown {
        id: webhook.id,
        url: about.url,
        description: about.description,
        events: about.events.into_iter().map(Event::name).collect(),
        spell_key: about.spell.map(|spell| spell.to_string()),
        active: about.is_active,
        secret: secret.map(|secret| format!("{SECRET_MARK}{}", STANDARD.encode(secret))),
        previous_secret_until: webhook.previous.map(|(_, until)| moment(until)),
        off_reason: webhook.off.map(OffReason::name),
        failing_since: webhook.failing_since.map(moment),
        deliveries_waiting: webhook.waiting,
        events_dropped: webhook.dropped,
        created_at: moment(webhook.created_at),
        updated_at: moment(webhook.updated_at),
    }
}

fn delivery_shown(delivery: Delivery) -> DeliveryShown {
    DeliveryShown {
        id: delivery.id,
        event: delivery.event.name(),
        cast_id: delivery.cast_id,
        state: delivery.state.name(),
        attempts: delivery.attempts,
        last_status: delivery.last_status,
        last_error: delivery.last_error,
        next_attempt_at: delivery.due_at.map(moment),
        created_at: moment(delivery.created_at),
    }
}
