//! Values of parameters, written in the form that the type of each parameter has.
//!
//! This module knows which value fits which type. It must never know statements.

use super::value::{Inclusion, Value, uuid_bytes};
use super::{calendar, numeric};
use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;
use postgres_protocol::types::{self as sql, ArrayDimension, RangeBound};
use postgres_types::Type;
use std::error::Error;

type Written = Result<IsNull, Box<dyn Error + Send + Sync>>;

/// Writes a value as a type; the error says in words what does not fit.
pub(super) fn write(value: &Value, kind: &Type, out: &mut BytesMut) -> Written {
    let misfit = || -> Box<dyn Error + Send + Sync> { format!("a value of kind {} does not fit into a {kind}", name(value)).into() };
    if let Some(number) = integer(value) {
        return integer_as(number, kind, out).ok_or_else(misfit);
    }
    match (value, kind.clone()) {
        (Value::Null, _) => return Ok(IsNull::Yes),
        (Value::Boolean(value), Type::BOOL) => sql::bool_to_sql(*value, out),
        (Value::Floating32(value), Type::FLOAT4) => sql::float4_to_sql(*value, out),
        (Value::Floating32(value), Type::FLOAT8) => sql::float8_to_sql(f64::from(*value), out),
        (Value::Floating64(value), Type::FLOAT8) => sql::float8_to_sql(*value, out),
        (Value::Str(text), kind) if is_text(&kind) => sql::text_to_sql(text, out),
        (Value::Binary(bytes), Type::BYTEA) => sql::bytea_to_sql(bytes, out),
        (Value::Date(date), Type::DATE) => sql::date_to_sql(calendar::days(*date).ok_or_else(misfit)?, out),
        (Value::Time(time), Type::TIME) => sql::time_to_sql(calendar::time_micros(*time).ok_or_else(misfit)?, out),
        (Value::Datetime(instant), Type::TIMESTAMP | Type::TIMESTAMPTZ) => {
            sql::timestamp_to_sql(calendar::datetime_micros(*instant).ok_or_else(misfit)?, out);
        }
        (Value::Timestamp(seconds), Type::TIMESTAMP | Type::TIMESTAMPTZ) => {
            sql::timestamp_to_sql(calendar::timestamp_micros(*seconds).ok_or_else(misfit)?, out);
        }
        (Value::Timestamp(seconds), Type::INT8) => sql::int8_to_sql(*seconds, out),
        (Value::Uuid(text), Type::UUID) => sql::uuid_to_sql(uuid_bytes(text).ok_or_else(misfit)?, out),
        (Value::Jsonb(bytes), Type::JSON) => out.put_slice(bytes),
        (Value::Jsonb(bytes), Type::JSONB) => {
            out.put_u8(1);
            out.put_slice(bytes);
        }
        (Value::Decimal(text), Type::NUMERIC) => decimal(text, out)?,
        (Value::RangeInt32(low, high), Type::INT4_RANGE) => range((low, high), out, |value, out| int32(*value, out))?,
        (Value::RangeInt64(low, high), Type::INT8_RANGE) => range((low, high), out, |value, out| int64(*value, out))?,
        (Value::RangeDecimal(low, high), Type::NUM_RANGE) => range((low, high), out, |value, out| decimal(value, out))?,
        (Value::ArrayInt32(all), Type::INT4_ARRAY) => array(all, &Type::INT4, out, |value, out| int32(*value, out))?,
        (Value::ArrayInt64(all), Type::INT8_ARRAY) => array(all, &Type::INT8, out, |value, out| int64(*value, out))?,
        (Value::ArrayDecimal(all), Type::NUMERIC_ARRAY) => array(all, &Type::NUMERIC, out, |value, out| decimal(value, out))?,
        (Value::ArrayStr(all), Type::TEXT_ARRAY) => array(all, &Type::TEXT, out, |value, out| text(value, out))?,
        (Value::ArrayStr(all), Type::VARCHAR_ARRAY) => array(all, &Type::VARCHAR, out, |value, out| text(value, out))?,
        (Value::Interval { micros, days, months }, Type::INTERVAL) => {
            out.put_i64(*micros);
            out.put_i32(*days);
            out.put_i32(*months);
        }
        _ => return Err(misfit()),
    }
    Ok(IsNull::No)
}

type Step = Result<(), Box<dyn Error + Send + Sync>>;

fn int32(value: i32, out: &mut BytesMut) -> Step {
    sql::int4_to_sql(value, out);
    Ok(())
}

