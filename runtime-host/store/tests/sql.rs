//! Databases in which guests write SQL of their own: what they do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod guest;

use guest::{on_disk, one, run};
use spell_store::{Database, GuestDatabase, StoreError};
use spell_types::{SqlAnswer, SqlDatabase, SqlError, SqlLimits, SqlValue};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test]
async fn every_kind_of_value_goes_in_and_comes_out() {
    let (_directory, on_disk) = on_disk(SqlLimits::default());
    for database in [on_disk, GuestDatabase::in_memory(SqlLimits::default()).unwrap()] {
        let connection = database.connect();
        let values = vec![
            SqlValue::Null,
            SqlValue::Integer(i64::MIN),
            SqlValue::Real(0.5),
            SqlValue::Text("'; DROP TABLE t; -- \u{1F525}".to_owned()),
            SqlValue::Blob(vec![0, 255]),
        ];
        run(&connection, "CREATE TABLE t (a, b, c, d, e)").await.unwrap();
        connection.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?)".to_owned(), values.clone()).await.unwrap();
        assert_eq!((connection.last_insert_rowid(), connection.changes()), (1, 1));
        let answer = run(&connection, "SELECT * FROM t").await.unwrap();
        assert_eq!(answer, SqlAnswer { columns: ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec(), rows: vec![values] });
        assert_eq!(one(&database.connect(), "SELECT count(*) FROM t").await, SqlValue::Integer(1));
    }
}

#[tokio::test]
async fn mistakes_are_told_in_the_databases_words() {
    let (_directory, database) = on_disk(SqlLimits::default());
    let connection = database.connect();
    run(&connection, "CREATE TABLE t (a UNIQUE, b CHECK (b > 0))").await.unwrap();
    let table = [
        ("SELEKT 1", "syntax error"),
        ("SELECT * FROM missing", "no such table: missing"),
        ("SELECT 1; SELECT 2", "one by one"),
        ("SELECT ?", "1 parameters, not 0"),
        ("INSERT INTO t VALUES (1, 0)", "CHECK constraint failed"),
        ("SELECT CAST(x'ff' AS TEXT)", "UTF-8"),
        ("COMMIT", "no transaction is active"),
    ];
    for (statement, expected) in table {
        let error = run(&connection, statement).await.unwrap_err();
        assert!(matches!(&error, SqlError::Failed { .. }) && error.to_string().contains(expected), "{statement}: {error}");
    }
    for statement in ["", "  ", "-- nothing", ";"] {
        assert_eq!(run(&connection, statement).await, Ok(SqlAnswer::default()), "{statement:?}");
    }
}

#[tokio::test]
async fn what_leads_out_of_the_database_is_not_allowed() {
    let (directory, database) = on_disk(SqlLimits::default());
    let connection = database.connect();
    run(&connection, "CREATE TABLE t (a)").await.unwrap();
    let attach = format!("ATTACH '{}' AS other", directory.path().join("spell.db").display());
    let statements = [
        attach.as_str(),
        "ATTACH ':memory:' AS m",
        "ATTACH '' AS t",
        "DETACH main",
        "VACUUM",
        "VACUUM INTO '/tmp/copy.db'",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_log(1, 'forged')",
        "PRAGMA writable_schema = ON",
        "PRAGMA writable_schema",
        "PRAGMA trusted_schema = ON",
        "PRAGMA max_page_count = 1000000",
        "PRAGMA main.max_page_count = 1000000",
        "pragma MAX_PAGE_COUNT(1000000)",
        "PRAGMA cache_size = -1000000",
        "PRAGMA mmap_size = 1000000000",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA temp_store_directory = '/etc'",
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_autocheckpoint = 0",
        "PRAGMA busy_timeout = 100000",
        "PRAGMA hard_heap_limit = 1",
        "PRAGMA soft_heap_limit = 1",
        "PRAGMA threads = 8",
        "PRAGMA application_id = 1",
        "PRAGMA page_size = 65536",
        "PRAGMA database_list",
        "SELECT * FROM pragma_database_list",
        "PRAGMA key = 'x'",
        "CREATE TEMP TABLE u (a)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE f USING fts5(a)",
        "CREATE VIRTUAL TABLE r USING rtree(a, b, c)",
        "SELECT * FROM dbstat",
    ];
    for statement in statements {
        let error = run(&connection, statement).await.expect_err(statement);
        // Some are unknown to SQLite itself, or in the way of a setting, before anybody is asked.
        let is_right = matches!(error, SqlError::NotAllowed { .. } | SqlError::Failed { .. });
        assert!(is_right && !error.to_string().is_empty(), "{statement}: {error}");
    }
    for statement in ["UPDATE sqlite_schema SET sql = 'x'", "DELETE FROM sqlite_master", "DROP TABLE sqlite_schema"] {
        assert!(run(&connection, statement).await.is_err(), "{statement}");
    }
    assert!(!directory.path().join("spell.db").exists() && !std::path::Path::new("/tmp/copy.db").exists());
    assert_eq!(
        run(&connection, "PRAGMA temp_store_directory").await.unwrap_err().to_string(),
        "not allowed here: this use of PRAGMA temp_store_directory"
    );
}

