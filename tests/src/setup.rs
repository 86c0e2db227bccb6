//! How a host is started: its directory, arguments and environment. This file must never know what the host answers.

use crate::Host;
use crate::host::{Captured, PATIENCE};
use crate::manifest::workspace;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A host that is about to be started. It gets a directory of its own and none of the test's environment.
#[derive(Debug)]
pub struct Setup {
    command: &'static str,
    directory: TempDir,
    manifest: PathBuf,
    state_dir: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    listen: String,
    has_own_code: bool,
    patience: Duration,
    working_dir: Option<PathBuf>,
    says_state_dir: bool,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Setup {
    /// An app with this manifest.
    pub fn new(manifest: &str) -> Self {
        Self::empty(tempfile::tempdir().expect("directory")).manifest(manifest)
    }

    /// Puts this manifest in place of the one before.
    #[must_use]
    pub fn manifest(mut self, manifest: &str) -> Self {
        self.manifest = self.directory.path().join("spin.toml");
        std::fs::write(&self.manifest, manifest).expect("write");
        self
    }

    /// The app whose manifest is this file.
    pub fn of_file(manifest: &Path) -> Self {
        Self { manifest: manifest.to_owned(), ..Self::empty(tempfile::tempdir().expect("directory")) }
    }

    fn empty(directory: TempDir) -> Self {
        Self {
            command: "up",
            manifest: PathBuf::new(),
            state_dir: directory.path().join("state"),
            directory,
            arguments: Vec::new(),
            environment: Vec::new(),
            listen: "127.0.0.1:0".to_owned(),
            has_own_code: false,
            patience: PATIENCE,
            working_dir: None,
            says_state_dir: true,
        }
    }

    /// Serves it by `spell watch`.
    #[must_use]
    pub fn watched(self) -> Self {
        Self { command: "watch", ..self }
    }

    /// Puts a file beside the manifest.
    #[must_use]
    pub fn file(self, name: &str, content: &str) -> Self {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::fs::write(path, content).expect("write");
        self
    }

    /// The directory of the manifest, for what is more than a file.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Gives the host this operator's file.
    #[must_use]
    pub fn operator(self, content: &str) -> Self {
        let path = self.directory.path().join("spell.toml");
        self.file("spell.toml", content).arguments(&["--config", &path.to_string_lossy()])
    }

    /// Gives the host this runtime configuration.
    #[must_use]
    pub fn runtime_config(self, content: &str) -> Self {
        let path = self.directory.path().join("runtime-config.toml");
        self.file("runtime-config.toml", content).arguments(&["--runtime-config-file", &path.to_string_lossy()])
    }

    /// Starts it in the directory of its manifest.
    #[must_use]
    pub fn in_directory(mut self) -> Self {
        self.working_dir = Some(self.directory.path().to_owned());
        self
    }

    /// Leaves it to the host to find its state directory, which is at this path.
    #[must_use]
    pub fn state_dir_unsaid(mut self, path: &Path) -> Self {
        self.state_dir = path.to_owned();
        self.says_state_dir = false;
        self
    }

    /// Adds arguments to the command line.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    /// Adds a variable to the host's own environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Uses a state directory that outlives the host.
    #[must_use]
    pub fn state_dir(mut self, path: &Path) -> Self {
        self.state_dir = path.to_owned();
        self.with_own_code()
    }

    /// Compiles everything itself, where others take what was compiled for the tests before them.
    #[must_use]
    pub fn with_own_code(mut self) -> Self {
        self.has_own_code = true;
        self
    }

    /// Gives it this long to compile what it serves, once; for components that contain the engine of a language.
    #[must_use]
    pub fn time_to_compile(self, time: Duration) -> Self {
        let seconds = time.as_secs();
        let operator = format!("[compile]\ntime = {seconds}\ncpu_time = {seconds}\n");
        Self { patience: time, ..self.operator(&operator) }
    }

    /// Serves on this address.
    #[must_use]
    pub fn listen(mut self, address: &str) -> Self {
        self.listen = address.to_owned();
        self
    }

    /// Starts it and waits until it serves; fails the test when it does not.
    pub fn start(self) -> Host {
        let child = self.spawn();
        Host::serving(child, self.directory, self.state_dir, self.patience)
    }

    /// Starts it and waits until it has given up; fails the test when it serves.
    pub fn fail(self) -> Ended {
        let mut child = self.spawn();
        let captured = Captured::of(&mut child);
        let status = captured.wait_for_end(&mut child);
        Ended { code: status.code(), stdout: captured.stdout(), stderr: captured.stderr() }
    }

    fn spawn(&self) -> Child {
        if !self.has_own_code {
            share_code(&self.state_dir);
        }
        let mut command = command();
        command.args([self.command, "--listen", &self.listen, "--control-listen", "127.0.0.1:0"]).arg("-f").arg(&self.manifest);
        if self.says_state_dir {
            command.arg("--state-dir").arg(&self.state_dir);
        }
        if let Some(directory) = &self.working_dir {
            command.current_dir(directory);
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("spawn")
    }
}

/// Gives a new state directory the compiled code of the tests before: a minute of computing for each of most tests.
pub(crate) fn share_code(state_dir: &Path) {
    let shared = target().join("tests-code");
    if state_dir.join("code").exists() {
        return;
    }
    std::fs::create_dir_all(&shared).expect("directory");
    std::fs::create_dir_all(state_dir).expect("directory");
    let key = state_dir.join("code.key");
    std::fs::write(&key, [b'k'; 32]).expect("write");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    std::os::unix::fs::symlink(shared, state_dir.join("code")).expect("link");
}

/// Runs the binary with these arguments and this input to its end.
pub fn run_with_input(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("spawn");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    std::thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut stdin, input));
        child.wait_with_output().expect("wait")
    })
}

/// Runs the binary with these arguments to its end.
pub fn run(arguments: &[&str]) -> Ended {
    ended(&command().args(arguments).stdin(Stdio::null()).output().expect("run"))
}

pub(crate) fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
}

/// The program under test: `SPELL_BIN`, or what `cargo build` leaves.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("SPELL_BIN").map_or_else(|| target().join("debug/spell"), PathBuf::from);
    assert!(path.exists(), "{} is missing: run `cargo build --workspace`, or name the binary in SPELL_BIN", path.display());
    path
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), |target| workspace().join(target))
}
