//! Work in a process of its own. Both sides of the pipe are here: the one that asks, and the one that works.
//!
//! What a stranger's bytes take of time and memory before they run, nothing in this process bounds. So it is taken from a child that the
//! kernel ends. This file knows processes and their limits. It must never know what the work is.

use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What one piece of work may take.
#[derive(Debug, Clone, Copy)]
pub struct ChildLimits {
    /// Address space of the child, in bytes.
    pub memory_bytes_max: u64,
    /// CPU time, all threads together; whole seconds, rounded up.
    pub cpu_time_max: Duration,
    /// Wall time.
    pub wall_time_max: Duration,
}

/// A program that calls [`serve_bounded`], mostly the host's own, and does one piece of work for each call.
#[derive(Debug, Clone)]
pub struct BoundedChild {
    /// The program.
    pub program: PathBuf,
    /// What it is called with. Its limits on memory, in bytes, and on CPU time, in seconds, come behind that.
    pub arguments: Vec<String>,
    /// What it may take.
    pub limits: ChildLimits,
}

/// Why nothing came of the work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChildError {
    /// What it was given is at fault: why, in words.
    #[error("{0}")]
    Refused(String),
    /// It took more than it may.
    #[error("it {0}")]
    Limit(ExceededLimit),
    /// The child could not be started, or failed.
    #[error("{0}")]
    Failed(String),
}

/// What the work took too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExceededLimit {
    /// CPU time.
    #[error("took more CPU time than {0:?} (`compile.cpu_time`)")]
    CpuTime(Duration),
    /// Wall time.
    #[error("took longer than {0:?} (`compile.time`)")]
    WallTime(Duration),
    /// Memory; or something else ended the child, which tells no more.
    #[error("needed more memory than {} MiB (`compile.memory`), or broke the process", .0 >> 20)]
    Memory(u64),
    /// More than the machine had, most likely.
    #[error("was ended from outside: by the kernel for want of memory, or by somebody")]
    Killed,
    /// What came of it is too large to be kept.
    #[error("made more than {} MiB of it", .0 >> 20)]
    Output(u64),
}

const REASON_BYTES_MAX: u64 = 4 << 10;
/// The child's way to say that what it was given is at fault.
const EXIT_REFUSED: i32 = 3;
/// How Rust ends after a panic.
const EXIT_PANIC: i32 = 101;
/// What the allocator reserves at a time: its default of 1 GiB would count against the limit at once.
const ALLOCATOR_RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "64MiB");

impl BoundedChild {
    /// What comes of an input, of so many bytes at most. `arguments` come behind those of every call. This blocks for as long as it takes.
    pub fn work(&self, arguments: &[&str], input: &[u8], output_bytes_max: u64) -> Result<Vec<u8>, ChildError> {
        let failed = |error: io::Error| ChildError::Failed(format!("{}: {error}", self.program.display()));
        let mut child = self.start(arguments).map_err(failed)?;
        let (Some(mut to_child), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(ChildError::Failed("it has no pipes".to_owned()));
        };
        thread::scope(|scope| {
            // A child that ends early reads no more: its end says why.
            scope.spawn(move || to_child.write_all(input));
            let reason = scope.spawn(|| read_at_most(errors, REASON_BYTES_MAX));
            // Ends with the child, whoever ends it.
            let made = scope.spawn(move || read_at_most(output, output_bytes_max.saturating_add(1)));
            let status = self.wait(&mut child).map_err(failed)?;
            let made = made.join().unwrap_or_default();
            let reason = reason.join().unwrap_or_default();
            if made.len() as u64 > output_bytes_max {
                return Err(ChildError::Limit(ExceededLimit::Output(output_bytes_max)));
            }
            self.judge(status, &reason).map(|()| made)
        })
    }

    fn start(&self, arguments: &[&str]) -> io::Result<Child> {
        let limits = &self.limits;
        Command::new(&self.program)
            .args(&self.arguments)
            .args(arguments)
            .args([limits.memory_bytes_max.to_string(), whole_seconds(limits.cpu_time_max).to_string()])
            .env_clear()
            .env(ALLOCATOR_RESERVE.0, ALLOCATOR_RESERVE.1)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }

