//! How values of the platform become columns of a table, and columns become values again. It knows SQLite's types; it must never know
//! which table a column is in.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};
use spell_cast::{EngineChoice, Workflow};
use spell_types::Digest;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// The columns of a row, from the left to the right. For rows that every cast reads: a column that is asked for by its name is looked for
/// among the names of all.
pub(crate) struct Cells<'a, 'r> {
    row: &'a Row<'r>,
    at: usize,
}

impl<'a, 'r> Cells<'a, 'r> {
    pub(crate) fn of(row: &'a Row<'r>) -> Self {
        Self { row, at: 0 }
    }

    /// The value of the next column.
    pub(crate) fn next<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.at += 1;
        self.row.get(self.at - 1)
    }

    /// Whether the next column holds nothing.
    pub(crate) fn is_null(&self) -> rusqlite::Result<bool> {
        Ok(self.row.get_ref(self.at)? == ValueRef::Null)
    }
}

/// A moment, in milliseconds since 1970. One before that is 1970.
pub(crate) struct Moment(pub(crate) SystemTime);

impl Moment {
    pub(crate) fn millis(&self) -> i64 {
        saturating(self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis())
    }
}

impl ToSql for Moment {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.millis().into())
    }
}

impl FromSql for Moment {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(SystemTime::UNIX_EPOCH + Duration::from_millis(not_negative(value)?)))
    }
}

/// A time that something took, in microseconds.
pub(crate) struct Micros(pub(crate) Duration);

impl ToSql for Micros {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(saturating(self.0.as_micros()).into())
    }
}

impl FromSql for Micros {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(Duration::from_micros(not_negative(value)?)))
    }
}

/// A number that only ever counts something. One that is too large for SQLite is the largest that is not.
pub(crate) struct Count(pub(crate) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(saturating(self.0.into()).into())
    }
}

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        not_negative(value).map(Self)
    }
}

/// The SHA-256 of a program, as bytes.
pub(crate) struct Sha256(pub(crate) Digest);

impl ToSql for Sha256 {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(&self.0.0[..]))
    }
}

impl FromSql for Sha256 {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FromSql::column_result(value).map(|bytes| Self(Digest(bytes)))
    }
}

/// What is kept as the text that it is written as.
pub(crate) struct Parsed<T>(pub(crate) T);

impl<T: FromStr<Err: std::error::Error + Send + Sync + 'static>> FromSql for Parsed<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

/// What executes a spell, by its name.
pub(crate) struct Engine(pub(crate) EngineChoice);

impl FromSql for Engine {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(value.as_str()?, EngineChoice::from_name).map(Self)
    }
}

/// A workflow, as a JSON object.
pub(crate) struct Place(pub(crate) Workflow);

impl ToSql for Place {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let Workflow { repository, file, reference } = &self.0;
        Ok(serde_json::json!({ "repository": repository, "file": file, "reference": reference }).to_string().into())
    }
}

impl FromSql for Place {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let object: serde_json::Value = serde_json::from_str(value.as_str()?).map_err(FromSqlError::other)?;
        let text = |name: &str| object[name].as_str().map(str::to_owned).ok_or(FromSqlError::InvalidType);
        Ok(Self(Workflow { repository: text("repository")?, file: text("file")?, reference: text("reference")? }))
    }
}

/// A word that stands for a value, and is not one that this program knows.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a word that this program knows")]
pub(crate) struct UnknownWord(String);

/// The value that a word stands for.
pub(crate) fn named<T>(word: &str, from_name: impl Fn(&str) -> Option<T>) -> FromSqlResult<T> {
    from_name(word).ok_or_else(|| FromSqlError::other(UnknownWord(word.to_owned())))
}

/// The largest number of SQLite, where a number is larger.
pub(crate) fn saturating(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn not_negative(value: ValueRef<'_>) -> FromSqlResult<u64> {
    let number = value.as_i64()?;
    u64::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn there_and_back<T: ToSql + FromSql>(value: &T) -> T {
        let connection = Connection::open_in_memory().unwrap();
        connection.query_row("SELECT ?1", [value], |row| row.get(0)).unwrap()
    }

    #[test]
    fn values_come_back_and_those_beyond_the_ends_come_back_as_the_ends() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!(there_and_back(&Moment(at(1_234_567_890_123))).0, at(1_234_567_890_123));
        assert_eq!(there_and_back(&Moment(SystemTime::UNIX_EPOCH - Duration::from_secs(1))).0, SystemTime::UNIX_EPOCH);
        let most = i64::MAX.unsigned_abs();
        for (count, expected) in [(0, 0), (7, 7), (most, most), (u64::MAX, most)] {
            assert_eq!(there_and_back(&Count(count)).0, expected);
            assert_eq!(there_and_back(&Micros(Duration::from_micros(count))).0, Duration::from_micros(expected));
        }
        assert_eq!(there_and_back(&Sha256(Digest([9; 32]))).0, Digest([9; 32]));
    }

    #[test]
    fn what_is_no_such_value_is_an_error() {
        let connection = Connection::open_in_memory().unwrap();
        assert!(connection.query_row("SELECT -1", [], |row| row.get::<_, Count>(0)).is_err());
        assert!(connection.query_row("SELECT x'00'", [], |row| row.get::<_, Sha256>(0)).is_err());
        assert!(connection.query_row("SELECT 'x'", [], |row| row.get::<_, Parsed<semver::Version>>(0)).is_err());
        assert!(named("x", spell_cast::Scope::from_name).is_err());
    }
}
