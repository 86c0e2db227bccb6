//! The threads that read, so that no async worker ever waits for the disk. It knows connections and a shared queue; it must
//! never know which tables the jobs read.

use crate::StoreError;
use crate::queue::{JobError, Jobs, Kept, Queue};
use crate::worker::Worker;
use rusqlite::Connection;

/// Threads that read, each with a connection of its own.
pub(crate) const READERS: usize = 2;

/// Hands reads to whichever thread is free.
pub(crate) struct Readers {
    queue: Queue,
    _workers: Vec<Worker>,
}

impl Readers {
    /// One thread for each of the connections.
    pub(crate) fn start(connections: Vec<Connection>) -> Result<Readers, StoreError> {
        let (queue, jobs) = Queue::new();
        let start = |connection| {
            let jobs = jobs.clone();
            Worker::start("spell-db-read", move || run(&connection, &jobs))
        };
        let workers = connections.into_iter().map(start).collect::<Result<Vec<_>, _>>()?;
        Ok(Readers { queue, _workers: workers })
    }

    /// Runs the work on a read-only connection. It sees every write that was acknowledged before.
    pub(crate) async fn read<T, R, F>(&self, work: F) -> Result<T, JobError<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Fn(&Connection) -> Result<T, JobError<R>> + Send + 'static,
    {
        self.queue.call(work).await
    }
}

fn run(connection: &Connection, jobs: &Jobs) {
    while let Ok(mut job) = jobs.recv_blocking() {
        job.run(connection);
        job.answer(Kept::Yes);
    }
}
