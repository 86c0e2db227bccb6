//! What can go wrong with a database file. It knows paths and SQLite's words; it must never know what the data was for.

use std::path::PathBuf;

/// Why a database file could not be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The state directory, or the file in it, could not be created or looked at.
    #[error("{}: cannot be created or read: {source}", .path.display())]
    Path {
        /// The directory or file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A thread for the database could not be started.
    #[error("the system gave no thread for the database: {0}")]
    Thread(std::io::Error),
    /// The file is not a SQLite database.
    #[error("{}: not a SQLite database", .path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a SQLite database of another program, or another database of this one. It was not changed.
    #[error("{}: belongs to another program (application id {found:#010x}, not {expected:#010x})", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The application id in its header.
        found: i32,
        /// The application id of the database that belongs there.
        expected: i32,
    },
    /// The file is a database of the host itself, where one of guests belongs. It was not changed.
    #[error("{}: is a database of the host itself; guests need a file of their own", .path.display())]
    Own {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program wrote the file. It was not changed.
    #[error("{}: has schema version {found}, this program knows versions up to {known}", .path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The schema version of the file.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("{}: the schema could not be brought up to date: {source}", .path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What the migration reported.
        source: rusqlite_migration::Error,
    },
    /// SQLite would not take a setting that durability depends on.
    #[error("{}: SQLite would not set {setting}", .path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The setting and its value.
        setting: &'static str,
    },
    /// The SQLite in this program has a known defect that can corrupt files.
    #[error("SQLite {found} can corrupt databases; 3.51.3 or newer is needed")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// SQLite failed.
    #[error("{}: {source}", .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite reported.
        source: rusqlite::Error,
    },
    /// There is no file yet, or nothing in it.
    #[error("{}: nothing has been recorded yet", .path.display())]
    NothingRecorded {
        /// Where the record would be.
        path: PathBuf,
    },
    /// No execution of this component was ever recorded.
    #[error("no execution of component {component:?} is recorded; recorded components: {}", list(.known))]
    UnknownComponent {
        /// The name that was asked for.
        component: String,
        /// The names there are, in order.
        known: Vec<String>,
    },
}

/// Names shown in a message; the rest is counted.
const NAMES_SHOWN_MAX: usize = 20;

fn list(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => "none".to_owned(),
        count if count > NAMES_SHOWN_MAX => format!("{shown} and {} more", count - NAMES_SHOWN_MAX),
        _ => shown,
    }
}