#[tokio::test]
async fn what_libraries_ask_of_a_database_is_allowed() {
    let (_directory, database) = on_disk(SqlLimits::default());
    let connection = database.connect();
    for statement in [
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (parent REFERENCES parent (id))",
        "CREATE INDEX i ON child (parent)",
        "CREATE VIEW v AS SELECT json_object('id', id) AS j FROM parent",
        "CREATE TRIGGER g AFTER INSERT ON parent BEGIN INSERT INTO child VALUES (new.id); END",
        "PRAGMA foreign_keys = ON",
        "PRAGMA user_version = 7",
        "PRAGMA table_info(child)",
        "PRAGMA table_info = child",
        "SELECT * FROM pragma_table_info('child')",
        "PRAGMA foreign_key_check",
        "PRAGMA integrity_check",
        "ANALYZE",
        "REINDEX",
        "BEGIN",
        "SAVEPOINT s",
        "INSERT INTO parent VALUES (1) RETURNING id",
        "RELEASE s",
        "COMMIT",
        "SELECT value FROM json_each('[1, 2]')",
        "SELECT * FROM v",
        "EXPLAIN QUERY PLAN SELECT * FROM child",
        "ALTER TABLE child ADD COLUMN note TEXT",
        "DROP TABLE child",
    ] {
        run(&connection, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    assert_eq!(one(&connection, "PRAGMA user_version").await, SqlValue::Integer(7));
    assert!(run(&connection, "INSERT INTO parent VALUES (1)").await.is_err(), "unique");
}

#[tokio::test]
async fn a_transaction_that_is_left_open_ends_with_its_connection() {
    let limits = SqlLimits { wait_time_max: Duration::from_millis(200), ..SqlLimits::default() };
    let (_directory, on_disk) = on_disk(limits.clone());
    for database in [on_disk, GuestDatabase::in_memory(limits).unwrap()] {
        let (left, other) = (database.connect(), database.connect());
        run(&other, "CREATE TABLE t (a)").await.unwrap();
        run(&left, "BEGIN IMMEDIATE").await.unwrap();
        run(&left, "INSERT INTO t VALUES (1)").await.unwrap();
        let error = run(&other, "INSERT INTO t VALUES (2)").await.unwrap_err();
        assert!(matches!(error, SqlError::Busy { time_ms_max: 200, .. }), "{error}");
        drop(left);
        // The lock is let go on another thread; waiting for it is what a statement does anyway.
        run(&other, "INSERT INTO t VALUES (3)").await.unwrap();
        assert_eq!(one(&other, "SELECT group_concat(a) FROM t").await, SqlValue::Text("3".to_owned()));
    }
}

#[tokio::test]
async fn those_who_wait_for_a_lock_leave_the_threads_to_its_holder() {
    let (_directory, database) = on_disk(SqlLimits { statements_running_max: 1, ..SqlLimits::default() });
    let database = Arc::new(database);
    let holder = database.connect();
    run(&holder, "CREATE TABLE t (a)").await.unwrap();
    run(&holder, "BEGIN IMMEDIATE").await.unwrap();
    let mut waiting = JoinSet::new();
    for number in 0..8 {
        let connection = database.connect();
        waiting.spawn(async move { run(&connection, &format!("INSERT INTO t VALUES ({number})")).await });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    run(&holder, "INSERT INTO t VALUES (100)").await.unwrap();
    run(&holder, "COMMIT").await.unwrap();
    assert!(waiting.join_all().await.iter().all(Result::is_ok));
    assert_eq!(one(&holder, "SELECT count(*) FROM t").await, SqlValue::Integer(9));
}

#[tokio::test]
async fn what_was_committed_survives_a_crash_and_what_was_not_is_gone() {
    let (directory, database) = on_disk(SqlLimits::default());
    let after_crash = tempfile::tempdir().unwrap();
    let (connection, open) = (database.connect(), database.connect());
    run(&connection, "CREATE TABLE t (a)").await.unwrap();
    run(&connection, "INSERT INTO t VALUES (1)").await.unwrap();
    run(&open, "BEGIN").await.unwrap();
    run(&open, "INSERT INTO t VALUES (2)").await.unwrap();
    for file in ["default.db", "default.db-wal"] {
        fs::copy(directory.path().join("sqlite").join(file), after_crash.path().join(file)).unwrap();
    }
    let database = GuestDatabase::open(&after_crash.path().join("default.db"), SqlLimits::default()).unwrap();
    assert_eq!(one(&database.connect(), "SELECT group_concat(a) FROM t").await, SqlValue::Text("1".to_owned()));
}

#[tokio::test]
async fn the_file_is_for_the_owner_alone_and_never_one_of_the_hosts() {
    let (directory, database) = on_disk(SqlLimits::default());
    run(&database.connect(), "CREATE TABLE t (a)").await.unwrap();
    let mode = |name: &str| fs::metadata(directory.path().join("sqlite").join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("default.db"), mode("default.db-wal")), (0o700, 0o600, 0o600));
    drop(Database::open(directory.path()).unwrap());
    let error = GuestDatabase::open(&directory.path().join("spell.db"), SqlLimits::default()).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Own { .. }), "{error}");
    fs::write(directory.path().join("text.db"), "This is not a database. ".repeat(100)).unwrap();
    let error = GuestDatabase::open(&directory.path().join("text.db"), SqlLimits::default()).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{error}");
}

#[tokio::test]
async fn statements_of_the_operator_run_in_order_and_stop_at_the_first_mistake() {
    let (_directory, database) = on_disk(SqlLimits::default());
    let long = format!("CREATE TABLE t (a); -- {}\nINSERT INTO t VALUES (1); INSERT INTO t VALUES (2);", "x".repeat(1 << 20));
    database.execute_batch(&long).unwrap();
    let error = database.execute_batch("INSERT INTO t VALUES (3); OOPS; INSERT INTO t VALUES (4)").unwrap_err();
    assert!(error.to_string().contains("OOPS"), "{error}");
    assert!(database.execute_batch("ATTACH 'x' AS y").is_err());
    assert_eq!(one(&database.connect(), "SELECT group_concat(a) FROM t").await, SqlValue::Text("1,2,3".to_owned()));
}
