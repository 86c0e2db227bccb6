//! How a database file is opened: owner-only permissions, whose file it is, settings, schema. It knows files and pragmas; it
//! must never know what the tables mean.

use crate::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of SQLite inside this program, such as `3.53.2`.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// Everything that tells one of our database files from another.
pub(crate) struct Kind {
    /// Its name in the state directory.
    pub(crate) file_name: &'static str,
    /// The number in its header that says whose it is.
    pub(crate) application_id: i32,
    /// How careful a commit is.
    pub(crate) synchronous: Synchronous,
    /// Its schema, one step per version.
    pub(crate) migrations: &'static [M<'static>],
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Synchronous {
    /// The disk: an acknowledged commit survives a power loss.
    Full,
    /// The operating system: it survives a killed process; a power loss may take the last commits.
    Normal,
}

impl Synchronous {
    fn pragma(self) -> (&'static str, i64) {
        match self {
            Synchronous::Full => ("FULL", 2),
            Synchronous::Normal => ("NORMAL", 1),
        }
    }
}

/// The longest wait for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// A write-ahead log that has grown beyond this is cut back after a checkpoint.
const WAL_BYTES_KEPT: i64 = 64 << 20;
/// Pages of the write-ahead log after which a checkpoint is due: a page that many commits change is folded into the file once.
const CHECKPOINT_PAGES: i64 = 4_000;
/// The first version without the WAL-reset defect, in SQLite's own numbering: 3.51.3.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Prepared statements kept by a connection.
const STATEMENTS_CACHED_MAX: usize = 128;

impl Kind {
    /// Where this file is in a state directory.
    pub(crate) fn path(&self, state_dir: &Path) -> PathBuf {
        state_dir.join(self.file_name)
    }

    /// Opens the file of the state directory for writing; creates it, and the directory, where they are missing.
    pub(crate) fn open(&self, state_dir: &Path) -> Result<Connection, StoreError> {
        self.open_file(&self.path(state_dir))
    }

    /// Opens a file for writing; creates it, and its directory, where they are missing.
    pub(crate) fn open_file(&self, path: &Path) -> Result<Connection, StoreError> {
        refuse_old_sqlite()?;
        create_private(directory_of(path), path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|source| self.failed(path, source))?;
        self.prepare(&mut connection, path)?;
        Ok(connection)
    }

    /// Opens the existing file of the state directory for reading only.
    pub(crate) fn open_read_only(&self, state_dir: &Path) -> Result<Connection, StoreError> {
        self.open_file_read_only(&self.path(state_dir))
    }

    /// Opens an existing file for reading only.
    pub(crate) fn open_file_read_only(&self, path: &Path) -> Result<Connection, StoreError> {
        refuse_old_sqlite()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|source| self.failed(path, source))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|source| self.failed(path, source))?;
        if self.recognise(&connection, path)? == 0 {
            return Err(StoreError::NothingRecorded { path: path.to_owned() });
        }
        settings_of_every_connection(&connection).map_err(|source| self.failed(path, source))?;
        Ok(connection)
    }

    /// The same schema without a file.
    pub(crate) fn open_in_memory(&self) -> Result<Connection, StoreError> {
        refuse_old_sqlite()?;
        let path = Path::new(":memory:");
        let mut connection = Connection::open_in_memory().map_err(|source| self.failed(path, source))?;
        settings_of_every_connection(&connection).map_err(|source| self.failed(path, source))?;
        self.migrate(&mut connection, path)?;
        Ok(connection)
    }

    /// SQLite's error with the file it happened to.
    pub(crate) fn failed(&self, path: &Path, source: rusqlite::Error) -> StoreError {
        failed(path, source)
    }

    fn prepare(&self, connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|source| self.failed(path, source))?;
        // A file that is not ours must not be touched, so this comes before any setting that writes.
        if self.recognise(connection, path)? == 0 {
            connection.pragma_update(None, "application_id", self.application_id).map_err(|source| self.failed(path, source))?;
        }
        self.set_durability(connection, path)?;
        settings_of_every_connection(connection).map_err(|source| self.failed(path, source))?;
        self.migrate(connection, path)?;
        // What a statement or a job may have to take back, a few pages, stays in memory, not in a file. A migration may sort whole tables.
        connection.pragma_update(None, "temp_store", "MEMORY").map_err(|source| self.failed(path, source))
    }

    /// The schema version of the file, 0 where it is still blank; an error where it is not ours or from the future.
    fn recognise(&self, connection: &Connection, path: &Path) -> Result<i64, StoreError> {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|source| self.failed(path, source));
        let application_id = number("PRAGMA application_id")?;
        let schema_version = number("PRAGMA user_version")?;
        let blank = application_id == 0 && schema_version == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0;
        if !blank && application_id != i64::from(self.application_id) {
            let found = i32::try_from(application_id).unwrap_or(0);
            return Err(StoreError::Foreign { path: path.to_owned(), found, expected: self.application_id });
        }
        let known = i64::try_from(self.migrations.len()).unwrap_or(i64::MAX);
        if schema_version > known {
            return Err(StoreError::NewerSchema { path: path.to_owned(), found: schema_version, known });
        }
        Ok(schema_version)
    }

    /// Sets what durability depends on, and reads it back: SQLite ignores a setting it cannot apply.
    fn set_durability(&self, connection: &Connection, path: &Path) -> Result<(), StoreError> {
        let failed = |source| self.failed(path, source);
        let journal: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(failed)?;
        if journal != "wal" {
            return Err(StoreError::Setting { path: path.to_owned(), setting: "journal_mode=WAL" });
        }
        let (word, number) = self.synchronous.pragma();
        connection.pragma_update(None, "synchronous", word).map_err(failed)?;
        let set: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(failed)?;
        if set != number {
            return Err(StoreError::Setting { path: path.to_owned(), setting: "synchronous" });
        }
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES).map_err(failed)?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT).map_err(failed)
    }

    fn migrate(&self, connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
        let migrations = Migrations::from_slice(self.migrations);
        migrations.to_latest(connection).map_err(|source| StoreError::Migration { path: path.to_owned(), source })
    }
}

fn settings_of_every_connection(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    connection.pragma_update(None, "foreign_keys", true)?;
    // A mapped file turns a disk error into a signal that ends the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    // The schema may have been tampered with: it calls no functions with side effects, and pages are checked when read.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// SQLite's error with the file it happened to.
pub(crate) fn failed(path: &Path, source: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotADatabase { path },
        _ => StoreError::Sqlite { path, source },
    }
}

/// Refuses a database of the host's own, where one of others belongs.
pub(crate) fn refuse_own(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(|source| failed(path, source))?;
    if found >> 16 == OWN_APPLICATION_ID { Err(StoreError::Own { path: path.to_owned() }) } else { Ok(()) }
}

/// The two letters that the application id of every database of the host begins with: "SP".
const OWN_APPLICATION_ID: i32 = 0x5350;

pub(crate) fn refuse_old_sqlite() -> Result<(), StoreError> {
    match rusqlite::version_number() {
        SQLITE_VERSION_MIN.. => Ok(()),
        _ => Err(StoreError::OldSqlite { found: sqlite_version() }),
    }
}

/// The directory that a file is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates directory (0700) and file (0600) where they are missing. SQLite gives its side files the mode of the main file.
pub(crate) fn create_private(state_dir: &Path, path: &Path) -> Result<(), StoreError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Path { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(at(state_dir))?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        // The new name must survive a power loss as well as what is written under it.
        Ok(_) => File::open(state_dir).and_then(|directory| directory.sync_all()).map_err(at(state_dir)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(at(path)(error)),
    }
}
