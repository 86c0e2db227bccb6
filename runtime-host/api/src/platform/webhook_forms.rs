//! Webhooks and their deliveries as they stand in requests and answers.
//!
//! It knows forms. It must never know where anything is kept or sent.

use crate::platform::description::choice;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::spells::text;
use crate::platform::wire::moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use spell_cast::{AboutWebhook, Delivery, DeliveryState, Event, OffReason, Webhook};
use spell_types::SpellKey;
use utoipa::ToSchema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Array, ArrayBuilder, Object, Type};

/// Characters of a URL at most.
const URL_CHARACTERS_MAX: usize = 2_000;
/// Characters of what a webhook is for at most.
const DESCRIPTION_CHARACTERS_MAX: usize = 200;
/// What secrets begin with, by Standard Webhooks 1.0.
const SECRET_MARK: &str = "whsec_";

#[derive(Deserialize, ToSchema)]
#[schema(as = NewWebhook)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSaid {
    /// `https`, unless the operator allows `http`.
    #[schema(value_type = String, required = true, min_length = 1, max_length = 2000, pattern = "^[!-~]+$")]
    url: Option<String>,
    /// What it is for.
    #[schema(max_length = 200, pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$")]
    description: Option<String>,
    #[schema(schema_with = events_asked)]
    events: Option<Vec<String>>,
    /// Only casts of this spell; `null` is every spell.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, pattern = "^[a-z0-9][a-z0-9._-]*$")]
    #[serde(default, deserialize_with = "said")]
    spell_key: Option<Option<String>>,
    /// Whether anything is sent.
    active: Option<bool>,
}

/// What may be said anew; what is not said stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = WebhookChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    #[schema(min_length = 1, max_length = 2000, pattern = "^[!-~]+$")]
    url: Option<String>,
    #[schema(max_length = 200, pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$")]
    description: Option<String>,
    #[schema(schema_with = events_asked)]
    events: Option<Vec<String>>,
    /// `null` is every spell.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 128, pattern = "^[a-z0-9][a-z0-9._-]*$")]
    #[serde(default, deserialize_with = "said")]
    spell_key: Option<Option<String>>,
    active: Option<bool>,
}

/// Also `null` says something.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookShown {
    id: String,
    url: String,
    description: String,
    #[schema(schema_with = events)]
    events: Vec<&'static str>,
    spell_key: Option<String>,
    active: bool,
    /// The secret, the one time that it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Until when the secret before signs as well.
    #[schema(format = DateTime)]
    previous_secret_until: Option<String>,
    #[schema(schema_with = off_reason)]
    off_reason: Option<&'static str>,
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    deliveries_waiting: u64,
    events_dropped: u64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub(crate) struct WebhooksShown {
    pub(crate) webhooks: Vec<WebhookShown>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryShown {
    id: String,
    #[schema(schema_with = event)]
    event: &'static str,
    cast_id: Option<String>,
    #[schema(schema_with = state)]
    state: &'static str,
    attempts: u32,
    last_status: Option<u16>,
    last_error: Option<String>,
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Deliveries)]
pub(crate) struct DeliveriesShown {
    pub(crate) deliveries: Vec<DeliveryShown>,
    pub(crate) next_cursor: Option<String>,
}

impl NewSaid {
    /// The same as if it was said of one that is there.
    pub(crate) fn into_change(self) -> Result<Said, Problem> {
        let Self { url, description, events, spell_key, active } = self;
        if url.is_none() {
            return Err(Problem::new(Refusal::Invalid, "url is required and must be a string"));
        }
        Ok(Said { url, description, events, spell_key, active })
    }
}

impl Said {
    /// What is there, with what is said in its place.
    pub(crate) fn apply(self, mut about: AboutWebhook) -> Result<AboutWebhook, Problem> {
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

pub(crate) fn shown(webhook: Webhook, secret: Option<&[u8]>) -> WebhookShown {
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

pub(crate) fn delivery_shown(delivery: Delivery) -> DeliveryShown {
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

fn events() -> Array {
    let event = choice(&Event::OF_CASTS.map(Event::name));
    ArrayBuilder::new().items(event).min_items(Some(1)).build()
}

fn events_asked() -> Array {
    let mut asked = events();
    asked.schema_type = SchemaType::from_iter([Type::Array, Type::Null]);
    asked.description = Some("What it is told; all of them if nobody says".to_owned());
    asked
}

fn event() -> Object {
    let names: Vec<&str> = Event::OF_CASTS.into_iter().chain([Event::Test]).map(Event::name).collect();
    choice(&names)
}

fn state() -> Object {
    choice(&[DeliveryState::Waiting, DeliveryState::Delivered, DeliveryState::Failed].map(DeliveryState::name))
}

fn off_reason() -> Object {
    let (mut reason, nothing) = (choice(&[OffReason::Gone, OffReason::Failing].map(OffReason::name)), Value::Null);
    reason.description = Some("Why the host has switched it off".to_owned());
    reason.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    reason.enum_values.get_or_insert_default().push(nothing);
    reason
}
