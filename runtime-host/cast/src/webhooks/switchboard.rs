//! What a tenant does with its endpoints.
//!
//! It knows whose an endpoint is, and when its secret is told. It must never know how they are kept.

use super::{AboutWebhook, Delivery, DeliveryState, Event, ROTATION_TIME, Webhook, WebhookError, WebhookSecret};
use crate::Platform;
use crate::caster::time_as_kept;
use crate::courier::UrlRefused;
use crate::ids::{NoRandomness, new_id};
use spell_types::TenantId;

/// An endpoint that was just made, or given another secret.
#[derive(Debug)]
pub struct NewWebhook {
    /// What is kept of it.
    pub webhook: Webhook,
    /// Its secret, which is told this once.
    pub secret: WebhookSecret,
}

/// Why something is not done with an endpoint.
#[derive(Debug, thiserror::Error)]
pub enum WebhookFailure {
    /// There is none, or it is another tenant's.
    #[error("Webhook not found")]
    NotFound,
    /// Nothing may be delivered there.
    #[error("url: {0}")]
    Url(#[from] UrlRefused),
    /// It is switched off.
    #[error("the webhook is switched off: switch it on first")]
    NotActive,
    /// It cannot be kept or found.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// It cannot be named, or signed for.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl Platform {
    /// Makes an endpoint, whose secret is told this once.
    pub async fn add_webhook(&self, tenant: &TenantId, about: AboutWebhook) -> Result<NewWebhook, WebhookFailure> {
        self.courier.judge(&about.url)?;
        let now = time_as_kept((self.now)());
        let (id, secret) = (new_id("hook", now)?, WebhookSecret::new()?);
        let webhook = Webhook {
            secret: secret.seal(&self.pepper, &id)?,
            id,
            tenant: tenant.clone(),
            about,
            previous: None,
            created_at: now,
            updated_at: now,
            failing_since: None,
            off: None,
            waiting: 0,
            dropped: 0,
        };
        self.webhooks.add_webhook(webhook.clone()).await?;
        Ok(NewWebhook { webhook, secret })
    }

    /// An endpoint of a tenant.
    pub async fn webhook(&self, tenant: &TenantId, id: &str) -> Result<Webhook, WebhookFailure> {
        self.webhooks.webhook(tenant, id).await?.ok_or(WebhookFailure::NotFound)
    }

    /// Says something else of an endpoint.
    pub async fn change_webhook(&self, tenant: &TenantId, id: &str, about: AboutWebhook) -> Result<Webhook, WebhookFailure> {
        self.courier.judge(&about.url)?;
        let webhook = self.webhook(tenant, id).await?;
        self.webhooks.change_webhook(&webhook.id, about, (self.now)()).await?;
        self.webhook(tenant, id).await
    }

    /// Gives an endpoint another secret. The one before signs as well for a day.
    pub async fn rotate_webhook(&self, tenant: &TenantId, id: &str) -> Result<NewWebhook, WebhookFailure> {
        let webhook = self.webhook(tenant, id).await?;
        let (now, secret) = ((self.now)(), WebhookSecret::new()?);
        let sealed = secret.seal(&self.pepper, &webhook.id)?;
        self.webhooks.rotate_webhook(&webhook.id, sealed, now + ROTATION_TIME, now).await?;
        Ok(NewWebhook { webhook: self.webhook(tenant, id).await?, secret })
    }

    /// Forgets an endpoint and what is on its way there.
    pub async fn remove_webhook(&self, tenant: &TenantId, id: &str) -> Result<(), WebhookFailure> {
        let webhook = self.webhook(tenant, id).await?;
        Ok(self.webhooks.remove_webhook(&webhook.id).await?)
    }

    /// Sends an event to an endpoint that says nothing but that it arrived.
    pub async fn test_webhook(&self, tenant: &TenantId, id: &str) -> Result<Delivery, WebhookFailure> {
        let webhook = self.webhook(tenant, id).await?;
        if !webhook.about.is_active {
            return Err(WebhookFailure::NotActive);
        }
        let now = time_as_kept((self.now)());
        let delivery = Delivery {
            id: new_id("msg", now)?,
            webhook_id: webhook.id,
            event: Event::Test,
            cast_id: None,
            created_at: now,
            state: DeliveryState::Waiting,
            attempts: 0,
            due_at: Some(now),
            last_status: None,
            last_error: None,
        };
        self.webhooks.post_delivery(delivery.clone()).await?;
        self.posted.notify_one();
        Ok(delivery)
    }
}
