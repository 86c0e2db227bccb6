//! Values of columns, read from the form in which PostgreSQL sends them.
//!
//! This module knows types. It must never know statements.

use super::calendar::{self, Date, Datetime, Time};
use super::numeric;
use crate::outbound::AnswerBound;
use fallible_iterator::FallibleIterator;
use postgres_protocol::types::{self as sql, Range, RangeBound};
use postgres_types::Type;

type Bound<T> = Option<(T, Inclusion)>;

/// Whether a bound of a range belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inclusion {
    Inclusive,
    Exclusive,
}

/// A value: of a column, or of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Floating32(f32),
    Floating64(f64),
    Str(String),
    Binary(Vec<u8>),
    Date(Date),
    Time(Time),
    Datetime(Datetime),
    /// Seconds since 1970; only as a parameter.
    Timestamp(i64),
    Uuid(String),
    Jsonb(Vec<u8>),
    Decimal(String),
    RangeInt32(Bound<i32>, Bound<i32>),
    RangeInt64(Bound<i64>, Bound<i64>),
    RangeDecimal(Bound<String>, Bound<String>),
    ArrayInt32(Vec<Option<i32>>),
    ArrayInt64(Vec<Option<i64>>),
    ArrayDecimal(Vec<Option<String>>),
    ArrayStr(Vec<Option<String>>),
    Interval {
        micros: i64,
        days: i32,
        months: i32,
    },
    /// Whatever the interface has no word for, as it came.
    Unsupported(Vec<u8>),
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    Floating32,
    Floating64,
    Str,
    Binary,
    Date,
    Time,
    Datetime,
    Uuid,
    Jsonb,
    Decimal,
    RangeInt32,
    RangeInt64,
    RangeDecimal,
    ArrayInt32,
    ArrayInt64,
    ArrayDecimal,
    ArrayStr,
    Interval,
    Other,
}

/// What an array keeps for each element at least.
const ELEMENT_BYTES: usize = size_of::<Option<String>>();

impl Kind {
    pub(super) fn of(kind: &Type) -> Kind {
        match *kind {
            Type::BOOL => Kind::Boolean,
            Type::CHAR => Kind::Int8,
            Type::INT2 => Kind::Int16,
            Type::INT4 => Kind::Int32,
            Type::INT8 => Kind::Int64,
            Type::FLOAT4 => Kind::Floating32,
            Type::FLOAT8 => Kind::Floating64,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => Kind::Str,
            Type::BYTEA => Kind::Binary,
            Type::DATE => Kind::Date,
            Type::TIME => Kind::Time,
            Type::TIMESTAMP | Type::TIMESTAMPTZ => Kind::Datetime,
            Type::UUID => Kind::Uuid,
            Type::JSON | Type::JSONB => Kind::Jsonb,
            Type::NUMERIC => Kind::Decimal,
            Type::INT4_RANGE => Kind::RangeInt32,
            Type::INT8_RANGE => Kind::RangeInt64,
            Type::NUM_RANGE => Kind::RangeDecimal,
            Type::INT4_ARRAY => Kind::ArrayInt32,
            Type::INT8_ARRAY => Kind::ArrayInt64,
            Type::NUMERIC_ARRAY => Kind::ArrayDecimal,
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY | Type::NAME_ARRAY => Kind::ArrayStr,
            Type::INTERVAL => Kind::Interval,
            _ => Kind::Other,
        }
    }
}

