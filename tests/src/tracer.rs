//! The system calls of a host, watched and made to fail by `strace`. It knows that tool; it must never know why a host makes a call.

use crate::wait_until;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Watches a process until it is dropped.
pub struct Tracer {
    strace: Child,
    report: PathBuf,
}

impl Tracer {
    /// Notes the calls of these names, such as `fdatasync,fsync`, in a directory.
    pub fn noting(process_id: u32, calls: &str, directory: &Path) -> Self {
        Self::start(process_id, &[format!("trace={calls}")], directory)
    }

    /// Makes some of the calls fail: `error` by its name, `when` as strace counts.
    pub fn failing(process_id: u32, calls: &str, error: &str, when: &str, directory: &Path) -> Self {
        Self::start(process_id, &[format!("trace={calls}"), format!("inject={calls}:error={error}:when={when}")], directory)
    }

    fn start(process_id: u32, expressions: &[String], directory: &Path) -> Self {
        let report = directory.join("strace");
        let mut command = Command::new("strace");
        command.args(["-f", "-q", "-p", &process_id.to_string(), "-o"]).arg(&report);
        for expression in expressions {
            command.args(["-e", expression]);
        }
        let strace = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("strace");
        let tracer = Self { strace, report };
        let is_traced = || fs::read_to_string(format!("/proc/{process_id}/status")).is_ok_and(|status| !status.contains("TracerPid:\t0\n"));
        wait_until("the host to be traced", is_traced);
        tracer
    }

    /// Lets go of the process, and tells what was noted, a line for each call.
    pub fn ended(self) -> String {
        let report = self.report.clone();
        drop(self);
        fs::read_to_string(report).unwrap_or_default()
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Asked to end, it lets go of the process first.
        let _ = Command::new("kill").arg(self.strace.id().to_string()).status();
        let _ = self.strace.wait();
    }
}
