//! SQL databases as guests see them; implemented by the database room, used by the capabilities room.
//!
//! This module knows statements, values and limits. It must never know files, threads or SQLite itself.

use crate::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// A value that goes into a statement or comes out of one.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a point.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What a statement gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SqlAnswer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<SqlValue>>,
}

/// What bounds one database and its statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlLimits {
    /// Bytes of the database.
    pub database_bytes_max: u64,
    /// Wall time of one statement.
    pub statement_time_max: Duration,
    /// Wait for a lock that another connection holds, or for a place among the running statements.
    pub wait_time_max: Duration,
    /// Bytes of the text of one statement.
    pub statement_bytes_max: usize,
    /// Bytes of one value or one row.
    pub value_bytes_max: usize,
    /// Rows of one answer.
    pub rows_max: usize,
    /// Bytes of one answer, as it is held in memory.
    pub answer_bytes_max: usize,
    /// Bytes that one connection makes the host write, temporary files included.
    pub written_bytes_max: u64,
    /// Connections to the database that are open at once, of all requests.
    pub connections_max: usize,
    /// Statements of the database that run at once.
    pub statements_running_max: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            database_bytes_max: 256 << 20,
            statement_time_max: Duration::from_secs(5),
            wait_time_max: Duration::from_secs(5),
            statement_bytes_max: 128 << 10,
            value_bytes_max: 1 << 20,
            rows_max: 10_000,
            answer_bytes_max: 8 << 20,
            written_bytes_max: 512 << 20,
            connections_max: 128,
            statements_running_max: 4,
        }
    }
}

/// Why a statement was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The database holds as much as it may.
    #[error("the database is full: it holds at most {bytes_max} bytes")]
    Full {
        /// Most bytes of the database.
        bytes_max: u64,
    },
    /// The text of the statement is longer than allowed.
    #[error("a statement of {bytes} bytes: statements have at most {bytes_max} bytes")]
    StatementTooLong {
        /// Length of the statement.
        bytes: usize,
        /// Longest statement allowed.
        bytes_max: usize,
    },
    /// A value or a row is larger than allowed.
    #[error("a value or a row is too large: they have at most {bytes_max} bytes")]
    ValueTooLarge {
        /// Largest value allowed.
        bytes_max: usize,
    },
    /// The statement gives more rows than an answer holds.
    #[error("more than {rows_max} rows: too many for one answer; add a LIMIT")]
    TooManyRows {
        /// Most rows of an answer.
        rows_max: usize,
    },
    /// The statement gives more bytes than an answer holds.
    #[error("more than {bytes_max} bytes: too many for one answer; add a LIMIT")]
    AnswerTooLarge {
        /// Most bytes of an answer.
        bytes_max: usize,
    },
    /// The statement ran longer than allowed.
    #[error("the statement ran longer than {time_ms_max} ms and was stopped")]
    TimeExceeded {
        /// Longest run allowed.
        time_ms_max: u128,
    },
    /// The connection has made the host write more than allowed.
    #[error("the connection wrote more than {bytes_max} bytes, temporary files included, and the statement was stopped")]
    WroteTooMuch {
        /// Most bytes allowed.
        bytes_max: u64,
    },
    /// Another connection holds a lock, or too many statements or connections are under way.
    #[error("the database is busy: {what} for {time_ms_max} ms")]
    Busy {
        /// What was waited for.
        what: &'static str,
        /// Longest wait.
        time_ms_max: u128,
    },
    /// The statement does what guests may not.
    #[error("not allowed here: {what}")]
    NotAllowed {
        /// What that is.
        what: String,
    },
    /// The statement is wrong, or the data forbid it.
    #[error("{reason}")]
    Failed {
        /// The database's own words.
        reason: String,
    },
    /// The database could not do it; the reason is in the host's log.
    #[error("the database is unavailable")]
    Unavailable,
}

/// A database that can be connected to.
pub trait SqlDatabase: Send + Sync {
    /// A new connection; it asks nothing of the system before its first statement.
    fn connect(&self) -> Arc<dyn SqlConnection>;
}

/// A connection: it has its own transaction. Dropping it undoes what was not committed, and dropping the future of a statement
/// stops the statement.
pub trait SqlConnection: Send + Sync {
    /// Runs one statement.
    fn execute(&self, statement: String, parameters: Vec<SqlValue>) -> BoxFuture<'_, Result<SqlAnswer, SqlError>>;
    /// The row id of the last row that was inserted, 0 if there was none.
    fn last_insert_rowid(&self) -> i64;
    /// Rows that the last statement which changed any has changed.
    fn changes(&self) -> u64;
}
