//! Webhooks: where a tenant wants to be told how casts end, and what is on its way there.
//!
//! It knows endpoints, events and deliveries. It must never know HTTP, tables, or how a delivery is made.

pub(crate) mod schedule;
mod secret;
mod switchboard;

pub use secret::{Sealed, SecretLost, WebhookSecret};
pub use switchboard::{NewWebhook, WebhookFailure};

use crate::courier::Handed;
use crate::ids::NoRandomness;
use crate::ledger::CastRecord;
use spell_types::{BoxFuture, SpellKey, TenantId};
use std::time::{Duration, SystemTime};

/// Endpoints that a tenant has at most.
pub const WEBHOOKS_MAX: usize = 10;
/// Deliveries that wait for one endpoint at most. Further events are counted and dropped.
pub const DELIVERIES_WAITING_MAX: u64 = 10_000;
/// How long the secret before a new one signs as well.
pub const ROTATION_TIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an endpoint may fail, without a delivery that succeeds, until it is switched off.
pub const FAILING_TIME_MAX: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// How long deliveries that have ended stay on record.
pub const DELIVERY_TIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What an endpoint is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A cast gave an answer.
    Completed,
    /// A cast gave none.
    Failed,
    /// The host ended while a cast ran.
    Indeterminate,
    /// Somebody wants to see whether it arrives. Nobody asks to be told of it: it is sent to the endpoint that it is for.
    Test,
}

impl Event {
    /// Those that endpoints ask for.
    pub const OF_CASTS: [Event; 3] = [Event::Completed, Event::Failed, Event::Indeterminate];

    /// Its name in requests, records and what is delivered.
    pub fn name(self) -> &'static str {
        match self {
            Event::Completed => "cast.completed",
            Event::Failed => "cast.failed",
            Event::Indeterminate => "cast.indeterminate",
            Event::Test => "webhook.test",
        }
    }

    /// The event of this name.
    pub fn from_name(name: &str) -> Option<Event> {
        Self::OF_CASTS.into_iter().chain([Event::Test]).find(|event| event.name() == name)
    }
}

/// What a tenant says of an endpoint, and may say anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutWebhook {
    /// Where it is.
    pub url: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// What it is told of.
    pub events: Vec<Event>,
    /// Of which spell; of all if nobody says.
    pub spell: Option<SpellKey>,
    /// Whether it is told of anything.
    pub is_active: bool,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name for machines.
    pub id: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is said of it.
    pub about: AboutWebhook,
    /// What signs.
    pub secret: Sealed,
    /// What signs as well, until a time.
    pub previous: Option<(Sealed, SystemTime)>,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was changed last.
    pub updated_at: SystemTime,
    /// Since when nothing was delivered, though something was tried.
    pub failing_since: Option<SystemTime>,
    /// Why the host switched it off, if it did.
    pub off: Option<OffReason>,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Events that found too many waiting.
    pub dropped: u64,
}

/// Why the host switched an endpoint off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffReason {
    /// It said that it is gone.
    Gone,
    /// It failed for too long.
    Failing,
}

impl OffReason {
    /// Its name in answers and records.
    pub fn name(self) -> &'static str {
        match self {
            OffReason::Gone => "gone",
            OffReason::Failing => "failing",
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<OffReason> {
        [OffReason::Gone, OffReason::Failing].into_iter().find(|reason| reason.name() == name)
    }
}

/// An event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its name for machines, the same each time that it is tried.
    pub id: String,
    /// To which endpoint.
    pub webhook_id: String,
    /// What happened.
    pub event: Event,
    /// To which cast.
    pub cast_id: Option<String>,
    /// When it happened.
    pub created_at: SystemTime,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub due_at: Option<SystemTime>,
    /// The status that was answered last.
    pub last_status: Option<u16>,
    /// Why it was not taken the last time.
    pub last_error: Option<String>,
}

/// How far a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It will be tried, for the first time or again.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was not, and is not tried any more.
    Failed,
}

