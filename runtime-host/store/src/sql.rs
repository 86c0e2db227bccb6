//! SQL databases of guests, each in a file of its own. It knows the file, how many may work on it at once, and how large it may
//! be; it must never know which guest asks, or whether it may.
//!
//! Guests write the SQL here, so nothing of the host lies in these files, and no connection of the host ever leads to one but the
//! one that keeps it open.

mod answer;
mod fence;
mod functions;
mod session;
mod watch;

use crate::StoreError;
use crate::file;
use rusqlite::{Connection, OpenFlags};
use session::Session;
use spell_types::{SqlConnection, SqlDatabase, SqlError, SqlLimits};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// A database of guests.
pub struct GuestDatabase(Arc<Place>);

/// Where the database is, and who may be there.
struct Place {
    path: PathBuf,
    flags: OpenFlags,
    limits: SqlLimits,
    connections: Arc<Semaphore>,
    running: Arc<Semaphore>,
    /// Open as long as the database is, so that no other connection is ever the last one, which would fold the write-ahead log into
    /// the file as it goes. In memory it is what keeps the data.
    keeper: Mutex<Connection>,
}

/// A write-ahead log larger than this is folded into the database before anything more is written.
const WAL_BYTES_MAX: u64 = 64 << 20;
/// The longest that the keeper waits for a lock of others.
const KEEPER_WAIT_MAX: Duration = Duration::from_millis(100);

/// Most bytes that SQLite takes from the system, in all databases together. Guests cannot come near it by sorting or collecting, which
/// spills to files; it is for what cannot spill.
const HEAP_BYTES_MAX: i64 = 1 << 30;

impl GuestDatabase {
    /// Opens a database; creates file and directory where they are missing, for the owner alone. Blocks.
    ///
    /// Refused are: a file that is not a database, one of the host's own, a SQLite with known defects, a system that does not tell
    /// how much a thread writes.
    pub fn open(path: &Path, limits: SqlLimits) -> Result<GuestDatabase, StoreError> {
        let directory = file::directory_of(path);
        file::create_private(directory, path)?;
        let place = Self::at(path.to_owned(), OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX, limits)?;
        {
            let failed = |source| StoreError::Sqlite { path: path.to_owned(), source };
            let keeper = place.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
            file::refuse_own(&keeper, path)?;
            set_process_wide(&keeper, directory).map_err(failed)?;
            let journal: String = keeper.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(failed)?;
            if journal != "wal" {
                return Err(StoreError::Setting { path: path.to_owned(), setting: "journal_mode=WAL" });
            }
            // Only what has been read is held on to.
            keeper.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(failed)?;
        }
        Ok(place)
    }

    /// A database without a file; gone when it and its connections are dropped.
    pub fn in_memory(limits: SqlLimits) -> Result<GuestDatabase, StoreError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("file:/guest-{}?vfs=memdb", COUNT.fetch_add(1, Ordering::Relaxed));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self::at(PathBuf::from(name), flags | OpenFlags::SQLITE_OPEN_URI, limits)
    }

    fn at(path: PathBuf, flags: OpenFlags, limits: SqlLimits) -> Result<GuestDatabase, StoreError> {
        file::refuse_old_sqlite()?;
        watch::written_by_this_thread().map_err(|source| StoreError::Path { path: watch::ACCOUNT.into(), source })?;
        let failed = |source| file::failed(&path, source);
        let keeper = Connection::open_with_flags(&path, flags).map_err(failed)?;
        keeper.busy_timeout(KEEPER_WAIT_MAX).map_err(failed)?;
        let connections = Arc::new(Semaphore::new(limits.connections_max));
        let running = Arc::new(Semaphore::new(limits.statements_running_max));
        Ok(GuestDatabase(Arc::new(Place { path, flags, limits, connections, running, keeper: Mutex::new(keeper) })))
    }

    /// Runs statements of the operator, one after the other, as if a guest had asked for them. Blocks.
    ///
    /// # Errors
    /// At the first statement that fails; those before it stay done.
    pub fn execute_batch(&self, statements: &str) -> Result<(), SqlError> {
        let connection = self.0.connect()?;
        // The operator's patience is not limited, and neither is the length of what is read from a file of theirs.
        fence::lift_statement_length(&connection)?;
        connection.execute_batch(statements).map_err(|error| answer::fault(error, &self.0.limits))
    }
}

/// Sets what SQLite has once for the whole process: where temporary files go (they have no name there), and the memory it may take.
fn set_process_wide(connection: &Connection, directory: &Path) -> rusqlite::Result<()> {
    static SET: OnceLock<rusqlite::Result<()>> = OnceLock::new();
    let set = || {
        connection.pragma_update(None, "temp_store_directory", directory.to_string_lossy().as_ref())?;
        connection.pragma_update(None, "hard_heap_limit", HEAP_BYTES_MAX)
    };
    match SET.get_or_init(set) {
        Ok(()) => Ok(()),
        // Without it temporary files go where the system keeps such files.
        Err(error) => {
            tracing::warn!(%error, "the directory of temporary files of databases is the system's");
            Ok(())
        }
    }
}

impl SqlDatabase for GuestDatabase {
    fn connect(&self) -> Arc<dyn SqlConnection> {
        Arc::new(Session::new(Arc::clone(&self.0)))
    }
}

impl Place {
    /// A connection for one guest, behind the fence.
    fn connect(&self) -> Result<Connection, SqlError> {
        let opened = Connection::open_with_flags(&self.path, self.flags);
        opened.and_then(|connection| fence::put_around(&connection, &self.limits).map(|()| connection)).map_err(|error| {
            tracing::error!(path = %self.path.display(), %error, "a database of guests cannot be opened");
            SqlError::Unavailable
        })
    }

    /// Folds a long write-ahead log into the database. False while older readers keep it from being done.
    fn is_log_short(&self) -> bool {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let bytes = || std::fs::metadata(&log).map_or(0, |log| log.len());
        if bytes() <= WAL_BYTES_MAX {
            return true;
        }
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes() > WAL_BYTES_MAX
            && let Err(error) = keeper.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::warn!(path = %self.path.display(), %error, "a write-ahead log could not be folded into its database");
        }
        bytes() <= WAL_BYTES_MAX
    }
}
