//! A running platform: `spell serve`, its first key, and requests that show one. It must never know what a spell does.

use crate::host::{Process, address, wait_for};
use crate::setup::{command, share_code};
use crate::{Answer, Captured, Client, PATIENCE, Request};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

/// What it says before its address.
const SERVING: &str = "Serving the platform on ";
/// What an operator says under whom anybody may ask as often as it likes.
pub const NO_RATES: &str = "[rate]\nkey = 0\ntenant = 0\nwithout_key = 0\n";

/// A platform that serves. Dropped, it is killed.
#[derive(Debug)]
pub struct Platform {
    caller: Caller,
    state_dir: PathBuf,
    arguments: Vec<String>,
    child: Process,
    captured: Captured,
}

/// Whoever asks a platform, under a key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where the platform serves.
    pub client: Client,
    /// The key that the requests show.
    pub key: String,
}

impl Deref for Platform {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl Platform {
    /// Starts one with an empty state directory, and shows the key that it prints.
    pub fn start(directory: &TempDir) -> Self {
        Self::serving(&directory.path().join("state"), None, &[])
    }

    /// The same, under what the operator says.
    pub fn start_under(directory: &TempDir, operator: &str) -> Self {
        let file = directory.path().join("spell.toml");
        std::fs::write(&file, operator).expect("write");
        Self::serving(&directory.path().join("state"), None, &["--config", &file.to_string_lossy()])
    }

    /// Starts one with this state directory, which is empty.
    pub fn start_in(state_dir: &Path) -> Self {
        Self::serving(state_dir, None, &[])
    }

    /// Kills it where it stands.
    pub fn kill(&self) {
        kill_process(Pid::from_child(&self.child.0), Signal::KILL).expect("signal");
    }

    /// Kills it where it stands, and starts it again as it was started.
    #[must_use]
    pub fn killed_and_started(self) -> Self {
        self.killed_and_started_after(|_| ())
    }

    /// Kills it where it stands, has somebody look at its state directory, or change it, and starts it again.
    #[must_use]
    pub fn killed_and_started_after(self, look: impl FnOnce(&Path)) -> Self {
        let (state_dir, key, arguments) = (self.state_dir.clone(), self.key.clone(), self.arguments.clone());
        drop(self);
        look(&state_dir);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Self::serving(&state_dir, Some(key), &arguments)
    }

    fn serving(state_dir: &Path, key: Option<String>, arguments: &[&str]) -> Self {
        share_code(state_dir);
        let mut command = command();
        command.args(["serve", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state_dir).args(arguments);
        let mut child = Process(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("spawn"));
        let captured = Captured::of(&mut child.0);
        wait_for("the platform to serve", PATIENCE, || {
            let ended = child.0.try_wait().expect("wait");
            assert!(ended.is_none(), "the platform ended: {}", captured.stderr());
            // What is printed comes in pieces.
            let is_said = captured.stderr().split_once(SERVING).is_some_and(|(_, rest)| rest.contains('\n'));
            is_said && (key.is_some() || captured.stdout().ends_with('\n'))
        });
        let key = key.unwrap_or_else(|| captured.stdout().trim().to_owned());
        let client = address(&captured.stderr(), SERVING);
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { caller: Caller { client, key }, state_dir: state_dir.to_owned(), arguments, child, captured }
    }

    /// The directory of its database.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// What it has printed but its first key.
    pub fn printed(&self) -> String {
        self.captured.stderr()
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.0.id()
    }
}

impl Caller {
    /// A request that shows its key.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.client.request(method, path).header("authorization", &format!("Bearer {}", self.key))
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// Sends JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).header("content-type", "application/json").body(body.to_string()).send()
    }

    /// Makes a spell, and gives it a version.
    pub fn publish(&self, spell: &str, version: &str, program: &[u8]) -> Answer {
        let _ = self.post("/api/spells", &json!({ "key": spell, "name": spell }));
        self.upload(spell, version, program)
    }

    /// Gives a spell a version.
    pub fn upload(&self, spell: &str, version: &str, program: &[u8]) -> Answer {
        self.begin_upload(spell, version, program).send()
    }

    /// An upload that is not yet sent.
    pub fn begin_upload(&self, spell: &str, version: &str, program: &[u8]) -> Request {
        let field = |name: &str, value: &str| format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        let file = "--edge\r\ncontent-disposition: form-data; name=\"wasmFile\"; filename=\"a.wasm\"\r\n\r\n";
        let mut form = format!("{}{}{file}", field("spellId", spell), field("version", version)).into_bytes();
        form.extend_from_slice(program);
        form.extend_from_slice(b"\r\n--edge--\r\n");
        self.request("POST", "/api/spells/upload-wasm").header("content-type", "multipart/form-data; boundary=edge").body(form)
    }

    /// Casts a spell under a key.
    pub fn cast(&self, spell: &str, input: &Value, idempotency_key: &str) -> Answer {
        self.begin_cast(spell, input, idempotency_key).send()
    }

    /// A cast that is not yet sent.
    pub fn begin_cast(&self, spell: &str, input: &Value, idempotency_key: &str) -> Request {
        let body = json!({ "spell_key": spell, "input": input }).to_string();
        let request = self.request("POST", "/api/v1/cast").header("content-type", "application/json");
        request.header("idempotency-key", idempotency_key).body(body)
    }
}
