//! What metrics and the record of executions cost the thread that answers: the real sinks, with the database behind them.

#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to clean up")]

use criterion::Criterion;
use spell_api::Metrics;
use spell_store::{MetricsFile, Recorder};
use spell_types::{ExecutionRecord, ExecutionSink, Outcome, Usage};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The host's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records between two waits for the file: as many as a busy host makes while the recorder sleeps.
const RECORDS_AT_ONCE: u64 = 4_096;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(300))
        .configure_from_args();
    let directory = tempfile::tempdir().expect("directory");
    let recorder = MetricsFile::open(directory.path()).and_then(MetricsFile::start_recorder).expect("recorder");
    let component: Arc<str> = "hello".into();
    let metrics = Metrics::new(std::slice::from_ref(&component));
    let usage = Usage { wall: Duration::from_micros(40), cpu: Duration::from_micros(30), fuel: 9_000, ..Usage::default() };
    let record = ExecutionRecord {
        ended_at: SystemTime::now(),
        component,
        route: "/hello/...".into(),
        status: 200,
        outcome: Outcome::Completed,
        usage,
    };
    criterion.bench_function("record", |bencher| {
        bencher.iter_custom(|count| {
            time_of(count, &recorder, || {
                let record = record.clone();
                metrics.count(&record);
                recorder.record(record);
            })
        });
    });
    assert_eq!(recorder.dropped(), 0, "dropping is not what is measured");
    criterion.final_summary();
}

/// The time of so many calls. The recorder is let catch up in between, which does not count.
fn time_of(count: u64, recorder: &Recorder, record: impl Fn()) -> Duration {
    let mut time = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let now = left.min(RECORDS_AT_ONCE);
        let began = Instant::now();
        (0..now).for_each(|_| record());
        time += began.elapsed();
        recorder.flush();
        left -= now;
    }
    time
}
