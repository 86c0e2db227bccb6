//! Databases in which guests write SQL of their own: what they bear.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod guest;

use guest::{on_disk, one, run};
use spell_store::GuestDatabase;
use spell_types::{SqlDatabase, SqlError, SqlLimits, SqlValue};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_database_takes_no_more_and_lets_go_of_what_it_has() {
    let limits = SqlLimits { database_bytes_max: 1 << 20, ..SqlLimits::default() };
    let (_directory, on_disk) = on_disk(limits.clone());
    let (_other_directory, other) = guest::on_disk(limits.clone());
    for database in [on_disk, GuestDatabase::in_memory(limits).unwrap()] {
        let connection = database.connect();
        run(&connection, "CREATE TABLE t (a)").await.unwrap();
        let mut inserted = 0;
        let error = loop {
            match run(&connection, "INSERT INTO t VALUES (randomblob(50000))").await {
                Ok(_) => inserted += 1,
                Err(error) => break error,
            }
        };
        assert!((15..=20).contains(&inserted) && error == SqlError::Full { bytes_max: 1 << 20 }, "{inserted}: {error}");
        run(&other.connect(), "CREATE TABLE IF NOT EXISTS t (a)").await.unwrap();
        run(&other.connect(), "INSERT INTO t VALUES (randomblob(50000))").await.unwrap();
        run(&connection, "DELETE FROM t WHERE rowid < 10").await.unwrap();
        run(&connection, "INSERT INTO t VALUES (randomblob(50000))").await.unwrap();
        assert_eq!(one(&connection, "PRAGMA integrity_check").await, SqlValue::Text("ok".to_owned()));
    }
}

#[tokio::test]
async fn statements_values_and_answers_have_limits_and_meet_them_exactly() {
    let limits =
        SqlLimits { statement_bytes_max: 200, value_bytes_max: 1000, rows_max: 10, answer_bytes_max: 2000, ..SqlLimits::default() };
    let (_directory, database) = on_disk(limits);
    let connection = database.connect();
    let padded = |bytes: usize| format!("SELECT 1{}", " ".repeat(bytes - 8));
    assert!(run(&connection, &padded(200)).await.is_ok());
    assert_eq!(run(&connection, &padded(201)).await, Err(SqlError::StatementTooLong { bytes: 201, bytes_max: 200 }));
    let count = |rows: usize| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows}) SELECT i FROM n");
    assert_eq!(run(&connection, &count(10)).await.unwrap().rows.len(), 10);
    assert_eq!(run(&connection, &count(11)).await, Err(SqlError::TooManyRows { rows_max: 10 }));
    assert!(run(&connection, "SELECT randomblob(1000)").await.is_ok());
    for statement in
        ["SELECT randomblob(1001)", "SELECT zeroblob(1001)", "SELECT printf('%1001d', 1)", "SELECT replace(hex(zeroblob(400)), '0', 'ab')"]
    {
        assert_eq!(run(&connection, statement).await, Err(SqlError::ValueTooLarge { bytes_max: 1000 }), "{statement}");
    }
    let parameter = vec![SqlValue::Blob(vec![0; 1001])];
    assert_eq!(connection.execute("SELECT ?".to_owned(), parameter).await, Err(SqlError::ValueTooLarge { bytes_max: 1000 }));
    assert_eq!(
        run(&connection, "SELECT randomblob(900), randomblob(900), randomblob(900)").await,
        Err(SqlError::AnswerTooLarge { bytes_max: 2000 })
    );
    assert_eq!(run(&connection, "SELECT 1").await.unwrap().rows.len(), 1, "the connection goes on");
}

#[tokio::test]
async fn no_function_takes_long_however_its_arguments_are_chosen() {
    let (_directory, database) = on_disk(SqlLimits::default());
    let connection = database.connect();
    for statement in [
        "SELECT instr(zeroblob(1000000), zeroblob(500000) || x'01')",
        "SELECT length(replace(CAST(printf('%.*c', 1000000, 'a') AS TEXT), printf('%.*c', 500000, 'a') || 'b', ''))",
        "SELECT printf('%.*c', 1000000, 'a') LIKE '%' || replace(hex(zeroblob(150)), '00', 'a%a') || 'b'",
        "SELECT printf('%.*c', 1000000, 'a') GLOB '*' || replace(hex(zeroblob(150)), '00', 'a*a') || 'b'",
        "SELECT trim(printf('%.*c', 1000000, 'a'), printf('%.*c', 80000, 'b') || 'a')",
        "SELECT printf('%.*c', 1000000, 'a') LIKE '%' || replace(hex(zeroblob(150)), '00', '_a%') || 'b'",
        "SELECT printf('%.*c', 1000000, 'a') GLOB '*[b-z]*' || replace(hex(zeroblob(100)), '00', '?[a-z]*') || 'b'",
        "SELECT length(json_set('{' || rtrim(replace(hex(zeroblob(60000)), '00', '\"a\":1,'), ',') || '}', '$.b', 1, '$.c', 1))",
        "SELECT count(DISTINCT value) FROM json_each('[' || replace(hex(zeroblob(200000)), '00', '1,') || '1]')",
        "SELECT json_patch(json_group_array(value), '[]') FROM json_each('[' || replace(hex(zeroblob(200000)), '00', '1,') || '1]')",
    ] {
        let started = Instant::now();
        let answer = run(&connection, statement).await.map(|answer| answer.rows);
        assert!(started.elapsed() < PATIENCE, "{statement}: {answer:?} after {:?}", started.elapsed());
    }
}

