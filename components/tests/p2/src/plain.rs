//! Interfaces with plain functions that a guest of either generation can import: WASI's stores, and Spin's of earlier versions.
//!
//! Knows operations and names of errors; must never know HTTP. Both test guests have this very file.

use serde_json::{Value as Json, json};
use test_behaviour::{Sql, StoreOperation};

mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "plain", generate_all });
}

mod spin1 {
    wit_bindgen::generate!({ path: "../../../wit/spin1", world: "imports", generate_all });
}

use bindings::spin::sqlite3_0_0::sqlite as sqlite3;
use bindings::wasi::config::store as wasi_config;
use bindings::wasi::keyvalue::{atomics, batch, store};
use spin1::fermyon::spin as old;

/// Executes all statements on one connection: JSON of the last answer, or the error's name.
pub(crate) fn execute(sql: &Sql) -> Result<Vec<u8>, String> {
    let last = match sql.via.as_str() {
        "3.0" => execute_3(sql).map_err(debug)?,
        "1" => execute_1(sql).map_err(debug)?,
        other => return Err(format!("no interface {other}")),
    };
    Ok(last.to_string().into_bytes())
}

fn execute_3(sql: &Sql) -> Result<Json, sqlite3::Error> {
    let connection = sqlite3::Connection::open(&sql.database)?;
    let parameters: Vec<sqlite3::Value> = sql.parameter.iter().cloned().map(sqlite3::Value::Text).collect();
    let mut rows = Vec::new();
    for statement in &sql.statements {
        rows = connection.execute(statement, &parameters)?.rows;
    }
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.values.iter().map(debug).collect()).collect();
    Ok(json!({ "rows": rows, "changes": connection.changes(), "rowid": connection.last_insert_rowid() }))
}

fn execute_1(sql: &Sql) -> Result<Json, old::sqlite::Error> {
    let connection = old::sqlite::open(&sql.database)?;
    let parameters: Vec<old::sqlite::Value> = sql.parameter.iter().cloned().map(old::sqlite::Value::Text).collect();
    let mut rows = Vec::new();
    for statement in &sql.statements {
        rows = old::sqlite::execute(connection, statement, &parameters)?.rows;
    }
    old::sqlite::close(connection);
    let after_close = old::sqlite::execute(connection, "SELECT 1", &[]).map(|_| ()).map_err(debug);
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.values.iter().map(debug).collect()).collect();
    Ok(json!({ "rows": rows, "after_close": after_close.err() }))
}

/// One operation on a store: what it answers, or the error's name.
pub(crate) fn operate(asked: &StoreOperation) -> Result<Vec<u8>, String> {
    match asked.via.as_str() {
        "wasi" => operate_wasi(asked).map_err(debug),
        "1" => operate_1(asked).map_err(debug),
        other => Err(format!("no interface {other}")),
    }
}

fn operate_wasi(asked: &StoreOperation) -> Result<Vec<u8>, store::Error> {
    let bucket = store::open(&asked.store)?;
    let (key, value) = (asked.key.as_str(), asked.value.as_bytes());
    let keys: Vec<String> = asked.key.split(',').map(str::to_owned).collect();
    Ok(match asked.operation.as_str() {
        "get" => bucket.get(key)?.unwrap_or_else(|| b"none".to_vec()),
        "set" => bucket.set(key, value).map(|()| Vec::new())?,
        "delete" => bucket.delete(key).map(|()| Vec::new())?,
        "exists" => bucket.exists(key)?.to_string().into_bytes(),
        "keys" => {
            let page = bucket.list_keys(Some(&asked.value).filter(|after| !after.is_empty()).map(String::as_str))?;
            json!({ "keys": page.keys, "cursor": page.cursor }).to_string().into_bytes()
        }
        "get-many" => {
            let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
            let found: Vec<_> = batch::get_many(&bucket, &keys)?.into_iter().map(|(key, value)| (key, value.map(text))).collect();
            json!(found).to_string().into_bytes()
        }
        "set-many" => {
            let pairs: Vec<_> = keys.into_iter().map(|key| (key, value.to_vec())).collect();
            batch::set_many(&bucket, &pairs).map(|()| Vec::new())?
        }
        "delete-many" => batch::delete_many(&bucket, &keys).map(|()| Vec::new())?,
        "increment" => atomics::increment(&bucket, key, asked.value.parse().unwrap_or(1))?.to_string().into_bytes(),
        "swap" => swap(&bucket, key, value)?,
        _ => return Err(store::Error::Other("no such operation".to_owned())),
    })
}

/// Has the value change under a comparison, and swaps with the new one that is then given.
fn swap(bucket: &store::Bucket, key: &str, value: &[u8]) -> Result<Vec<u8>, store::Error> {
    let cas = atomics::Cas::new(bucket, key)?;
    let before = cas.current()?;
    bucket.set(key, b"in between")?;
    let (failed, after) = match atomics::swap(cas, value) {
        Ok(()) => return Ok(b"swapped at once".to_vec()),
        Err(atomics::CasError::StoreError(error)) => return Err(error),
        Err(atomics::CasError::CasFailed(again)) => (again.current()?, atomics::swap(again, value).is_ok()),
    };
    let text = |value: Option<Vec<u8>>| value.map(|value| String::from_utf8_lossy(&value).into_owned());
    Ok(json!({ "before": text(before), "found": text(failed), "swapped": after }).to_string().into_bytes())
}

fn operate_1(asked: &StoreOperation) -> Result<Vec<u8>, old::key_value::Error> {
    use old::key_value;
    let store = key_value::open(&asked.store)?;
    let answer = match asked.operation.as_str() {
        "get" => key_value::get(store, &asked.key)?,
        "set" => key_value::set(store, &asked.key, asked.value.as_bytes()).map(|()| Vec::new())?,
        "delete" => key_value::delete(store, &asked.key).map(|()| Vec::new())?,
        "exists" => key_value::exists(store, &asked.key)?.to_string().into_bytes(),
        "keys" => json!(key_value::get_keys(store)?).to_string().into_bytes(),
        "use-after-close" => {
            key_value::close(store);
            key_value::get(store, &asked.key)?
        }
        _ => return Err(key_value::Error::Io("no such operation".to_owned())),
    };
    key_value::close(store);
    Ok(answer)
}

/// A variable through one of the older interfaces, or all of them.
pub(crate) fn config(via: &str, name: &str) -> Result<Vec<u8>, String> {
    match (via, name) {
        ("1", name) => old::config::get_config(name).map(String::into_bytes).map_err(debug),
        (_, "") => wasi_config::get_all().map(|all| json!(all).to_string().into_bytes()).map_err(debug),
        (_, name) => wasi_config::get(name).map(|value| json!(value).to_string().into_bytes()).map_err(debug),
    }
}

fn debug(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
