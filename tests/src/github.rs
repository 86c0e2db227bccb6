//! GitHub's API as far as casts need it, on loopback: workflows that are dispatched, runs that are asked about, artifacts that are elsewhere,
//! and everything that goes wrong between them. It must never know who asks.

use crate::zip::zip_of;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The token that is taken where no App asks.
pub const GITHUB_TOKEN: &str = "ghp_0123456789abcdefTOKEN";
/// How the tokens of the App begin.
pub const APP_TOKEN: &str = "ghs_fedcba9876543210TOKEN";
const APP_ID: &str = "4711";
const INSTALLATION: u64 = 42;
const SILENCE: Duration = Duration::from_secs(20);
/// Every run says that it took ten minutes: 8 cents.
const STARTED: &str = "2026-01-01T00:00:00Z";
const UPDATED: &str = "2026-01-01T00:10:00Z";

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is answered so, and does nothing.
    Answer(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// It does what it says, and is answered so.
    Done(u16),
    /// It does what it says, and is never answered.
    DoneInSilence,
    /// It is never answered.
    Silence,
}

/// How it behaves.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Whether a dispatch is answered with the run.
    pub tells_details: bool,
    /// What a dispatch is answered that asks for them, on servers that do not know that.
    pub refuses_details: Option<u16>,
    /// Whether the workflow calls its runs after their casts.
    pub names_runs: bool,
    /// How many runs a dispatch begins.
    pub runs_per_dispatch: usize,
    /// How often a run is asked about before it has ended.
    pub asked_before_end: usize,
    /// How it ends.
    pub conclusion: &'static str,
    /// Whether runs are gone.
    pub runs_are_deleted: bool,
    /// Whether they can be listed.
    pub lists_runs: bool,
    /// Files of the artifact; without any, they are made of the input.
    pub files: Option<Vec<(String, Vec<u8>)>>,
    /// What the list says of the artifact: its size, and whether it has expired.
    pub listed: (Option<u64>, bool),
    /// What is answered where the artifact is.
    pub blob_status: u16,
    /// Seconds that a token of the App lasts.
    pub token_time_s: u64,
    /// What goes wrong with the next requests of a kind: `dispatch`, `run`, `artifacts`, `token`.
    pub faults: Vec<(&'static str, VecDeque<Fault>)>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            tells_details: true,
            refuses_details: None,
            names_runs: true,
            runs_per_dispatch: 1,
            asked_before_end: 1,
            conclusion: "success",
            runs_are_deleted: false,
            lists_runs: true,
            files: None,
            listed: (None, false),
            blob_status: 200,
            token_time_s: 3_600,
            faults: Vec::new(),
        }
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and path.
    pub line: String,
    /// All headers, in lower case.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
    /// What it was answered.
    pub status: u16,
}

#[derive(Debug, Clone)]
struct RunKept {
    id: u64,
    title: String,
    input: String,
    asked: usize,
    is_cancelled: bool,
}

#[derive(Debug, Default)]
struct State {
    behaviour: Behaviour,
    runs: Vec<RunKept>,
    seen: Vec<Seen>,
    tokens_made: usize,
    /// The public key of the App, if one asks.
    app_key: Option<Vec<u8>>,
}

/// GitHub, on two ports: the API, and where artifacts are. Dropped, it ends.
#[derive(Debug)]
pub struct FakeGitHub {
    /// Where the API is.
    pub address: SocketAddr,
    blobs: SocketAddr,
    state: Arc<Mutex<State>>,
    stopped: Arc<AtomicBool>,
}

