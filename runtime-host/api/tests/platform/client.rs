//! A server with a platform in memory, and a client that speaks to it over a socket of its own.
//!
//! It knows HTTP/1.1 as far as the answers need it. It must never know what is asked.

use crate::memory::Memory;
use crate::served::Mirror;
use serde_json::{Value, json};
use spell_api::{CastMetrics, Control, Metrics, Rates, ServeError, serve};
use spell_cast::{AdaptHere, Parts, Pepper, Platform, Prices, Reachable, Scope, cast_defaults};
use spell_types::{Limit, Limits};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) memory: Arc<Memory>,
    pub(crate) platform: Arc<Platform>,
    pub(crate) draining: Arc<AtomicBool>,
    /// A key with every scope, of the tenant `acme`.
    pub(crate) admin: String,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<Result<(), ServeError>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) async fn start() -> Host {
    start_with(Rates::default()).await
}

pub(crate) async fn start_with(rates: Rates) -> Host {
    let memory = Arc::new(Memory::default());
    let mut ceilings = Limits::unbounded();
    ceilings.set(Limit::Memory, 2 << 30);
    let casts = Arc::new(CastMetrics::default());
    let platform = Arc::new(Platform::new(Parts {
        registry: memory.clone(),
        ledger: memory.clone(),
        keys: memory.clone(),
        pepper: Pepper::from_bytes([7; 32]),
        runner: memory.clone(),
        prices: Prices::default(),
        defaults: cast_defaults(),
        ceilings,
        retention: spell_cast::IDEMPOTENCY_TIME,
        now: SystemTime::now,
        statistics: memory.clone(),
        logs: memory.clone(),
        observer: casts.clone(),
        reachable: Reachable::default(),
        // Endpoints are kept where they are kept outside of tests as well.
        webhooks: Arc::new(spell_store::Database::in_memory().unwrap()),
        courier: memory.clone(),
        webhook_retry_first: Duration::ZERO,
        budgets: memory.clone(),
        github: None,
        adapter: Arc::new(AdaptHere),
    }));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let draining = Arc::new(AtomicBool::new(false));
    let metrics = Arc::new(Metrics::new(&[]).with_casts(casts));
    let (platform_served, programs) = (Some(platform.clone()), Some(Arc::new(Mirror) as _));
    let control = Control { metrics, draining: draining.clone(), platform: platform_served, rates, programs };
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, control, async { drop(stopped.await) }));
    let mut host = Host { address, memory, platform, draining, admin: String::new(), stop, served };
    host.admin = host.key("acme", &[Scope::Admin]).await;
    host
}

impl Host {
    pub(crate) async fn key(&self, tenant: &str, scopes: &[Scope]) -> String {
        self.platform.create_key(tenant.parse().unwrap(), "test".into(), scopes.to_vec()).await.unwrap().1
    }

    /// Sends a head's lines and a body on a connection of its own.
    pub(crate) async fn raw(&self, head: &str, body: &[u8]) -> Answer {
        ask_at(self.address, head, body).await
    }

    /// Asks as the admin of `acme`, with JSON if there is any.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_as(&self.admin, method, path, body).await
    }

    pub(crate) async fn ask_as(&self, key: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.raw(&format!("{method} {path} HTTP/1.1\r\nAuthorization: Bearer {key}"), body.as_bytes()).await
    }

    pub(crate) async fn upload(&self, fields: &[(&str, &[u8])]) -> Answer {
        self.upload_as(&self.admin, fields).await
    }

    pub(crate) async fn upload_as(&self, key: &str, fields: &[(&str, &[u8])]) -> Answer {
        let head = format!("POST /api/spells/upload-wasm HTTP/1.1\r\nAuthorization: Bearer {key}");
        self.raw(&format!("{head}\r\nContent-Type: multipart/form-data; boundary=b0"), &form(fields)).await
    }

    pub(crate) async fn cast(&self, idempotency_key: &str, body: &Value) -> Answer {
        self.cast_raw(&format!("Idempotency-Key: {idempotency_key}"), body.to_string().as_bytes()).await
    }

    pub(crate) async fn cast_raw(&self, headers: &str, body: &[u8]) -> Answer {
        let head = format!("POST /api/v1/cast HTTP/1.1\r\nAuthorization: Bearer {}", self.admin);
        self.raw(format!("{head}\r\n{headers}").trim_end(), body).await
    }

    /// A spell of `acme` with the version 1.0.0.
    pub(crate) async fn spell(&self, key: &str) -> String {
        let made = self.ask("POST", "/api/spells", Some(json!({ "key": key, "name": "A spell" }))).await;
        assert_eq!(made.status, 201, "{made:?}");
        let uploaded = self.upload(&[("spellId", key.as_bytes()), ("version", b"1.0.0"), ("wasmFile", &program(0))]).await;
        assert_eq!(uploaded.status, 201, "{uploaded:?}");
        made.json()["id"].as_str().unwrap().to_owned()
    }
}

/// Sends a head's lines and a body on a connection of its own.
pub(crate) async fn ask_at(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let (mut reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
    let head = format!("{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let body = body.to_vec();
    // A server that refuses early need not read the rest.
    let sending = tokio::spawn(async move {
        let _ = writing.write_all(head.as_bytes()).await;
        let _ = writing.write_all(&body).await;
        writing
    });
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(100), reading.read_to_end(&mut bytes)).await.expect("the server closes");
    sending.abort();
    Answer::read(&bytes)
}

impl Answer {
    fn read(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no head: {bytes:?}"));
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value)
    }

    /// It is a problem of this status and code, and says this.
    pub(crate) fn refuses(&self, status: u16, code: &str, detail: &str) {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{detail} is not in {problem}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!((problem["status"].as_u64(), problem["type"].as_str()), (Some(status.into()), Some(format!("/errors#{code}").as_str())));
        assert!(problem["title"].is_string(), "{problem}");
        let passes = matches!(status, 402 | 429 | 503) || code == "cast-in-flight";
        assert_eq!(self.header("retry-after").is_some(), passes, "{self:?}");
        assert_eq!(self.header("www-authenticate"), (status == 401).then_some("Bearer"));
    }
}

/// A program that speaks C strings; each number makes another one.
pub(crate) fn program(number: u32) -> Vec<u8> {
    let text = format!(
        r#"(module (memory (export "memory") 1) (func (export "allocate") (param i32) (result i32) (i32.const 8))
            (func (export "process") (param i32) (result i32) (local.get 0)) (func (export "n") (result i32) (i32.const {number})))"#
    );
    wat::parse_str(text).unwrap()
}

/// A form, whose field `wasmFile` is a file.
pub(crate) fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in fields {
        let file = if *name == "wasmFile" { "; filename=\"C:\\\\dir\\\\hello.wasm\"" } else { "" };
        form.extend(format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
        form.extend(*value);
        form.extend(b"\r\n");
    }
    form.extend(b"--b0--\r\n");
    form
}
