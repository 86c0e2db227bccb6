//! `spin:postgres/postgres@4.2.0`, in terms of what this room has; 4.0 and 4.1 are parts of it.
//!
//! This module knows names. It must never decide anything.

use super::value::{Inclusion, Kind, Value};
use super::{Answer, PostgresBuilder as Builder, PostgresConnection as Open, PostgresError, Wire};
use crate::Host;
use crate::bindings::postgres4 as v4;
use crate::host::HostAccess;
use crate::outbound::Turns;
use std::sync::Arc;
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};

type Answered<T> = wasmtime::Result<Result<T, v4::Error>>;

impl From<PostgresError> for v4::Error {
    fn from(error: PostgresError) -> Self {
        let text = error.to_string();
        match error {
            PostgresError::BadParameter(_) => Self::BadParameter(text),
            PostgresError::Query(error) => Self::QueryFailed(v4::QueryError::DbError(v4::DbError {
                as_text: text,
                severity: error.severity,
                code: error.code,
                message: error.message,
                detail: error.detail,
                extras: error.extras,
            })),
            PostgresError::Conversion(_) => Self::ValueConversionFailed(text),
            _ => Self::Other(text),
        }
    }
}

impl From<v4::ParameterValue> for Value {
    fn from(value: v4::ParameterValue) -> Self {
        use v4::ParameterValue as Given;
        match value {
            Given::Boolean(value) => Value::Boolean(value),
            Given::Int8(value) => Value::Int8(value),
            Given::Int16(value) => Value::Int16(value),
            Given::Int32(value) => Value::Int32(value),
            Given::Int64(value) => Value::Int64(value),
            Given::Floating32(value) => Value::Floating32(value),
            Given::Floating64(value) => Value::Floating64(value),
            Given::Str(value) => Value::Str(value),
            Given::Binary(value) => Value::Binary(value),
            Given::Date(value) => Value::Date(value),
            Given::Time(value) => Value::Time(value),
            Given::Datetime(value) => Value::Datetime(value),
            Given::Timestamp(value) => Value::Timestamp(value),
            Given::Uuid(value) => Value::Uuid(value),
            Given::Jsonb(value) => Value::Jsonb(value),
            Given::Decimal(value) => Value::Decimal(value),
            Given::RangeInt32((low, high)) => Value::RangeInt32(low.map(given), high.map(given)),
            Given::RangeInt64((low, high)) => Value::RangeInt64(low.map(given), high.map(given)),
            Given::RangeDecimal((low, high)) => Value::RangeDecimal(low.map(given), high.map(given)),
            Given::ArrayInt32(value) => Value::ArrayInt32(value),
            Given::ArrayInt64(value) => Value::ArrayInt64(value),
            Given::ArrayDecimal(value) => Value::ArrayDecimal(value),
            Given::ArrayStr(value) => Value::ArrayStr(value),
            Given::Interval(value) => Value::Interval { micros: value.micros, days: value.days, months: value.months },
            Given::DbNull => Value::Null,
        }
    }
}

impl From<Value> for v4::DbValue {
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
            Value::Date(value) => Self::Date(value),
            Value::Time(value) => Self::Time(value),
            Value::Datetime(value) => Self::Datetime(value),
            Value::Timestamp(value) => Self::Timestamp(value),
            Value::Uuid(value) => Self::Uuid(value),
            Value::Jsonb(value) => Self::Jsonb(value),
            Value::Decimal(value) => Self::Decimal(value),
            Value::RangeInt32(low, high) => Self::RangeInt32((low.map(told), high.map(told))),
            Value::RangeInt64(low, high) => Self::RangeInt64((low.map(told), high.map(told))),
            Value::RangeDecimal(low, high) => Self::RangeDecimal((low.map(told), high.map(told))),
            Value::ArrayInt32(value) => Self::ArrayInt32(value),
            Value::ArrayInt64(value) => Self::ArrayInt64(value),
            Value::ArrayDecimal(value) => Self::ArrayDecimal(value),
            Value::ArrayStr(value) => Self::ArrayStr(value),
            Value::Interval { micros, days, months } => Self::Interval(v4::Interval { micros, days, months }),
            Value::Unsupported(bytes) => Self::Unsupported(bytes),
        }
    }
}