struct Answering {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl FakeGitHub {
    /// Starts it.
    pub fn start() -> Self {
        let bind = || TcpListener::bind("127.0.0.1:0").expect("bind");
        let (api, blob) = (bind(), bind());
        let (address, blobs) = (api.local_addr().expect("address"), blob.local_addr().expect("address"));
        let github = Self { address, blobs, state: Arc::default(), stopped: Arc::default() };
        for (listener, is_blob) in [(api, false), (blob, true)] {
            let (state, stopped) = (github.state.clone(), github.stopped.clone());
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    let state = state.clone();
                    thread::spawn(move || serve(stream, &state, blobs, is_blob));
                }
            });
        }
        github
    }

    /// Has it behave otherwise from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.state).behaviour);
    }

    /// What goes wrong with the next requests of a kind.
    pub fn fail(&self, kind: &'static str, faults: &[Fault]) {
        lock(&self.state).behaviour.faults.push((kind, faults.iter().cloned().collect()));
    }

    /// The requests of which the first line has this.
    pub fn seen(&self, part: &str) -> Vec<Seen> {
        lock(&self.state).seen.iter().filter(|seen| seen.line.contains(part)).cloned().collect()
    }

    /// Ids of the runs, the oldest first, and whether each was cancelled.
    pub fn runs(&self) -> Vec<(u64, bool)> {
        lock(&self.state).runs.iter().map(|run| (run.id, run.is_cancelled)).collect()
    }

    /// A run of somebody else, begun now.
    pub fn begin_another_run(&self) {
        let mut state = lock(&self.state);
        let id = next_id(&state);
        state.runs.push(RunKept { id, title: "cast_of_somebody_else".into(), input: String::new(), asked: 99, is_cancelled: false });
    }

    /// The operator's file for it, with a token, and what else it says of `[github]`.
    pub fn operator(&self, directory: &Path, more: &str) -> String {
        secret(&directory.join("token"), GITHUB_TOKEN);
        self.table(&format!("token_file = \"token\"\n{more}"))
    }

    /// The same for an App, whose key is made.
    pub fn operator_with_app(&self, directory: &Path) -> String {
        let (pem, der) = (directory.join("app.pem"), directory.join("app.der"));
        for arguments in [vec!["genrsa", "-traditional", "-out"], vec!["rsa", "-traditional", "-outform", "DER", "-in"]] {
            let mut command = Command::new("openssl");
            command.args(&arguments).arg(&pem);
            if arguments[0] == "rsa" {
                command.arg("-out").arg(&der);
            } else {
                command.arg("2048");
            }
            let output = command.output().expect("openssl");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let key = RsaKeyPair::from_der(&std::fs::read(&der).expect("read")).expect("a key");
        lock(&self.state).app_key = Some(key.public_key().as_ref().to_vec());
        let text = std::fs::read_to_string(&pem).expect("read");
        secret(&pem, &text);
        self.table(&format!("app_id = {APP_ID}\ninstallation_id = {INSTALLATION}\nprivate_key_file = \"app.pem\"\n"))
    }

    fn table(&self, more: &str) -> String {
        let api = self.address;
        format!(
            "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\nfirst_byte_time = \"2s\"\n\n[github]\napi_url = \"http://{api}\"\n\
             repositories = [\"acme/spells\"]\npoll_interval = \"100ms\"\npoll_interval_max = \"200ms\"\nfind_time = \"1s\"\n{more}"
        )
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        for address in [self.address, self.blobs] {
            let _ = TcpStream::connect(address);
        }
    }
}

