//! Casts, as rows. It knows what is recorded of them; it must never know keys under which clients cast.

use super::Failure;
use crate::columns::{Count, Engine, Micros, Moment, Parsed, named, saturating};
use crate::queue::JobError;
use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use spell_cast::{CastRecord, CastState, Ending, Failed, FailedKind, LedgerError, Trend};
use spell_types::{Content, TenantId, Usage};
use std::time::SystemTime;

/// Casts that are forgotten at once at most: whoever writes meanwhile waits for them.
const CASTS_FORGOTTEN_MAX: i64 = 256;
const MILLISECONDS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// All that is recorded of a cast but its output.
const ALL_BUT_OUTPUT: &str =
    "id, tenant, spell_id, spell_key, spell_name, version, engine, created_at_ms, state, ended_at_ms, wall_us, cpu_us,
     fuel, memory_bytes_peak, bytes_in, bytes_out, cost_cents, failed_kind, failed_code, failed_message, content_type";

/// Records a cast that is about to run.
pub(super) fn insert(connection: &Connection, cast: &CastRecord) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO casts (id, tenant, spell_id, spell_key, spell_name, version, engine, created_at_ms, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'running')",
    )?;
    insert.execute(params![
        cast.id,
        cast.tenant.as_str(),
        cast.spell_id,
        cast.spell_key.as_str(),
        cast.spell_name,
        cast.version.to_string(),
        cast.engine.name(),
        Moment(cast.created_at),
    ])?;
    Ok(())
}

/// Records how a cast ended, once. Whoever ran it knows what it did, also if another host took it for lost.
pub(super) fn finish(connection: &Connection, id: &str, ending: &Ending) -> Result<(), Failure> {
    let mut update = connection.prepare_cached(
        "UPDATE casts SET state = ?2, ended_at_ms = ?3, wall_us = ?4, cpu_us = ?5, fuel = ?6, memory_bytes_peak = ?7, bytes_in = ?8,
             bytes_out = ?9, cost_cents = ?10, failed_kind = ?11, failed_code = ?12, failed_message = ?13, content_type = ?14, output = ?15
         WHERE id = ?1 AND state IN ('running', 'indeterminate')",
    )?;
    let Ending { result, usage, cost_cents, ended_at } = ending;
    let (content, failed) = (result.as_ref().ok(), result.as_ref().err());
    let changed = update.execute(params![
        id,
        if result.is_ok() { "completed" } else { "failed" },
        Moment(*ended_at),
        Micros(usage.wall),
        Micros(usage.cpu),
        Count(usage.fuel),
        Count(usage.memory_bytes_peak),
        Count(usage.bytes_in),
        Count(usage.bytes_out),
        Count(*cost_cents),
        failed.map(|failed| failed.kind.name()),
        failed.map(|failed| &failed.code),
        failed.map(|failed| &failed.message),
        content.and_then(|content| content.content_type.as_ref()),
        content.map(|content| &content.bytes[..]),
    ])?;
    if changed == 0 {
        tracing::error!(id, "a cast that does not run cannot end");
        return Err(JobError::Refused(LedgerError::Unavailable));
    }
    Ok(())
}

/// Records a cast that has ended already, once.
pub(super) fn insert_ended(connection: &Connection, cast: &CastRecord) -> Result<(), Failure> {
    let CastState::Ended(ending) = &cast.state else { return Ok(()) };
    if connection.prepare_cached("SELECT 1 FROM casts WHERE id = ?1")?.exists([&cast.id])? {
        return Ok(());
    }
    insert(connection, cast)?;
    finish(connection, &cast.id, ending)
}

/// Says of all casts that run that nobody knows what they did.
pub(super) fn end_all(connection: &Connection) -> Result<u64, Failure> {
    Ok(connection.execute("UPDATE casts SET state = 'indeterminate' WHERE state = 'running'", [])? as u64)
}

