//! The recorder with limits small enough to meet, and its speed.

use super::*;
use crate::metrics::names::{NAMES_MAX, Names, OTHER};
use crate::stats;
use rusqlite::TransactionBehavior;
use spell_types::{Outcome, Usage};
use std::time::{Duration, SystemTime};

fn execution(component: &str) -> ExecutionRecord {
    let usage = Usage { wall: Duration::from_micros(10), fuel: 5, ..Usage::default() };
    let (component, route) = (component.into(), "/...".into());
    ExecutionRecord { ended_at: SystemTime::now(), component, route, status: 200, outcome: Outcome::Completed, usage }
}

fn rows(state_dir: &Path) -> u64 {
    let connection = METRICS_DB.open_read_only(state_dir).expect("open");
    let rows: i64 = connection.query_row("SELECT count(*) FROM executions", [], |row| row.get(0)).expect("count");
    rows.unsigned_abs()
}

#[test]
fn a_full_queue_drops_and_counts_and_never_blocks() {
    let directory = tempfile::tempdir().expect("directory");
    let file = MetricsFile::open(directory.path()).expect("open");
    let mut rival = METRICS_DB.open(directory.path()).expect("open");
    let recorder = file.start_recorder_within(4, EXECUTIONS_MAX).expect("start");
    let lock = rival.transaction_with_behavior(TransactionBehavior::Immediate).expect("lock");
    for _ in 0..1_000 {
        recorder.record(execution("hello"));
    }
    lock.commit().expect("unlock");
    recorder.flush();
    let dropped = recorder.dropped();
    assert!(dropped > 0);
    drop(recorder);
    let stats = stats(directory.path(), None).expect("stats");
    assert_eq!((stats.count + dropped, stats.dropped), (1_000, dropped));
}

#[test]
fn the_oldest_rows_go_and_the_totals_stay() {
    let directory = tempfile::tempdir().expect("directory");
    let recorder = MetricsFile::open(directory.path()).expect("open").start_recorder_within(1_000, 100).expect("start");
    for _ in 0..5 {
        for _ in 0..70 {
            recorder.record(execution("hello"));
        }
        recorder.flush();
        assert!(rows(directory.path()) <= 100);
    }
    let stats = stats(directory.path(), Some("hello")).expect("stats");
    let component = stats.components.first().expect("one component");
    assert_eq!((component.count, component.sampled, component.fuel_total), (350, 100, 1_750));
}

#[test]
fn a_batch_that_cannot_be_written_is_counted_as_dropped_and_the_next_one_is_written() {
    let directory = tempfile::tempdir().expect("directory");
    let rival = METRICS_DB.open(directory.path()).expect("open");
    let recorder = MetricsFile::open(directory.path()).expect("open").start_recorder().expect("start");
    rival.execute_batch("ALTER TABLE totals RENAME TO hidden").expect("hide");
    recorder.record(execution("hello"));
    recorder.flush();
    assert_eq!(recorder.dropped(), 1);
    rival.execute_batch("ALTER TABLE hidden RENAME TO totals").expect("show");
    recorder.record(execution("hello"));
    recorder.flush();
    let stats = stats(directory.path(), None).expect("stats");
    assert_eq!((stats.count, stats.dropped), (1, 1));
}

#[test]
fn names_beyond_the_limit_share_one() {
    let connection = METRICS_DB.open_in_memory().expect("open");
    let mut routes = Names::routes();
    for number in 0..NAMES_MAX + 10 {
        routes.id(&connection, &format!("/{number}")).expect("id");
    }
    let other = routes.id(&connection, OTHER).expect("id");
    assert_eq!(routes.id(&connection, "/yet another").expect("id"), other);
    assert_ne!(routes.id(&connection, "/0").expect("id"), other);
    let count: i64 = connection.query_row("SELECT count(*) FROM routes", [], |row| row.get(0)).expect("count");
    assert_eq!(count, NAMES_MAX as i64 + 1);
}

/// `cargo test --release -p spell-store -- --ignored --nocapture speed`
#[test]
#[ignore = "a measurement"]
fn speed() {
    use rustix::time::{ClockId, clock_gettime};
    let cpu = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let directory = tempfile::tempdir().expect("directory");
    for executions_max in [EXECUTIONS_MAX, 50_000] {
        let recorder = MetricsFile::open(directory.path()).expect("open").start_recorder_within(65_536, executions_max).expect("start");
        let names: Vec<ExecutionRecord> = (0..16).map(|number| execution(&format!("component-{number}"))).collect();
        let before = cpu();
        for _ in 0..10 {
            for record in names.iter().cycle().take(50_000) {
                recorder.record(record.clone());
            }
            recorder.flush();
        }
        let used = cpu() - before;
        println!("keeping {executions_max}: {} ns of CPU a row, {} dropped", used.as_nanos() / 500_000, recorder.dropped());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_that_writes_lets_others_go_first() {
    use rustix::process::{Pid, getpriority_process};
    let directory = tempfile::tempdir().expect("directory");
    let recorder = MetricsFile::open(directory.path()).expect("open").start_recorder().expect("start");
    recorder.record(execution("hello"));
    recorder.flush();
    let own = getpriority_process(None).expect("priority");
    let writing: Vec<i32> = std::fs::read_dir("/proc/self/task")
        .expect("tasks")
        .flatten()
        .filter(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "spell-metrics"))
        .filter_map(|task| Pid::from_raw(task.file_name().to_str()?.parse().ok()?))
        .filter_map(|thread| getpriority_process(Some(thread)).ok())
        .collect();
    // Other tests have such threads as well, some of them only just started.
    assert!(writing.contains(&(own + 10)), "{own}: {writing:?}");
}
