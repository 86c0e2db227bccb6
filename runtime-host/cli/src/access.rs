//! Shows requests on the terminal, one line each, without ever making one wait.

use spell_trigger_http::{AccessLine, AccessLog};
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Lines that wait for a slow terminal; more are left out.
const LINES_QUEUED_MAX: usize = 4_096;
const PATH_CHARACTERS_MAX: usize = 200;

/// Writes request lines to standard error from a thread of its own.
pub(crate) struct Terminal {
    lines: SyncSender<String>,
}

impl Terminal {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (lines, queue) = sync_channel(LINES_QUEUED_MAX);
        thread::Builder::new().name("spell-terminal".to_owned()).spawn(move || write_all(&queue))?;
        Ok(Self { lines })
    }
}

impl AccessLog for Terminal {
    fn answered(&self, line: &AccessLine<'_>) {
        let path: String = line.path.chars().take(PATH_CHARACTERS_MAX).flat_map(char::escape_default).collect();
        let component = line.component.unwrap_or("-");
        let text = format!("{} {path} {} {component} {:.1} ms\n", line.method, line.status, line.wall.as_secs_f64() * 1_000.0);
        // A full queue means that the terminal is too slow: the line is left out, the request goes on.
        let _ = self.lines.try_send(text);
    }
}

fn write_all(queue: &Receiver<String>) {
    for line in queue {
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