/// What nothing in here takes, however busy the machine, and everything that is not stopped.
const PATIENCE: Duration = Duration::from_secs(20);
/// A statement that never ends by itself.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    let time = Duration::from_millis(300);
    // Nothing else is to stop them, on however fast a machine.
    let (_directory, database) =
        on_disk(SqlLimits { statement_time_max: time, database_bytes_max: 1 << 40, written_bytes_max: 1 << 40, ..SqlLimits::default() });
    let connection = database.connect();
    run(&connection, "CREATE TABLE t (a)").await.unwrap();
    for statement in [ENDLESS, "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i FROM n"] {
        let started = Instant::now();
        let error = run(&connection, statement).await.unwrap_err();
        let took = started.elapsed();
        assert_eq!(error, SqlError::TimeExceeded { time_ms_max: 300 }, "{statement} after {took:?}");
        assert!(took >= time && took < PATIENCE, "{statement}: {took:?}");
    }
    assert_eq!(run(&connection, ENDLESS).await, Err(SqlError::TimeExceeded { time_ms_max: 300 }));
    assert_eq!(one(&connection, "SELECT count(*) FROM t").await, SqlValue::Integer(0));
}

#[tokio::test]
async fn views_of_views_end_before_they_are_all_read() {
    let (_directory, database) = on_disk(SqlLimits::default());
    let connection = database.connect();
    run(&connection, "CREATE VIEW v0 AS SELECT 1 AS x").await.unwrap();
    let mut views = 0;
    while views < 40 {
        let view = format!("CREATE VIEW v{} AS SELECT DISTINCT a.x FROM v{views} a, v{views} b LIMIT 9", views + 1);
        run(&connection, &view).await.unwrap();
        views += 1;
    }
    let started = Instant::now();
    let error = run(&connection, "SELECT * FROM v40").await.unwrap_err();
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert!(error.to_string().contains("too many references"), "{error}");
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_is_stopped() {
    let (_directory, database) =
        on_disk(SqlLimits { statement_time_max: Duration::from_secs(60), statements_running_max: 1, ..SqlLimits::default() });
    let connection = database.connect();
    assert!(tokio::time::timeout(Duration::from_millis(100), run(&connection, ENDLESS)).await.is_err());
    let started = Instant::now();
    // The only place for a running statement is free again.
    assert!(run(&database.connect(), "SELECT 1").await.is_ok());
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

#[tokio::test]
async fn only_so_many_connections_are_open() {
    let (_directory, database) =
        on_disk(SqlLimits { connections_max: 2, wait_time_max: Duration::from_millis(100), ..SqlLimits::default() });
    let [first, second, third] = [(); 3].map(|()| database.connect());
    run(&first, "SELECT 1").await.unwrap();
    run(&second, "SELECT 1").await.unwrap();
    let error = run(&third, "SELECT 1").await.unwrap_err();
    assert_eq!(error.to_string(), "the database is busy: too many connections were open for 100 ms");
    drop(first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    run(&third, "SELECT 1").await.unwrap();
}

#[tokio::test]
async fn nested_text_is_an_error_and_not_the_end() {
    let (_directory, database) = on_disk(SqlLimits::default());
    let connection = database.connect();
    for depth in [400, 4_000, 40_000] {
        for (open, inner, close) in
            [("(", "1", ")"), ("-", "1", ""), ("NOT ", "1", ""), ("(SELECT ", "1", ")"), ("1+(", "1", ")"), ("abs(", "1", ")")]
        {
            let statement = format!("SELECT {}{inner}{}", open.repeat(depth), close.repeat(depth));
            // Whatever it says, it says it.
            let answer = run(&connection, &statement).await;
            assert!(depth < 4_000 || answer.is_err() || open == "-" || open == "(", "{depth} {open}: {answer:?}");
        }
        let from = format!("SELECT * FROM {}SELECT 1{}", "(SELECT * FROM (".repeat(depth / 20), "))".repeat(depth / 20));
        let _ = run(&connection, &from).await;
        let union = vec!["SELECT 1"; depth.min(10_000)].join(" UNION ");
        let _ = run(&connection, &union).await;
    }
    assert_eq!(one(&connection, "SELECT 1").await, SqlValue::Integer(1));
}
