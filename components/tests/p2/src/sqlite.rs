//! Spin's SQLite, version 2. Knows statements and names of errors; must never know HTTP.

use serde_json::{Value as Json, json};
use test_behaviour::Sql;

use crate::bindings::fermyon::spin::sqlite::{Connection, Error, QueryResult, Value};

/// Executes all statements on one connection: JSON of the last answer, or the error's name.
pub(crate) fn execute(sql: &Sql) -> Result<Vec<u8>, String> {
    let connection = Connection::open(&sql.database).map_err(name)?;
    let parameters: Vec<Value> = sql.parameter.iter().cloned().map(Value::Text).collect();
    let mut last = Json::Null;
    for statement in &sql.statements {
        last = describe(connection.execute(statement, &parameters).map_err(name)?);
    }
    std::thread::sleep(std::time::Duration::from_millis(sql.hold_ms));
    Ok(last.to_string().into_bytes())
}

/// Opens so many connections and uses each: how many, or the error's name.
pub(crate) fn open_many(connections: usize) -> Result<Vec<u8>, String> {
    let mut open = Vec::new();
    for _ in 0..connections {
        let connection = Connection::open("default").map_err(name)?;
        connection.execute("SELECT 1", &[]).map_err(name)?;
        open.push(connection);
    }
    Ok(open.len().to_string().into_bytes())
}

fn describe(answer: QueryResult) -> Json {
    let rows: Vec<Vec<Json>> = answer.rows.into_iter().map(|row| row.values.into_iter().map(value).collect()).collect();
    json!({ "columns": answer.columns, "rows": rows })
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
