//! Webhooks, as a table, and what is asked of them. It knows endpoints and sealed secrets; it must never know a secret, or what is sent.

mod deliveries;
mod outbox;

pub(crate) use outbox::post;

use crate::Database;
use crate::columns::{Count, Moment, Parsed, named};
use crate::queue::JobError;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use spell_cast::{AboutWebhook, Attempted, Delivery, Due, Event, Kept, OffReason, Sealed, WEBHOOKS_MAX, Webhook, WebhookError, Webhooks};
use spell_types::TenantId;
use std::time::SystemTime;

type Failure = JobError<WebhookError>;

impl Database {
    async fn change_webhooks<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, WebhookError> {
        self.write(work).await.map_err(to_error)
    }

    async fn read_webhooks<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, WebhookError> {
        self.read(work).await.map_err(to_error)
    }
}

impl Webhooks for Database {
    fn add_webhook<'a>(&'a self, webhook: Webhook) -> Kept<'a, ()> {
        Box::pin(self.change_webhooks(move |connection| insert(connection, &webhook)))
    }

    fn webhooks<'a>(&'a self, tenant: &'a TenantId) -> Kept<'a, Vec<Webhook>> {
        let tenant = tenant.clone();
        Box::pin(self.read_webhooks(move |connection| {
            let mut select = connection.prepare_cached("SELECT * FROM webhooks WHERE tenant = ?1 ORDER BY id")?;
            let webhooks = select.query_map([tenant.as_str()], webhook)?.collect::<Result<_, _>>()?;
            Ok(webhooks)
        }))
    }

    fn webhook<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Kept<'a, Option<Webhook>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        Box::pin(self.read_webhooks(move |connection| {
            let mut select = connection.prepare_cached("SELECT * FROM webhooks WHERE tenant = ?1 AND id = ?2")?;
            Ok(select.query_row([tenant.as_str(), &id], webhook).optional()?)
        }))
    }

    fn change_webhook<'a>(&'a self, id: &'a str, about: AboutWebhook, at: SystemTime) -> Kept<'a, ()> {
        let id = id.to_owned();
        Box::pin(self.change_webhooks(move |connection| change(connection, &id, &about, at)))
    }

    fn rotate_webhook<'a>(&'a self, id: &'a str, secret: Sealed, previous_until: SystemTime, at: SystemTime) -> Kept<'a, ()> {
        let id = id.to_owned();
        Box::pin(self.change_webhooks(move |connection| {
            let sql = "UPDATE webhooks SET previous_secret = secret, previous_until_ms = ?3, secret = ?2, updated_at_ms = ?4 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id, secret.0, Moment(previous_until), Moment(at)])?;
            Ok(())
        }))
    }

    fn remove_webhook<'a>(&'a self, id: &'a str) -> Kept<'a, ()> {
        let id = id.to_owned();
        Box::pin(self.change_webhooks(move |connection| {
            connection.prepare_cached("DELETE FROM webhooks WHERE id = ?1")?.execute([&id])?;
            Ok(())
        }))
    }

    fn post_delivery<'a>(&'a self, delivery: Delivery) -> Kept<'a, ()> {
        Box::pin(self.change_webhooks(move |connection| outbox::post_one(connection, &delivery)))
    }

    fn deliveries<'a>(&'a self, webhook_id: &'a str, before: Option<&'a str>, count_max: usize) -> Kept<'a, Vec<Delivery>> {
        let (id, before) = (webhook_id.to_owned(), before.map(str::to_owned));
        Box::pin(self.read_webhooks(move |connection| deliveries::list(connection, &id, before.as_deref(), count_max)))
    }

    fn due_deliveries<'a>(&'a self, at: SystemTime, busy: Vec<String>, count_max: usize) -> Kept<'a, Vec<Due>> {
        Box::pin(self.read_webhooks(move |connection| deliveries::due(connection, at, &busy, count_max)))
    }

    fn next_due<'a>(&'a self, busy: Vec<String>) -> Kept<'a, Option<SystemTime>> {
        Box::pin(self.read_webhooks(move |connection| deliveries::next_due(connection, &busy)))
    }

    fn attempted<'a>(&'a self, attempted: Attempted) -> Kept<'a, ()> {
        Box::pin(self.change_webhooks(move |connection| deliveries::attempted(connection, &attempted)))
    }

    fn forget_some_deliveries<'a>(&'a self, before: SystemTime) -> Kept<'a, u64> {
        Box::pin(self.change_webhooks(move |connection| deliveries::delete_some(connection, before)))
    }
}

