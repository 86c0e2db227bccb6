//! Values of columns and parameters, in the binary form of MySQL.
//!
//! This module knows types. It must never know statements.

use super::MysqlError;
use super::packet::{Reader, push_counted};

/// The character set of what is no text.
const BINARY: u16 = 63;
const UNSIGNED: u16 = 0x20;
/// The type of a parameter that is unsigned has this bit in its second byte.
const UNSIGNED_PARAMETER: u8 = 0x80;

const TINY: u8 = 0x01;
const SHORT: u8 = 0x02;
const LONG: u8 = 0x03;
const FLOAT: u8 = 0x04;
const DOUBLE: u8 = 0x05;
const NULL: u8 = 0x06;
const LONGLONG: u8 = 0x08;
const INT24: u8 = 0x09;
const YEAR: u8 = 0x0d;
const BLOB: u8 = 0xfc;
const VAR_STRING: u8 = 0xfd;

/// A value: of a column, or of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Uint8(u8),
    Uint16(u16),
    Uint32(u32),
    Uint64(u64),
    Floating32(f32),
    Floating64(f64),
    Str(String),
    Binary(Vec<u8>),
    /// Whatever the interface has no word for.
    Unsupported,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Floating32,
    Floating64,
    Str,
    Binary,
    Other,
}

/// A column of an answer.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The type as the server numbers it.
    code: u8,
}

impl Column {
    pub(super) fn read(packet: &[u8]) -> Result<Column, MysqlError> {
        let mut reader = Reader::new(packet);
        // Catalogue, schema, table and its first name.
        for _ in 0..4 {
            reader.counted()?;
        }
        let name = String::from_utf8_lossy(reader.counted()?).into_owned();
        reader.counted()?;
        reader.length()?;
        let characters = reader.u16()?;
        reader.bytes(4)?;
        let code = reader.u8()?;
        let flags = reader.u16()?;
        Ok(Column { name, kind: kind(code, flags & UNSIGNED != 0, characters == BINARY), code })
    }
}

fn kind(code: u8, is_unsigned: bool, is_binary: bool) -> Kind {
    match (code, is_unsigned) {
        (TINY, false) => Kind::Int8,
        (TINY, true) => Kind::Uint8,
        (SHORT, false) => Kind::Int16,
        (SHORT | YEAR, _) => Kind::Uint16,
        (LONG | INT24, false) => Kind::Int32,
        (LONG | INT24, true) => Kind::Uint32,
        (LONGLONG, false) => Kind::Int64,
        (LONGLONG, true) => Kind::Uint64,
        (FLOAT, _) => Kind::Floating32,
        (DOUBLE, _) => Kind::Floating64,
        // Decimal numbers and JSON, which come as text.
        (0x00 | 0xf5 | 0xf6, _) => Kind::Str,
        // Texts and blobs of every length, enumerations and sets.
        (0x0f | 0xf7..=0xfe, _) if !is_binary => Kind::Str,
        (0x0f | 0x10 | 0xf7..=0xfe, _) => Kind::Binary,
        _ => Kind::Other,
    }
}

/// Reads a row: which values there are none of, and the others.
pub(super) fn read_row(columns: &[Column], packet: &[u8]) -> Result<Vec<Value>, MysqlError> {
    let mut reader = Reader::new(packet);
    if reader.u8()? != 0 {
        return Err(MysqlError::Malformed);
    }
    // The first two bits are nobody's.
    let nulls = reader.bytes((columns.len() + 9) / 8)?;
    let is_null = |index: usize| nulls.get((index + 2) / 8).is_some_and(|byte| byte >> ((index + 2) % 8) & 1 == 1);
    let mut values = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        values.push(if is_null(index) { Value::Null } else { read(column, &mut reader)? });
    }
    Ok(values)
}

fn read(column: &Column, reader: &mut Reader<'_>) -> Result<Value, MysqlError> {
    Ok(match column.kind {
        Kind::Int8 => Value::Int8(i8::from_le_bytes(*reader.array()?)),
        Kind::Uint8 => Value::Uint8(reader.u8()?),
        Kind::Int16 => Value::Int16(i16::from_le_bytes(*reader.array()?)),
        Kind::Uint16 => Value::Uint16(reader.u16()?),
        Kind::Int32 => Value::Int32(i32::from_le_bytes(*reader.array()?)),
        Kind::Uint32 => Value::Uint32(u32::from_le_bytes(*reader.array()?)),
        Kind::Int64 => Value::Int64(i64::from_le_bytes(*reader.array()?)),
        Kind::Uint64 => Value::Uint64(u64::from_le_bytes(*reader.array()?)),
        Kind::Floating32 => Value::Floating32(f32::from_le_bytes(*reader.array()?)),
        Kind::Floating64 => Value::Floating64(f64::from_le_bytes(*reader.array()?)),
        Kind::Str => {
            let text = String::from_utf8(reader.counted()?.to_vec());
            Value::Str(text.map_err(|_| MysqlError::Conversion(column.name.clone()))?)
        }
        Kind::Binary => Value::Binary(reader.counted()?.to_vec()),
        // Nothing is sent of a column that holds nothing at all.
        Kind::Other if column.code == NULL => Value::Null,
        // Dates and times, behind their length.
        Kind::Other => {
            reader.counted()?;
            Value::Unsupported
        }
    })
}

