//! Key-value writes that are on disk when they are answered, per second: by one writer, and by as many as the queue takes.
//!
//! It prints one JSON object: medians of rounds that alternate, and the median of their ratios.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench that cannot run has nothing to clean up, and tells what it found")]

use spell_store::Database;
use spell_types::KeyValueStore;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const CONCURRENT_WRITERS: usize = 256;
const ROUNDS: usize = 3;
const ROUND_TIME: Duration = Duration::from_secs(3);
const VALUE_BYTES: usize = 100;
/// On the disk that holds the build, which temporary directories often are not.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");

fn main() {
    let directory = tempfile::tempdir_in(DISK).expect("directory");
    let database = Arc::new(Database::open(directory.path()).expect("database"));
    let runtime = Builder::new_current_thread().enable_all().build().expect("runtime");
    let rounds: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| (writes_per_second(&runtime, &database, 1), writes_per_second(&runtime, &database, CONCURRENT_WRITERS)))
        .collect();
    let single = median(rounds.iter().map(|(single, _)| *single));
    let concurrent = median(rounds.iter().map(|(_, concurrent)| *concurrent));
    let ratio = median(rounds.iter().map(|(single, concurrent)| concurrent / single));
    println!("{{\"single_writes_per_second\": {single:.0}, \"concurrent_writes_per_second\": {concurrent:.0}, \"ratio\": {ratio:.1}}}");
}

/// One round of so many writers, each of which waits for its answer before it writes again.
fn writes_per_second(runtime: &Runtime, database: &Arc<Database>, writers: usize) -> f64 {
    let began = Instant::now();
    let writes: u64 = runtime.block_on(async {
        let write = |writer| write_until(database.clone(), format!("key {writer}"), began + ROUND_TIME);
        (0..writers).map(write).collect::<JoinSet<u64>>().join_all().await.into_iter().sum()
    });
    writes as f64 / began.elapsed().as_secs_f64()
}

/// Writes one key over and over, and tells how often. Each value is another one: SQLite has nothing to commit where nothing changes.
async fn write_until(database: Arc<Database>, key: String, end: Instant) -> u64 {
    let mut writes = 0_u64;
    while Instant::now() < end {
        writes += 1;
        let mut value = writes.to_le_bytes().to_vec();
        value.resize(VALUE_BYTES, 0);
        database.set("bench", &key, value).await.expect("written");
    }
    writes
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