fn to_error(error: Failure) -> WebhookError {
    error.reason("webhooks", WebhookError::Full, WebhookError::Unavailable)
}

fn insert(connection: &Connection, webhook: &Webhook) -> Result<(), Failure> {
    let sql = "SELECT count(*) FROM webhooks WHERE tenant = ?1";
    let count: Count = connection.prepare_cached(sql)?.query_row([webhook.tenant.as_str()], |row| row.get(0))?;
    if count.0 >= WEBHOOKS_MAX as u64 {
        return Err(JobError::Refused(WebhookError::TooMany));
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO webhooks (id, tenant, url, description, events, spell_key, is_active, secret, created_at_ms, updated_at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
    )?;
    let AboutWebhook { url, description, events, spell, is_active } = &webhook.about;
    insert.execute(params![
        webhook.id,
        webhook.tenant.as_str(),
        url,
        description,
        names(events),
        spell.as_ref().map(|spell| spell.as_str()),
        is_active,
        webhook.secret.0,
        Moment(webhook.created_at),
    ])?;
    Ok(())
}

fn change(connection: &Connection, id: &str, about: &AboutWebhook, at: SystemTime) -> Result<(), Failure> {
    let mut update = connection.prepare_cached(
        "UPDATE webhooks SET url = ?2, description = ?3, events = ?4, spell_key = ?5, updated_at_ms = ?7,
             failing_since_ms = CASE WHEN is_active = ?6 THEN failing_since_ms END,
             off_reason = CASE WHEN is_active = ?6 THEN off_reason END, is_active = ?6
         WHERE id = ?1",
    )?;
    let AboutWebhook { url, description, events, spell, is_active } = about;
    let spell = spell.as_ref().map(|spell| spell.as_str());
    update.execute(params![id, url, description, names(events), spell, is_active, Moment(at)])?;
    if !is_active {
        deliveries::end_all(connection, id, at)?;
    }
    Ok(())
}

fn names(events: &[Event]) -> String {
    events.iter().map(|event| event.name()).collect::<serde_json::Value>().to_string()
}

fn webhook(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let previous = row.get::<_, Option<Vec<u8>>>("previous_secret")?.map(Sealed);
    let until = row.get::<_, Option<Moment>>("previous_until_ms")?.map(|moment| moment.0);
    Ok(Webhook {
        id: row.get("id")?,
        tenant: row.get::<_, Parsed<_>>("tenant")?.0,
        about: AboutWebhook {
            url: row.get("url")?,
            description: row.get("description")?,
            events: row.get::<_, Events>("events")?.0,
            spell: row.get::<_, Option<Parsed<_>>>("spell_key")?.map(|spell| spell.0),
            is_active: row.get("is_active")?,
        },
        secret: Sealed(row.get("secret")?),
        previous: previous.zip(until),
        created_at: row.get::<_, Moment>("created_at_ms")?.0,
        updated_at: row.get::<_, Moment>("updated_at_ms")?.0,
        failing_since: row.get::<_, Option<Moment>>("failing_since_ms")?.map(|moment| moment.0),
        off: row.get::<_, Option<Off>>("off_reason")?.map(|off| off.0),
        waiting: row.get::<_, Count>("waiting")?.0,
        dropped: row.get::<_, Count>("dropped")?.0,
    })
}

/// Events by their names, as a JSON array.
struct Events(Vec<Event>);

impl FromSql for Events {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let names: Vec<String> = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        names.iter().map(|name| named(name, Event::from_name)).collect::<FromSqlResult<_>>().map(Self)
    }
}

/// Why an endpoint was switched off, by its name.
struct Off(OffReason);

impl FromSql for Off {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value.as_str()?, OffReason::from_name).map(Self)
    }
}
