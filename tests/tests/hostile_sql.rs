//! Cards H: guests that have a SQL database and use it against the host, or against its other users.

use spell_tests::hostile::Arena;
use spell_tests::{Answer, Host, REVISIONS, component, encode};
use std::thread;
use std::time::{Duration, Instant};

const GRANTED: &str = "sqlite_databases = [\"default\"]\nkey_value_stores = [\"default\"]";
/// The longest that a statement runs, and what it takes to stop it on a busy machine.
const STATEMENT_TIME_MAX: Duration = Duration::from_secs(7);

fn execute(host: &Host, component: &str, statements: &str) -> Answer {
    host.app.get(&format!("/{component}/sql?sql={}", encode(statements)))
}

/// The database still answers.
fn check_use(host: &Host) -> Result<(), String> {
    let answer = execute(host, "p2", "SELECT 41 + 1");
    if answer.text().contains("42") { Ok(()) } else { Err(format!("afterwards: {} {}", answer.status, answer.text())) }
}

/// Statements that must fail with a text like this.
fn refused(host: &Host, revision: &str, statements: &str, expected: &str) -> Result<(), String> {
    let started = Instant::now();
    let answer = execute(host, revision, statements);
    let text: String = answer.text().chars().take(300).collect();
    if answer.status != 404 || !text.contains(expected) {
        return Err(format!("{} {text}, not \"{expected}\"", answer.status));
    }
    if started.elapsed() > STATEMENT_TIME_MAX {
        return Err(format!("took {:?}", started.elapsed()));
    }
    check_use(host)
}

fn arena() -> Arena {
    Arena::start(&[], &REVISIONS.map(|revision| component(revision, revision, GRANTED)), "")
}

fn close(arena: Arena, wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    arena.close();
}

#[test]
fn nothing_leads_out_of_a_database() {
    let mut arena = arena();
    let mut wrong = Vec::new();
    let state_dir = arena.host.state_dir().display().to_string();
    let attach = format!("ATTACH '{state_dir}/spell.db' AS host");
    let vacuum = format!("VACUUM INTO '{state_dir}/copy.db'");
    for revision in REVISIONS {
        for (name, statements, expected) in [
            ("attach-the-hosts", attach.as_str(), "not allowed"),
            ("attach-memory", "ATTACH ':memory:' AS m", "not allowed"),
            ("attach-uri", "ATTACH 'file:/etc/passwd?mode=ro' AS m", "not allowed"),
            ("vacuum-into", vacuum.as_str(), "not allowed"),
            ("load-extension", "SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6')", "not allowed"),
            ("write-the-schema", "PRAGMA writable_schema = ON", "not allowed"),
            ("forge-the-schema", "UPDATE sqlite_schema SET sql = 'x'", "sqlite_master"),
            ("trust-the-schema", "PRAGMA trusted_schema = ON", "not allowed"),
            ("raise-the-size", "PRAGMA max_page_count = 4294967294", "not allowed"),
            ("raise-the-cache", "PRAGMA cache_size = -16000000", "not allowed"),
            ("map-the-file", "PRAGMA mmap_size = 68719476736", "not allowed"),
            ("lower-the-heap", "PRAGMA hard_heap_limit = 1", "not allowed"),
            ("move-temporary-files", "PRAGMA temp_store_directory = '/'", "not allowed"),
            ("turn-off-the-journal", "PRAGMA journal_mode = OFF", "not allowed"),
            ("lock-out-others", "PRAGMA locking_mode = EXCLUSIVE", "not allowed"),
            ("where-the-file-is", "PRAGMA database_list", "not allowed"),
            ("where-the-file-is-as-a-table", "SELECT file FROM pragma_database_list", "not allowed"),
            ("temporary-table", "CREATE TEMP TABLE t (a)", "not allowed"),
            ("virtual-table", "CREATE VIRTUAL TABLE t USING fts5(a)", "not allowed"),
            ("pages-of-the-file", "SELECT * FROM dbstat", "not allowed"),
            ("forged-log-line", "SELECT sqlite_log(1, 'forged')", "not allowed"),
        ] {
            wrong.extend(arena.judge("H1", &format!("{name}-{revision}"), |host| refused(host, revision, statements, expected)).err());
        }
    }
    assert!(!arena.host.state_dir().join("copy.db").exists());
    close(arena, &wrong);
}

