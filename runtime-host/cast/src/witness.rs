//! What is seen of a cast while it runs, beside its answer: what the program prints, and whether its code had to be loaded.
//!
//! It knows lines and how much of them is kept. It must never know who prints, or where lines are kept.

use crate::ledger::Recorded;
use spell_types::TenantId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Bytes that are kept of what a cast prints.
pub const LOG_BYTES_MAX: usize = 64 << 10;
/// Lines that are kept of it.
pub const LOG_LINES_MAX: usize = 1_000;

/// Where a program prints to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

impl Stream {
    /// Its name in answers and records.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }

    /// The stream of this name.
    pub fn from_name(name: &str) -> Option<Stream> {
        [Stream::Stdout, Stream::Stderr].into_iter().find(|stream| stream.name() == name)
    }
}

/// A line that a program printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was printed to its end, or when the cast ended.
    pub at: SystemTime,
    /// Where.
    pub stream: Stream,
    /// What, without its end. What is no UTF-8 is replaced.
    pub text: String,
}

/// What a cast printed: its first lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CastLog {
    /// In the order in which they were printed to their ends.
    pub lines: Vec<LogLine>,
    /// Bytes that came after them and were not kept.
    pub dropped_bytes: u64,
}

/// Where it is kept what casts print, for as long as the casts are on record.
pub trait CastLogs: Send + Sync {
    /// Keeps what a cast printed, which is something.
    fn keep_log<'a>(&'a self, cast_id: &'a str, log: CastLog) -> Recorded<'a, ()>;

    /// What a cast of a tenant printed, once it has ended.
    fn log<'a>(&'a self, tenant: &'a TenantId, cast_id: &'a str) -> Recorded<'a, CastLog>;
}

/// Sees one cast.
#[derive(Debug)]
pub struct Witness {
    now: fn() -> SystemTime,
    printed: Mutex<Printed>,
    has_loaded: AtomicBool,
}

/// What was printed so far.
#[derive(Debug, Default)]
struct Printed {
    log: CastLog,
    kept_bytes: usize,
    /// Of each stream the line whose end was not printed yet.
    open: [Vec<u8>; 2],
}

impl Witness {
    /// Has seen nothing yet.
    pub fn new(now: fn() -> SystemTime) -> Self {
        Self { now, printed: Mutex::default(), has_loaded: AtomicBool::new(false) }
    }

    /// The program prints.
    pub fn prints(&self, stream: Stream, bytes: &[u8]) {
        let at = (self.now)();
        // Nothing that could panic leaves it half changed.
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).take(stream, bytes, at);
    }

    /// The program's code is loaded.
    pub fn loads_code(&self) {
        self.has_loaded.store(true, Ordering::Relaxed);
    }

    /// Whether the program's code had to be loaded.
    pub fn has_loaded(&self) -> bool {
        self.has_loaded.load(Ordering::Relaxed)
    }

    /// What was printed; nothing afterwards.
    pub fn log(&self) -> CastLog {
        let mut printed = std::mem::take(&mut *self.printed.lock().unwrap_or_else(PoisonError::into_inner));
        for (stream, line) in [Stream::Stdout, Stream::Stderr].into_iter().zip(std::mem::take(&mut printed.open)) {
            if !line.is_empty() {
                printed.log.lines.push(LogLine { at: (self.now)(), stream, text: text(&line) });
            }
        }
        printed.log
    }
}

impl CastLog {
    /// Whether nothing was printed.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.dropped_bytes == 0
    }
}

impl Printed {
    fn take(&mut self, stream: Stream, bytes: &[u8], at: SystemTime) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let [stdout, stderr] = &self.open;
            let lines = self.log.lines.len() + usize::from(!stdout.is_empty()) + usize::from(!stderr.is_empty());
            let open = &mut self.open[stream as usize];
            let has_line = !open.is_empty() || lines < LOG_LINES_MAX;
            // What is kept is the beginning: nothing follows a gap.
            let room = if has_line && self.log.dropped_bytes == 0 { LOG_BYTES_MAX - self.kept_bytes } else { 0 };
            let kept = piece.get(..room).unwrap_or(piece);
            self.kept_bytes += kept.len();
            self.log.dropped_bytes += (piece.len() - kept.len()) as u64;
            open.extend_from_slice(kept);
            if open.ends_with(b"\n") {
                let text = text(&std::mem::take(open));
                self.log.lines.push(LogLine { at, stream, text });
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at_one() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1)
    }

    fn lines(log: &CastLog) -> Vec<(Stream, &str)> {
        log.lines.iter().map(|line| (line.stream, line.text.as_str())).collect()
    }

    #[test]
    fn lines_stand_in_the_order_of_their_ends() {
        let witness = Witness::new(at_one);
        for (stream, bytes) in [
            (Stream::Stdout, &b"a"[..]),
            (Stream::Stderr, b"e\r\n\n"),
            (Stream::Stdout, b"b\nc"),
            (Stream::Stderr, b"\xff\x1b[2J"),
            (Stream::Stdout, b""),
        ] {
            witness.prints(stream, bytes);
        }
        let log = witness.log();
        let expected = [
            (Stream::Stderr, "e"),
            (Stream::Stderr, ""),
            (Stream::Stdout, "ab"),
            (Stream::Stdout, "c"),
            (Stream::Stderr, "\u{fffd}\u{1b}[2J"),
        ];
        assert_eq!((lines(&log), log.dropped_bytes), (expected.to_vec(), 0));
        assert!(log.lines.iter().all(|line| line.at == at_one()));
        assert!(witness.log().is_empty(), "it is told once");
    }

    #[test]
    fn of_too_many_bytes_or_lines_the_first_are_kept_and_the_rest_is_counted() {
        let many = "x\n".repeat(LOG_LINES_MAX + 5);
        let long = "x".repeat(LOG_BYTES_MAX + 5);
        for (printed, lines_expected, dropped) in [(&many, LOG_LINES_MAX, 10), (&long, 1, 5), (&format!("{long}\n\n"), 1, 7)] {
            // In one piece, and in many.
            for size in [printed.len(), 1] {
                let witness = Witness::new(at_one);
                printed.as_bytes().chunks(size).for_each(|bytes| witness.prints(Stream::Stdout, bytes));
                let log = witness.log();
                assert_eq!((log.lines.len(), log.dropped_bytes), (lines_expected, dropped));
                let kept: usize = log.lines.iter().map(|line| line.text.len()).sum();
                assert!(kept <= LOG_BYTES_MAX && kept + 5 >= printed.len().min(LOG_BYTES_MAX) / 2);
            }
        }
    }

    #[test]
    fn a_program_that_prints_nothing_leaves_nothing() {
        let witness = Witness::new(at_one);
        assert!(witness.log().is_empty() && !witness.has_loaded());
        witness.loads_code();
        assert!(witness.has_loaded());
    }
}