fn given<T>((value, kind): (T, v4::RangeBoundKind)) -> (T, Inclusion) {
    match kind {
        v4::RangeBoundKind::Inclusive => (value, Inclusion::Inclusive),
        v4::RangeBoundKind::Exclusive => (value, Inclusion::Exclusive),
    }
}

fn told<T>((value, inclusion): (T, Inclusion)) -> (T, v4::RangeBoundKind) {
    match inclusion {
        Inclusion::Inclusive => (value, v4::RangeBoundKind::Inclusive),
        Inclusion::Exclusive => (value, v4::RangeBoundKind::Exclusive),
    }
}

fn column(column: super::Column) -> v4::Column {
    use v4::DbDataType as Type;
    let data_type = match Kind::of(&column.kind) {
        Kind::Boolean => Type::Boolean,
        Kind::Int8 => Type::Int8,
        Kind::Int16 => Type::Int16,
        Kind::Int32 => Type::Int32,
        Kind::Int64 => Type::Int64,
        Kind::Floating32 => Type::Floating32,
        Kind::Floating64 => Type::Floating64,
        Kind::Str => Type::Str,
        Kind::Binary => Type::Binary,
        Kind::Date => Type::Date,
        Kind::Time => Type::Time,
        Kind::Datetime => Type::Datetime,
        Kind::Uuid => Type::Uuid,
        Kind::Jsonb => Type::Jsonb,
        Kind::Decimal => Type::Decimal,
        Kind::RangeInt32 => Type::RangeInt32,
        Kind::RangeInt64 => Type::RangeInt64,
        Kind::RangeDecimal => Type::RangeDecimal,
        Kind::ArrayInt32 => Type::ArrayInt32,
        Kind::ArrayInt64 => Type::ArrayInt64,
        Kind::ArrayDecimal => Type::ArrayDecimal,
        Kind::ArrayStr => Type::ArrayStr,
        Kind::Interval => Type::Interval,
        Kind::Other => Type::Other(column.kind.name().to_owned()),
    };
    v4::Column { name: column.name, data_type }
}

fn row(values: Vec<Value>) -> Vec<v4::DbValue> {
    values.into_iter().map(Into::into).collect()
}

fn values(given: Vec<v4::ParameterValue>) -> Vec<Value> {
    given.into_iter().map(Into::into).collect()
}

fn not_opened(error: PostgresError) -> v4::Error {
    match error {
        PostgresError::BadParameter(text) => v4::Error::BadParameter(text),
        error => v4::Error::ConnectionFailed(error.to_string()),
    }
}

impl v4::Host for Host {}

impl v4::HostConnectionBuilder for Host {
    async fn new(&mut self, address: String) -> wasmtime::Result<Resource<Builder>> {
        Ok(self.table.push(Builder { address, roots: None })?)
    }

    async fn set_ca_root(&mut self, builder: Resource<Builder>, certificate: String) -> Answered<()> {
        let builder = self.table.get_mut(&builder)?;
        Ok(super::roots_of(&certificate).map(|roots| builder.roots = Some(roots)).map_err(Into::into))
    }

    async fn build(&mut self, builder: Resource<Builder>) -> Answered<Resource<Open>> {
        let builder = self.table.get(&builder)?;
        let (address, roots) = (builder.address.clone(), builder.roots.clone());
        let opened = match self.admit_postgres(&address) {
            Ok(opening) => opening.open(roots).await,
            Err(error) => Err(error),
        };
        Ok(self.keep_postgres(opened).map_err(not_opened))
    }

    async fn drop(&mut self, builder: Resource<Builder>) -> wasmtime::Result<()> {
        self.table.delete(builder)?;
        Ok(())
    }
}

