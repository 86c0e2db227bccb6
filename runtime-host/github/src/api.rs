//! Requests to GitHub's REST API: its headers, who asks, and what an answer means for whoever might ask again.
//!
//! It knows one request at a time. It must never know casts.

use crate::answer::{Said, said};
use crate::credentials::{Credentials, Secret, Token};
use crate::web::{Web, WebError};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Bytes of an answer in JSON at most.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
const VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// The first version that has a date, which GitHub answers for as long as anybody asks for none.
const VERSION_ASKED: HeaderValue = HeaderValue::from_static("2022-11-28");
const JSON_ASKED: HeaderValue = HeaderValue::from_static("application/vnd.github+json");
const JSON_SENT: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("spell/", env!("CARGO_PKG_VERSION")));

/// What is asked for.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Behind the URL of the API.
    pub(crate) path: &'a str,
    pub(crate) body: Option<&'a Value>,
    /// What was answered before, if it would do still.
    pub(crate) etag: Option<&'a HeaderValue>,
    pub(crate) bytes_max: u64,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, body: None, etag: None, bytes_max: ANSWER_BYTES_MAX }
    }

    pub(crate) fn post(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, path, body: Some(body), etag: None, bytes_max: ANSWER_BYTES_MAX }
    }
}

/// GitHub's API, and who asks it.
pub(crate) struct Api {
    pub(crate) web: Arc<dyn Web>,
    /// Its URL, without a slash at the end.
    base: String,
    credentials: Credentials,
    token: Mutex<Option<Token>>,
}

#[derive(Deserialize)]
struct TokenAnswered {
    token: String,
    expires_at: String,
}

impl Api {
    pub(crate) fn new(web: Arc<dyn Web>, url: &str, credentials: Credentials) -> Self {
        Self { web, base: url.trim_end_matches('/').to_owned(), credentials, token: Mutex::default() }
    }

    /// A URL of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Asks within a time. A token that is not taken any more is replaced once: what was refused for it did nothing.
    pub(crate) async fn ask(&self, ask: Ask<'_>, within: Duration) -> Said {
        let asked = async {
            let said = self.ask_once(&ask).await;
            if !matches!(&said, Said::Refused { status: StatusCode::UNAUTHORIZED, .. }) || !self.forget_token().await {
                return said;
            }
            self.ask_once(&ask).await
        };
        timeout(within, asked).await.unwrap_or_else(|_| Said::Nothing("there was no time left for an answer".to_owned()))
    }

    async fn ask_once(&self, ask: &Ask<'_>) -> Said {
        let token = match self.token().await {
            Ok(token) => token,
            Err(said) => return before_it(said),
        };
        let Some(request) = self.request(ask, &token) else {
            return Said::Unsendable("what is to be asked is no request".to_owned());
        };
        self.send(request, ask.bytes_max, &token).await
    }

    async fn send(&self, request: Request<Bytes>, bytes_max: u64, secret: &Secret) -> Said {
        match self.web.call(request, bytes_max).await {
            Ok(response) => said(response, secret, SystemTime::now()),
            Err(WebError::NotSent(reason)) => Said::Unsendable(reason),
            Err(WebError::TooLarge(reason)) => Said::TooLarge(reason),
            Err(WebError::NoAnswer(reason)) => Said::Nothing(reason),
        }
    }

    fn request(&self, ask: &Ask<'_>, token: &Secret) -> Option<Request<Bytes>> {
        let mut request = Request::new(ask.body.map(|body| Bytes::from(body.to_string())).unwrap_or_default());
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = self.url(ask.path).parse().ok()?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
        authorization.set_sensitive(true);
        let headers = request.headers_mut();
        for (name, value) in [(AUTHORIZATION, authorization), (ACCEPT, JSON_ASKED), (VERSION, VERSION_ASKED), (USER_AGENT, AGENT)] {
            headers.insert(name, value);
        }
        if ask.body.is_some() {
            headers.insert(CONTENT_TYPE, JSON_SENT);
        }
        headers.extend(ask.etag.map(|etag| (IF_NONE_MATCH, etag.clone())));
        Some(request)
    }

    /// A token that lasts. Whoever comes while one is fetched waits for it.
    async fn token(&self) -> Result<Secret, Said> {
        let (app_id, installation_id, key) = match &self.credentials {
            Credentials::Token(token) => return Ok(token.clone()),
            Credentials::App { app_id, installation_id, key } => (app_id, installation_id, key),
        };
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| token.lasts(SystemTime::now())) {
            return Ok(token.secret.clone());
        }
        let proof = key.proof(app_id, SystemTime::now());
        let proof = proof.ok_or_else(|| Said::Unsendable("the system gives no random bytes".to_owned()))?;
        let (path, nothing) = (format!("/app/installations/{installation_id}/access_tokens"), json!({}));
        let ask = Ask::post(&path, &nothing);
        let request = self.request(&ask, &proof).ok_or_else(|| Said::Unsendable("the App's id is no header".to_owned()))?;
        let response = match self.send(request, ask.bytes_max, &proof).await {
            Said::Done(response) => response,
            other => return Err(other),
        };
        let token = token_of(&response).ok_or_else(|| Said::Broken("GitHub's answer has no token".to_owned()))?;
        Ok(kept.insert(token).secret.clone())
    }

    /// Whether another token can be had.
    async fn forget_token(&self) -> bool {
        self.token.lock().await.take().is_some()
    }
}

fn token_of(response: &Response<Bytes>) -> Option<Token> {
    let answered: TokenAnswered = serde_json::from_slice(response.body()).ok()?;
    let ends_at = OffsetDateTime::parse(&answered.expires_at, &Rfc3339).ok()?;
    Some(Token { secret: Secret::new(&answered.token), ends_at: ends_at.into() })
}

/// Without a token, nothing was asked.
fn before_it(said: Said) -> Said {
    match said {
        Said::Failed(reason) | Said::Nothing(reason) => Said::Unsendable(format!("there is no token for the App: {reason}")),
        other => other,
    }
}
