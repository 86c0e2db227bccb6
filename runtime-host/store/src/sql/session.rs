//! A guest's connection: where its statements wait, and the thread they run on. It knows waiting; it must never know SQL.

use super::Place;
use super::answer::{self, Fault, busy};
use super::watch::{LOOK_INTERVAL_INSTRUCTIONS, Run, Watch};
use rusqlite::Connection;
use spell_types::{BoxFuture, SqlAnswer, SqlConnection, SqlError, SqlValue};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// The first pause before a statement that met a lock is tried again; each further one is twice as long, up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(16);
/// What a statement may take to stop: SQLite looks around between its steps. The guest does not wait for longer.
const STOPPING_TIME_MAX: Duration = Duration::from_secs(1);

/// A guest's connection.
pub(super) struct Session {
    place: Arc<Place>,
    opened: Arc<Mutex<Option<Opened>>>,
    numbers: Arc<Numbers>,
}

/// The connection itself, with its place among those that are open.
struct Opened {
    connection: Connection,
    _permit: OwnedSemaphorePermit,
}

/// What a connection tells of its last statements.
#[derive(Default)]
struct Numbers {
    last_insert_rowid: AtomicI64,
    changes: AtomicU64,
    written: AtomicU64,
}

struct Work {
    statement: String,
    parameters: Vec<SqlValue>,
}

/// Tells the watch when nobody waits any more.
struct Waiting(Arc<Watch>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Session {
    pub(super) fn new(place: Arc<Place>) -> Session {
        Session { place, opened: Arc::default(), numbers: Arc::default() }
    }

    async fn run(&self, work: Work) -> Result<SqlAnswer, SqlError> {
        let limits = &self.place.limits;
        let (bytes, bytes_max) = (work.statement.len(), limits.statement_bytes_max);
        if bytes > bytes_max {
            return Err(SqlError::StatementTooLong { bytes, bytes_max });
        }
        let (work, deadline) = (Arc::new(work), Instant::now() + limits.wait_time_max);
        let mut pause = PAUSE_FIRST;
        loop {
            match self.attempt(&work, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(Fault::Final(error)) => return Err(error),
                Err(Fault::Interrupted) => return Err(SqlError::Unavailable),
                Err(Fault::Locked) if Instant::now() >= deadline => return Err(busy("another connection held a lock", limits)),
                // The thread is free for whoever holds the lock.
                Err(Fault::Locked) => sleep(pause).await,
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn attempt(&self, work: &Arc<Work>, deadline: Instant) -> Result<SqlAnswer, Fault> {
        let late = |what| Fault::Final(busy(what, &self.place.limits));
        let opened = timeout_at(deadline, Arc::clone(&self.opened).lock_owned());
        let opened = opened.await.map_err(|_| late("another statement of the connection ran"))?;
        let permit = match opened.is_some() {
            true => None,
            false => Some(place_among(&self.place.connections, deadline).await.ok_or_else(|| late("too many connections were open"))?),
        };
        let running = place_among(&self.place.running, deadline).await.ok_or_else(|| late("too many statements ran"))?;
        let (place, work, numbers) = (Arc::clone(&self.place), Arc::clone(work), Arc::clone(&self.numbers));
        let watch = Arc::new(Watch::default());
        let _waiting = Waiting(Arc::clone(&watch));
        let run = move || {
            let _running = running;
            on_thread(&place, opened, permit, &work, &numbers, watch)
        };
        let time_max = self.place.limits.statement_time_max;
        match timeout(time_max + STOPPING_TIME_MAX, tokio::task::spawn_blocking(run)).await {
            Ok(answer) => answer.unwrap_or(Err(Fault::Final(SqlError::Unavailable))),
            Err(_) => Err(Fault::Final(SqlError::TimeExceeded { time_ms_max: time_max.as_millis() })),
        }
    }
}

async fn place_among(places: &Arc<Semaphore>, deadline: Instant) -> Option<OwnedSemaphorePermit> {
    timeout_at(deadline, Arc::clone(places).acquire_owned()).await.ok()?.ok()
}

/// Opens the connection if this is its first statement, and runs the statement.
fn on_thread(
    place: &Place,
    mut opened: OwnedMutexGuard<Option<Opened>>,
    permit: Option<OwnedSemaphorePermit>,
    work: &Work,
    numbers: &Numbers,
    watch: Arc<Watch>,
) -> Result<SqlAnswer, Fault> {
    if let Some(permit) = permit {
        let connection = place.connect().map_err(Fault::Final)?;
        *opened = Some(Opened { connection, _permit: permit });
    }
    let Some(Opened { connection, .. }) = opened.as_ref() else { return Err(Fault::Final(SqlError::Unavailable)) };
    let run = Run::begin(Arc::clone(&watch), numbers.written.load(Ordering::Relaxed), &place.limits);
    if run.written() > place.limits.written_bytes_max {
        return Err(Fault::Final(SqlError::WroteTooMuch { bytes_max: place.limits.written_bytes_max }));
    }
    let mut looking = run.clone();
    let look = connection.progress_handler(LOOK_INTERVAL_INSTRUCTIONS, Some(move || looking.must_stop()));
    look.map_err(|_| Fault::Final(SqlError::Unavailable))?;
    let answer = answer::run(connection, &work.statement, &work.parameters, place);
    numbers.written.store(run.written(), Ordering::Relaxed);
    numbers.last_insert_rowid.store(connection.last_insert_rowid(), Ordering::Relaxed);
    numbers.changes.store(connection.changes(), Ordering::Relaxed);
    answer.map_err(|fault| match fault {
        Fault::Interrupted => watch.reason(&place.limits).map_or(Fault::Interrupted, Fault::Final),
        fault => fault,
    })
}

impl SqlConnection for Session {
    fn execute(&self, statement: String, parameters: Vec<SqlValue>) -> BoxFuture<'_, Result<SqlAnswer, SqlError>> {
        Box::pin(self.run(Work { statement, parameters }))
    }

    fn last_insert_rowid(&self) -> i64 {
        self.numbers.last_insert_rowid.load(Ordering::Relaxed)
    }

    fn changes(&self) -> u64 {
        self.numbers.changes.load(Ordering::Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let opened = mem::take(&mut self.opened);
        if opened.try_lock().is_ok_and(|opened| opened.is_none()) {
            return;
        }
        // Closing undoes what was not committed, and that takes time: not on a thread that serves.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(opened));
        }
    }
}
