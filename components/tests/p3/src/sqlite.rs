//! Spin's SQLite, version 3.1. Knows statements and names of errors; must never know HTTP.

use serde_json::{Value as Json, json};
use spin_sdk::sqlite::{Connection, Error, Value};
use spin_sdk::wasip3::clocks::monotonic_clock;
use test_behaviour::Sql;

/// Executes all statements on one connection: JSON of the last answer, or the error's name.
pub(crate) async fn execute(sql: &Sql) -> Result<Vec<u8>, String> {
    let connection = Connection::open(&sql.database).await.map_err(name)?;
    let mut last = Json::Null;
    for statement in &sql.statements {
        let answer = connection.execute(statement, sql.parameter.iter().cloned().map(Value::Text)).await.map_err(name)?;
        let columns = answer.columns().to_vec();
        let rows = answer.collect().await.map_err(name)?;
        let rows: Vec<Vec<Json>> = rows.into_iter().map(|row| row.values.into_iter().map(value).collect()).collect();
        last = json!({ "columns": columns, "rows": rows });
    }
    monotonic_clock::wait_for(sql.hold_ms.saturating_mul(1_000_000)).await;
    Ok(last.to_string().into_bytes())
}

/// Opens so many connections and uses each: how many, or the error's name.
pub(crate) async fn open_many(connections: usize) -> Result<Vec<u8>, String> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let connection = Connection::open_default().await.map_err(name)?;
        connection.execute("SELECT 1", []).await.map_err(name)?.collect().await.map_err(name)?;
        open.push(connection);
    }
    Ok(open.len().to_string().into_bytes())
}

fn value(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!({ "blob": bytes.len() }),
    }
}

fn name(error: Error) -> String {
    match error {
        Error::NoSuchDatabase => "no-such-database".to_owned(),
        Error::AccessDenied => "access-denied".to_owned(),
        Error::InvalidConnection => "invalid-connection".to_owned(),
        Error::DatabaseFull => "database-full".to_owned(),
        Error::Io(reason) => format!("io: {reason}"),
    }
}
