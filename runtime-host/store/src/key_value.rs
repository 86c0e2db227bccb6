//! Named stores of byte values, as tables. It knows keys, values and quotas; it must never know which guest asks, or whether
//! it may.

use crate::Database;
use crate::queue::JobError;
use rusqlite::{Connection, OptionalExtension, params};
use spell_types::{BoxFuture, KeyValueError, KeyValueStore};

/// Longest key, in bytes of UTF-8.
pub const KEY_BYTES_MAX: usize = 8 << 10;
/// Longest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Most bytes of keys and values in one store.
pub const STORE_BYTES_MAX: u64 = 1 << 30;
/// Most keys in one listing.
pub const KEYS_LISTED_MAX: usize = 10_000;
/// Most bytes of keys in one listing: long keys meet it before [`KEYS_LISTED_MAX`].
pub const KEYS_LISTED_BYTES_MAX: usize = 8 << 20;

impl KeyValueStore for Database {
    fn get<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KeyValueError>> {
        Box::pin(async move {
            let at = Place::new(store, key)?;
            self.read(move |connection| at.value(connection)).await.map_err(to_error)
        })
    }

    fn set<'a>(&'a self, store: &'a str, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            let at = Place::new(store, key)?;
            if value.len() > VALUE_BYTES_MAX {
                return Err(KeyValueError::ValueTooLarge { bytes: value.len(), bytes_max: VALUE_BYTES_MAX });
            }
            self.write(move |connection| at.set(connection, &value, STORE_BYTES_MAX)).await.map_err(to_error)
        })
    }

    fn delete<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<(), KeyValueError>> {
        Box::pin(async move {
            let at = Place::new(store, key)?;
            self.write(move |connection| at.delete(connection)).await.map_err(to_error)
        })
    }

    fn exists<'a>(&'a self, store: &'a str, key: &'a str) -> BoxFuture<'a, Result<bool, KeyValueError>> {
        Box::pin(async move {
            let at = Place::new(store, key)?;
            self.read(move |connection| Ok(at.value_bytes(connection)?.is_some())).await.map_err(to_error)
        })
    }

    fn get_keys<'a>(&'a self, store: &'a str) -> BoxFuture<'a, Result<Vec<String>, KeyValueError>> {
        Box::pin(async move {
            let store = store.to_owned();
            self.read(move |connection| keys(connection, &store, KEYS_LISTED_MAX, KEYS_LISTED_BYTES_MAX)).await.map_err(to_error)
        })
    }
}

type Failure = JobError<KeyValueError>;

fn to_error(error: Failure) -> KeyValueError {
    match error {
        JobError::Refused(reason) => reason,
        JobError::Failed(error) => {
            tracing::error!(%error, "a key-value operation failed");
            KeyValueError::Unavailable
        }
        JobError::Unavailable => KeyValueError::Unavailable,
    }
}

/// A key in a store.
struct Place {
    store: String,
    key: String,
}

impl Place {
    fn new(store: &str, key: &str) -> Result<Place, KeyValueError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(KeyValueError::BadKey { bytes: key.len(), bytes_max: KEY_BYTES_MAX });
        }
        Ok(Place { store: store.to_owned(), key: key.to_owned() })
    }

    fn value(&self, connection: &Connection) -> Result<Option<Vec<u8>>, Failure> {
        let mut select = connection.prepare_cached("SELECT value FROM key_value WHERE store = ?1 AND key = ?2")?;
        Ok(select.query_row(params![self.store, self.key], |row| row.get(0)).optional()?)
    }

    fn value_bytes(&self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let mut select = connection.prepare_cached("SELECT octet_length(value) FROM key_value WHERE store = ?1 AND key = ?2")?;
        select.query_row(params![self.store, self.key], |row| row.get(0)).optional()
    }

    fn set(&self, connection: &Connection, value: &[u8], store_bytes_max: u64) -> Result<(), Failure> {
        let entry_bytes = |value_bytes: i64| to_i64(self.key.len()).saturating_add(value_bytes);
        let removed = self.value_bytes(connection)?.map_or(0, entry_bytes);
        let added = entry_bytes(to_i64(value.len()));
        let used = used_bytes(connection, &self.store)?.saturating_sub(removed).saturating_add(added);
        // What makes a store smaller is always allowed: it is the way out of a full one.
        if added > removed && used.unsigned_abs() > store_bytes_max {
            return Err(JobError::Refused(KeyValueError::Full { bytes_max: store_bytes_max }));
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO key_value (store, key, value) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?;
        insert.execute(params![self.store, self.key, value])?;
        set_used_bytes(connection, &self.store, used)
    }

    fn delete(&self, connection: &Connection) -> Result<(), Failure> {
        let Some(value_bytes) = self.value_bytes(connection)? else { return Ok(()) };
        connection.prepare_cached("DELETE FROM key_value WHERE store = ?1 AND key = ?2")?.execute(params![self.store, self.key])?;
        let removed = to_i64(self.key.len()).saturating_add(value_bytes);
        set_used_bytes(connection, &self.store, used_bytes(connection, &self.store)?.saturating_sub(removed))
    }
}

/// All keys of a store in order of their bytes, or a refusal that names how many would have fitted.
fn keys(connection: &Connection, store: &str, keys_max: usize, bytes_max: usize) -> Result<Vec<String>, Failure> {
    let mut select = connection.prepare_cached("SELECT key FROM key_value WHERE store = ?1 ORDER BY key")?;
    let mut rows = select.query([store])?;
    let (mut keys, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        bytes = bytes.saturating_add(key.len());
        if keys.len() == keys_max || bytes > bytes_max {
            return Err(JobError::Refused(KeyValueError::TooManyKeys { keys_max: keys.len() }));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn used_bytes(connection: &Connection, store: &str) -> rusqlite::Result<i64> {
    let mut select = connection.prepare_cached("SELECT bytes FROM key_value_usage WHERE store = ?1")?;
    Ok(select.query_row([store], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn set_used_bytes(connection: &Connection, store: &str, bytes: i64) -> Result<(), Failure> {
    let mut upsert = connection
        .prepare_cached("INSERT INTO key_value_usage (store, bytes) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET bytes = excluded.bytes")?;
    upsert.execute(params![store, bytes.max(0)])?;
    Ok(())
}

fn to_i64(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