/// A cast that a key stands for.
pub(super) fn known(connection: &Connection, id: &str) -> Result<CastRecord, Failure> {
    let sql = format!("SELECT {ALL_BUT_OUTPUT}, output FROM casts WHERE id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([id], record)?)
}

/// A cast of a tenant.
pub(super) fn find(connection: &Connection, tenant: &TenantId, id: &str) -> Result<Option<CastRecord>, Failure> {
    let sql = format!("SELECT {ALL_BUT_OUTPUT}, output FROM casts WHERE tenant = ?1 AND id = ?2");
    Ok(connection.prepare_cached(&sql)?.query_row([tenant.as_str(), id], record).optional()?)
}

/// Casts of a tenant, the newest first, from the first one before an id on. Their output is left out.
pub(super) fn list(connection: &Connection, tenant: &TenantId, before: Option<&str>, count_max: usize) -> Result<Vec<CastRecord>, Failure> {
    let sql = format!("SELECT {ALL_BUT_OUTPUT}, x'' AS output FROM casts WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
    let mut select = connection.prepare_cached(&sql)?;
    // All ids come before the last character.
    let before = before.unwrap_or("\u{10ffff}");
    let records = select.query_map(params![tenant.as_str(), before, saturating(count_max as u128)], record)?;
    Ok(records.collect::<Result<_, _>>()?)
}

/// How casts of a spell went on each day, in UTC, on which some ended.
pub(super) fn trends(connection: &Connection, tenant: &TenantId, spell_id: &str, since: SystemTime) -> Result<Vec<Trend>, Failure> {
    // Averages and totals are of floating point, which never overflows; a sum of integers may.
    let mut select = connection.prepare_cached(
        "SELECT ended_at_ms / ?4 AS day, count(*) AS executions, count(*) FILTER (WHERE state = 'completed') AS completed,
             CAST(avg(wall_us) AS INTEGER) AS wall_us, CAST(avg(memory_bytes_peak) AS INTEGER) AS memory_bytes,
             CAST(total(cost_cents) AS INTEGER) AS cost_cents
         FROM casts WHERE tenant = ?1 AND spell_id = ?2 AND ended_at_ms >= ?3 GROUP BY day ORDER BY day",
    )?;
    let trends = select.query_map(params![tenant.as_str(), spell_id, Moment(since), MILLISECONDS_PER_DAY], |row| {
        Ok(Trend {
            day: row.get::<_, Count>("day")?.0,
            executions: row.get::<_, Count>("executions")?.0,
            completed: row.get::<_, Count>("completed")?.0,
            wall_mean: row.get::<_, Micros>("wall_us")?.0,
            memory_bytes_mean: row.get::<_, Count>("memory_bytes")?.0,
            cost_cents: row.get::<_, Count>("cost_cents")?.0,
        })
    })?;
    Ok(trends.collect::<Result<_, _>>()?)
}

/// Deletes some casts of before a time with the keys that stand for them, the oldest first. What still runs stays.
pub(super) fn delete_some(connection: &Connection, before: SystemTime) -> Result<u64, Failure> {
    // Rows are numbered as they come, which is the order of time.
    let old = "rowid IN (SELECT rowid FROM casts ORDER BY rowid LIMIT ?2) AND created_at_ms < ?1 AND state <> 'running'";
    let which = params![Moment(before), CASTS_FORGOTTEN_MAX];
    // Each key refers to its cast.
    let keys = format!("DELETE FROM idempotency WHERE cast_id IN (SELECT id FROM casts WHERE {old})");
    connection.prepare_cached(&keys)?.execute(which)?;
    Ok(connection.prepare_cached(&format!("DELETE FROM casts WHERE {old}"))?.execute(which)? as u64)
}

fn record(row: &Row<'_>) -> rusqlite::Result<CastRecord> {
    Ok(CastRecord {
        id: row.get("id")?,
        tenant: row.get::<_, Parsed<_>>("tenant")?.0,
        spell_id: row.get("spell_id")?,
        spell_key: row.get::<_, Parsed<_>>("spell_key")?.0,
        spell_name: row.get("spell_name")?,
        version: row.get::<_, Parsed<_>>("version")?.0,
        engine: row.get::<_, Engine>("engine")?.0,
        created_at: row.get::<_, Moment>("created_at_ms")?.0,
        state: state(row)?,
    })
}

fn state(row: &Row<'_>) -> rusqlite::Result<CastState> {
    let result = match row.get_ref("state")?.as_str()? {
        "running" => return Ok(CastState::Running),
        "indeterminate" => return Ok(CastState::Indeterminate),
        "completed" => Ok(Content { bytes: Bytes::from(row.get::<_, Vec<u8>>("output")?), content_type: row.get("content_type")? }),
        _ => Err(Failed { kind: row.get::<_, Kind>("failed_kind")?.0, code: row.get("failed_code")?, message: row.get("failed_message")? }),
    };
    let usage = Usage {
        wall: row.get::<_, Micros>("wall_us")?.0,
        cpu: row.get::<_, Micros>("cpu_us")?.0,
        fuel: row.get::<_, Count>("fuel")?.0,
        memory_bytes_peak: row.get::<_, Count>("memory_bytes_peak")?.0,
        bytes_in: row.get::<_, Count>("bytes_in")?.0,
        bytes_out: row.get::<_, Count>("bytes_out")?.0,
    };
    let (cost_cents, ended_at) = (row.get::<_, Count>("cost_cents")?.0, row.get::<_, Moment>("ended_at_ms")?.0);
    Ok(CastState::Ended(Box::new(Ending { result, usage, cost_cents, ended_at })))
}

/// Whose fault a failure is, by its name.
struct Kind(FailedKind);

impl FromSql for Kind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value.as_str()?, FailedKind::from_name).map(Self)
    }
}
