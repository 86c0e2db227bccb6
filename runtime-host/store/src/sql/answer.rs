//! One statement from its text to its answer. It knows values and SQLite's errors; it must never know threads.

use super::{Place, fence};
use rusqlite::ffi;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Row, ToSql, TransactionState};
use spell_types::{SqlAnswer, SqlError, SqlLimits, SqlValue};

/// What a value costs in an answer beside its own bytes.
const VALUE_BYTES: usize = size_of::<SqlValue>();

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another connection holds a lock: trying again may help.
    Locked,
    /// SQLite stopped because it was told to.
    Interrupted,
    /// Anything else.
    Final(SqlError),
}

/// Runs a statement to its end.
pub(super) fn run(connection: &Connection, text: &str, parameters: &[SqlValue], place: &Place) -> Result<SqlAnswer, Fault> {
    let limits = &place.limits;
    let fault = |error| classify(error, limits);
    let mut statement = connection.prepare_cached(text).map_err(fault)?;
    // A transaction that writes already cannot have the log cut under it; how much it writes is bounded otherwise.
    let is_writing = matches!(connection.transaction_state(None::<&str>), Ok(TransactionState::Write));
    if !statement.readonly() && !is_writing && !place.is_log_short() {
        return Err(Fault::Locked);
    }
    if statement.parameter_count() != parameters.len() {
        let reason = format!("the statement has {} parameters, not {}", statement.parameter_count(), parameters.len());
        return Err(Fault::Final(SqlError::Failed { reason }));
    }
    for (index, value) in parameters.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, Parameter(value)).map_err(fault)?;
    }
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let mut answer = Collected { bytes: columns.iter().map(|name| name.len() + size_of::<String>()).sum(), rows: Vec::new() };
    answer.check(limits)?;
    let mut rows = statement.raw_query();
    loop {
        match rows.next() {
            Ok(Some(row)) => answer.add(row, columns.len(), limits)?,
            Ok(None) => break,
            // There was no statement in the text: nothing but spaces and comments.
            Err(error) if columns.is_empty() && error.sqlite_error_code() == Some(ErrorCode::ApiMisuse) => break,
            Err(error) => return Err(fault(error)),
        }
    }
    Ok(SqlAnswer { columns, rows: answer.rows })
}

struct Collected {
    bytes: usize,
    rows: Vec<Vec<SqlValue>>,
}

impl Collected {
    fn add(&mut self, row: &Row<'_>, columns: usize, limits: &SqlLimits) -> Result<(), Fault> {
        if self.rows.len() >= limits.rows_max {
            return Err(Fault::Final(SqlError::TooManyRows { rows_max: limits.rows_max }));
        }
        self.bytes = self.bytes.saturating_add(columns.saturating_mul(VALUE_BYTES) + size_of::<Vec<SqlValue>>());
        self.check(limits)?;
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            let value = row.get_ref(column).map_err(|error| classify(error, limits))?;
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
                self.bytes = self.bytes.saturating_add(bytes.len());
                self.check(limits)?;
            }
            values.push(owned(value)?);
        }
        self.rows.push(values);
        Ok(())
    }

    fn check(&self, limits: &SqlLimits) -> Result<(), Fault> {
        if self.bytes <= limits.answer_bytes_max {
            return Ok(());
        }
        Err(Fault::Final(SqlError::AnswerTooLarge { bytes_max: limits.answer_bytes_max }))
    }
}

fn owned(value: ValueRef<'_>) -> Result<SqlValue, Fault> {
    Ok(match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(number) => SqlValue::Integer(number),
        ValueRef::Real(number) => SqlValue::Real(number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => SqlValue::Text(text.to_owned()),
            Err(_) => {
                return Err(Fault::Final(SqlError::Failed { reason: "a text of the answer is not UTF-8; CAST it to BLOB".to_owned() }));
            }
        },
        ValueRef::Blob(bytes) => SqlValue::Blob(bytes.to_owned()),
    })
}

struct Parameter<'a>(&'a SqlValue);

impl ToSql for Parameter<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Integer(number) => ValueRef::Integer(*number),
            SqlValue::Real(number) => ValueRef::Real(*number),
            SqlValue::Text(text) => ValueRef::Text(text.as_bytes()),
            SqlValue::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// SQLite's error as it is told to those who cannot try again.
pub(super) fn fault(error: rusqlite::Error, limits: &SqlLimits) -> SqlError {
    match classify(error, limits) {
        Fault::Final(error) => error,
        Fault::Locked => busy("another connection held a lock", limits),
        Fault::Interrupted => SqlError::Unavailable,
    }
}

/// It was waited for something, for too long.
pub(super) fn busy(what: &'static str, limits: &SqlLimits) -> SqlError {
    SqlError::Busy { what, time_ms_max: limits.wait_time_max.as_millis() }
}

fn classify(error: rusqlite::Error, limits: &SqlLimits) -> Fault {
    let is_stale = error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_BUSY_SNAPSHOT);
    Fault::Final(match error.sqlite_error_code() {
        // A transaction that has read what others have changed since can only begin anew.
        Some(ErrorCode::DatabaseBusy) if is_stale => {
            SqlError::Failed { reason: "the database has changed since the transaction read it; roll back and begin again".to_owned() }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return Fault::Locked,
        Some(ErrorCode::OperationInterrupted) => return Fault::Interrupted,
        Some(ErrorCode::DiskFull) => SqlError::Full { bytes_max: limits.database_bytes_max },
        Some(ErrorCode::TooBig) => SqlError::ValueTooLarge { bytes_max: limits.value_bytes_max },
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            SqlError::NotAllowed { what: fence::refused().unwrap_or_else(|| error.to_string()) }
        }
        Some(
            ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::CannotOpen
            | ErrorCode::NotADatabase
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::InternalMalfunction,
        ) => {
            tracing::error!(%error, "a statement of a guest failed for no fault of its own");
            SqlError::Unavailable
        }
        _ => match words(&error) {
            // A function that may not be used is a mistake in the statement, to SQLite.
            reason if reason.starts_with("not authorized") => SqlError::NotAllowed { what: fence::refused().unwrap_or(reason) },
            reason => SqlError::Failed { reason },
        },
    })
}

/// Most characters of SQLite's words: they can hold all of the guest's own.
const WORDS_CHARACTERS_MAX: usize = 500;

/// SQLite's words about a mistake of the guest.
fn words(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::MultipleStatement => "more than one statement: execute them one by one".to_owned(),
        other => other.to_string(),
    };
    text.chars().take(WORDS_CHARACTERS_MAX).collect()
}
