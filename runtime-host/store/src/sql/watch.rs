//! What looks at a statement while it runs, and stops it. It knows clocks and counters; it must never know what the statement
//! says.

use spell_types::{SqlError, SqlLimits};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Instructions of SQLite between two looks. Each can make a value of the largest size, so it is few.
pub(super) const LOOK_INTERVAL_INSTRUCTIONS: i32 = 200;
/// How often it is asked what the thread has written.
const ACCOUNT_INTERVAL: Duration = Duration::from_millis(5);

/// Watches one statement of a connection.
#[derive(Debug, Default)]
pub(super) struct Watch {
    is_abandoned: AtomicBool,
    stopped_by: AtomicU8,
}

const TIME: u8 = 1;
const WRITTEN: u8 = 2;

impl Watch {
    /// Nobody waits for the answer any more.
    pub(super) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    /// Why the statement was stopped, if it was stopped by this.
    pub(super) fn reason(&self, limits: &SqlLimits) -> Option<SqlError> {
        match self.stopped_by.load(Ordering::Relaxed) {
            TIME => Some(SqlError::TimeExceeded { time_ms_max: limits.statement_time_max.as_millis() }),
            WRITTEN => Some(SqlError::WroteTooMuch { bytes_max: limits.written_bytes_max }),
            _ => None,
        }
    }

    fn stop(&self, reason: u8) -> bool {
        self.stopped_by.store(reason, Ordering::Relaxed);
        true
    }
}

/// The state of a run, on the thread that it runs on.
#[derive(Clone)]
pub(super) struct Run {
    watch: Arc<Watch>,
    written_before: u64,
    written_at_start: u64,
    written_bytes_max: u64,
    deadline: Instant,
    next_account: Instant,
}

impl Run {
    /// Begins to watch on this thread; `written_before` is what the connection has had written until now.
    pub(super) fn begin(watch: Arc<Watch>, written_before: u64, limits: &SqlLimits) -> Run {
        let now = Instant::now();
        Run {
            watch,
            written_before,
            written_at_start: written_by_this_thread().unwrap_or(0),
            written_bytes_max: limits.written_bytes_max,
            deadline: now + limits.statement_time_max,
            next_account: now + ACCOUNT_INTERVAL,
        }
    }

    /// Whether the statement has to stop now.
    pub(super) fn must_stop(&mut self) -> bool {
        if self.watch.is_abandoned.load(Ordering::Relaxed) {
            return true;
        }
        let now = Instant::now();
        if now >= self.deadline {
            return self.watch.stop(TIME);
        }
        if now < self.next_account {
            return false;
        }
        self.next_account = now + ACCOUNT_INTERVAL;
        if self.written() > self.written_bytes_max { self.watch.stop(WRITTEN) } else { false }
    }

    /// Bytes that the connection has had written until now.
    pub(super) fn written(&self) -> u64 {
        let now = written_by_this_thread().unwrap_or(u64::MAX);
        self.written_before.saturating_add(now.saturating_sub(self.written_at_start))
    }
}

/// Where the system says what a thread has written.
pub(super) const ACCOUNT: &str = "/proc/thread-self/io";
/// Its text is some 120 bytes long.
const ACCOUNT_BYTES_MAX: usize = 1024;

thread_local! {
    /// Opening it anew each time would cost more than reading it.
    static ACCOUNT_FILE: io::Result<File> = File::open(ACCOUNT);
}

/// Bytes that this thread has written since it was started, to files and elsewhere.
pub(super) fn written_by_this_thread() -> io::Result<u64> {
    ACCOUNT_FILE.with(|file| {
        let file = file.as_ref().map_err(|error| io::Error::from(error.kind()))?;
        let mut text = [0; ACCOUNT_BYTES_MAX];
        let bytes = file.read_at(&mut text, 0)?;
        let text = text.get(..bytes).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
        line.and_then(|number| number.parse().ok()).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    })
}
