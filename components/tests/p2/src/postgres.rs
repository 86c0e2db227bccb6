//! Spin's PostgreSQL, versions 2 and 3. Knows functions and names of errors; must never know HTTP.

use serde_json::{Value, json};
use test_behaviour::{parameter, shown_debug};

use crate::bindings::fermyon::spin::postgres::Connection as Second;
use crate::bindings::fermyon::spin::rdbms_types as v2;
use crate::bindings::spin::postgres3_0_0::postgres::{self as v3, Connection as Third};

macro_rules! version {
    ($name:ident, $connection:ident, $types:ident, [$($kind:literal => $more:expr),*]) => {
        /// JSON of the outcome of opening, and of each line.
        pub(crate) fn $name(address: &str, lines: &[Value]) -> String {
            let open = |connections: &mut Vec<$connection>| match $connection::open(address) {
                Ok(connection) => {
                    connections.push(connection);
                    json!({ "ok": "open" })
                }
                Err(error) => failed(error),
            };
            let value = |value: &Value| {
                use $types::ParameterValue as To;
                let (kind, value) = parameter(value);
                let number = || value.as_i64().unwrap_or_default();
                match kind {
                    "boolean" => To::Boolean(value == true),
                    "int8" => To::Int8(number() as i8),
                    "int16" => To::Int16(number() as i16),
                    "int32" => To::Int32(number() as i32),
                    "int64" => To::Int64(number()),
                    "floating32" => To::Floating32(value.as_f64().unwrap_or_default() as f32),
                    "floating64" => To::Floating64(value.as_f64().unwrap_or_default()),
                    "str" => To::Str(value.as_str().unwrap_or_default().to_owned()),
                    "binary" => To::Binary(value.as_str().unwrap_or_default().as_bytes().to_vec()),
                    $($kind => $more(value),)*
                    _ => To::DbNull,
                }
            };
            let mut connections = Vec::new();
            let mut outcomes = vec![open(&mut connections)];
            for line in lines {
                let words = line.as_array().map(Vec::as_slice).unwrap_or_default();
                let statement = words.get(1).and_then(Value::as_str).unwrap_or_default();
                let given: Vec<_> = words.iter().skip(2).map(value).collect();
                outcomes.push(match (words.first().and_then(Value::as_str), connections.first()) {
                    (Some("open"), _) => open(&mut connections),
                    (Some("query"), Some(connection)) => match connection.query(statement, &given) {
                        Ok(set) => {
                            let columns: Vec<_> = set.columns.iter().map(|column| json!([column.name, shown_debug(&column.data_type)])).collect();
                            let rows: Vec<Vec<_>> = set.rows.iter().map(|row| row.iter().map(|value| shown_debug(value)).collect()).collect();
                            json!({ "columns": columns, "rows": rows })
                        }
                        Err(error) => failed(error),
                    },
                    (Some("execute"), Some(connection)) => connection.execute(statement, &given).map_or_else(failed, |done| json!({ "ok": done })),
                    _ => continue,
                });
            }
            json!(outcomes).to_string()
        }
    };
}

version!(second, Second, v2, ["uint8" => |value: &Value| v2::ParameterValue::Uint8(value.as_u64().unwrap_or_default() as u8),
    "uint64" => |value: &Value| v2::ParameterValue::Uint64(value.as_u64().unwrap_or_default())]);
version!(third, Third, v3, ["date" => |value: &Value| v3::ParameterValue::Date((at(value, 0), at(value, 1) as u8, at(value, 2) as u8)),
    "timestamp" => |value: &Value| v3::ParameterValue::Timestamp(value.as_i64().unwrap_or_default())]);

fn at(value: &Value, index: usize) -> i32 {
    value[index].as_i64().unwrap_or_default() as i32
}

fn failed(error: impl std::fmt::Debug) -> Value {
    json!({ "error": format!("{error:?}") })
}
