//! The standard output and standard error of one request, as WASI 0.2 and 0.3 see them.
//!
//! This module knows how much of a request's output is kept. It must never know files.

use super::LogFile;
use bytes::Bytes;
use spell_types::{Limit, Limits};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Most bytes that are taken from a guest in one write.
const WRITE_BYTES_MAX: usize = 64 << 10;

/// How much one request may still print, on both of its streams together.
#[derive(Debug)]
pub(crate) struct LogBudget {
    bytes_max: u64,
    printed_bytes: AtomicU64,
    cut: AtomicBool,
}

impl LogBudget {
    /// A budget of [`Limit::Log`] bytes.
    pub(crate) fn new(limits: &Limits) -> LogBudget {
        LogBudget { bytes_max: limits.get(Limit::Log), printed_bytes: AtomicU64::new(0), cut: AtomicBool::new(false) }
    }

    /// Whether something was cut off.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// How many of these bytes are kept.
    fn take(&self, bytes: usize) -> usize {
        let before = self.printed_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let left = self.bytes_max.saturating_sub(before);
        usize::try_from(left).unwrap_or(usize::MAX).min(bytes)
    }
}

/// Takes what one request prints, as it prints it. It must not wait.
pub type Sink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// Where a stream goes.
#[derive(Clone)]
enum Target {
    File(LogFile),
    Sink(Sink),
}

impl Target {
    fn append(&self, bytes: &[u8]) {
        match self {
            Target::File(file) => file.append(bytes),
            Target::Sink(sink) => sink(bytes),
        }
    }
}

/// One of the two streams of one request. All of its clones are the same stream.
#[derive(Clone)]
pub(crate) struct LogStream {
    log: Target,
    budget: Arc<LogBudget>,
}

impl LogStream {
    pub(crate) fn new(log: LogFile, budget: Arc<LogBudget>) -> LogStream {
        LogStream { log: Target::File(log), budget }
    }

    /// A stream of this request alone.
    pub(crate) fn to(sink: Sink, budget: Arc<LogBudget>) -> LogStream {
        LogStream { log: Target::Sink(sink), budget }
    }

    /// Keeps what fits into the budget. The guest is never told: printing is not worth failing for.
    fn print(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (kept, lost) = bytes.split_at(self.budget.take(bytes.len()));
        if !kept.is_empty() {
            self.log.append(kept);
        }
        if !lost.is_empty() && !self.budget.cut.swap(true, Ordering::Relaxed) {
            let limit = Limit::Log.unit().format(self.budget.bytes_max);
            let newline = if kept.last().is_none_or(|byte| *byte == b'\n') { "" } else { "\n" };
            self.log.append(format!("{newline}[spell: output of this request cut at {limit}]\n").as_bytes());
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    // The adapter that WASI brings along queues every write, even an empty one.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogWriter, Rotation};

    fn printed(bytes_max: u64, print: impl FnOnce(&LogStream, &LogStream)) -> (String, String, bool) {
        let directory = tempfile::tempdir().unwrap();
        let paths = ["stdout", "stderr"].map(|name| directory.path().join(name));
        let writer = LogWriter::start(Rotation::default()).unwrap();
        let mut limits = Limits::default();
        limits.set(Limit::Log, bytes_max);
        let budget = Arc::new(LogBudget::new(&limits));
        let [stdout, stderr] = paths.clone().map(|path| LogStream::new(writer.open(Some(&path), None).unwrap(), Arc::clone(&budget)));
        print(&stdout, &stderr);
        writer.flush();
        let [stdout, stderr] = paths.map(|path| std::fs::read_to_string(path).unwrap());
        (stdout, stderr, budget.is_exceeded())
    }

    #[test]
    fn output_within_the_limit_is_kept_as_it_is() {
        let (stdout, stderr, exceeded) = printed(6, |stdout, stderr| {
            stdout.p2_stream().write(Bytes::from_static(b"abc")).unwrap();
            stderr.p2_stream().write(Bytes::from_static(b"def")).unwrap();
        });
        assert_eq!((stdout.as_str(), stderr.as_str(), exceeded), ("abc", "def", false));
    }

    #[test]
    fn output_beyond_the_limit_is_cut_with_one_marker() {
        let (stdout, stderr, exceeded) = printed(1024, |stdout, stderr| {
            stdout.p2_stream().write(Bytes::from(vec![b'a'; 1000])).unwrap();
            for _ in 0..100 {
                stderr.p2_stream().write(Bytes::from(vec![b'b'; 100])).unwrap();
                stdout.p2_stream().write(Bytes::from_static(b"lost")).unwrap();
            }
        });
        assert_eq!(stdout, "a".repeat(1000));
        assert_eq!(stderr, format!("{}\n[spell: output of this request cut at 1KiB]\n", "b".repeat(24)));
        assert!(exceeded);
    }

    #[test]
    fn a_sink_is_given_what_fits_and_the_same_marker() {
        let taken = Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink: Sink = {
            let taken = Arc::clone(&taken);
            Arc::new(move |bytes| taken.lock().unwrap().push(bytes.to_vec()))
        };
        let mut limits = Limits::default();
        limits.set(Limit::Log, 4);
        let stream = LogStream::to(sink, Arc::new(LogBudget::new(&limits)));
        for bytes in ["abc", "", "def", "ghi"] {
            stream.print(bytes.as_bytes());
        }
        let expected = ["abc", "d", "\n[spell: output of this request cut at 4B]\n"].map(|bytes| bytes.as_bytes().to_vec());
        assert_eq!(*taken.lock().unwrap(), expected);
    }

    #[test]
    fn empty_writes_leave_no_trace() {
        let (stdout, _, exceeded) = printed(0, |stdout, _| {
            let mut stream = stdout.p2_stream();
            for _ in 0..1_000_000 {
                stream.write(Bytes::new()).unwrap();
            }
        });
        assert_eq!((stdout.as_str(), exceeded), ("", false));
    }

    #[test]
    fn the_0_3_stream_is_the_same_stream() {
        let (stdout, ..) = printed(5, |stdout, _| {
            let mut stream = Box::into_pin(stdout.async_stream());
            let mut context = Context::from_waker(std::task::Waker::noop());
            for _ in 0..2 {
                assert!(matches!(stream.as_mut().poll_write(&mut context, b"abc\n"), Poll::Ready(Ok(4))));
            }
        });
        assert_eq!(stdout, "abc\na\n[spell: output of this request cut at 5B]\n");
    }
}