impl DeliveryState {
    /// Its name in answers and records.
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<DeliveryState> {
        [DeliveryState::Waiting, DeliveryState::Delivered, DeliveryState::Failed].into_iter().find(|state| state.name() == name)
    }
}

/// A delivery that is due, with all that is needed to make it.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// What is delivered.
    pub delivery: Delivery,
    /// To whom.
    pub webhook: Webhook,
    /// The cast that it is about, without its output.
    pub cast: Option<CastRecord>,
}

/// What an attempt came to, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// Which delivery.
    pub delivery_id: String,
    /// What became of it.
    pub handed: Handed,
    /// When.
    pub at: SystemTime,
    /// When it is tried again; never, if nobody says.
    pub due_at: Option<SystemTime>,
}

/// Endpoints and deliveries cannot be kept or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The tenant has as many as it may.
    #[error("there are {WEBHOOKS_MAX} webhooks already, which is as many as there may be: delete one first")]
    TooMany,
    /// As many deliveries wait as may.
    #[error("{DELIVERIES_WAITING_MAX} deliveries wait for this webhook already")]
    TooManyWaiting,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The database cannot be used now.
    #[error("webhooks cannot be used now")]
    Unavailable,
    /// It cannot be named.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// What a call to the store of webhooks comes to.
pub type Kept<'a, T> = BoxFuture<'a, Result<T, WebhookError>>;

/// Where endpoints are kept, and what is on its way to them. Events of casts get there by themselves, with the end of the cast.
pub trait Webhooks: Send + Sync {
    /// Keeps a new endpoint, unless there are [`WEBHOOKS_MAX`].
    fn add_webhook<'a>(&'a self, webhook: Webhook) -> Kept<'a, ()>;

    /// The endpoints of a tenant, the oldest first.
    fn webhooks<'a>(&'a self, tenant: &'a TenantId) -> Kept<'a, Vec<Webhook>>;

    /// An endpoint of a tenant.
    fn webhook<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Kept<'a, Option<Webhook>>;

    /// Says something else of an endpoint. Whatever waits for one that is switched off is not delivered any more; one that is switched
    /// on begins anew.
    fn change_webhook<'a>(&'a self, id: &'a str, about: AboutWebhook, at: SystemTime) -> Kept<'a, ()>;

    /// Has an endpoint's deliveries signed with another secret, and with the one before until a time.
    fn rotate_webhook<'a>(&'a self, id: &'a str, secret: Sealed, previous_until: SystemTime, at: SystemTime) -> Kept<'a, ()>;

    /// Forgets an endpoint and its deliveries.
    fn remove_webhook<'a>(&'a self, id: &'a str) -> Kept<'a, ()>;

    /// Keeps a delivery that no cast brought about.
    fn post_delivery<'a>(&'a self, delivery: Delivery) -> Kept<'a, ()>;

    /// Deliveries to an endpoint, the newest first, from the first one before an id on.
    fn deliveries<'a>(&'a self, webhook_id: &'a str, before: Option<&'a str>, count_max: usize) -> Kept<'a, Vec<Delivery>>;

    /// Deliveries that are due at a time, one for each endpoint that is not busy, those that wait longest first.
    fn due_deliveries<'a>(&'a self, at: SystemTime, busy: Vec<String>, count_max: usize) -> Kept<'a, Vec<Due>>;

    /// When the next one is due, of an endpoint that is not busy.
    fn next_due<'a>(&'a self, busy: Vec<String>) -> Kept<'a, Option<SystemTime>>;

    /// Records what an attempt came to. An endpoint that is gone, or has failed for [`FAILING_TIME_MAX`], is switched off.
    fn attempted<'a>(&'a self, attempted: Attempted) -> Kept<'a, ()>;

    /// Forgets some deliveries that ended before a time; tells how many.
    fn forget_some_deliveries<'a>(&'a self, before: SystemTime) -> Kept<'a, u64>;
}
