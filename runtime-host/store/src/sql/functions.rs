//! Functions of SQLite whose time grows with the product of two lengths, made anew so that it does not: SQLite does not look
//! around within a function, so one of them could run for minutes.
//!
//! This module knows what these functions mean. It must never know who calls them.

use memchr::memmem;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, Result, ToSql};
use std::borrow::Cow;
use std::collections::HashSet;

/// Functions that nothing here stands for: they are there, and say no.
const WITHHELD: [(&str, i32); 5] = [("json_patch", 2), ("jsonb_patch", 2), ("load_extension", 1), ("load_extension", 2), ("sqlite_log", 2)];

/// Puts these functions in the place of SQLite's. None gives more than `bytes_max`.
pub(super) fn replace(connection: &Connection, bytes_max: usize) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("instr", 2, flags, instr)?;
    connection.create_scalar_function("replace", 3, flags, move |context| replaced(context, bytes_max))?;
    for (name, left, right) in [("trim", true, true), ("ltrim", true, false), ("rtrim", false, true)] {
        for arguments in [1, 2] {
            connection.create_scalar_function(name, arguments, flags, move |context| trimmed(context, left, right))?;
        }
    }
    for (name, arguments) in WITHHELD {
        let refuse = move |_: &Context<'_>| Err::<i64, _>(refusal(&format!("not allowed here: the function {name}")));
        connection.create_scalar_function(name, arguments, FunctionFlags::SQLITE_UTF8, refuse)?;
    }
    Ok(())
}

fn refusal(text: &str) -> Error {
    Error::UserFunctionError(text.into())
}

/// Text that need not be UTF-8: SQLite does not insist on it.
struct Text(Vec<u8>);

impl ToSql for Text {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// An argument as text, as SQLite would make it; `None` for NULL.
fn text(value: ValueRef<'_>) -> Result<Option<Cow<'_, [u8]>>> {
    Ok(match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(Cow::Borrowed(bytes)),
        ValueRef::Integer(number) => Some(Cow::Owned(number.to_string().into_bytes())),
        ValueRef::Real(number) => Some(Cow::Owned(real(number)?)),
    })
}

thread_local! {
    /// A connection to no database, which answers how a number is written.
    static WRITER: Result<Connection> = Connection::open_in_memory();
}

/// Only SQLite knows how it writes a number with a point.
fn real(number: f64) -> Result<Vec<u8>> {
    WRITER.with(|writer| {
        let writer = writer.as_ref().map_err(|error| refusal(&error.to_string()))?;
        let mut cast = writer.prepare_cached("SELECT CAST(?1 AS TEXT)")?;
        cast.query_row([number], |row| row.get::<_, String>(0)).map(String::into_bytes)
    })
}

fn instr(context: &Context<'_>) -> Result<Option<i64>> {
    let (haystack, needle) = (context.get_raw(0), context.get_raw(1));
    let is_bytes = matches!((haystack, needle), (ValueRef::Blob(_), ValueRef::Blob(_)));
    let (Some(haystack), Some(needle)) = (text(haystack)?, text(needle)?) else { return Ok(None) };
    let Some(at) = memmem::find(&haystack, &needle) else { return Ok(Some(0)) };
    let before = haystack.get(..at).unwrap_or_default();
    let count = if is_bytes { at } else { before.iter().filter(|byte| !is_continuation(**byte)).count() };
    Ok(Some(i64::try_from(count).unwrap_or(i64::MAX).saturating_add(1)))
}

fn replaced(context: &Context<'_>, bytes_max: usize) -> Result<Option<Text>> {
    let [whole, pattern, by] = [0, 1, 2].map(|index| context.get_raw(index));
    let (Some(whole), Some(pattern)) = (text(whole)?, text(pattern)?) else { return Ok(None) };
    if pattern.is_empty() {
        return Ok(Some(Text(whole.into_owned())));
    }
    let Some(by) = text(by)? else { return Ok(None) };
    let (mut result, mut rest) = (Vec::with_capacity(whole.len()), 0);
    for at in memmem::find_iter(&whole, &pattern) {
        result.extend_from_slice(whole.get(rest..at).unwrap_or_default());
        result.extend_from_slice(&by);
        rest = at + pattern.len();
        if result.len() > bytes_max {
            return Err(Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG), None));
        }
    }
    result.extend_from_slice(whole.get(rest..).unwrap_or_default());
    Ok(Some(Text(result)))
}

fn trimmed(context: &Context<'_>, is_left: bool, is_right: bool) -> Result<Option<Text>> {
    let Some(whole) = text(context.get_raw(0))? else { return Ok(None) };
    let characters = if context.len() == 2 { text(context.get_raw(1))? } else { Some(Cow::Borrowed(&b" "[..])) };
    let Some(characters) = characters else { return Ok(None) };
    let mut set = HashSet::new();
    let mut rest = &characters[..];
    while !rest.is_empty() {
        let (first, others) = rest.split_at(first_bytes(rest));
        set.insert(first);
        rest = others;
    }
    let mut kept = &whole[..];
    while is_left && !kept.is_empty() {
        let (first, others) = kept.split_at(first_bytes(kept));
        if !set.contains(first) {
            break;
        }
        kept = others;
    }
    while is_right && !kept.is_empty() {
        let (others, last) = kept.split_at(kept.len() - last_bytes(kept));
        if !set.contains(last) {
            break;
        }
        kept = others;
    }
    Ok(Some(Text(kept.to_owned())))
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Bytes of the first character of a text that is not empty.
fn first_bytes(text: &[u8]) -> usize {
    match text.first() {
        Some(0xc0..) => 1 + text.iter().skip(1).take_while(|byte| is_continuation(**byte)).count(),
        _ => 1,
    }
}

/// Bytes of the last character of a text that is not empty. No character has more than four.
fn last_bytes(text: &[u8]) -> usize {
    let continued = text.iter().rev().take(3).take_while(|byte| is_continuation(**byte)).count();
    match text.iter().rev().nth(continued) {
        Some(0xc0..) => continued + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::types::Value;

    #[test]
    fn they_answer_as_those_of_sqlite() {
        let (theirs, ours) = (Connection::open_in_memory().expect("open"), Connection::open_in_memory().expect("open"));
        replace(&ours, 1 << 20).expect("replace");
        let values = [
            "NULL",
            "''",
            "'a'",
            "'aXbXa'",
            "'  a b '",
            "'äöüaä'",
            "x''",
            "x'61'",
            "x'c3'",
            "x'00ff'",
            "1",
            "-12.5",
            "1e300",
            "'🔥x🔥'",
            "'ä '",
        ];
        let mut compared = 0;
        for first in values {
            let mut calls = vec![format!("trim({first})"), format!("ltrim({first})"), format!("rtrim({first})")];
            for second in values {
                for name in ["instr", "trim", "ltrim", "rtrim"] {
                    calls.push(format!("{name}({first}, {second})"));
                }
                for third in ["NULL", "''", "'yy'", "2", "x'ff'"] {
                    calls.push(format!("replace({first}, {second}, {third})"));
                }
            }
            for call in calls {
                // As bytes, because not all of it is UTF-8.
                let ask = |connection: &Connection| -> (String, Value) {
                    let sql = format!("SELECT typeof({call}), CAST({call} AS BLOB)");
                    connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("ask")
                };
                // What is cut within a character is cut elsewhere: nobody relies on that.
                if !call.contains("x'c3'") && !call.contains("x'00ff'") {
                    assert_eq!(ask(&ours), ask(&theirs), "{call}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 1_000);
    }
}