/// What proves that GitHub says this.
pub fn signature(secret: &str, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body.as_bytes());
    format!("sha256={}", tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// A file that its owner alone can read.
pub fn secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("write");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("permissions");
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next_id(state: &State) -> u64 {
    1_000_001 + state.runs.len() as u64
}

fn serve(mut stream: TcpStream, state: &Mutex<State>, blobs: SocketAddr, is_blob: bool) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let Some((line, head, body)) = read(&mut stream) else { return };
    let answered = {
        let mut state = lock(state);
        let answered = if is_blob { Some(blob(&state, &line)) } else { api(&mut state, blobs, &line, &head, &body) };
        let status = answered.as_ref().map_or(0, |answered| answered.status);
        state.seen.push(Seen { line, head, body, status });
        answered
    };
    let Some(Answering { status, headers, body }) = answered else {
        // Whoever asked gives up first.
        thread::sleep(SILENCE);
        return;
    };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if matches!(status, 204 | 304) { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let _ = stream.write_all(format!("HTTP/1.1 {status} Status\r\n{headers}{length}connection: close\r\n\r\n").as_bytes());
    let _ = stream.write_all(&body);
}

fn read(stream: &mut TcpStream) -> Option<(String, String, Vec<u8>)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let lower: String = headers
        .lines()
        .map(|line| line.split_once(':').map_or(String::new(), |(name, value)| format!("{}:{value}\n", name.to_ascii_lowercase())))
        .collect();
    let length = header(&lower, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&buffer[..count]);
    }
    Some((line.trim_end_matches(" HTTP/1.1").to_owned(), lower, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// An answer of the API; nothing, if there is silence.
fn api(state: &mut State, blobs: SocketAddr, line: &str, head: &str, body: &[u8]) -> Option<Answering> {
    let (method, target) = line.split_once(' ')?;
    let path = target.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let kind = match (method, &parts[..]) {
        ("POST", ["app", "installations", _, "access_tokens"]) => "token",
        ("POST", ["repos", _, _, "actions", "workflows", _, "dispatches"]) => "dispatch",
        ("GET", ["repos", _, _, "actions", "workflows", _, "runs"]) => "runs",
        ("GET", ["repos", _, _, "actions", "runs", _]) => "run",
        ("POST", ["repos", _, _, "actions", "runs", _, "cancel"]) => "cancel",
        ("GET", ["repos", _, _, "actions", "runs", _, "artifacts"]) => "artifacts",
        ("GET", ["repos", _, _, "actions", "artifacts", _, "zip"]) => "zip",
        _ => return Some(said(404, "Not Found")),
    };
    let fault = state.behaviour.faults.iter_mut().filter(|(of, _)| *of == kind).find_map(|(_, faults)| faults.pop_front());
    match &fault {
        Some(Fault::Silence) => return None,
        Some(Fault::Answer(status, headers, message)) => {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            return Some(Answering { headers, ..said(*status, message) });
        }
        Some(Fault::Done(_) | Fault::DoneInSilence) | None => {}
    }
    let answered = answer(state, blobs, kind, &parts, head, body);
    match fault {
        Some(Fault::DoneInSilence) => None,
        Some(Fault::Done(status)) => Some(said(status, "Bad Gateway")),
        _ => Some(answered),
    }
}

fn answer(state: &mut State, blobs: SocketAddr, kind: &str, parts: &[&str], head: &str, body: &[u8]) -> Answering {
    let shown = header(head, "authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if kind == "token" {
        return token(state, parts, shown);
    }
    let expected = match &state.app_key {
        Some(_) => format!("{APP_TOKEN}{}", state.tokens_made),
        None => GITHUB_TOKEN.to_owned(),
    };
    if shown != expected || header(head, "user-agent").is_none() || header(head, "x-github-api-version").is_none() {
        return said(401, &format!("Bad credentials: {shown}"));
    }
    if (parts[1], parts[2]) != ("acme", "spells") {
        return said(404, "Not Found");
    }
    let run =
        |state: &State| state.runs.iter().position(|run| run.id.to_string() == parts[5]).filter(|_| !state.behaviour.runs_are_deleted);
    match (kind, run(state)) {
        ("dispatch", _) => dispatch(state, parts[5], body),
        ("runs", _) if !state.behaviour.lists_runs => said(502, "Bad Gateway"),
        ("runs", _) => {
            let runs: Vec<Value> = state.runs.iter().rev().map(|run| shown_run(run, &state.behaviour)).collect();
            of(200, &json!({ "total_count": runs.len(), "workflow_runs": runs }))
        }
        ("run", Some(at)) => {
            state.runs[at].asked += 1;
            let shown = shown_run(&state.runs[at], &state.behaviour);
            let etag = format!("W/\"{}-{}\"", parts[5], shown["status"].as_str().unwrap_or_default());
            if header(head, "if-none-match") == Some(&etag) {
                return Answering { status: 304, headers: vec![("etag".into(), etag)], body: Vec::new() };
            }
            let mut answer = of(200, &shown);
            answer.headers.push(("etag".into(), etag));
            answer
        }
        ("cancel", Some(at)) => {
            state.runs[at].is_cancelled = true;
            of(202, &json!({}))
        }
        ("artifacts", Some(at)) => {
            let (size, expired) = state.behaviour.listed;
            let name = format!("spell-{}", state.runs[at].title);
            let artifact = |id: u64, name: &str| json!({ "id": id, "name": name, "size_in_bytes": size.unwrap_or(1), "expired": expired });
            let all = [json!({ "id": 1, "name": "logs", "size_in_bytes": 1, "expired": false }), artifact(state.runs[at].id, &name)];
            of(200, &json!({ "total_count": 2, "artifacts": all }))
        }
        ("zip", _) => {
            let location = format!("http://{blobs}/blob/{}?sig=abc", parts[5]);
            Answering { status: 302, headers: vec![("location".into(), location)], body: Vec::new() }
        }
        _ => said(404, "Not Found"),
    }
}

fn dispatch(state: &mut State, file: &str, body: &[u8]) -> Answering {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(status) = state.behaviour.refuses_details.filter(|_| asked.get("return_run_details").is_some()) {
        return said(status, "Invalid request. \"return_run_details\" is not a permitted key.");
    }
    if file != "spell.yml" {
        return said(404, "Not Found");
    }
    if asked["ref"] != "main" || !asked["inputs"]["input"].is_string() {
        return said(422, "No ref found");
    }
    let id = next_id(state);
    for _ in 0..state.behaviour.runs_per_dispatch {
        let (id, inputs) = (next_id(state), &asked["inputs"]);
        let text = |name: &str| inputs[name].as_str().unwrap_or_default().to_owned();
        state.runs.push(RunKept { id, title: text("cast_id"), input: text("input"), asked: 0, is_cancelled: false });
    }
    if !state.behaviour.tells_details || asked.get("return_run_details").is_none() {
        return Answering { status: 204, headers: Vec::new(), body: Vec::new() };
    }
    of(200, &json!({ "workflow_run_id": id, "run_url": format!("http://api/{id}"), "html_url": page(id) }))
}

fn shown_run(run: &RunKept, behaviour: &Behaviour) -> Value {
    let has_ended = run.asked > behaviour.asked_before_end;
    json!({
        "id": run.id,
        "name": "Spell",
        "display_title": if behaviour.names_runs { run.title.as_str() } else { "Spell" },
        "status": if has_ended { "completed" } else { "in_progress" },
        "conclusion": has_ended.then_some(behaviour.conclusion),
        "html_url": page(run.id),
        "run_started_at": STARTED,
        "updated_at": UPDATED,
    })
}

fn page(id: u64) -> String {
    format!("https://github.example/acme/spells/actions/runs/{id}")
}

/// A token for whoever proves to be the App.
fn token(state: &mut State, parts: &[&str], proof: &str) -> Answering {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let key = state.app_key.clone().unwrap_or_default();
    let is_proved = || {
        let (said, signature) = proof.rsplit_once('.')?;
        let (head, claims) = said.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(said.as_bytes(), &signature).ok()?;
        let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let (head, claims) = (json(head)?, json(claims)?);
        let (iat, exp) = (claims["iat"].as_u64()?, claims["exp"].as_u64()?);
        let is_now = iat <= now_s && exp > now_s && exp <= now_s + 600;
        (head["alg"] == "RS256" && claims["iss"] == APP_ID && is_now && parts[2] == INSTALLATION.to_string()).then_some(())
    };
    if is_proved().is_none() {
        return said(401, "A JSON web token could not be decoded");
    }
    state.tokens_made += 1;
    let ends_s = now_s + state.behaviour.token_time_s;
    of(201, &json!({ "token": format!("{APP_TOKEN}{}", state.tokens_made), "expires_at": moment(ends_s) }))
}

/// Seconds since 1970 as GitHub writes them.
fn moment(seconds: u64) -> String {
    let output = Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"]).output().expect("date");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Where artifacts are.
fn blob(state: &State, line: &str) -> Answering {
    let id = line.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default();
    let Some(run) = state.runs.iter().find(|run| run.id.to_string() == id) else { return said(404, "Not Found") };
    if state.behaviour.blob_status != 200 {
        return said(state.behaviour.blob_status, "Gone");
    }
    let made = || vec![("output.txt".to_owned(), format!("Cast by a workflow: {}", run.input).into_bytes())];
    let body = zip_of(&state.behaviour.files.clone().unwrap_or_else(made));
    Answering { status: 200, headers: vec![("content-type".into(), "application/zip".into())], body }
}

fn of(status: u16, body: &Value) -> Answering {
    Answering { status, headers: vec![("content-type".into(), "application/json".into())], body: body.to_string().into_bytes() }
}

fn said(status: u16, message: &str) -> Answering {
    of(status, &json!({ "message": message }))
}
