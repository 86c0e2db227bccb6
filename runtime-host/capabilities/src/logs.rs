//! What spells print: one file per component and stream, written by a single thread that all files share.
//!
//! This module knows bytes, files and how much may wait for the disk. It must never know who printed, or why. A guest never waits
//! here: what the disk is too slow for is dropped, counted, and mentioned in the file.

mod file;
mod mirror;
mod stream;

use file::RotatingFile;
use mirror::Mirror;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use stream::Sink;
pub(crate) use stream::{LogBudget, LogStream};

/// Most bytes of one log that wait for the disk.
const PENDING_BYTES_MAX: usize = 1 << 20;
/// A buffer that grew beyond this many bytes is given back once it is written.
const KEPT_BUFFER_BYTES_MAX: usize = 64 << 10;

/// When a log file is put aside, and how many old ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Size in bytes at which a file is put aside as `….1`.
    pub bytes_max: u64,
    /// Old files kept beside the current one.
    pub files_max: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { bytes_max: 64 << 20, files_max: 3 }
    }
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file could not be opened for appending.
    #[error("log file {} cannot be opened: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The writing thread could not be started.
    #[error("the thread that writes logs cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// The thread that writes all logs. It ends when this value and every [`LogFile`] of it are gone.
#[derive(Debug, Clone)]
pub struct LogWriter {
    // Holds at most one message per log, plus one per caller that waits in `flush`.
    queue: Sender<Message>,
    rotation: Rotation,
}

impl LogWriter {
    /// Starts the thread.
    pub fn start(rotation: Rotation) -> Result<LogWriter, LogError> {
        let (queue, messages) = channel();
        std::thread::Builder::new().name("spell-logs".to_owned()).spawn(move || write_all(&messages)).map_err(LogError::Thread)?;
        Ok(LogWriter { queue, rotation })
    }

    /// Opens a log: appended to `path`, where there is one, and copied line by line to the terminal's standard error behind
    /// `[mirror]`, where that is given.
    pub fn open(&self, path: Option<&Path>, mirror: Option<&str>) -> Result<LogFile, LogError> {
        let file = path.map(|path| RotatingFile::open(path, self.rotation)).transpose()?;
        let targets = Targets { file, mirror: mirror.map(Mirror::new) };
        let log =
            Log { queue: self.queue.clone(), pending: Mutex::default(), targets: Mutex::new(targets), dropped_bytes: AtomicU64::new(0) };
        Ok(LogFile(Some(Arc::new(log))))
    }

    /// Returns once everything that was printed before is with the operating system. It blocks the thread.
    pub fn flush(&self) {
        let (done, waiting) = channel();
        if self.queue.send(Message::Flush(done)).is_ok() {
            // An error means that the writer is gone, and with it everything to wait for.
            let _ = waiting.recv();
        }
    }
}

/// Where one stream of one component goes. Cheap to clone; the file was opened once.
#[derive(Debug, Clone, Default)]
pub struct LogFile(Option<Arc<Log>>);

impl LogFile {
    /// A log that keeps nothing.
    pub fn discard() -> LogFile {
        LogFile(None)
    }

    /// Bytes that were lost since the log was opened, because the disk was too slow or failed.
    pub fn dropped_bytes(&self) -> u64 {
        self.0.as_ref().map_or(0, |log| log.dropped_bytes.load(Ordering::Relaxed))
    }

    /// Takes bytes for writing, or drops them whole if too much is waiting already. Never waits for the disk.
    pub(crate) fn append(&self, bytes: &[u8]) {
        let Some(log) = &self.0 else { return };
        if bytes.is_empty() {
            return;
        }
        let mut pending = lock(&log.pending);
        if pending.bytes.len().saturating_add(bytes.len()) > PENDING_BYTES_MAX {
            pending.dropped_bytes = pending.dropped_bytes.saturating_add(bytes.len() as u64);
            log.dropped_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            return;
        }
        pending.bytes.extend_from_slice(bytes);
        let scheduled = std::mem::replace(&mut pending.scheduled, true);
        drop(pending);
        if !scheduled {
            // An error means that the writer is gone: the process is ending.
            let _ = log.queue.send(Message::Write(Arc::clone(log)));
        }
    }
}

