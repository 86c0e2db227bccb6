//! What a spell asks to reach, as a JSON object: `{"environment":{},"network":[],"tmp":false}`. Where a member is missing, nothing is asked for.
//! It knows the members; it must never know what they mean.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde_json::{Value, json};
use spell_cast::Reach;

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
        let mut members: Value = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        let mut member = |name| members.get_mut(name).map(Value::take).unwrap_or_default();
        let (network, environment, tmp) = (read(member("network"))?, read(member("environment"))?, read(member("tmp"))?);
        Ok(Self(Reach { network: network.unwrap_or_default(), environment: environment.unwrap_or_default(), tmp: tmp.unwrap_or_default() }))
    }
}

fn read<T: serde::de::DeserializeOwned>(member: Value) -> FromSqlResult<Option<T>> {
    serde_json::from_value(member).map_err(FromSqlError::other)
}
