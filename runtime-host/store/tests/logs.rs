//! What casts printed, as it is kept and forgotten.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{acme, answer, at, cast, count, database, tamper};
use spell_cast::{CastLog, CastLogs, Ledger, LedgerError, LogLine, Stream};
use spell_store::Database;
use std::time::Duration;

fn line(stream: Stream, text: &str) -> LogLine {
    LogLine { at: at(60) + Duration::from_millis(7), stream, text: text.to_owned() }
}

#[tokio::test]
async fn lines_come_back_as_they_were_also_in_a_file_that_was_opened_again() {
    let (directory, database) = database();
    database.reserve(cast(acme(), "cast_1", at(50)), None, 0).await.unwrap();
    let texts = ["", "a\tb", "\u{1b}[2J\u{0}\u{9b}", "grüße \"x\" \\"];
    let lines = texts.iter().flat_map(|text| [line(Stream::Stdout, text), line(Stream::Stderr, text)]).collect();
    let log = CastLog { lines, dropped_bytes: 123 };
    database.keep_log("cast_1", log.clone()).await.unwrap();
    drop(database);
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.log(&acme(), "cast_1").await, Ok(log));
    assert_eq!(database.log(&acme(), "cast_2").await, Ok(CastLog::default()));
    tamper(directory.path(), "UPDATE cast_logs SET lines = '[[\"nowhere\",1,\"x\"]]'");
    assert_eq!(database.log(&acme(), "cast_1").await, Err(LedgerError::Unavailable), "nothing is invented");
}

#[tokio::test]
async fn a_log_goes_with_its_cast_and_is_none_without_one() {
    let (directory, database) = database();
    let log = CastLog { lines: vec![line(Stream::Stdout, "x")], dropped_bytes: 0 };
    for (id, created) in [("cast_1", 10), ("cast_2", 20)] {
        database.reserve(cast(acme(), id, at(created)), None, 0).await.unwrap();
        database.finish(id, answer("hello")).await.unwrap();
        database.keep_log(id, log.clone()).await.unwrap();
    }
    assert_eq!(database.keep_log("cast_3", log).await, Err(LedgerError::Unavailable), "there is no such cast");
    assert_eq!(database.forget_some(at(15)).await, Ok(1));
    assert_eq!(count(directory.path(), "SELECT count(*) FROM cast_logs"), 1);
}