/// Writes the parameters of a statement: which there are none of, their types, and their values.
pub(super) fn write_all(values: &[Value], out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    for eight in values.chunks(8) {
        let bit = |(index, value): (usize, &Value)| u8::from(*value == Value::Null) << index;
        out.push(eight.iter().enumerate().map(bit).sum());
    }
    // The types follow.
    out.push(1);
    values.iter().for_each(|value| out.extend(type_of(value)));
    values.iter().for_each(|value| write(value, out));
}

fn type_of(value: &Value) -> [u8; 2] {
    match value {
        Value::Null | Value::Unsupported => [NULL, 0],
        Value::Boolean(_) | Value::Int8(_) => [TINY, 0],
        Value::Int16(_) => [SHORT, 0],
        Value::Int32(_) => [LONG, 0],
        Value::Int64(_) => [LONGLONG, 0],
        Value::Uint8(_) => [TINY, UNSIGNED_PARAMETER],
        Value::Uint16(_) => [SHORT, UNSIGNED_PARAMETER],
        Value::Uint32(_) => [LONG, UNSIGNED_PARAMETER],
        Value::Uint64(_) => [LONGLONG, UNSIGNED_PARAMETER],
        Value::Floating32(_) => [FLOAT, 0],
        Value::Floating64(_) => [DOUBLE, 0],
        Value::Str(_) => [VAR_STRING, 0],
        Value::Binary(_) => [BLOB, 0],
    }
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Unsupported => {}
        Value::Boolean(value) => out.push(u8::from(*value)),
        Value::Int8(value) => out.extend(value.to_le_bytes()),
        Value::Int16(value) => out.extend(value.to_le_bytes()),
        Value::Int32(value) => out.extend(value.to_le_bytes()),
        Value::Int64(value) => out.extend(value.to_le_bytes()),
        Value::Uint8(value) => out.push(*value),
        Value::Uint16(value) => out.extend(value.to_le_bytes()),
        Value::Uint32(value) => out.extend(value.to_le_bytes()),
        Value::Uint64(value) => out.extend(value.to_le_bytes()),
        Value::Floating32(value) => out.extend(value.to_le_bytes()),
        Value::Floating64(value) => out.extend(value.to_le_bytes()),
        Value::Str(text) => push_counted(out, text.as_bytes()),
        Value::Binary(bytes) => push_counted(out, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_as_the_protocol_has_them() {
        let mut out = Vec::new();
        write_all(&[Value::Null, Value::Int16(-2), Value::Uint8(200), Value::Str("ab".to_owned())], &mut out);
        assert_eq!(out, [1, 1, NULL, 0, SHORT, 0, TINY, 0x80, VAR_STRING, 0, 0xfe, 0xff, 200, 2, b'a', b'b']);
        let mut out = Vec::new();
        write_all(&vec![Value::Null; 9], &mut out);
        assert_eq!(out[..3], [0xff, 1, 1]);
        let mut out = Vec::new();
        write_all(&[], &mut out);
        assert!(out.is_empty());
    }

    #[test]
    fn rows_that_are_cut_are_malformed() {
        let column = |kind| Column { name: "c".to_owned(), kind, code: 0 };
        let columns = [column(Kind::Int32), column(Kind::Str)];
        let row = [0, 0, 5, 0, 0, 0, 2, b'a', b'b'];
        assert_eq!(read_row(&columns, &row).unwrap(), [Value::Int32(5), Value::Str("ab".to_owned())]);
        assert_eq!(read_row(&columns, &[0, 0b1100]).unwrap(), [Value::Null, Value::Null]);
        for length in 0..row.len() {
            assert!(read_row(&columns, &row[..length]).is_err(), "{length}");
        }
        assert!(matches!(read_row(&columns[1..], &[0, 0, 1, 0xff]), Err(MysqlError::Conversion(_))));
        assert!(Column::read(b"\x03def\0").is_err());
    }
}
