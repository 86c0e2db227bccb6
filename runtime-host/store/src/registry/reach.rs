//! What a spell asks to reach, as a JSON object: `{"environment":{},"network":[],"tmp":false}`. Where a member is missing, nothing is asked
//! for. It knows the members; it must never know what they mean.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde::Deserialize;
use serde_json::json;
use spell_cast::Reach;
use std::collections::BTreeMap;

/// What a spell asks to reach, as a column.
pub(super) struct Reached(pub(super) Reach);

impl ToSql for Reached {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let Reach { network, environment, tmp } = &self.0;
        Ok(json!({ "network": network, "environment": environment, "tmp": tmp }).to_string().into())
    }
}

impl FromSql for Reached {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let Members { network, environment, tmp } = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        Ok(Self(Reach { network, environment, tmp }))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Members {
    network: Vec<String>,
    environment: BTreeMap<String, String>,
    tmp: bool,
}
