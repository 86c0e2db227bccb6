//! Named stores of byte values, as tables. It knows keys, values and quotas; it must never know which guest asks, or whether
//! it may.

use crate::Database;
use crate::queue::JobError;
use rusqlite::{Connection, OptionalExtension, params};
use spell_types::{BoxFuture, KeyPage, KeyValueError, KeyValueStore};
pub use spell_types::{KEY_BYTES_MAX, KEYS_LISTED_BYTES_MAX, KEYS_LISTED_MAX, VALUE_BYTES_MAX};

/// Most bytes of keys and values in one store.
pub const STORE_BYTES_MAX: u64 = 1 << 30;

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
            check_value(&value)?;
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
            let page = move |connection: &Connection| page(connection, &store, None, KEYS_LISTED_MAX, KEYS_LISTED_BYTES_MAX);
            all(self.read(page).await.map_err(to_error)?)
        })
    }

    fn get_keys_after<'a>(&'a self, store: &'a str, after: Option<String>) -> BoxFuture<'a, Result<KeyPage, KeyValueError>> {
        Box::pin(async move {
            let store = store.to_owned();
            let page = move |connection: &Connection| page(connection, &store, after.as_deref(), KEYS_LISTED_MAX, KEYS_LISTED_BYTES_MAX);
            self.read(page).await.map_err(to_error)
        })
    }

    fn increment<'a>(&'a self, store: &'a str, key: &'a str, delta: i64) -> BoxFuture<'a, Result<i64, KeyValueError>> {
        Box::pin(async move {
            let at = Place::new(store, key)?;
            self.write(move |connection| at.increment(connection, delta)).await.map_err(to_error)
        })
    }

    fn replace_if<'a>(
        &'a self,
        store: &'a str,
        key: &'a str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> BoxFuture<'a, Result<bool, KeyValueError>> {
        Box::pin(async move {
            let at = Place::new(store, key)?;
            check_value(&value)?;
            let replace = move |connection: &Connection| {
                let is_expected = at.value(connection)? == expected;
                if is_expected {
                    at.set(connection, &value, STORE_BYTES_MAX)?;
                }
                Ok(is_expected)
            };
            self.write(replace).await.map_err(to_error)
        })
    }
}

type Failure = JobError<KeyValueError>;

fn to_error(error: Failure) -> KeyValueError {
    match error {
        JobError::Refused(reason) => reason,
        JobError::Full => {
            tracing::error!("the disk is full");
            KeyValueError::Unavailable
        }
        JobError::Failed(error) => {
            tracing::error!(%error, "a key-value operation failed");
            KeyValueError::Unavailable
        }
        JobError::Unavailable => KeyValueError::Unavailable,
    }
}

fn check_value(value: &[u8]) -> Result<(), KeyValueError> {
    if value.len() > VALUE_BYTES_MAX {
        return Err(KeyValueError::ValueTooLarge { bytes: value.len(), bytes_max: VALUE_BYTES_MAX });
    }
    Ok(())
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

    fn increment(&self, connection: &Connection, delta: i64) -> Result<i64, Failure> {
        let counted = match self.value(connection)? {
            None => 0,
            Some(value) => {
                let bytes = value.try_into().map_err(|value: Vec<u8>| KeyValueError::NotACounter { bytes: value.len() });
                i64::from_le_bytes(bytes.map_err(JobError::Refused)?)
            }
        };
        let sum = counted.checked_add(delta).ok_or(JobError::Refused(KeyValueError::CounterOverflow))?;
        self.set(connection, &sum.to_le_bytes(), STORE_BYTES_MAX)?;
        Ok(sum)
    }

    fn delete(&self, connection: &Connection) -> Result<(), Failure> {
        let Some(value_bytes) = self.value_bytes(connection)? else { return Ok(()) };
        connection.prepare_cached("DELETE FROM key_value WHERE store = ?1 AND key = ?2")?.execute(params![self.store, self.key])?;
        let removed = to_i64(self.key.len()).saturating_add(value_bytes);
        set_used_bytes(connection, &self.store, used_bytes(connection, &self.store)?.saturating_sub(removed))
    }
}

/// Keys of a store in order of their bytes, from the first one after `after` on: as many as may be listed at once.
fn page(connection: &Connection, store: &str, after: Option<&str>, keys_max: usize, bytes_max: usize) -> Result<KeyPage, Failure> {
    // No key is empty, so all of them come after the empty one.
    let mut select = connection.prepare_cached("SELECT key FROM key_value WHERE store = ?1 AND key > ?2 ORDER BY key")?;
    let mut rows = select.query([store, after.unwrap_or_default()])?;
    let (mut keys, mut bytes) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        bytes = bytes.saturating_add(key.len());
        if keys.len() == keys_max || bytes > bytes_max {
            return Ok(KeyPage { keys, is_last: false });
        }
        keys.push(key);
    }
    Ok(KeyPage { keys, is_last: true })
}

/// The keys, if they are all, or a refusal that names how many would have fitted.
fn all(page: KeyPage) -> Result<Vec<String>, KeyValueError> {
    if page.is_last { Ok(page.keys) } else { Err(KeyValueError::TooManyKeys { keys_max: page.keys.len() }) }
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
