//! The database file: what survives, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use spell_cast::KeyRing;
use spell_store::{Database, StoreError, sqlite_version};
use spell_types::KeyValueStore;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

async fn value(state_dir: &Path) -> Option<Vec<u8>> {
    Database::open(state_dir).unwrap().get("s", "k").await.unwrap()
}

fn open_error(state_dir: &Path) -> StoreError {
    Database::open(state_dir).map(drop).unwrap_err()
}

/// A state directory whose database was made by the statements.
fn made_by(statements: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(directory.path().join("spell.db")).unwrap();
    connection.execute_batch(statements).unwrap();
    directory
}

#[tokio::test]
async fn what_was_written_is_there_when_the_file_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3_u8 {
        let database = Database::open(directory.path()).unwrap();
        database.set("s", "k", vec![round]).await.unwrap();
        drop(database);
        assert_eq!(value(directory.path()).await, Some(vec![round]));
    }
}

#[tokio::test]
async fn an_acknowledged_write_needs_no_orderly_end() {
    let (directory, after_crash) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = Database::open(directory.path()).unwrap();
    database.set("s", "k", b"kept".to_vec()).await.unwrap();
    // The files as a killed process leaves them; the shared-memory index does not outlive it.
    for file in ["spell.db", "spell.db-wal"] {
        fs::copy(directory.path().join(file), after_crash.path().join(file)).unwrap();
    }
    assert_eq!(value(after_crash.path()).await, Some(b"kept".to_vec()));
}

#[tokio::test]
async fn directory_and_files_are_for_the_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let state_dir = directory.path().join("a/b");
    let database = Database::open(&state_dir).unwrap();
    database.set("s", "k", vec![1]).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state_dir), 0o700);
    for file in ["spell.db", "spell.db-wal", "spell.db-shm"] {
        assert_eq!(mode(&state_dir.join(file)), 0o600, "{file}");
    }
}

#[test]
fn the_file_of_another_program_is_refused_and_left_as_it_is() {
    for statements in ["CREATE TABLE theirs (id)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"] {
        let directory = made_by(statements);
        let path = directory.path().join("spell.db");
        let before = fs::read(&path).unwrap();
        let error = open_error(directory.path());
        assert!(matches!(error, StoreError::Foreign { .. }), "{statements}: {error}");
        assert!(error.to_string().contains("spell.db: belongs to another program"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before, "{statements}");
    }
}

#[test]
fn what_is_no_database_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spell.db");
    let text = "Dear diary, this is not a database. ".repeat(100);
    fs::write(&path, &text).unwrap();
    let error = open_error(directory.path());
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_schema_from_the_future_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(Database::open(directory.path()).unwrap());
    let connection = rusqlite::Connection::open(directory.path().join("spell.db")).unwrap();
    connection.pragma_update(None, "user_version", 1000).unwrap();
    drop(connection);
    let error = open_error(directory.path());
    assert!(matches!(error, StoreError::NewerSchema { found: 1000, .. }), "{error}");
}

#[tokio::test]
async fn a_file_of_an_older_program_keeps_its_data_and_takes_what_is_new() {
    let directory = made_by(
        "CREATE TABLE key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key)) STRICT, WITHOUT ROWID;
         CREATE TABLE key_value_usage (store TEXT NOT NULL PRIMARY KEY, bytes INTEGER NOT NULL CHECK (bytes >= 0)) STRICT, WITHOUT ROWID;
         INSERT INTO key_value VALUES ('s', 'k', x'01');
         PRAGMA application_id = 0x53504c31;
         PRAGMA user_version = 1;",
    );
    assert_eq!(value(directory.path()).await, Some(vec![1]));
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.find([1; 32]).await, Ok(None));
}

#[test]
fn an_empty_file_becomes_a_database() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("spell.db"), "").unwrap();
    Database::open(directory.path()).unwrap();
}

#[test]
fn a_state_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open_error(&file.join("state"));
    assert!(error.to_string().contains("file/state"), "{error}");
}

#[test]
fn sqlite_is_new_enough() {
    let numbers: Vec<u32> = sqlite_version().split('.').map(|number| number.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{}", sqlite_version());
}
