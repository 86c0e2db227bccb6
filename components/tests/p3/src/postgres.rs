//! Spin's PostgreSQL, version 4. Knows functions and names of errors; must never know HTTP.

use serde_json::{Value, json};
use spin_sdk::pg::{Certificate, Connection, Error, Interval, OpenOptions, ParameterValue as To, RangeBoundKind};
use test_behaviour::{parameter, shown_debug};

/// JSON of the outcome of opening, and of each line.
pub(crate) async fn fourth(address: &str, lines: &[Value], certificate: Option<String>) -> String {
    let mut connections = Vec::new();
    let mut outcomes = vec![open(address, certificate.clone(), &mut connections).await];
    for line in lines {
        let words = line.as_array().map(Vec::as_slice).unwrap_or_default();
        let statement = words.get(1).and_then(Value::as_str).unwrap_or_default();
        let given: Vec<To> = words.iter().skip(2).map(value).collect();
        outcomes.push(match (words.first().and_then(Value::as_str), connections.first()) {
            (Some("open"), _) => open(address, certificate.clone(), &mut connections).await,
            (Some("query"), Some(connection)) => query(connection, statement, given).await.unwrap_or_else(failed),
            (Some("execute"), Some(connection)) => {
                connection.execute(statement, given).await.map_or_else(failed, |done| json!({ "ok": done }))
            }
            _ => continue,
        });
    }
    json!(outcomes).to_string()
}

async fn open(address: &str, certificate: Option<String>, connections: &mut Vec<Connection>) -> Value {
    let opened = match certificate {
        Some(text) => Connection::open_with_options(address, OpenOptions { ca_root: Some(Certificate::Text(text)) }).await,
        None => Connection::open(address).await,
    };
    match opened {
        Ok(connection) => {
            connections.push(connection);
            json!({ "ok": "open" })
        }
        Err(error) => failed(error),
    }
}

async fn query(connection: &Connection, statement: &str, given: Vec<To>) -> Result<Value, Error> {
    let (columns, stream, result) = connection.query(statement, given).await?.into_inner();
    let columns: Vec<_> = columns.iter().map(|column| json!([column.name, shown_debug(&column.data_type)])).collect();
    let rows = stream.collect().await;
    result.await?;
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|value| shown_debug(value)).collect()).collect();
    Ok(json!({ "columns": columns, "rows": rows }))
}

fn failed(error: Error) -> Value {
    match error {
        Error::PgError(error) => json!({ "error": format!("{error:?}") }),
        Error::Decode(text) => json!({ "error": text }),
    }
}

fn value(given: &Value) -> To {
    let (kind, value) = parameter(given);
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(|one| one.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let numbers = |value: &Value| value.as_array().into_iter().flatten().map(Value::as_i64).collect::<Vec<_>>();
    let at = |index: usize| number(&value[index]);
    match kind {
        "boolean" => To::Boolean(value == true),
        "int8" => To::Int8(number(value) as i8),
        "int16" => To::Int16(number(value) as i16),
        "int32" => To::Int32(number(value) as i32),
        "int64" => To::Int64(number(value)),
        "floating32" => To::Floating32(value.as_f64().unwrap_or_default() as f32),
        "floating64" => To::Floating64(value.as_f64().unwrap_or_default()),
        "str" => To::Str(text(value)),
        "binary" => To::Binary(text(value).into_bytes()),
        "date" => To::Date((at(0) as i32, at(1) as u8, at(2) as u8)),
        "time" => To::Time((at(0) as u8, at(1) as u8, at(2) as u8, at(3) as u32)),
        "datetime" => To::Datetime((at(0) as i32, at(1) as u8, at(2) as u8, at(3) as u8, at(4) as u8, at(5) as u8, at(6) as u32)),
        "timestamp" => To::Timestamp(number(value)),
        "uuid" => To::Uuid(text(value)),
        "jsonb" => To::Jsonb(text(value).into_bytes()),
        "decimal" => To::Decimal(text(value)),
        "range-int32" => To::RangeInt32((bound(value, 0, |value| number(value) as i32), bound(value, 1, |value| number(value) as i32))),
        "range-int64" => To::RangeInt64((bound(value, 0, number), bound(value, 1, number))),
        "range-decimal" => To::RangeDecimal((bound(value, 0, text), bound(value, 1, text))),
        "array-int32" => To::ArrayInt32(numbers(value).into_iter().map(|one| one.map(|number| number as i32)).collect()),
        "array-int64" => To::ArrayInt64(numbers(value)),
        "array-decimal" => To::ArrayDecimal(texts(value)),
        "array-str" => To::ArrayStr(texts(value)),
        "interval" => To::Interval(Interval { micros: at(0), days: at(1) as i32, months: at(2) as i32 }),
        _ => To::DbNull,
    }
}

/// The lower bound belongs to the range, the upper one does not.
fn bound<T>(value: &Value, index: usize, read: impl Fn(&Value) -> T) -> Option<(T, RangeBoundKind)> {
    let kind = if index == 0 { RangeBoundKind::Inclusive } else { RangeBoundKind::Exclusive };
    Some((read(&value[index]), kind)).filter(|_| !value[index].is_null())
}
