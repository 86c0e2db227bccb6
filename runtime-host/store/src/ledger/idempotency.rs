//! Keys under which clients cast, as rows. It knows for which cast a key stands, and how long; it must never know what came of the cast.

use super::Failure;
use crate::columns::{Moment, saturating};
use rusqlite::{Connection, OptionalExtension, Row, params};
use spell_cast::{CastRecord, IDEMPOTENCY_TIME, Idempotency};
use spell_types::TenantId;
use std::time::SystemTime;

/// Keys that are removed with a reservation at most: more than are made, so that none stays for ever, and few enough to wait for.
pub(super) const KEYS_REMOVED_MAX: i64 = 64;

/// What a key stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Free,
    /// The cast of this id, which the same request started.
    Same(String),
    /// Another request.
    Other,
}

/// What a key stands for at a time; if nobody says at which, as long as it is there.
pub(super) fn stands(
    connection: &Connection,
    tenant: &TenantId,
    idempotency: &Idempotency,
    at: Option<SystemTime>,
) -> Result<Standing, Failure> {
    let sql = "SELECT fingerprint = ?3 AS is_same, cast_id FROM idempotency WHERE tenant = ?1 AND key = ?2 AND created_at_ms > ?4";
    let facts = |row: &Row<'_>| Ok((row.get("is_same")?, row.get("cast_id")?));
    let Idempotency { key, fingerprint } = idempotency;
    let asked = params![tenant.as_str(), key, fingerprint, at.map_or(i64::MIN, old)];
    Ok(match connection.prepare_cached(sql)?.query_row(asked, facts).optional()? {
        None => Standing::Free,
        Some((true, cast_id)) => Standing::Same(cast_id),
        Some((false, _)) => Standing::Other,
    })
}

/// Has a key stand for a cast, and no longer for one of another day.
pub(super) fn keep(connection: &Connection, cast: &CastRecord, idempotency: &Idempotency) -> Result<(), Failure> {
    // Mostly it stood for nothing. Said in one statement, what it might replace is copied each time.
    let mut insert = connection.prepare_cached(
        "INSERT INTO idempotency (tenant, key, fingerprint, cast_id, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant, key) DO NOTHING",
    )?;
    let Idempotency { key, fingerprint } = idempotency;
    let (tenant, created_at) = (cast.tenant.as_str(), Moment(cast.created_at));
    let said = params![tenant, key, fingerprint, cast.id, created_at];
    if insert.execute(said)? == 0 {
        connection.prepare_cached("DELETE FROM idempotency WHERE tenant = ?1 AND key = ?2")?.execute([tenant, key])?;
        insert.execute(said)?;
    }
    Ok(())
}

/// Removes some of the keys that stand for nothing any more, the oldest first.
pub(super) fn delete_old(connection: &Connection, at: SystemTime) -> Result<(), Failure> {
    // Mostly there is none, and looking is cheaper than removing nothing.
    let is_any = connection.prepare_cached("SELECT 1 FROM idempotency WHERE created_at_ms <= ?1 LIMIT 1")?.exists([old(at)])?;
    if !is_any {
        return Ok(());
    }
    let sql = "DELETE FROM idempotency WHERE (tenant, key) IN
         (SELECT tenant, key FROM idempotency WHERE created_at_ms <= ?1 ORDER BY created_at_ms LIMIT ?2)";
    connection.prepare_cached(sql)?.execute(params![old(at), KEYS_REMOVED_MAX])?;
    Ok(())
}

/// Keys of this millisecond, and before, stand for nothing any more.
fn old(at: SystemTime) -> i64 {
    Moment(at).millis().saturating_sub(saturating(IDEMPOTENCY_TIME.as_millis()))
}
