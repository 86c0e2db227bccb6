//! Deliveries, as rows. It knows when each is due and what became of it; it must never know who gets it.

use super::{Failure, webhook};
use crate::columns::{Count, Moment, named, saturating};
use crate::ledger;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use rusqlite::{Connection, Row, params};
use spell_cast::{Attempted, Delivery, DeliveryState, Due, Event, FAILING_TIME_MAX, OffReason, Verdict};
use std::time::SystemTime;

/// Deliveries that are forgotten at once at most: whoever writes meanwhile waits for them.
const DELIVERIES_FORGOTTEN_MAX: i64 = 256;

/// Deliveries to an endpoint, the newest first, from the first one before an id on.
pub(super) fn list(connection: &Connection, webhook_id: &str, before: Option<&str>, count_max: usize) -> Result<Vec<Delivery>, Failure> {
    let sql = "SELECT * FROM deliveries WHERE webhook_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let mut select = connection.prepare_cached(sql)?;
    // All ids come before the last character.
    let before = before.unwrap_or("\u{10ffff}");
    let found = select.query_map(params![webhook_id, before, saturating(count_max as u128)], delivery)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The first delivery that is due of each endpoint that is not busy, those that wait longest first.
pub(super) fn due(connection: &Connection, at: SystemTime, busy: &[String], count_max: usize) -> Result<Vec<Due>, Failure> {
    let mut first = connection.prepare_cached(
        "SELECT deliveries.* FROM webhooks JOIN deliveries ON deliveries.id =
             (SELECT id FROM deliveries WHERE webhook_id = webhooks.id AND state = 'waiting' AND due_at_ms <= ?1 ORDER BY due_at_ms LIMIT 1)
         WHERE webhooks.waiting > 0 AND webhooks.id NOT IN (SELECT value FROM json_each(?2)) ORDER BY deliveries.due_at_ms LIMIT ?3",
    )?;
    let found = first.query_map(params![Moment(at), busy_ids(busy), saturating(count_max as u128)], delivery)?;
    let mut of_id = connection.prepare_cached("SELECT * FROM webhooks WHERE id = ?1")?;
    let mut due = Vec::new();
    for delivery in found {
        let delivery = delivery?;
        let webhook = of_id.query_row([&delivery.webhook_id], webhook)?;
        let cast = delivery.cast_id.as_deref().map(|id| ledger::cast_without_output(connection, id)).transpose()?;
        due.push(Due { delivery, webhook, cast });
    }
    Ok(due)
}

/// When the first delivery to an endpoint that is not busy is due.
pub(super) fn next_due(connection: &Connection, busy: &[String]) -> Result<Option<SystemTime>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT min((SELECT min(due_at_ms) FROM deliveries WHERE webhook_id = webhooks.id AND state = 'waiting'))
         FROM webhooks WHERE waiting > 0 AND id NOT IN (SELECT value FROM json_each(?1))",
    )?;
    let due_at: Option<Moment> = select.query_row([busy_ids(busy)], |row| row.get(0))?;
    Ok(due_at.map(|moment| moment.0))
}

fn busy_ids(busy: &[String]) -> String {
    serde_json::Value::from(busy).to_string()
}

/// Records what an attempt came to, on the delivery and on its endpoint. A delivery that is gone, or has ended, stays so.
pub(super) fn attempted(connection: &Connection, attempted: &Attempted) -> Result<(), Failure> {
    let Attempted { delivery_id, handed, at, due_at } = attempted;
    let state = match (handed.verdict, due_at) {
        (Verdict::Taken, _) => DeliveryState::Delivered,
        (Verdict::Again(_), Some(_)) => DeliveryState::Waiting,
        (Verdict::Again(_), None) | (Verdict::Gone, _) => DeliveryState::Failed,
    };
    let is_waiting = state == DeliveryState::Waiting;
    let mut update = connection.prepare_cached(
        "UPDATE deliveries SET state = ?2, due_at_ms = ?3, attempts = attempts + 1, last_status = ?4, last_error = ?5, ended_at_ms = ?6
         WHERE id = ?1 AND state = 'waiting' RETURNING webhook_id",
    )?;
    let (due_at, ended_at) = (due_at.filter(|_| is_waiting).map(Moment), (!is_waiting).then_some(Moment(*at)));
    let asked = params![delivery_id, state.name(), due_at, handed.status, handed.error, ended_at];
    let changed: Vec<String> = update.query_map(asked, |row| row.get(0))?.collect::<Result<_, _>>()?;
    for webhook_id in changed {
        note(connection, &webhook_id, handed.verdict, *at)?;
    }
    Ok(())
}

/// Notes on an endpoint how it goes with it, and switches it off if it does not go on.
fn note(connection: &Connection, webhook_id: &str, verdict: Verdict, at: SystemTime) -> Result<(), Failure> {
    let reason = match verdict {
        Verdict::Taken => {
            let sql = "UPDATE webhooks SET failing_since_ms = NULL WHERE id = ?1 AND failing_since_ms IS NOT NULL";
            connection.prepare_cached(sql)?.execute([webhook_id])?;
            return Ok(());
        }
        Verdict::Gone => OffReason::Gone,
        Verdict::Again(_) => {
            let sql = "UPDATE webhooks SET failing_since_ms = coalesce(failing_since_ms, ?2) WHERE id = ?1 RETURNING failing_since_ms";
            let since: Moment = connection.prepare_cached(sql)?.query_row(params![webhook_id, Moment(at)], |row| row.get(0))?;
            if at.duration_since(since.0).unwrap_or_default() < FAILING_TIME_MAX {
                return Ok(());
            }
            OffReason::Failing
        }
    };
    let sql = "UPDATE webhooks SET is_active = 0, off_reason = ?2, updated_at_ms = ?3 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![webhook_id, reason.name(), Moment(at)])?;
    end_all(connection, webhook_id, at)
}

/// What waits for an endpoint is not delivered any more.
pub(super) fn end_all(connection: &Connection, webhook_id: &str, at: SystemTime) -> Result<(), Failure> {
    let sql = "UPDATE deliveries SET state = 'failed', due_at_ms = NULL, ended_at_ms = ?2,
             last_error = coalesce(last_error, 'the webhook was switched off')
         WHERE webhook_id = ?1 AND state = 'waiting'";
    connection.prepare_cached(sql)?.execute(params![webhook_id, Moment(at)])?;
    Ok(())
}

/// Deletes some deliveries that ended before a time, the oldest first.
pub(super) fn delete_some(connection: &Connection, before: SystemTime) -> Result<u64, Failure> {
    let sql = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE ended_at_ms < ?1 ORDER BY ended_at_ms LIMIT ?2)";
    Ok(connection.prepare_cached(sql)?.execute(params![Moment(before), DELIVERIES_FORGOTTEN_MAX])? as u64)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get("id")?,
        webhook_id: row.get("webhook_id")?,
        event: row.get::<_, Named>("event")?.0,
        cast_id: row.get("cast_id")?,
        created_at: row.get::<_, Moment>("created_at_ms")?.0,
        state: row.get::<_, State>("state")?.0,
        attempts: u32::try_from(row.get::<_, Count>("attempts")?.0).unwrap_or(u32::MAX),
        due_at: row.get::<_, Option<Moment>>("due_at_ms")?.map(|moment| moment.0),
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
    })
}

/// What happened, by its name.
struct Named(Event);

impl FromSql for Named {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value.as_str()?, Event::from_name).map(Self)
    }
}

/// How far a delivery is, by its name.
struct State(DeliveryState);

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value.as_str()?, DeliveryState::from_name).map(Self)
    }
}
