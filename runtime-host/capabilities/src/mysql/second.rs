//! `fermyon:spin/mysql@2.0.0`, in terms of what this room has.
//!
//! This module knows names. It must never decide anything.

use super::value::{Column, Kind, Value};
use super::{Answer, MysqlConnection as Open, MysqlError, SCHEMES};
use crate::Host;
use crate::bindings::spin2::{mysql, rdbms_types as v2};
use wasmtime::component::Resource;

type Answered<T> = wasmtime::Result<Result<T, v2::Error>>;

impl From<MysqlError> for v2::Error {
    fn from(error: MysqlError) -> Self {
        let text = error.to_string();
        match error {
            MysqlError::BadParameter(_) => Self::BadParameter(text),
            MysqlError::Query(_) => Self::QueryFailed(text),
            MysqlError::Conversion(_) => Self::ValueConversionFailed(text),
            _ => Self::Other(text),
        }
    }
}

impl From<v2::ParameterValue> for Value {
    fn from(value: v2::ParameterValue) -> Self {
        use v2::ParameterValue as Given;
        match value {
            Given::DbNull => Value::Null,
            Given::Boolean(value) => Value::Boolean(value),
            Given::Int8(value) => Value::Int8(value),
            Given::Int16(value) => Value::Int16(value),
            Given::Int32(value) => Value::Int32(value),
            Given::Int64(value) => Value::Int64(value),
            Given::Uint8(value) => Value::Uint8(value),
            Given::Uint16(value) => Value::Uint16(value),
            Given::Uint32(value) => Value::Uint32(value),
            Given::Uint64(value) => Value::Uint64(value),
            Given::Floating32(value) => Value::Floating32(value),
            Given::Floating64(value) => Value::Floating64(value),
            Given::Str(value) => Value::Str(value),
            Given::Binary(value) => Value::Binary(value),
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
            Value::Uint8(value) => Self::Uint8(value),
            Value::Uint16(value) => Self::Uint16(value),
            Value::Uint32(value) => Self::Uint32(value),
            Value::Uint64(value) => Self::Uint64(value),
            Value::Floating32(value) => Self::Floating32(value),
            Value::Floating64(value) => Self::Floating64(value),
            Value::Str(value) => Self::Str(value),
            Value::Binary(value) => Self::Binary(value),
            Value::Unsupported => Self::Unsupported,
        }
    }
}

fn column(column: Column) -> v2::Column {
    let data_type = match column.kind {
        Kind::Int8 => v2::DbDataType::Int8,
        Kind::Int16 => v2::DbDataType::Int16,
        Kind::Int32 => v2::DbDataType::Int32,
        Kind::Int64 => v2::DbDataType::Int64,
        Kind::Uint8 => v2::DbDataType::Uint8,
        Kind::Uint16 => v2::DbDataType::Uint16,
        Kind::Uint32 => v2::DbDataType::Uint32,
        Kind::Uint64 => v2::DbDataType::Uint64,
        Kind::Floating32 => v2::DbDataType::Floating32,
        Kind::Floating64 => v2::DbDataType::Floating64,
        Kind::Str => v2::DbDataType::Str,
        Kind::Binary => v2::DbDataType::Binary,
        Kind::Other => v2::DbDataType::Other,
    };
    v2::Column { name: column.name, data_type }
}

fn row(values: Vec<Value>) -> Vec<v2::DbValue> {
    values.into_iter().map(Into::into).collect()
}

fn values(given: Vec<v2::ParameterValue>) -> Vec<Value> {
    given.into_iter().map(Into::into).collect()
}

impl mysql::Host for Host {}

impl mysql::HostConnection for Host {
    async fn open(&mut self, address: String) -> Answered<Resource<Open>> {
        let opened = match self.outbound.admit_connection(&address, &SCHEMES) {
            Ok(passage) => super::open(passage).await,
            Err(error) => Err(error.into()),
        };
        Ok(self.keep_mysql(opened).map_err(|error| v2::Error::ConnectionFailed(error.to_string())))
    }

    async fn query(&mut self, opened: Resource<Open>, statement: String, given: Vec<v2::ParameterValue>) -> Answered<v2::RowSet> {
        let (connection, values) = (self.mysql(&opened)?, values(given));
        let set = |answer: Answer| v2::RowSet {
            columns: answer.columns.into_iter().map(column).collect(),
            rows: answer.rows.into_iter().map(row).collect(),
        };
        Ok(super::run(&connection, &statement, &values).await.map(set).map_err(Into::into))
    }

    async fn execute(&mut self, opened: Resource<Open>, statement: String, given: Vec<v2::ParameterValue>) -> Answered<()> {
        let (connection, values) = (self.mysql(&opened)?, values(given));
        Ok(super::run(&connection, &statement, &values).await.map(|_| ()).map_err(Into::into))
    }

    async fn drop(&mut self, opened: Resource<Open>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        Ok(())
    }
}