fn int64(value: i64, out: &mut BytesMut) -> Step {
    sql::int8_to_sql(value, out);
    Ok(())
}

fn text(value: &str, out: &mut BytesMut) -> Step {
    sql::text_to_sql(value, out);
    Ok(())
}

fn decimal(value: &str, out: &mut BytesMut) -> Step {
    if numeric::write(value, out) { Ok(()) } else { Err("a decimal is digits with at most one point".into()) }
}

fn integer(value: &Value) -> Option<i64> {
    Some(match value {
        Value::Int8(number) => i64::from(*number),
        Value::Int16(number) => i64::from(*number),
        Value::Int32(number) => i64::from(*number),
        Value::Int64(number) => *number,
        _ => return None,
    })
}

/// A whole number in any type that has room for it: a guest need not know how wide a column is.
fn integer_as(number: i64, kind: &Type, out: &mut BytesMut) -> Option<IsNull> {
    match *kind {
        Type::CHAR => sql::char_to_sql(number.try_into().ok()?, out),
        Type::INT2 => sql::int2_to_sql(number.try_into().ok()?, out),
        Type::INT4 => sql::int4_to_sql(number.try_into().ok()?, out),
        Type::INT8 => sql::int8_to_sql(number, out),
        Type::OID => sql::oid_to_sql(number.try_into().ok()?, out),
        Type::NUMERIC => return numeric::write(&number.to_string(), out).then_some(IsNull::No),
        _ => return None,
    }
    Some(IsNull::No)
}

/// Types that read what they are given as text. Enumerations are among them, and no others are unknown by name.
fn is_text(kind: &Type) -> bool {
    let known = [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME, Type::UNKNOWN, Type::JSON, Type::XML];
    known.contains(kind) || !is_known(kind)
}

fn is_known(kind: &Type) -> bool {
    Type::from_oid(kind.oid()).is_some()
}

/// One end of a range; none where it has no end.
type Bound<T> = Option<(T, Inclusion)>;

fn range<T>((low, high): (&Bound<T>, &Bound<T>), out: &mut BytesMut, write: impl Fn(&T, &mut BytesMut) -> Step) -> Step {
    let bound = |bound: &Bound<T>, out: &mut BytesMut| {
        let Some((value, inclusion)) = bound else { return Ok(RangeBound::Unbounded) };
        write(value, out)?;
        Ok(match inclusion {
            Inclusion::Inclusive => RangeBound::Inclusive(IsNull::No),
            Inclusion::Exclusive => RangeBound::Exclusive(IsNull::No),
        })
    };
    sql::range_to_sql(|out| bound(low, out), |out| bound(high, out), out)
}

fn array<T>(all: &[Option<T>], kind: &Type, out: &mut BytesMut, write: impl Fn(&T, &mut BytesMut) -> Step) -> Step {
    let dimension = ArrayDimension { len: i32::try_from(all.len())?, lower_bound: 1 };
    let element = |element: &Option<T>, out: &mut BytesMut| match element {
        Some(value) => write(value, out).map(|()| IsNull::No),
        None => Ok(IsNull::Yes),
    };
    sql::array_to_sql([dimension], kind.oid(), all, element, out)
}

/// The word that the interface has for a kind of value.
fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "db-null",
        Value::Boolean(_) => "boolean",
        Value::Int8(_) => "int8",
        Value::Int16(_) => "int16",
        Value::Int32(_) => "int32",
        Value::Int64(_) => "int64",
        Value::Floating32(_) => "floating32",
        Value::Floating64(_) => "floating64",
        Value::Str(_) => "str",
        Value::Binary(_) => "binary",
        Value::Date(_) => "date",
        Value::Time(_) => "time",
        Value::Datetime(_) => "datetime",
        Value::Timestamp(_) => "timestamp",
        Value::Uuid(_) => "uuid",
        Value::Jsonb(_) => "jsonb",
        Value::Decimal(_) => "decimal",
        Value::RangeInt32(..) => "range-int32",
        Value::RangeInt64(..) => "range-int64",
        Value::RangeDecimal(..) => "range-decimal",
        Value::ArrayInt32(_) => "array-int32",
        Value::ArrayInt64(_) => "array-int64",
        Value::ArrayDecimal(_) => "array-decimal",
        Value::ArrayStr(_) => "array-str",
        Value::Interval { .. } => "interval",
        Value::Unsupported(_) => "unsupported",
    }
}
