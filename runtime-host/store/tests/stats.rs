//! The record of executions, from the recorder to the sums.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use spell_store::{MetricsFile, Quantiles, Recorder, StoreError, stats};
use spell_types::{ExecutionRecord, ExecutionSink, Limit, Outcome, Usage};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

fn recorder(state_dir: &Path) -> Recorder {
    MetricsFile::open(state_dir).unwrap().start_recorder().unwrap()
}

fn execution(component: &str, outcome: Outcome, number: u64) -> ExecutionRecord {
    let usage = Usage {
        wall: Duration::from_micros(number),
        cpu: Duration::from_micros(number / 2),
        fuel: number,
        memory_bytes_peak: number << 16,
        bytes_in: 1,
        bytes_out: 2,
    };
    ExecutionRecord { ended_at: SystemTime::now(), component: component.into(), route: "/".into(), status: 200, outcome, usage }
}

#[test]
fn sums_and_quantiles_are_those_of_what_was_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    for number in 1..=100 {
        recorder.record(execution("hello", if number > 90 { Outcome::LimitExceeded(Limit::Fuel) } else { Outcome::Completed }, number));
    }
    recorder.record(execution("aside", Outcome::Trapped, 7));
    recorder.flush();

    let all = stats(directory.path(), None).unwrap();
    assert_eq!((all.count, all.dropped), (101, 0));
    assert_eq!(all.components.iter().map(|component| component.component.as_str()).collect::<Vec<_>>(), ["aside", "hello"]);

    let one = stats(directory.path(), Some("hello")).unwrap();
    assert_eq!((one.count, one.components.len()), (100, 1));
    let hello = &one.components[0];
    assert_eq!(hello, &all.components[1]);
    assert_eq!(hello.outcomes, [("completed".to_owned(), 90), ("limit-fuel".to_owned(), 10)]);
    assert_eq!(hello.wall_us, Quantiles { p50: 50, p95: 95, p99: 99, max: 100 });
    assert_eq!(hello.cpu_us, Quantiles { p50: 25, p95: 47, p99: 49, max: 50 });
    assert_eq!((hello.memory_bytes_peak.p50, hello.memory_bytes_peak.max), (50 << 16, 100 << 16));
    assert_eq!((hello.fuel_total, hello.bytes_in, hello.bytes_out, hello.sampled), (5_050, 100, 200, 100));
}

#[test]
fn the_largest_numbers_are_cut_and_spoil_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    for _ in 0..2 {
        let mut record = execution("hello", Outcome::Completed, u64::MAX);
        record.usage.memory_bytes_peak = u64::MAX;
        record.ended_at = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        recorder.record(record.clone());
        recorder.record(record);
        recorder.flush();
    }
    assert_eq!(recorder.dropped(), 0);
    let stats = stats(directory.path(), None).unwrap();
    assert_eq!((stats.count, stats.components[0].fuel_total), (4, i64::MAX as u64));
}

#[test]
fn nothing_recorded_is_an_error_that_says_so() {
    let directory = tempfile::tempdir().unwrap();
    for step in ["no file", "an empty file"] {
        let error = stats(directory.path(), None).unwrap_err();
        assert!(matches!(error, StoreError::NothingRecorded { .. }), "{step}: {error}");
        assert!(error.to_string().ends_with("metrics.db: nothing has been recorded yet"), "{step}: {error}");
        fs::write(directory.path().join("metrics.db"), "").unwrap();
    }
    drop(recorder(directory.path()));
    assert_eq!(stats(directory.path(), None).unwrap().count, 0);
}

#[test]
fn an_unknown_component_is_told_which_ones_there_are() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    for number in 0..22 {
        recorder.record(execution(&format!("c{number:02}"), Outcome::Completed, 1));
    }
    drop(recorder);
    let error = stats(directory.path(), Some("helo")).unwrap_err().to_string();
    assert!(error.contains("\"helo\"") && error.contains("c00, c01") && error.ends_with("c19 and 2 more"), "{error}");
}

#[test]
fn stats_are_read_while_the_recorder_writes() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = recorder(directory.path());
    let mut last = 0;
    for round in 1..=20_u64 {
        for number in 0..500 {
            recorder.record(execution("hello", Outcome::Completed, number));
        }
        if round % 4 == 0 {
            recorder.flush();
        }
        let count = stats(directory.path(), None).unwrap().count;
        assert!(count >= last && count <= round * 500, "{count}");
        last = count;
    }
    assert_eq!((last, recorder.dropped()), (10_000, 0));
}

#[test]
fn a_killed_host_leaves_a_record_that_can_be_read() {
    let (directory, after_crash) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let recorder = recorder(directory.path());
    recorder.record(execution("hello", Outcome::Completed, 1));
    recorder.flush();
    for file in ["metrics.db", "metrics.db-wal"] {
        fs::copy(directory.path().join(file), after_crash.path().join(file)).unwrap();
    }
    assert_eq!(stats(after_crash.path(), Some("hello")).unwrap().count, 1);
}

#[test]
fn what_is_recorded_adds_up_over_several_runs() {
    let directory = tempfile::tempdir().unwrap();
    for run in 1..=3 {
        let recorder = recorder(directory.path());
        recorder.record(execution("hello", Outcome::Completed, 1));
        drop(recorder);
        assert_eq!(stats(directory.path(), Some("hello")).unwrap().count, run);
    }
}
