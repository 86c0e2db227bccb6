//! Names as numbers: a dictionary table and what is remembered of it. It knows one table of (id, name); it must never know
//! whose names they are.

use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;
use std::sync::Arc;

/// Names in one dictionary; what comes later shares [`OTHER`], so that names made up by a caller cannot fill the disk.
pub(crate) const NAMES_MAX: usize = 4_096;
/// Bytes of a name that are kept.
const NAME_BYTES_MAX: usize = 256;
/// The name of everything beyond [`NAMES_MAX`].
pub(crate) const OTHER: &str = "(other)";

/// One dictionary. An id that is remembered is in the file or in the open transaction.
pub(crate) struct Names {
    select: &'static str,
    insert: &'static str,
    count: &'static str,
    known: HashMap<Arc<str>, i64>,
}

macro_rules! names {
    ($table:literal) => {
        Names {
            select: concat!("SELECT id FROM ", $table, " WHERE name = ?1"),
            insert: concat!("INSERT INTO ", $table, " (name) VALUES (?1) RETURNING id"),
            count: concat!("SELECT count(*) FROM ", $table),
            known: HashMap::new(),
        }
    };
}

impl Names {
    pub(crate) fn components() -> Names {
        names!("components")
    }

    pub(crate) fn routes() -> Names {
        names!("routes")
    }

    pub(crate) fn outcomes() -> Names {
        names!("outcomes")
    }

    /// Forgets what it remembered. Called after a rollback, which takes back the ids it gave.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// The number of a name; a new name is written down.
    pub(crate) fn id(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(name) {
            return Ok(*id);
        }
        let kept = name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or(OTHER);
        let id = match self.find(connection, kept)? {
            Some(id) => id,
            None if self.is_full(connection)? => self.find_or_insert(connection, OTHER)?,
            None => self.insert(connection, kept)?,
        };
        // Bounded as well: names that share an id are looked up again rather than all remembered.
        if self.known.len() <= NAMES_MAX {
            self.known.insert(name.into(), id);
        }
        Ok(id)
    }

    fn find(&self, connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
        connection.prepare_cached(self.select)?.query_row([name], |row| row.get(0)).optional()
    }

    fn insert(&self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        connection.prepare_cached(self.insert)?.query_row([name], |row| row.get(0))
    }

    fn find_or_insert(&self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        match self.find(connection, name)? {
            Some(id) => Ok(id),
            None => self.insert(connection, name),
        }
    }

    fn is_full(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let count: i64 = connection.prepare_cached(self.count)?.query_row([], |row| row.get(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX) >= NAMES_MAX)
    }
}
