//! Spin's MySQL, version 2. Knows functions and names of errors; must never know HTTP.

use serde_json::{Value, json};
use test_behaviour::{parameter, shown_debug};

use crate::bindings::fermyon::spin::mysql::Connection;
use crate::bindings::fermyon::spin::rdbms_types::{Error, ParameterValue as To};

/// JSON of the outcome of opening, and of each line.
pub(crate) fn talk(address: &str, lines: &[Value]) -> String {
    let connection = match Connection::open(address) {
        Ok(connection) => connection,
        Err(error) => return json!([failed(error)]).to_string(),
    };
    let mut outcomes = vec![json!({ "ok": "open" })];
    for line in lines {
        let words = line.as_array().map(Vec::as_slice).unwrap_or_default();
        let statement = words.get(1).and_then(Value::as_str).unwrap_or_default();
        let given: Vec<To> = words.iter().skip(2).map(value).collect();
        outcomes.push(match words.first().and_then(Value::as_str) {
            Some("query") => query(&connection, statement, given).unwrap_or_else(failed),
            _ => connection.execute(statement, &given).map_or_else(failed, |()| json!({ "ok": null })),
        });
    }
    json!(outcomes).to_string()
}

fn failed(error: impl std::fmt::Debug) -> Value {
    json!({ "error": format!("{error:?}") })
}

fn value(given: &Value) -> To {
    let (kind, value) = parameter(given);
    let number = || value.as_i64().unwrap_or_default();
    match kind {
        "boolean" => To::Boolean(value == true),
        "int8" => To::Int8(number() as i8),
        "int16" => To::Int16(number() as i16),
        "int32" => To::Int32(number() as i32),
        "int64" => To::Int64(number()),
        "uint8" => To::Uint8(number() as u8),
        "uint16" => To::Uint16(number() as u16),
        "uint32" => To::Uint32(number() as u32),
        "uint64" => To::Uint64(value.as_u64().unwrap_or_default()),
        "floating32" => To::Floating32(value.as_f64().unwrap_or_default() as f32),
        "floating64" => To::Floating64(value.as_f64().unwrap_or_default()),
        "str" => To::Str(value.as_str().unwrap_or_default().to_owned()),
        "binary" => To::Binary(value.as_str().unwrap_or_default().as_bytes().to_vec()),
        _ => To::DbNull,
    }
}

fn query(connection: &Connection, statement: &str, given: Vec<To>) -> Result<Value, Error> {
    let set = connection.query(statement, &given)?;
    let (columns, rows) = (set.columns, set.rows);
    let columns: Vec<_> = columns.iter().map(|column| json!([column.name, shown_debug(&column.data_type)])).collect();
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|value| shown_debug(value)).collect()).collect();
    Ok(json!({ "columns": columns, "rows": rows }))
}