impl Value {
    /// Reads a value; `None` if it is not what its type says, or too large.
    pub(super) fn read(kind: &Type, bytes: &[u8], bound: &AnswerBound) -> Option<Value> {
        let decimal = |bytes: &[u8]| numeric::read(bytes, bound);
        Some(match Kind::of(kind) {
            Kind::Boolean => Value::Boolean(sql::bool_from_sql(bytes).ok()?),
            Kind::Int8 => Value::Int8(sql::char_from_sql(bytes).ok()?),
            Kind::Int16 => Value::Int16(sql::int2_from_sql(bytes).ok()?),
            Kind::Int32 => Value::Int32(int32(bytes)?),
            Kind::Int64 => Value::Int64(int64(bytes)?),
            Kind::Floating32 => Value::Floating32(sql::float4_from_sql(bytes).ok()?),
            Kind::Floating64 => Value::Floating64(sql::float8_from_sql(bytes).ok()?),
            Kind::Str => Value::Str(text(bytes)?),
            Kind::Binary => Value::Binary(bytes.to_vec()),
            // Its infinities are no dates.
            Kind::Date => match sql::date_from_sql(bytes).ok()? {
                i32::MIN | i32::MAX => Value::Unsupported(bytes.to_vec()),
                days => Value::Date(calendar::date(days)),
            },
            Kind::Time => Value::Time(calendar::time(sql::time_from_sql(bytes).ok()?)?),
            Kind::Datetime => match sql::timestamp_from_sql(bytes).ok()? {
                i64::MIN | i64::MAX => Value::Unsupported(bytes.to_vec()),
                micros => Value::Datetime(calendar::datetime(micros)?),
            },
            Kind::Uuid => Value::Uuid(uuid(&sql::uuid_from_sql(bytes).ok()?)),
            // A version comes before the text of the binary form; there is only the first.
            Kind::Jsonb if *kind == Type::JSONB => Value::Jsonb(bytes.strip_prefix(&[1])?.to_vec()),
            Kind::Jsonb => Value::Jsonb(bytes.to_vec()),
            Kind::Decimal => Value::Decimal(decimal(bytes)?),
            Kind::RangeInt32 => range(bytes, int32).map_or_else(|| unsupported(bytes), |(low, high)| Value::RangeInt32(low, high)),
            Kind::RangeInt64 => range(bytes, int64).map_or_else(|| unsupported(bytes), |(low, high)| Value::RangeInt64(low, high)),
            Kind::RangeDecimal => range(bytes, decimal).map_or_else(|| unsupported(bytes), |(low, high)| Value::RangeDecimal(low, high)),
            Kind::ArrayInt32 => array(bytes, int32).map_or_else(|| unsupported(bytes), Value::ArrayInt32),
            Kind::ArrayInt64 => array(bytes, int64).map_or_else(|| unsupported(bytes), Value::ArrayInt64),
            Kind::ArrayDecimal => array(bytes, decimal).map_or_else(|| unsupported(bytes), Value::ArrayDecimal),
            Kind::ArrayStr => array(bytes, text).map_or_else(|| unsupported(bytes), Value::ArrayStr),
            Kind::Interval => interval(bytes)?,
            Kind::Other => unsupported(bytes),
        })
    }

    /// What a value takes of memory besides its bytes.
    pub(super) fn weight(&self) -> usize {
        let elements = match self {
            Value::ArrayInt32(all) => all.len(),
            Value::ArrayInt64(all) => all.len(),
            Value::ArrayDecimal(all) | Value::ArrayStr(all) => all.len(),
            _ => 0,
        };
        size_of::<Value>() + elements * ELEMENT_BYTES
    }
}

fn int32(bytes: &[u8]) -> Option<i32> {
    sql::int4_from_sql(bytes).ok()
}

fn int64(bytes: &[u8]) -> Option<i64> {
    sql::int8_from_sql(bytes).ok()
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// An empty range, an array of more than one dimension.
fn unsupported(bytes: &[u8]) -> Value {
    Value::Unsupported(bytes.to_vec())
}

fn range<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<(Bound<T>, Bound<T>)> {
    let Range::Nonempty(low, high) = sql::range_from_sql(bytes).ok()? else { return None };
    let bound = |bound: RangeBound<Option<&[u8]>>| {
        Some(match bound {
            RangeBound::Inclusive(value) => Some((read(value?)?, Inclusion::Inclusive)),
            RangeBound::Exclusive(value) => Some((read(value?)?, Inclusion::Exclusive)),
            RangeBound::Unbounded => None,
        })
    };
    Some((bound(low)?, bound(high)?))
}

fn array<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<Vec<Option<T>>> {
    let array = sql::array_from_sql(bytes).ok()?;
    if array.dimensions().count().ok()? > 1 {
        return None;
    }
    let mut elements = Vec::new();
    let mut values = array.values();
    while let Some(value) = values.next().ok()? {
        elements.push(match value {
            Some(bytes) => Some(read(bytes)?),
            None => None,
        });
    }
    Some(elements)
}

fn interval(bytes: &[u8]) -> Option<Value> {
    let (micros, rest) = bytes.split_first_chunk::<8>()?;
    let (days, rest) = rest.split_first_chunk::<4>()?;
    let months: &[u8; 4] = rest.try_into().ok()?;
    Some(Value::Interval { micros: i64::from_be_bytes(*micros), days: i32::from_be_bytes(*days), months: i32::from_be_bytes(*months) })
}

fn uuid(bytes: &[u8; 16]) -> String {
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// The bytes of a UUID: 32 hexadecimal digits, with or without hyphens.
pub(super) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let is_right = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = if is_right { u128::from_str_radix(&digits, 16).ok() } else { None };
    number.map(u128::to_be_bytes)
}
