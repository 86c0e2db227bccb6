//! A running host: where it serves, what it prints, how it ends. This file must never know what an app does.

use crate::setup::run;
use crate::{Client, Ended};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A debug build on a busy machine takes this long at most for whatever a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const CAPTURED_BYTES_MAX: usize = 1 << 20;

/// A host that serves. Dropped, it is killed.
#[derive(Debug)]
pub struct Host {
    /// The app.
    pub app: Client,
    /// The control plane.
    pub control: Client,
    child: Process,
    captured: Captured,
    directory: Arc<TempDir>,
    state_dir: PathBuf,
}

/// A process that is killed when it is dropped, also by a test that fails while it starts.
#[derive(Debug)]
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Host {
    pub(crate) fn serving(child: Child, directory: TempDir, state_dir: PathBuf, patience: Duration) -> Self {
        let mut child = Process(child);
        let captured = Captured::of(&mut child.0);
        wait_for("the host to serve", patience, || {
            let ended = child.0.try_wait().expect("wait");
            assert!(ended.is_none(), "the host ended: {}", captured.stderr());
            // The two streams are read by threads of their own: the line that was printed first may be seen last.
            let stdout = captured.stdout();
            (stdout.contains("Available Routes:") || stdout.contains("base_url")) && captured.stderr().contains("Storing default")
        });
        let stdout = captured.stdout();
        let app = address(&stdout, if stdout.contains("base_url") { "base_url" } else { "Serving " });
        let control = address(&captured.stderr(), "Control plane on ");
        Self { app, control, child, captured, directory: Arc::new(directory), state_dir }
    }

    /// What it printed so far.
    pub fn stdout(&self) -> String {
        self.captured.stdout()
    }

    /// What it reported so far.
    pub fn stderr(&self) -> String {
        self.captured.stderr()
    }

    /// The directory of its manifest.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its directory, for as long as the value returned lives.
    pub fn keep_directory(&self) -> Arc<TempDir> {
        self.directory.clone()
    }

    /// The directory of its records.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.0.id()
    }

    /// What a component printed, as soon as `is_enough` says so.
    pub fn log(&self, component: &str, stream: &str, is_enough: impl Fn(&str) -> bool) -> String {
        let path = self.state_dir.join(format!("logs/{component}_{stream}.txt"));
        let mut text = String::new();
        wait_until("the log to be written", || {
            text = std::fs::read_to_string(&path).unwrap_or_default();
            is_enough(&text)
        });
        text
    }

    /// What `spell stats --json` says of it.
    pub fn stats(&self) -> Value {
        let ended = run(&["stats", "--json", "--state-dir", &self.state_dir.to_string_lossy()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        serde_json::from_str(&ended.stdout).expect("JSON")
    }

    /// Asks it to end, with SIGTERM.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child.0), Signal::TERM).expect("signal");
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> Ended {
        let status = self.captured.wait_for_end(&mut self.child.0);
        Ended { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }

    /// Asks it to end and waits until it has.
    pub fn stop(mut self) -> Ended {
        self.terminate();
        self.wait()
    }
}

/// Waits until something is so; fails the test when it takes too long.
pub fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait_for(what, PATIENCE, is_so);
}

pub(crate) fn wait_for(what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < patience, "waited {patience:?} for {what}");
        thread::sleep(POLL_INTERVAL);
    }
}

pub(crate) fn address(text: &str, prefix: &str) -> Client {
    let url = text.split_once(prefix).and_then(|(_, rest)| rest.split_once("://"));
    let (_, rest) = url.unwrap_or_else(|| panic!("no \"{prefix}\" in {text:?}"));
    let address: SocketAddr = rest.split(['\n', '"']).next().unwrap_or_default().trim().parse().expect("address");
    Client { address }
}

/// What a process prints, taken in by threads so that it never waits for its reader.
#[derive(Debug)]
pub(crate) struct Captured {
    stdout: Stream,
    stderr: Stream,
}

impl Captured {
    pub(crate) fn of(child: &mut Child) -> Self {
        let stdout = Stream::read(child.stdout.take().expect("stdout is piped"));
        Self { stdout, stderr: Stream::read(child.stderr.take().expect("stderr is piped")) }
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits for a process, and for the last it printed; kills it and fails the test when it goes on.
    pub(crate) fn wait_for_end(&self, child: &mut Child) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("wait") {
                wait_until("the end of its output", || self.stdout.is_ended() && self.stderr.is_ended());
                return status;
            }
            if started.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                panic!("it still runs after {PATIENCE:?}: {}{}", self.stdout(), self.stderr());
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

#[derive(Debug)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reading: thread::JoinHandle<()>,
}

impl Stream {
    fn read(mut source: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = bytes.clone();
        let reading = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = CAPTURED_BYTES_MAX.saturating_sub(kept.len());
                kept.extend_from_slice(&buffer[..count.min(room)]);
            }
        });
        Self { bytes, reading }
    }

    fn is_ended(&self) -> bool {
        self.reading.is_finished()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}
