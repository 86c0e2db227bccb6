//! A database of guests, and what a guest does with it.

use spell_store::GuestDatabase;
use spell_types::{SqlAnswer, SqlConnection, SqlError, SqlLimits, SqlValue};
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) fn on_disk(limits: SqlLimits) -> (TempDir, GuestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let database = GuestDatabase::open(&directory.path().join("sqlite/default.db"), limits).unwrap();
    (directory, database)
}

pub(crate) async fn run(connection: &Arc<dyn SqlConnection>, statement: &str) -> Result<SqlAnswer, SqlError> {
    connection.execute(statement.to_owned(), Vec::new()).await
}

/// The value of a statement that gives one.
#[allow(dead_code, reason = "not each test binary asks for one")]
pub(crate) async fn one(connection: &Arc<dyn SqlConnection>, statement: &str) -> SqlValue {
    let answer = run(connection, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    answer.rows.into_iter().flatten().next().unwrap_or_else(|| panic!("{statement}: no rows"))
}
