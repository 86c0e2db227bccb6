//! A bounded queue of jobs for database threads, and the answers to them. It knows channels and waiting; it must never know
//! transactions or tables.

use rusqlite::{Connection, ErrorCode};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::sync::oneshot;

/// Jobs that wait in one queue. A job holds at most one value, or one program or output, so this bounds its memory too.
pub(crate) const JOBS_QUEUED_MAX: usize = 256;
/// The longest wait for a place in a full queue.
const QUEUE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Why a job has no result.
#[derive(Debug)]
pub(crate) enum JobError<R> {
    /// The job itself said no; nothing was changed.
    Refused(R),
    /// The disk is full; nothing was changed.
    Full,
    /// A statement of the job failed; nothing was changed.
    Failed(rusqlite::Error),
    /// The database did not take the job, or could not keep what it did.
    Unavailable,
}

impl<R> From<rusqlite::Error> for JobError<R> {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => JobError::Full,
            _ => JobError::Failed(error),
        }
    }
}

impl<R> JobError<R> {
    /// What the caller is told: why the job refused, or its word for a full disk, or for a database that cannot be used.
    pub(crate) fn reason(self, what: &'static str, full: R, unavailable: R) -> R {
        match self {
            JobError::Refused(reason) => reason,
            JobError::Full => {
                tracing::error!(what, "the disk is full");
                full
            }
            JobError::Failed(error) => {
                tracing::error!(what, %error, "an operation of the platform failed");
                unavailable
            }
            JobError::Unavailable => unavailable,
        }
    }
}

/// A piece of work for a database thread, its types forgotten.
pub(crate) trait Job: Send {
    /// Does the work, anew if it was done before. False where its changes are to be undone.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the caller: the job's own result, or that it could not be kept.
    fn answer(self: Box<Self>, kept: Kept);
}

/// What became of the changes of a batch of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// They are kept.
    Yes,
    /// They are not.
    No,
    /// They are not, because the disk is full.
    DiskFull,
}

/// The end of the queue that callers hold.
pub(crate) struct Queue(async_channel::Sender<Box<dyn Job>>);

/// The end of the queue that threads hold: each job goes to one of them, and wakes one.
pub(crate) type Jobs = async_channel::Receiver<Box<dyn Job>>;

impl Queue {
    pub(crate) fn new() -> (Queue, Jobs) {
        let (sender, jobs) = async_channel::bounded(JOBS_QUEUED_MAX);
        (Queue(sender), jobs)
    }

    /// Has a database thread do the work, and waits for its answer without blocking. Needs a Tokio runtime with time.
    pub(crate) async fn call<T, R, F>(&self, work: F) -> Result<T, JobError<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Fn(&Connection) -> Result<T, JobError<R>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Call { work, result: None, reply });
        let Ok(Ok(())) = tokio::time::timeout(QUEUE_WAIT_MAX, self.0.send(job)).await else {
            return Err(JobError::Unavailable);
        };
        answer.await.unwrap_or(Err(JobError::Unavailable))
    }

    /// Jobs that wait now.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.0.len()
    }
}

struct Call<T, R, F> {
    work: F,
    result: Option<Result<T, JobError<R>>>,
    reply: oneshot::Sender<Result<T, JobError<R>>>,
}

impl<T, R, F> Job for Call<T, R, F>
where
    T: Send,
    R: Send,
    F: Fn(&Connection) -> Result<T, JobError<R>> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        // A panic is this caller's failure and nobody else's: it finds its answer missing, the thread goes on.
        self.result = catch_unwind(AssertUnwindSafe(|| (self.work)(connection))).ok();
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, kept: Kept) {
        // A refusal may rest on writes of the same batch, so it does not outlive them either. A full disk does.
        let result = match (kept, self.result) {
            (Kept::Yes, result) => result,
            (Kept::DiskFull, _) | (Kept::No, Some(Err(JobError::Full))) => Some(Err(JobError::Full)),
            (Kept::No, _) => Some(Err(JobError::Unavailable)),
        };
        if let Some(result) = result {
            // A caller that went away needs no answer.
            let _ = self.reply.send(result);
        }
    }
}
