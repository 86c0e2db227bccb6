//! The database of the host: its schema, and who may read and write. It knows `spell.db` as a whole; it must never know what
//! single tables are used for.

use crate::StoreError;
use crate::file::{Kind, Synchronous};
use crate::queue::JobError;
use crate::readers::{READERS, Readers};
use crate::writer::{WriteCounts, Writer};
use rusqlite::Connection;
use rusqlite_migration::M;
use spell_cast::Allowance;
use std::path::Path;
use std::sync::OnceLock;

/// Key-value data, and what the platform keeps, on disk. Dropping it finishes the writes that are queued.
pub struct Database {
    /// Dropped before the writer, whose connection is then the last one and folds the write-ahead log into the file. Absent in
    /// memory, where a second connection would see another database: there the writer reads as well.
    readers: Option<Readers>,
    writer: Writer,
    allowance: OnceLock<Allowance>,
}

const SPELL_DB: Kind = Kind {
    file_name: "spell.db",
    application_id: 0x5350_4c31, // "SPL1"
    synchronous: Synchronous::Full,
    migrations: &[
        M::up(
            "CREATE TABLE key_value (
                 store TEXT NOT NULL,
                 key   TEXT NOT NULL,
                 value BLOB NOT NULL,
                 PRIMARY KEY (store, key)
             ) STRICT, WITHOUT ROWID;
             -- Bytes of keys and values in each store, kept in the same transaction as the rows it sums up.
             CREATE TABLE key_value_usage (
                 store TEXT NOT NULL PRIMARY KEY,
                 bytes INTEGER NOT NULL CHECK (bytes >= 0)
             ) STRICT, WITHOUT ROWID;",
        ),
        M::up(include_str!("platform.sql")),
        M::up(include_str!("logs.sql")),
        M::up(include_str!("reach.sql")),
        M::up(include_str!("webhooks.sql")),
        M::up(include_str!("budgets.sql")),
        M::up(include_str!("github.sql")),
        // Another index has the same rows, by their tenants.
        M::up("DROP INDEX casts_that_run;"),
    ],
};

impl Database {
    /// Opens `spell.db` in the state directory; creates what is missing, readable by the owner alone.
    ///
    /// Refused are: a file of another program, a schema newer than this program, a SQLite with known defects.
    pub fn open(state_dir: &Path) -> Result<Database, StoreError> {
        Self::open_file(&SPELL_DB.path(state_dir))
    }

    /// The same with a file that lies elsewhere, or has another name.
    pub fn open_file(path: &Path) -> Result<Database, StoreError> {
        let connection = SPELL_DB.open_file(path)?;
        let connections = (0..READERS).map(|_| SPELL_DB.open_file_read_only(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Database { readers: Some(Readers::start(connections)?), writer: Writer::start(connection)?, allowance: OnceLock::new() })
    }

    /// A database without a file; gone when it is dropped.
    pub fn in_memory() -> Result<Database, StoreError> {
        Ok(Database { readers: None, writer: Writer::start(SPELL_DB.open_in_memory()?)?, allowance: OnceLock::new() })
    }

    /// Says, once, what a tenant can have of whom nothing else is said. Where nobody does, as beside a host, nothing is bounded.
    pub fn grant(&self, allowance: Allowance) {
        if self.allowance.set(allowance).is_err() {
            tracing::error!("what tenants can have was said before");
        }
    }

    /// What a tenant can have of whom nothing else is said.
    pub(crate) fn allowance(&self) -> Allowance {
        self.allowance.get().copied().unwrap_or_default()
    }

    /// How many writes there were since it was opened, and how many commits they took.
    pub fn write_counts(&self) -> WriteCounts {
        self.writer.counts()
    }

    /// Runs the work in a transaction on the writer's thread. An `Ok` is on disk. It may be run twice, so it changes the database and nothing
    /// else.
    pub(crate) async fn write<T, R, F>(&self, work: F) -> Result<T, JobError<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Fn(&Connection) -> Result<T, JobError<R>> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Runs the work on a reader's thread.
    pub(crate) async fn read<T, R, F>(&self, work: F) -> Result<T, JobError<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Fn(&Connection) -> Result<T, JobError<R>> + Send + 'static,
    {
        match &self.readers {
            Some(readers) => readers.read(work).await,
            None => self.writer.write(work).await,
        }
    }
}
