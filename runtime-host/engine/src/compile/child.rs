//! Compiling in a process of its own. Both sides of the pipe are here: the one that asks, and the one that compiles.
//!
//! wasmtime bounds what running code does, not what compiling it takes: a stranger's component may ask for any amount of time
//! and memory. What it takes, it takes from a child that the kernel ends. This file must never know the cache.

use super::{CompileError, ExceededLimit, invalid};
use crate::{EngineConfig, Flavour};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What compiling one component may take.
#[derive(Debug, Clone, Copy)]
pub struct CompileLimits {
    /// Address space of the child, in bytes.
    pub memory_bytes_max: u64,
    /// CPU time, all threads together; whole seconds, rounded up.
    pub cpu_time_max: Duration,
    /// Wall time.
    pub wall_time_max: Duration,
}

/// Has components compiled by a program that calls [`serve_compilation`], mostly by the host's own.
#[derive(Debug)]
pub struct ChildCompiler {
    /// The program.
    pub program: PathBuf,
    /// What it is called with.
    pub arguments: Vec<String>,
    /// What it may take.
    pub limits: CompileLimits,
    /// How many may run at the same time.
    pub at_once_max: usize,
}

/// Most bytes of compiled code that are taken from a child.
const CODE_BYTES_MAX: u64 = 512 << 20;
const REASON_BYTES_MAX: u64 = 4 << 10;
/// The child's way to say that the component is at fault.
const EXIT_INVALID: i32 = 3;
/// How Rust ends after a panic.
const EXIT_PANIC: i32 = 101;
/// What the allocator reserves at a time: its default of 1 GiB would count against the limit at once.
const ALLOCATOR_RESERVE: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "64MiB");

impl ChildCompiler {
    /// The code of a component.
    pub(super) fn compile(&self, wasm: &[u8], flavour: Flavour) -> Result<Vec<u8>, CompileError> {
        let failed = |error: io::Error| CompileError::Host { reason: format!("{}: {error}", self.program.display()) };
        let mut child = self.start(flavour).map_err(failed)?;
        let (Some(mut input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(CompileError::Host { reason: "it has no pipes".to_owned() });
        };
        thread::scope(|scope| {
            // A child that ends early reads no more: its end says why.
            scope.spawn(move || input.write_all(wasm));
            let reason = scope.spawn(|| read_at_most(errors, REASON_BYTES_MAX));
            // Ends with the child, whoever ends it.
            let code = scope.spawn(|| read_at_most(output, CODE_BYTES_MAX + 1));
            let status = self.wait(&mut child).map_err(failed)?;
            let code = code.join().unwrap_or_default();
            let reason = reason.join().unwrap_or_default();
            self.judge(status, code, &reason)
        })
    }

    fn start(&self, flavour: Flavour) -> io::Result<Child> {
        let limits = &self.limits;
        Command::new(&self.program)
            .args(&self.arguments)
            .args([flavour.name().to_owned(), limits.memory_bytes_max.to_string(), whole_seconds(limits.cpu_time_max).to_string()])
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

    fn judge(&self, status: Option<ExitStatus>, code: Vec<u8>, reason: &[u8]) -> Result<Vec<u8>, CompileError> {
        let limits = &self.limits;
        let Some(status) = status else { return Err(CompileError::Limit(ExceededLimit::WallTime(limits.wall_time_max))) };
        let said = || String::from_utf8_lossy(reason).trim().to_owned();
        match (status.code(), status.signal()) {
            (Some(0), _) if code.len() as u64 > CODE_BYTES_MAX => Err(CompileError::Limit(ExceededLimit::Code(CODE_BYTES_MAX))),
            (Some(0), _) => Ok(code),
            (Some(EXIT_INVALID), _) => Err(CompileError::Invalid { reason: said() }),
            (_, Some(SIGXCPU)) => Err(CompileError::Limit(ExceededLimit::CpuTime(limits.cpu_time_max))),
            (_, Some(SIGKILL)) => Err(CompileError::Limit(ExceededLimit::Killed)),
            // Out of memory aborts, or panics where a thread wanted it; out of stack is a segmentation fault.
            (Some(EXIT_PANIC), _) | (_, Some(SIGABRT | SIGSEGV | SIGBUS)) => {
                Err(CompileError::Limit(ExceededLimit::Memory(limits.memory_bytes_max)))
            }
            _ => Err(CompileError::Host { reason: format!("{status}: {}", said()) }),
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

/// The child's side: takes limits upon itself, reads a component from standard input and writes its code to standard output.
/// `config` and `flavour` have to be those of the host that asks. The exit code says whether there is code.
pub fn serve_compilation(config: &EngineConfig, flavour: Flavour, memory_bytes_max: u64, cpu_seconds_max: u64) -> i32 {
    match compile_to_stdout(config, flavour, memory_bytes_max, cpu_seconds_max) {
        Ok(()) => 0,
        Err(error) => {
            let (code, reason) = match &error {
                CompileError::Invalid { reason } => (EXIT_INVALID, reason.clone()),
                other => (1, other.to_string()),
            };
            let _ = io::stderr().write_all(reason.as_bytes());
            code
        }
    }
}

fn compile_to_stdout(config: &EngineConfig, flavour: Flavour, memory_bytes_max: u64, cpu_seconds_max: u64) -> Result<(), CompileError> {
    let failed = |error: io::Error| CompileError::Host { reason: error.to_string() };
    let limit = |resource, current, maximum| {
        setrlimit(resource, Rlimit { current: Some(current), maximum: Some(maximum) }).map_err(|error| failed(error.into()))
    };
    limit(Resource::As, memory_bytes_max, memory_bytes_max)?;
    // The first of the two ends the child with a signal that tells why.
    limit(Resource::Cpu, cpu_seconds_max, cpu_seconds_max.saturating_add(1))?;
    // No core dump of a stranger's bytes.
    limit(Resource::Core, 0, 0)?;
    let mut wasm = Vec::new();
    io::stdin().lock().read_to_end(&mut wasm).map_err(failed)?;
    let engine =
        wasmtime::Engine::new(&config.compiling_only(flavour)).map_err(|error| CompileError::Host { reason: format!("{error:#}") })?;
    let code = engine.precompile_component(&wasm).map_err(invalid)?;
    let mut output = io::stdout().lock();
    output.write_all(&code).and_then(|()| output.flush()).map_err(failed)
}
