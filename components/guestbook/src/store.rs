//! Entries in the default key-value store. Knows keys and encoding; must never know HTTP.

use std::fmt;

use crate::entry::Entry;
use bindings::fermyon::spin::key_value::{Error, Store};

/// Most entries that the book keeps.
const ENTRIES_MAX: usize = 1000;
const PREFIX: &str = "guestbook/";

/// A guest book in an open store.
pub(crate) struct Book {
    store: Store,
}

/// Why the book did not do it.
pub(crate) enum Failure {
    /// It holds as many entries as it may.
    Full,
    /// The store said no.
    Store(Error),
    /// What lies under an entry's key is not an entry.
    Encoding(serde_json::Error),
}

impl Book {
    pub(crate) fn open() -> Result<Self, Failure> {
        Ok(Self { store: Store::open("default")? })
    }

    /// All entries, oldest first.
    pub(crate) fn list(&self) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        for key in self.keys()? {
            // An entry removed since the keys were listed is simply not there.
            if let Some(value) = self.store.get(&key)? {
                entries.push(serde_json::from_slice(&value)?);
            }
        }
        Ok(entries)
    }

    pub(crate) fn add(&self, entry: &Entry) -> Result<(), Failure> {
        if self.keys()?.len() >= ENTRIES_MAX {
            return Err(Failure::Full);
        }
        Ok(self.store.set(&key(&entry.id), &serde_json::to_vec(entry)?)?)
    }

    /// Removes an entry and tells whether it was there.
    pub(crate) fn remove(&self, id: &str) -> Result<bool, Failure> {
        let key = key(id);
        let existed = self.store.exists(&key)?;
        self.store.delete(&key)?;
        Ok(existed)
    }

    fn keys(&self) -> Result<Vec<String>, Failure> {
        let mut keys = self.store.get_keys()?;
        keys.retain(|key| key.starts_with(PREFIX));
        keys.sort_unstable();
        Ok(keys)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Encoding(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "the book is full: it keeps {ENTRIES_MAX} entries"),
            Self::Store(Error::StoreTableFull) => f.write_str("store-table-full"),
            Self::Store(Error::NoSuchStore) => f.write_str("no-such-store"),
            Self::Store(Error::AccessDenied) => f.write_str("access-denied"),
            Self::Store(Error::Other(reason)) => f.write_str(reason),
            Self::Encoding(error) => write!(f, "a kept entry cannot be read: {error}"),
        }
    }
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "spin2", generate_all });
}
