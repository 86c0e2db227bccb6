//! The binary under the name by which Spin calls it. This file knows what Spin sets for a trigger; it must never know what an app does.

use crate::host::{Captured, Host, PATIENCE};
use crate::setup::{Ended, binary, ended};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A plugin in a directory of its own.
#[derive(Debug)]
pub struct Plugin {
    directory: TempDir,
}

impl Plugin {
    /// Puts it there.
    #[expect(clippy::new_without_default, reason = "it makes a directory")]
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        std::os::unix::fs::symlink(binary(), directory.path().join("trigger-spell")).expect("link");
        Self { directory }
    }

    /// Puts a file beside it.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).expect("write");
        path
    }

    /// Runs it to its end, without an app.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        ended(&self.command(arguments).stdin(Stdio::null()).output().expect("run"))
    }

    /// Starts it with the app of a lock file, and waits until it serves.
    pub fn start(&self, lock: &Value, arguments: &[&str]) -> Host {
        let state = tempfile::tempdir().expect("directory");
        let state_dir = state.path().join("state");
        Host::serving(self.spawn(lock, &state_dir, arguments), state, state_dir, PATIENCE)
    }

    /// Asks it for a component of the app of a lock file, which it prints.
    pub fn precompose(&self, lock: &Value, arguments: &[&str]) -> Output {
        let path = self.file("spin.lock", &lock.to_string());
        let url = format!("file://{}", path.display());
        self.command(arguments).env("SPIN_LOCKED_URL", url).stdin(Stdio::null()).output().expect("run")
    }

    /// Starts it with the app of a lock file, and waits until it has given up.
    pub fn fail(&self, lock: &Value) -> Ended {
        let mut child = self.spawn(lock, &self.directory.path().join("state"), &[]);
        let captured = Captured::of(&mut child);
        let status = captured.wait_for_end(&mut child);
        Ended { code: status.code(), stdout: captured.stdout(), stderr: captured.stderr() }
    }

    fn spawn(&self, lock: &Value, state_dir: &Path, arguments: &[&str]) -> Child {
        let path = self.file("spin.lock", &lock.to_string());
        self.command(&["--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0"])
            .arg("--state-dir")
            .arg(state_dir)
            .args(arguments)
            .env("SPIN_LOCKED_URL", format!("file://{}", path.display()))
            .env("SPIN_WORKING_DIR", self.directory.path())
            .env("SPIN_LOCAL_APP_DIR", "")
            .env("SPIN_VERSION", "4.1.0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("spawn")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.directory.path().join("trigger-spell"));
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
        command
    }
}