    /// How the child ended; `None` if its time was over and it was killed.
    fn wait(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let pid = rustix::process::Pid::from_child(child);
        let (ended, has_ended) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let limit = self.limits.wall_time_max;
            let watch = scope.spawn(move || {
                let is_over = has_ended.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
                // Not reaped yet, so the number is still the child's.
                is_over && rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok()
            });
            // Waits without reaping, so that the watch never kills a stranger.
            let waited = rustix::process::waitid(rustix::process::WaitId::Pid(pid), WAIT);
            drop(ended);
            let was_killed = watch.join().unwrap_or(false);
            let status = child.wait()?;
            waited?;
            Ok((!was_killed).then_some(status))
        })
    }

    fn judge(&self, status: Option<ExitStatus>, reason: &[u8]) -> Result<(), ChildError> {
        let limits = &self.limits;
        let Some(status) = status else { return Err(ChildError::Limit(ExceededLimit::WallTime(limits.wall_time_max))) };
        let said = || String::from_utf8_lossy(reason).trim().to_owned();
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(()),
            (Some(EXIT_REFUSED), _) => Err(ChildError::Refused(said())),
            (_, Some(SIGXCPU)) => Err(ChildError::Limit(ExceededLimit::CpuTime(limits.cpu_time_max))),
            (_, Some(SIGKILL)) => Err(ChildError::Limit(ExceededLimit::Killed)),
            // Out of memory aborts, or panics where a thread wanted it; out of stack is a segmentation fault.
            (Some(EXIT_PANIC), _) | (_, Some(SIGABRT | SIGSEGV | SIGBUS)) => {
                Err(ChildError::Limit(ExceededLimit::Memory(limits.memory_bytes_max)))
            }
            _ => Err(ChildError::Failed(format!("{status}: {}", said()))),
        }
    }
}

const WAIT: rustix::process::WaitIdOptions = rustix::process::WaitIdOptions::EXITED.union(rustix::process::WaitIdOptions::NOWAIT);
const SIGABRT: i32 = rustix::process::Signal::ABORT.as_raw();
const SIGBUS: i32 = rustix::process::Signal::BUS.as_raw();
const SIGKILL: i32 = rustix::process::Signal::KILL.as_raw();
const SIGSEGV: i32 = rustix::process::Signal::SEGV.as_raw();
const SIGXCPU: i32 = rustix::process::Signal::XCPU.as_raw();

fn whole_seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

fn read_at_most(source: impl Read, bytes_max: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = source.take(bytes_max).read_to_end(&mut bytes);
    bytes
}

/// The child's side: takes limits upon itself, reads an input from standard input, works, and writes what comes of it to standard output.
/// The exit code says whether something did.
pub fn serve_bounded(memory_bytes_max: u64, cpu_seconds_max: u64, work: impl FnOnce(&[u8]) -> Result<Vec<u8>, ChildError>) -> i32 {
    let failed = |error: io::Error| ChildError::Failed(error.to_string());
    let worked = || {
        bound(memory_bytes_max, cpu_seconds_max).map_err(failed)?;
        let mut input = Vec::new();
        io::stdin().lock().read_to_end(&mut input).map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => ChildError::Limit(ExceededLimit::Memory(memory_bytes_max)),
            _ => failed(error),
        })?;
        let made = work(&input)?;
        let mut output = io::stdout().lock();
        output.write_all(&made).and_then(|()| output.flush()).map_err(failed)
    };
    match worked() {
        Ok(()) => 0,
        Err(error) => {
            let _ = io::stderr().write_all(error.to_string().as_bytes());
            match error {
                ChildError::Refused(_) => EXIT_REFUSED,
                // As if it had been wanted where nobody can say no.
                ChildError::Limit(_) => EXIT_PANIC,
                ChildError::Failed(_) => 1,
            }
        }
    }
}

fn bound(memory_bytes_max: u64, cpu_seconds_max: u64) -> io::Result<()> {
    let limit = |resource, current, maximum| setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) });
    limit(Resource::As, memory_bytes_max, memory_bytes_max)?;
    // The first of the two ends the child with a signal that tells why.
    limit(Resource::Cpu, cpu_seconds_max, cpu_seconds_max.saturating_add(1))?;
    // No core dump of a stranger's bytes.
    Ok(limit(Resource::Core, 0, 0)?)
}
