//! What gets on its way, in the very transaction that brings it about. It knows who is told of what; it must never know who takes it.

use super::Failure;
use crate::columns::{Moment, saturating};
use crate::queue::JobError;
use rusqlite::{Connection, Error, params};
use spell_cast::{DELIVERIES_WAITING_MAX, Delivery, Event, WebhookError};
use std::time::SystemTime;

/// Whom an event of a cast concerns. Names of the columns are those of the casts' and the webhooks' tables.
const CONCERNED: &str =
    "webhooks.tenant = casts.tenant AND webhooks.is_active AND coalesce(webhooks.spell_key, casts.spell_key) = casts.spell_key
     AND EXISTS (SELECT 1 FROM json_each(webhooks.events) WHERE value = ?1)";

/// Tells all whom it concerns of an event of each cast that a condition names, whose ?4 is `of`.
pub(crate) fn post(connection: &Connection, event: Event, at: SystemTime, which: &str, of: &str) -> Result<(), Error> {
    if !connection.prepare_cached("SELECT 1 FROM webhooks LIMIT 1")?.exists([])? {
        return Ok(());
    }
    let asked = params![event.name(), Moment(at), saturating(DELIVERIES_WAITING_MAX.into()), of];
    let dropped = format!(
        "UPDATE webhooks SET dropped = dropped + (SELECT count(*) FROM casts WHERE {which} AND {CONCERNED})
         WHERE waiting > 0 AND waiting >= ?3"
    );
    connection.prepare_cached(&dropped)?.execute(asked)?;
    // The time first, so that names sort by it; the rest is random, so that no name is given twice.
    let posted = format!(
        "INSERT INTO deliveries (id, webhook_id, event, cast_id, created_at_ms, due_at_ms)
         SELECT format('msg_%012x', ?2) || lower(hex(randomblob(10))), webhooks.id, ?1, casts.id, ?2, ?2
         FROM casts JOIN webhooks ON {CONCERNED} WHERE {which} AND webhooks.waiting < ?3"
    );
    connection.prepare_cached(&posted)?.execute(asked)?;
    Ok(())
}

/// Has one delivery wait that no cast brought about.
pub(super) fn post_one(connection: &Connection, delivery: &Delivery) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO deliveries (id, webhook_id, event, cast_id, created_at_ms, due_at_ms)
         SELECT ?1, id, ?3, ?4, ?5, ?5 FROM webhooks WHERE id = ?2 AND waiting < ?6",
    )?;
    let Delivery { id, webhook_id, event, cast_id, created_at, .. } = delivery;
    let waiting_max = saturating(DELIVERIES_WAITING_MAX.into());
    match insert.execute(params![id, webhook_id, event.name(), cast_id, Moment(*created_at), waiting_max])? {
        0 => Err(JobError::Refused(WebhookError::TooManyWaiting)),
        _ => Ok(()),
    }
}