#[test]
fn a_statement_ends_within_its_limits() {
    let mut arena = arena();
    let mut wrong = Vec::new();
    let count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    let endless = format!("{count} SELECT count(*) FROM n");
    let collected = format!("{count} SELECT i, zeroblob(1000000) FROM n ORDER BY 1 DESC");
    let distinct = format!("{count} SELECT DISTINCT i, randomblob(100000) FROM n LIMIT 1 OFFSET 1000000000");
    let rows = format!("{count} SELECT i FROM n LIMIT 10001");
    let bytes = format!("{count} SELECT zeroblob(1000000) FROM n LIMIT 10");
    let deep = format!("SELECT {}1{}", "(1+".repeat(1_000), ")".repeat(1_000));
    let joined = "SELECT count(*) FROM json_each(?) a, json_each(?) b";
    let like = format!("SELECT replace(hex(zeroblob(500000)), '00', 'ab') LIKE '%{}'", "a%".repeat(600));
    let instr = "SELECT instr(zeroblob(1000000), zeroblob(500000) || x'01')";
    for revision in REVISIONS {
        for (name, statements, expected) in [
            ("endless", endless.as_str(), "longer than 5000 ms"),
            ("sorted-for-ever", &collected, " than "),
            ("distinct-for-ever", &distinct, "io: "),
            ("too-many-rows", &rows, "more than 10000 rows"),
            ("too-many-bytes", &bytes, "too many for one answer"),
            ("giant-blob", "SELECT length(randomblob(2000000000))", "too large"),
            ("giant-zeroblob", "SELECT length(hex(zeroblob(1000000)))", "too large"),
            ("giant-text", "SELECT length(printf('%.*c', 2000000000, 'x'))", "too large"),
            ("giant-join", "SELECT group_concat(value, printf('%.*c', 900000, 'x')) FROM json_each('[1,2,3,4]')", "too large"),
            ("deep-expression", &deep, "io: "),
            ("parameters-that-are-not-there", joined, "parameters"),
            ("two-statements", "SELECT 1; SELECT 2", "one by one"),
            ("long-pattern", &like, "pattern too complex"),
        ] {
            wrong.extend(arena.judge("H2", &format!("{name}-{revision}"), |host| refused(host, revision, statements, expected)).err());
        }
        let long = format!("SELECT '{}'", "x".repeat(12_000));
        wrong.extend(
            arena
                .judge("H2", &format!("long-text-{revision}"), |host| {
                    let answer = execute(host, revision, &long);
                    if answer.status == 200 { check_use(host) } else { Err(format!("{} {}", answer.status, answer.text())) }
                })
                .err(),
        );
        wrong.extend(
            arena
                .judge("H2", &format!("slow-function-{revision}"), |host| {
                    let started = Instant::now();
                    execute(host, revision, instr);
                    if started.elapsed() > STATEMENT_TIME_MAX { Err(format!("took {:?}", started.elapsed())) } else { check_use(host) }
                })
                .err(),
        );
        wrong.extend(
            arena
                .judge("H2", &format!("too-many-connections-{revision}"), |host| {
                    let answers = [16, 17].map(|connections| host.app.get(&format!("/{revision}/sql-open?n={connections}")));
                    let is_right = answers[0].text() == "16" && answers[1].status == 404 && answers[1].text().contains("16 connections");
                    if is_right { check_use(host) } else { Err(answers.map(|answer| answer.text()).join("; ")) }
                })
                .err(),
        );
    }
    close(arena, &wrong);
}

#[test]
fn a_full_database_is_full_for_its_own_users_alone() {
    let mut arena = arena();
    let mut wrong = Vec::new();
    let fill = |host: &Host| {
        execute(host, "p2", "CREATE TABLE full (a)");
        let count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 40)";
        let insert = format!("INSERT INTO full {count} SELECT zeroblob(1000000) FROM n");
        let mut inserted = 0;
        while inserted < 20 && execute(host, "p2", &insert).status == 200 {
            inserted += 1;
        }
        for revision in REVISIONS {
            let full = execute(host, revision, &insert).text();
            // What is in another database, and what was in this one, is there.
            let kept = host.app.get(&format!("/{revision}/kv?op=set&key=k&value=v")).status;
            let found = execute(host, revision, "SELECT count(*) > 0 FROM full").text();
            if full != "database-full" || kept != 200 || !found.contains("[[1]]") {
                return Err(format!("{revision}: after {inserted}: {full}, key-value {kept}, found {found}"));
            }
        }
        // And there is a way out.
        let emptied = execute(host, "p2", "DELETE FROM full").status;
        if emptied == 200 && execute(host, "p3", &insert).status == 200 { check_use(host) } else { Err(format!("delete {emptied}")) }
    };
    wrong.extend(arena.judge("H3", "filled", fill).err());
    close(arena, &wrong);
}

#[test]
fn what_one_request_leaves_open_another_does_not_wait_for() {
    let mut arena = arena();
    let mut wrong = Vec::new();
    assert_eq!(execute(&arena.host, "p2", "CREATE TABLE t (a)").status, 200);
    for revision in REVISIONS {
        let left_open = |host: &Host| {
            let statements = encode("BEGIN IMMEDIATE\nINSERT INTO t VALUES ('left open')");
            let (app, holding) = (host.app, format!("/{revision}/sql?ms=1500&sql={statements}"));
            let holder = thread::spawn(move || app.get(&holding).status);
            thread::sleep(Duration::from_millis(300));
            // Who only reads does not wait, and who writes waits for the end of that request.
            let read = execute(host, "p2", "SELECT count(*) FROM t").status;
            let has_waited = holder.is_finished();
            let written = execute(host, "p2", "INSERT INTO t VALUES ('kept')");
            let held = holder.join().unwrap_or_default();
            let left = execute(host, "p2", "SELECT count(*) FROM t WHERE a = 'left open'").text();
            if (read, written.status, held) != (200, 200, 200) || has_waited || !left.contains("[[0]]") {
                return Err(format!("read {read} (waited: {has_waited}), written {}, held {held}, left {left}", written.text()));
            }
            check_use(host)
        };
        wrong.extend(arena.judge("H4", &format!("transaction-{revision}"), left_open).err());
        let abandoned = |host: &Host| {
            let statements = encode("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
            // More than run at once: if those whose client has left went on, the next would wait for them.
            for _ in 0..8 {
                let mut client = std::net::TcpStream::connect(host.app.address).map_err(|error| error.to_string())?;
                let request = format!("GET /{revision}/sql?sql={statements} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                std::io::Write::write_all(&mut client, request.as_bytes()).map_err(|error| error.to_string())?;
                thread::sleep(Duration::from_millis(50));
            }
            let started = Instant::now();
            check_use(host)?;
            if started.elapsed() > Duration::from_secs(4) { Err(format!("the next one waits {:?}", started.elapsed())) } else { Ok(()) }
        };
        wrong.extend(arena.judge("H4", &format!("abandoned-statements-{revision}"), abandoned).err());
    }
    close(arena, &wrong);
}
