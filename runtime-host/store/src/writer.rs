//! The one thread that writes, and its group commit. It knows transactions and savepoints; it must never know which tables
//! the jobs touch.

use crate::StoreError;
use crate::queue::{Job, JobError, Jobs, Kept, Queue};
use crate::worker::Worker;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much work group commit saved: many jobs share one commit, which is one wait for the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteCounts {
    /// Jobs that were run and whose batch was committed.
    pub jobs: u64,
    /// Commits that succeeded.
    pub commits: u64,
}

/// Jobs that share one commit at most.
const BATCH_JOBS_MAX: usize = 256;

/// Hands writes to the thread. Dropping it lets the thread finish what is queued.
pub(crate) struct Writer {
    queue: Queue,
    counts: Arc<Counts>,
    _worker: Worker,
}

#[derive(Default)]
struct Counts {
    jobs: AtomicU64,
    commits: AtomicU64,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> Result<Writer, StoreError> {
        let (queue, jobs) = Queue::new();
        let counts = Arc::new(Counts::default());
        let counts_of_thread = Arc::clone(&counts);
        let worker = Worker::start("spell-db-write", move || run(connection, &jobs, &counts_of_thread))?;
        Ok(Writer { queue, counts, _worker: worker })
    }

    /// Runs the work in a transaction. An `Ok` is on disk. It may be run twice, so it changes the database and nothing else.
    pub(crate) async fn write<T, R, F>(&self, work: F) -> Result<T, JobError<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Fn(&Connection) -> Result<T, JobError<R>> + Send + 'static,
    {
        self.queue.call(work).await
    }

    pub(crate) fn counts(&self) -> WriteCounts {
        WriteCounts { jobs: self.counts.jobs.load(Ordering::Relaxed), commits: self.counts.commits.load(Ordering::Relaxed) }
    }
}

fn run(mut connection: Connection, jobs: &Jobs, counts: &Counts) {
    let mut batch = Vec::with_capacity(BATCH_JOBS_MAX);
    while let Ok(first) = jobs.recv_blocking() {
        batch.push(first);
        // What came in while the disk was busy with the last commit shares the next one.
        while batch.len() < BATCH_JOBS_MAX
            && let Ok(job) = jobs.try_recv()
        {
            batch.push(job);
        }
        let committed = commit_together(&mut connection, &mut batch);
        let kept = match &committed {
            Ok(()) => {
                counts.jobs.fetch_add(batch.len() as u64, Ordering::Relaxed);
                counts.commits.fetch_add(1, Ordering::Relaxed);
                Kept::Yes
            }
            Err(error) => {
                tracing::error!(%error, jobs = batch.len(), "a batch of writes could not be committed");
                if error.sqlite_error_code() == Some(ErrorCode::DiskFull) { Kept::DiskFull } else { Kept::No }
            }
        };
        for job in batch.drain(..) {
            job.answer(kept);
        }
    }
}

/// Runs the jobs and commits them at once. One that fails takes nothing else with it.
fn commit_together(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    // Mostly there is nothing to take back, and savepoints would only copy what is changed.
    if commit_all(connection, batch)? { Ok(()) } else { commit_the_good(connection, batch) }
}

/// Runs the jobs and commits them, unless there is something to take back: then nothing was done.
fn commit_all(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<bool> {
    let transaction = begin(connection)?;
    for job in batch {
        let changes = transaction.total_changes();
        let is_done = job.run(&transaction);
        // Some errors, such as a full disk, make SQLite roll back all of it.
        if transaction.is_autocommit() || (!is_done && transaction.total_changes() != changes) {
            transaction.finish()?;
            return Ok(false);
        }
    }
    transaction.commit().map(|()| true)
}

/// Runs each job in a savepoint of its own, and commits those that did not fail.
fn commit_the_good(connection: &mut Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let transaction = begin(connection)?;
    for job in batch {
        transaction.prepare_cached("SAVEPOINT job")?.execute([])?;
        let is_done = job.run(&transaction);
        // Then nothing of this batch may be acknowledged.
        if transaction.is_autocommit() {
            return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK), None));
        }
        if !is_done {
            transaction.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        transaction.prepare_cached("RELEASE job")?.execute([])?;
    }
    transaction.commit()
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

#[cfg(test)]
mod tests;