#[derive(Debug)]
enum Message {
    Write(Arc<Log>),
    Flush(Sender<()>),
}

#[derive(Debug)]
struct Log {
    /// To the thread that writes.
    queue: Sender<Message>,
    pending: Mutex<Pending>,
    // Locked by the writing thread only.
    targets: Mutex<Targets>,
    dropped_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Whether the writer has been told; it is told once per batch.
    scheduled: bool,
    /// Dropped since the last batch.
    dropped_bytes: u64,
}

#[derive(Debug)]
struct Targets {
    file: Option<RotatingFile>,
    mirror: Option<Mirror>,
}

fn write_all(messages: &Receiver<Message>) {
    let mut buffer = Vec::new();
    while let Ok(message) = messages.recv() {
        match message {
            Message::Write(log) => write_batch(&log, &mut buffer),
            Message::Flush(done) => drop(done.send(())),
        }
    }
}

fn write_batch(log: &Log, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BUFFER_BYTES_MAX);
    let dropped_bytes = {
        let mut pending = lock(&log.pending);
        std::mem::swap(&mut pending.bytes, buffer);
        pending.scheduled = false;
        std::mem::take(&mut pending.dropped_bytes)
    };
    if dropped_bytes > 0 {
        buffer.extend_from_slice(format!("\n[spell: {dropped_bytes} bytes were lost here: the log could not keep up]\n").as_bytes());
    }
    let mut targets = lock(&log.targets);
    if let Some(file) = &mut targets.file
        && let Err(error) = file.append(buffer)
    {
        let before = log.dropped_bytes.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        if before == 0 {
            tracing::warn!(path = %file.path().display(), %error, "log cannot be written; what does not fit is lost");
        }
    }
    if let Some(mirror) = &mut targets.mirror {
        let lines = mirror.lines(buffer);
        // Nowhere to report a terminal that is gone.
        let _ = io::stderr().lock().write_all(&lines);
    }
}

/// Nothing panics while it holds one of these locks, and bytes have no invariant to break.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_appended_to_the_file_raw() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hello_stdout.txt");
        std::fs::write(&path, "before\n").unwrap();
        let writer = LogWriter::start(Rotation::default()).unwrap();
        let log = writer.open(Some(&path), None).unwrap();
        log.append(b"a\x1b[31m");
        log.append(b"");
        log.append(b"b\n");
        writer.flush();
        assert_eq!(std::fs::read(&path).unwrap(), b"before\na\x1b[31mb\n");
        assert_eq!(log.dropped_bytes(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let writer = LogWriter::start(Rotation::default()).unwrap();
        let error = writer.open(Some(Path::new("/nonexistent/log.txt")), None).unwrap_err();
        assert!(error.to_string().starts_with("log file /nonexistent/log.txt cannot be opened"), "{error}");
    }

    #[test]
    fn bytes_beyond_what_may_wait_are_dropped_and_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log.txt");
        let writer = LogWriter::start(Rotation::default()).unwrap();
        let log = writer.open(Some(&path), None).unwrap();
        // The writer is held up at this log, so that everything below has to wait.
        let held = log.0.as_ref().map(|log| lock(&log.targets));
        log.append(b"first\n");
        while lock(&log.0.as_ref().unwrap().pending).scheduled {
            std::thread::yield_now();
        }
        log.append(&vec![b'x'; PENDING_BYTES_MAX]);
        log.append(b"too much");
        drop(held);
        writer.flush();
        assert_eq!(log.dropped_bytes(), 8);
        let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        assert!(text.starts_with("first\nxxx"));
        assert!(text.ends_with("x\n[spell: 8 bytes were lost here: the log could not keep up]\n"));
    }

    #[test]
    fn the_thread_ends_with_its_last_log() {
        let writer = LogWriter::start(Rotation::default()).unwrap();
        let log = writer.open(None, None).unwrap();
        drop(writer);
        log.append(b"still written, to nowhere");
        drop(log);
    }
}
