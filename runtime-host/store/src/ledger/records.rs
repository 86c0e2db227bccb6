//! Casts, as rows. It knows what is recorded of them; it must never know keys under which clients cast.

use super::engines::{self, COLUMNS, JOINED};
use super::{Failure, admission};
use crate::budgets;
use crate::columns::{Count, Engine, Micros, Moment, Parsed, named, saturating};
use crate::queue::JobError;
use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};
use semver::Version;
use spell_cast::{CastRecord, CastState, Ending, EngineChoice, Failed, FailedKind, LedgerError};
use spell_types::{Content, TenantId, Usage};
use std::time::SystemTime;

/// Casts of which an average is made: the last ones, which are likely to be like the next one.
const CASTS_AVERAGED_MAX: i64 = 100;
/// Casts that are forgotten at once at most: whoever writes meanwhile waits for them.
const CASTS_FORGOTTEN_MAX: i64 = 256;
pub(super) const MILLISECONDS_PER_DAY: i64 = 24 * 60 * 60 * 1_000;

/// All that is recorded of a cast but its output.
const ALL_BUT_OUTPUT: &str =
    "id, tenant, spell_id, spell_key, spell_name, version, engine, created_at_ms, state, ended_at_ms, wall_us, cpu_us,
     fuel, memory_bytes_peak, bytes_in, bytes_out, cost_cents, failed_kind, failed_code, failed_message, content_type";

/// Records a cast that is about to run.
pub(super) fn insert(connection: &Connection, cast: &CastRecord, cost_cents_max: u64) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO casts (id, tenant, spell_id, spell_key, spell_name, version, engine, created_at_ms, cost_cents_max, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'running')",
    )?;
    insert.execute(params![
        cast.id,
        cast.tenant.as_str(),
        cast.spell_id,
        cast.spell_key.as_str(),
        cast.spell_name,
        // A workflow has no version.
        cast.version.as_ref().map(ToString::to_string).unwrap_or_default(),
        cast.engine.name(),
        Moment(cast.created_at),
        Count(cost_cents_max),
    ])?;
    engines::keep(connection, &cast.id, &cast.engine_reason, cast.run.as_ref())
}

/// Records how a cast ended, once. Whoever ran it knows what it did, also if another host took it for lost.
pub(super) fn finish(connection: &Connection, id: &str, ending: &Ending) -> Result<(), Failure> {
    admission::settle(connection, id, Some(ending.cost_cents))?;
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

/// Says of all casts that run that nobody knows what they did.
pub(super) fn end_all(connection: &Connection) -> Result<u64, Failure> {
    budgets::spend_reserved(connection)?;
    Ok(connection.execute("UPDATE casts SET state = 'indeterminate' WHERE state = 'running'", [])? as u64)
}

/// Says of a cast that nobody knows what it did.
pub(super) fn lose(connection: &Connection, id: &str) -> Result<(), Failure> {
    admission::settle(connection, id, None)?;
    connection.prepare_cached("UPDATE casts SET state = 'indeterminate' WHERE id = ?1 AND state = 'running'")?.execute([id])?;
    Ok(())
}

/// A cast that a key stands for.
pub(super) fn known(connection: &Connection, id: &str) -> Result<CastRecord, Failure> {
    let sql = format!("SELECT {ALL_BUT_OUTPUT}, {COLUMNS}, output FROM {JOINED} WHERE id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([id], record)?)
}

/// A cast that something refers to, its output left out.
pub(crate) fn without_output(connection: &Connection, id: &str) -> rusqlite::Result<CastRecord> {
    let sql = format!("SELECT {ALL_BUT_OUTPUT}, {COLUMNS}, x'' AS output FROM {JOINED} WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row([id], record)
}

/// A cast of a tenant.
pub(super) fn find(connection: &Connection, tenant: &TenantId, id: &str) -> Result<Option<CastRecord>, Failure> {
    let sql = format!("SELECT {ALL_BUT_OUTPUT}, {COLUMNS}, output FROM {JOINED} WHERE tenant = ?1 AND id = ?2");
    Ok(connection.prepare_cached(&sql)?.query_row([tenant.as_str(), id], record).optional()?)
}

/// Casts of a tenant, or of one of its spells, the newest first, from the first one before an id on. Their output is left out.
pub(super) fn list(
    connection: &Connection,
    tenant: &TenantId,
    spell_id: Option<&str>,
    before: Option<&str>,
    count_max: usize,
) -> Result<Vec<CastRecord>, Failure> {
    // Each of the two has an index of its own.
    let spell = if spell_id.is_some() { "AND spell_id = ?4" } else { "AND ?4 IS NULL" };
    let sql = format!(
        "SELECT {ALL_BUT_OUTPUT}, {COLUMNS}, x'' AS output FROM {JOINED} WHERE tenant = ?1 AND id < ?2 {spell} ORDER BY id DESC LIMIT ?3"
    );
    let mut select = connection.prepare_cached(&sql)?;
    // All ids come before the last character.
    let before = before.unwrap_or("\u{10ffff}");
    let records = select.query_map(params![tenant.as_str(), before, saturating(count_max as u128), spell_id], record)?;
    Ok(records.collect::<Result<_, _>>()?)
}

/// What the last casts of a spell in an engine have cost on average, rounded up, those aside that the host failed.
pub(super) fn cost_cents_mean(
    connection: &Connection,
    tenant: &TenantId,
    spell_id: &str,
    engine: EngineChoice,
) -> Result<Option<u64>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT count(*), CAST(total(cost_cents) AS INTEGER) FROM
             (SELECT cost_cents FROM casts WHERE tenant = ?1 AND spell_id = ?2 AND ended_at_ms IS NOT NULL AND engine = ?3
                  AND coalesce(failed_kind, '') NOT IN ('host', 'busy') ORDER BY ended_at_ms DESC LIMIT ?4)",
    )?;
    let which = params![tenant.as_str(), spell_id, engine.name(), CASTS_AVERAGED_MAX];
    let (count, total) = select.query_row(which, |row| Ok((row.get::<_, Count>(0)?.0, row.get::<_, Count>(1)?.0)))?;
    Ok((count > 0).then(|| total.div_ceil(count)))
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
    let (engine_reason, run) = engines::read(row)?;
    Ok(CastRecord {
        id: row.get("id")?,
        tenant: row.get::<_, Parsed<_>>("tenant")?.0,
        spell_id: row.get("spell_id")?,
        spell_key: row.get::<_, Parsed<_>>("spell_key")?.0,
        spell_name: row.get("spell_name")?,
        version: version(row)?,
        engine: row.get::<_, Engine>("engine")?.0,
        created_at: row.get::<_, Moment>("created_at_ms")?.0,
        state: state(row)?,
        engine_reason,
        run,
    })
}

/// A version, unless a workflow ran, which has none.
fn version(row: &Row<'_>) -> rusqlite::Result<Option<Version>> {
    if row.get_ref("version")?.as_str()?.is_empty() {
        return Ok(None);
    }
    row.get::<_, Parsed<_>>("version").map(|version| Some(version.0))
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
