//! Requests to a server of the platform, and what it answers.
//!
//! It knows requests and problem documents. It must never know what a command makes of an answer.

use crate::args::Server;
use crate::output::plain;
use anyhow::{Context, Result, anyhow, bail};
use reqwest::multipart::Form;
use reqwest::{Method, RequestBuilder, redirect};
use serde_json::Value;
use std::time::Duration;

/// The longest wait for a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest wait for an answer: longer than any cast may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(660);
/// The largest answer.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A server, asked with a key.
pub(crate) struct Client {
    http: reqwest::Client,
    server: String,
    key: String,
}

impl Client {
    /// The server and the key of the command line.
    pub(crate) fn new(arguments: &Server) -> Result<Self> {
        let Some(key) = arguments.key.clone() else {
            bail!("there is no key to show: give --key, or set SPELL_KEY; `spell keys create` makes one");
        };
        // Set once for the process; whoever was first chose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A key is shown to the server that was named, and to no other.
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).connect_timeout(CONNECT_TIME_MAX).timeout(ANSWER_TIME_MAX);
        let http = http.user_agent(concat!("spell/", env!("CARGO_PKG_VERSION"))).build().context("cannot make a client")?;
        Ok(Self { http, server: arguments.server.trim_end_matches('/').to_owned(), key })
    }

    /// Asks for a path.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Asks for a path that is answered with a text.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String> {
        let body = self.send_for_bytes(self.request(Method::GET, path)).await?;
        String::from_utf8(body).context("the answer is not UTF-8")
    }

    /// Sends JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a form with a file.
    pub(crate) async fn upload(&self, path: &str, form: Form) -> Result<Value> {
        self.send(self.request(Method::POST, path).multipart(form)).await
    }

    /// Sends JSON under a key that makes asking again safe.
    pub(crate) async fn post_once(&self, path: &str, body: &Value, idempotency_key: &str) -> Result<Value> {
        self.send(self.request(Method::POST, path).header("idempotency-key", idempotency_key).json(body)).await
    }

    /// Asks for something to be deleted.
    pub(crate) async fn delete(&self, path: &str) -> Result<Value> {
        self.send(self.request(Method::DELETE, path)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.key)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value> {
        let body = self.send_for_bytes(request).await?;
        Ok(json_or_null(&body))
    }

    async fn send_for_bytes(&self, request: RequestBuilder) -> Result<Vec<u8>> {
        let unreachable = || format!("{} cannot be asked: is it running, and is --server right?", self.server);
        let mut response = request.send().await.map_err(reqwest::Error::without_url).with_context(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                bail!("the answer has more than {ANSWER_BYTES_MAX} bytes");
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() { Ok(body) } else { Err(refusal(status.as_u16(), &json_or_null(&body))) }
    }
}

fn json_or_null(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// What a problem document says.
fn refusal(status: u16, problem: &Value) -> anyhow::Error {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).map(plain);
    let detail = text("detail").or_else(|| text("title")).unwrap_or_else(|| "the server says nothing more".to_owned());
    let cast = text("cast_id").map(|id| format!(" (cast {id})")).unwrap_or_default();
    anyhow!("{detail}{cast} [{status}]")
}
