//! What a guest's statement piles up in memory: a process of its own, as all of it is counted.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod guest;

use guest::{on_disk, run};
use spell_types::{SqlDatabase, SqlError, SqlLimits};
use std::fs;
use std::time::Duration;

#[tokio::test]
async fn what_a_statement_piles_up_is_counted_and_stopped() {
    let (_directory, database) =
        on_disk(SqlLimits { written_bytes_max: 32 << 20, statement_time_max: Duration::from_secs(60), ..SqlLimits::default() });
    let pile = "WITH RECURSIVE n (i, b) AS (SELECT 1, zeroblob(100000) UNION ALL SELECT i + 1, zeroblob(100000) FROM n ORDER BY 1 DESC)";
    for statement in [
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, zeroblob(100000) FROM n ORDER BY 1 DESC LIMIT 5 OFFSET 100000000",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT DISTINCT i, zeroblob(100000) FROM n LIMIT 1 OFFSET 100000000",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT count(*) FROM n",
        &format!("{pile} SELECT count(*) FROM n a, n b"),
    ] {
        let connection = database.connect();
        let before = resident_bytes();
        let error = run(&connection, statement).await.unwrap_err();
        let grown = resident_bytes().saturating_sub(before);
        assert_eq!(error, SqlError::WroteTooMuch { bytes_max: 32 << 20 }, "{statement}");
        assert!(grown < 64 << 20, "{statement}: {grown} bytes more");
        assert_eq!(run(&connection, "SELECT 1").await, Err(SqlError::WroteTooMuch { bytes_max: 32 << 20 }), "the connection is used up");
    }
    assert!(run(&database.connect(), "SELECT 1").await.is_ok(), "another one is not");
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