impl<T: Send> v4::HostConnectionBuilderWithStore<T> for HostAccess {
    async fn build_async(store: &Accessor<T, Self>, builder: Resource<Builder>) -> Answered<Resource<Open>> {
        let (address, roots) = store.with(|mut access| {
            let builder = access.get().table.get(&builder)?;
            wasmtime::error::Ok((builder.address.clone(), builder.roots.clone()))
        })?;
        open(store, &address, roots).await
    }
}

async fn open<T>(store: &Accessor<T, HostAccess>, address: &str, roots: Option<Arc<rustls::ClientConfig>>) -> Answered<Resource<Open>> {
    let opened = match store.with(|mut access| access.get().admit_postgres(address)) {
        Ok(opening) => opening.open(roots).await,
        Err(error) => Err(error),
    };
    Ok(store.with(|mut access| access.get().keep_postgres(opened)).map_err(not_opened))
}

impl v4::HostConnection for Host {
    async fn open(&mut self, address: String) -> Answered<Resource<Open>> {
        let opened = match self.admit_postgres(&address) {
            Ok(opening) => opening.open(None).await,
            Err(error) => Err(error),
        };
        Ok(self.keep_postgres(opened).map_err(not_opened))
    }

    async fn query(&mut self, opened: Resource<Open>, statement: String, given: Vec<v4::ParameterValue>) -> Answered<v4::RowSet> {
        let (connection, values) = (self.postgres(&opened)?, values(given));
        let answer = super::run(&connection, &statement, &values).await;
        let set = |answer: Answer| v4::RowSet {
            columns: answer.columns.into_iter().map(column).collect(),
            rows: answer.rows.into_iter().map(row).collect(),
        };
        Ok(answer.map(set).map_err(Into::into))
    }

    async fn execute(&mut self, opened: Resource<Open>, statement: String, given: Vec<v4::ParameterValue>) -> Answered<u64> {
        let (connection, values) = (self.postgres(&opened)?, values(given));
        Ok(super::run(&connection, &statement, &values).await.map(|answer| answer.affected).map_err(Into::into))
    }

    async fn drop(&mut self, opened: Resource<Open>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        Ok(())
    }
}

/// Columns, rows, and whether they are all.
type Rows = (Vec<v4::Column>, StreamReader<Vec<v4::DbValue>>, FutureReader<Result<(), v4::Error>>);

impl<T: Send> v4::HostConnectionWithStore<T> for HostAccess {
    async fn open_async(store: &Accessor<T, Self>, address: String) -> Answered<Resource<Open>> {
        open(store, &address, None).await
    }

    async fn query_async(
        store: &Accessor<T, Self>,
        opened: Resource<Open>,
        statement: String,
        given: Vec<v4::ParameterValue>,
    ) -> Answered<Rows> {
        let connection = find(store, &opened)?;
        match super::run(&connection, &statement, &values(given)).await {
            Ok(answer) => store.with(|access| give_rows(access, answer)).map(Ok),
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn execute_async(
        store: &Accessor<T, Self>,
        opened: Resource<Open>,
        statement: String,
        given: Vec<v4::ParameterValue>,
    ) -> Answered<u64> {
        let connection = find(store, &opened)?;
        Ok(super::run(&connection, &statement, &values(given)).await.map(|answer| answer.affected).map_err(Into::into))
    }
}

fn find<T>(store: &Accessor<T, HostAccess>, opened: &Resource<Open>) -> wasmtime::Result<Arc<Turns<Wire>>> {
    store.with(|mut access| access.get().postgres(opened))
}

/// The answer came whole, within its limits: what a guest reads as a stream is here already.
fn give_rows<T>(mut access: Access<'_, T, HostAccess>, answer: Answer) -> wasmtime::Result<Rows> {
    let rows: Vec<_> = answer.rows.into_iter().map(row).collect();
    let stream = StreamReader::new(&mut access, rows)?;
    let future = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
    Ok((answer.columns.into_iter().map(column).collect(), stream, future))
}
