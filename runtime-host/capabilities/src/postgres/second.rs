//! `fermyon:spin/postgres@2.0.0`, in terms of what this room has.
//!
//! This module knows names. It must never decide anything.

use super::value::{Kind, Value};
use super::{Answer, PostgresConnection as Open, PostgresError};
use crate::Host;
use crate::bindings::spin2::{postgres, rdbms_types as v2};
use wasmtime::component::Resource;

type Answered<T> = wasmtime::Result<Result<T, v2::Error>>;

impl From<PostgresError> for v2::Error {
    fn from(error: PostgresError) -> Self {
        let text = error.to_string();
        match error {
            PostgresError::BadParameter(_) => Self::BadParameter(text),
            PostgresError::Query(_) => Self::QueryFailed(text),
            PostgresError::Conversion(_) => Self::ValueConversionFailed(text),
            _ => Self::Other(text),
        }
    }
}

impl From<v2::ParameterValue> for Value {
    fn from(value: v2::ParameterValue) -> Self {
        use v2::ParameterValue as Given;
        match value {
            Given::Boolean(value) => Value::Boolean(value),
            Given::Int8(value) => Value::Int8(value),
            Given::Int16(value) => Value::Int16(value),
            Given::Int32(value) => Value::Int32(value),
            Given::Int64(value) => Value::Int64(value),
            Given::Uint8(value) => Value::Int16(value.into()),
            Given::Uint16(value) => Value::Int32(value.into()),
            Given::Uint32(value) => Value::Int64(value.into()),
            // PostgreSQL has no integer that is as wide.
            Given::Uint64(value) => i64::try_from(value).map_or_else(|_| Value::Decimal(value.to_string()), Value::Int64),
            Given::Floating32(value) => Value::Floating32(value),
            Given::Floating64(value) => Value::Floating64(value),
            Given::Str(value) => Value::Str(value),
            Given::Binary(value) => Value::Binary(value),
            Given::DbNull => Value::Null,
        }
    }
}

impl From<Value> for v2::DbValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::DbNull,
            Value::Boolean(value) => Self::Boolean(value),
            Value::Int8(value) => Self::Int8(value),
            Value::Int16(value) => Self::Int16(value),
            Value::Int32(value) => Self::Int32(value),
            Value::Int64(value) => Self::Int64(value),
            Value::Floating32(value) => Self::Floating32(value),
            Value::Floating64(value) => Self::Floating64(value),
            Value::Str(value) => Self::Str(value),
            Value::Binary(value) => Self::Binary(value),
            _ => Self::Unsupported,
        }
    }
}

impl From<Answer> for v2::RowSet {
    fn from(answer: Answer) -> Self {
        let column = |column: super::Column| v2::Column { data_type: data_type(Kind::of(&column.kind)), name: column.name };
        let row = |row: Vec<Value>| row.into_iter().map(Into::into).collect();
        Self { columns: answer.columns.into_iter().map(column).collect(), rows: answer.rows.into_iter().map(row).collect() }
    }
}

fn data_type(kind: Kind) -> v2::DbDataType {
    match kind {
        Kind::Boolean => v2::DbDataType::Boolean,
        Kind::Int8 => v2::DbDataType::Int8,
        Kind::Int16 => v2::DbDataType::Int16,
        Kind::Int32 => v2::DbDataType::Int32,
        Kind::Int64 => v2::DbDataType::Int64,
        Kind::Floating32 => v2::DbDataType::Floating32,
        Kind::Floating64 => v2::DbDataType::Floating64,
        Kind::Str => v2::DbDataType::Str,
        Kind::Binary => v2::DbDataType::Binary,
        _ => v2::DbDataType::Other,
    }
}

impl v2::Host for Host {}
impl postgres::Host for Host {}

impl postgres::HostConnection for Host {
    async fn open(&mut self, address: String) -> Answered<Resource<Open>> {
        let opened = match self.admit_postgres(&address) {
            Ok(opening) => opening.open(None).await,
            Err(error) => Err(error),
        };
        Ok(self.keep_postgres(opened).map_err(|error| v2::Error::ConnectionFailed(error.to_string())))
    }

    async fn query(&mut self, opened: Resource<Open>, statement: String, given: Vec<v2::ParameterValue>) -> Answered<v2::RowSet> {
        let (connection, values) = (self.postgres(&opened)?, values(given));
        Ok(super::run(&connection, &statement, &values).await.map(Into::into).map_err(Into::into))
    }

    async fn execute(&mut self, opened: Resource<Open>, statement: String, given: Vec<v2::ParameterValue>) -> Answered<u64> {
        let (connection, values) = (self.postgres(&opened)?, values(given));
        Ok(super::run(&connection, &statement, &values).await.map(|answer| answer.affected).map_err(Into::into))
    }

    async fn drop(&mut self, opened: Resource<Open>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        Ok(())
    }
}

fn values(given: Vec<v2::ParameterValue>) -> Vec<Value> {
    given.into_iter().map(Into::into).collect()
}
