//! What casts printed, as rows. It knows how lines are written down; it must never know who prints, or who reads.

use crate::Database;
use crate::columns::{Count, Moment, named};
use crate::queue::JobError;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};
use spell_cast::{CastLog, CastLogs, LedgerError, LogLine, Recorded, Stream};
use spell_types::TenantId;
use std::time::{Duration, SystemTime};

type Failure = JobError<LedgerError>;

impl CastLogs for Database {
    fn keep_log<'a>(&'a self, cast_id: &'a str, log: CastLog) -> Recorded<'a, ()> {
        let cast_id = cast_id.to_owned();
        let keep = move |connection: &Connection| keep(connection, &cast_id, &log);
        Box::pin(async move { self.write(keep).await.map_err(to_error) })
    }

    fn log<'a>(&'a self, tenant: &'a TenantId, cast_id: &'a str) -> Recorded<'a, CastLog> {
        let (tenant, cast_id) = (tenant.clone(), cast_id.to_owned());
        let find = move |connection: &Connection| find(connection, &tenant, &cast_id);
        Box::pin(async move { self.read(find).await.map_err(to_error) })
    }
}

fn keep(connection: &Connection, cast_id: &str, log: &CastLog) -> Result<(), Failure> {
    let lines = log.lines.iter().map(|line| json!([line.stream.name(), Moment(line.at).millis(), line.text]));
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO cast_logs (cast_id, dropped_bytes, lines) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![cast_id, Count(log.dropped_bytes), Value::from_iter(lines).to_string()])?;
    Ok(())
}

/// Most casts print nothing, and have no row.
fn find(connection: &Connection, tenant: &TenantId, cast_id: &str) -> Result<CastLog, Failure> {
    let sql = "SELECT dropped_bytes, lines FROM cast_logs JOIN casts ON casts.id = cast_id WHERE tenant = ?1 AND cast_id = ?2";
    let found = connection.prepare_cached(sql)?.query_row([tenant.as_str(), cast_id], log).optional()?;
    Ok(found.unwrap_or_default())
}

fn log(row: &Row<'_>) -> rusqlite::Result<CastLog> {
    let lines: Vec<(String, u64, String)> = serde_json::from_str(row.get_ref("lines")?.as_str()?).map_err(FromSqlError::other)?;
    let line = |(stream, at_ms, text): (String, u64, String)| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(at_ms);
        Ok(LogLine { at, stream: named(&stream, Stream::from_name)?, text })
    };
    let lines: Result<_, FromSqlError> = lines.into_iter().map(line).collect();
    Ok(CastLog { lines: lines?, dropped_bytes: row.get::<_, Count>("dropped_bytes")?.0 })
}

fn to_error(error: Failure) -> LedgerError {
    error.reason("logs of casts", LedgerError::Full, LedgerError::Unavailable)
}
