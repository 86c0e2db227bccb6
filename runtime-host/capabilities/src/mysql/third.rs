//! `spin:mysql/mysql@3.0.0`, in terms of what this room has.
//!
//! This module knows names. It must never decide anything.

use super::value::{Column, Kind, Value};
use super::{Answer, MysqlConnection as Open, MysqlError, SCHEMES, Wire};
use crate::Host;
use crate::bindings::spin3::mysql as v3;
use crate::host::HostAccess;
use crate::outbound::Turns;
use std::sync::Arc;
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};

type Answered<T> = wasmtime::Result<Result<T, v3::Error>>;

impl From<MysqlError> for v3::Error {
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

impl From<v3::ParameterValue> for Value {
    fn from(value: v3::ParameterValue) -> Self {
        use v3::ParameterValue as Given;
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

impl From<Value> for v3::DbValue {
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

fn column(column: Column) -> v3::Column {
    let data_type = match column.kind {
        Kind::Int8 => v3::DbDataType::Int8,
        Kind::Int16 => v3::DbDataType::Int16,
        Kind::Int32 => v3::DbDataType::Int32,
        Kind::Int64 => v3::DbDataType::Int64,
        Kind::Uint8 => v3::DbDataType::Uint8,
        Kind::Uint16 => v3::DbDataType::Uint16,
        Kind::Uint32 => v3::DbDataType::Uint32,
        Kind::Uint64 => v3::DbDataType::Uint64,
        Kind::Floating32 => v3::DbDataType::Floating32,
        Kind::Floating64 => v3::DbDataType::Floating64,
        Kind::Str => v3::DbDataType::Str,
        Kind::Binary => v3::DbDataType::Binary,
        Kind::Other => v3::DbDataType::Other,
    };
    v3::Column { name: column.name, data_type }
}

fn row(values: Vec<Value>) -> Vec<v3::DbValue> {
    values.into_iter().map(Into::into).collect()
}

fn values(given: Vec<v3::ParameterValue>) -> Vec<Value> {
    given.into_iter().map(Into::into).collect()
}

impl v3::Host for Host {}

impl v3::HostConnection for Host {
    async fn drop(&mut self, opened: Resource<Open>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        Ok(())
    }
}

/// Columns, rows, and whether they are all.
type Rows = (Vec<v3::Column>, StreamReader<Vec<v3::DbValue>>, FutureReader<Result<(), v3::Error>>);

impl<T: Send> v3::HostConnectionWithStore<T> for HostAccess {
    async fn open(store: &Accessor<T, Self>, address: String) -> Answered<Resource<Open>> {
        let opened = match store.with(|mut access| access.get().outbound.admit_connection(&address, &SCHEMES)) {
            Ok(passage) => super::open(passage).await,
            Err(error) => Err(error.into()),
        };
        let kept = store.with(|mut access| access.get().keep_mysql(opened));
        Ok(kept.map_err(|error| v3::Error::ConnectionFailed(error.to_string())))
    }

    async fn query(store: &Accessor<T, Self>, opened: Resource<Open>, statement: String, given: Vec<v3::ParameterValue>) -> Answered<Rows> {
        let connection = find(store, &opened)?;
        match super::run(&connection, &statement, &values(given)).await {
            Ok(answer) => store.with(|access| give_rows(access, answer)).map(Ok),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn execute(store: &Accessor<T, Self>, opened: Resource<Open>, statement: String, given: Vec<v3::ParameterValue>) -> Answered<()> {
        let connection = find(store, &opened)?;
        Ok(super::run(&connection, &statement, &values(given)).await.map(|_| ()).map_err(Into::into))
    }
}

fn find<T>(store: &Accessor<T, HostAccess>, opened: &Resource<Open>) -> wasmtime::Result<Arc<Turns<Wire>>> {
    store.with(|mut access| access.get().mysql(opened))
}

/// The answer came whole, within its limits: what a guest reads as a stream is here already.
fn give_rows<T>(mut access: Access<'_, T, HostAccess>, answer: Answer) -> wasmtime::Result<Rows> {
    let rows: Vec<_> = answer.rows.into_iter().map(row).collect();
    let stream = StreamReader::new(&mut access, rows)?;
    let future = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
    Ok((answer.columns.into_iter().map(column).collect(), stream, future))
}
