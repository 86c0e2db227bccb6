//! The record of executions: a queue that the request path never waits for, and the file behind it. It knows when records are
//! dropped and when they are flushed; it must never know what a component or a route is beyond its name.

mod names;
mod recording;

use crate::StoreError;
use crate::file::{Kind, Synchronous};
use crate::worker::Worker;
use recording::Recording;
use rusqlite::Connection;
use rusqlite_migration::M;
use spell_types::{ExecutionRecord, ExecutionSink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Records that wait to be written; beyond that, executions are counted as dropped.
pub const RECORDS_QUEUED_MAX: usize = 65_536;
/// Newest executions that are kept one by one; the totals go on counting all of them.
pub const EXECUTIONS_MAX: u64 = 1_000_000;

pub(crate) const METRICS_DB: Kind = Kind {
    file_name: "metrics.db",
    application_id: 0x5350_4d31, // "SPM1"
    synchronous: Synchronous::Normal,
    migrations: &[M::up(
        "CREATE TABLE components (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE routes     (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE outcomes   (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         -- One row per execution, oldest deleted first. No foreign keys and no index: this is the hot path.
         CREATE TABLE executions (
             id                INTEGER PRIMARY KEY,
             ended_at_ms       INTEGER NOT NULL,
             component_id      INTEGER NOT NULL,
             route_id          INTEGER NOT NULL,
             status            INTEGER NOT NULL,
             outcome_id        INTEGER NOT NULL,
             wall_us           INTEGER NOT NULL,
             cpu_us            INTEGER NOT NULL,
             fuel              INTEGER NOT NULL,
             memory_bytes_peak INTEGER NOT NULL,
             bytes_in          INTEGER NOT NULL,
             bytes_out         INTEGER NOT NULL
         ) STRICT;
         -- Everything that was ever recorded, also after its rows are gone.
         CREATE TABLE totals (
             component_id          INTEGER NOT NULL REFERENCES components (id),
             outcome_id            INTEGER NOT NULL REFERENCES outcomes (id),
             executions            INTEGER NOT NULL,
             wall_us               INTEGER NOT NULL,
             cpu_us                INTEGER NOT NULL,
             fuel                  INTEGER NOT NULL,
             bytes_in              INTEGER NOT NULL,
             bytes_out             INTEGER NOT NULL,
             wall_us_max           INTEGER NOT NULL,
             cpu_us_max            INTEGER NOT NULL,
             memory_bytes_peak_max INTEGER NOT NULL,
             PRIMARY KEY (component_id, outcome_id)
         ) STRICT, WITHOUT ROWID;
         -- Executions that were dropped because the queue was full or the file could not be written.
         CREATE TABLE dropped (id INTEGER PRIMARY KEY CHECK (id = 1), executions INTEGER NOT NULL) STRICT;
         INSERT INTO dropped (id, executions) VALUES (1, 0);",
    )],
};

/// The file of executions, open and with its schema up to date.
pub struct MetricsFile {
    connection: Connection,
}

impl MetricsFile {
    /// Opens `metrics.db` in the state directory; creates what is missing, readable by the owner alone.
    pub fn open(state_dir: &Path) -> Result<MetricsFile, StoreError> {
        Ok(MetricsFile { connection: METRICS_DB.open(state_dir)? })
    }

    /// Starts the thread that writes to it.
    pub fn start_recorder(self) -> Result<Recorder, StoreError> {
        self.start_recorder_within(RECORDS_QUEUED_MAX, EXECUTIONS_MAX)
    }

    pub(crate) fn start_recorder_within(self, records_queued_max: usize, executions_max: u64) -> Result<Recorder, StoreError> {
        let (messages, inbox) = sync_channel(records_queued_max);
        let dropped = Arc::new(AtomicU64::new(0));
        let recording = Recording::new(self.connection, Arc::clone(&dropped), executions_max);
        let worker = Worker::start("spell-metrics", move || recording.run(&inbox))?;
        Ok(Recorder { messages, dropped, worker })
    }
}

/// What travels to the thread.
enum Message {
    Record(ExecutionRecord),
    /// Everything sent before this is to be written now; then the sender is told.
    Flush(SyncSender<()>),
}

/// Takes note of executions without ever blocking. Dropping it writes what is queued.
pub struct Recorder {
    messages: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
    worker: Worker,
}

impl Recorder {
    /// Waits until everything recorded so far is in the file, or counted as dropped. It blocks: not for async code.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.messages.send(Message::Flush(done)).is_ok() {
            self.wake();
            // An error means that the thread has ended; there is nothing left to wait for.
            let _ = written.recv();
        }
    }

    /// Executions that were not recorded since the recorder started.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        if let Some(thread) = self.worker.thread() {
            thread.unpark();
        }
    }
}

impl ExecutionSink for Recorder {
    fn record(&self, record: ExecutionRecord) {
        if self.messages.try_send(Message::Record(record)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
