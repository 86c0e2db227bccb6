//! What the host fetches over HTTP for itself, such as programs, from URLs that the author of a manifest has named.
//!
//! This module knows redirects, limits and time. It must never know what is fetched, or where it is kept. It is the only one that follows
//! a redirect: where it leads is judged and dialled like the first URL.

use super::body::LimitedBody;
use super::connector::{DIALLING, Dialling};
use super::{Outbound, OutboundRules, TIMEOUT_MAX, TlsRoots, destination, failure};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use spell_policy::{AddressPolicy, AddressRefused, Destination};
use std::io;
use std::time::Duration;
use url::{Position, Url};
use wasmtime_wasi_http::{Error, WasiBody};

/// Most redirects that are followed, one after the other.
const REDIRECTS_MAX: usize = 5;
/// Most characters of what a server says that are shown.
const SHOWN_CHARACTERS_MAX: usize = 200;
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("spell/", env!("CARGO_PKG_VERSION")));

/// The rules that fetching is under.
#[derive(Debug, Clone)]
pub struct FetchRules {
    /// Addresses that may be reached. No others are, also where the operator only counts what guests would be refused.
    pub addresses: AddressPolicy,
    /// Longest time until a connection (TLS included) is there.
    pub connect_timeout: Duration,
    /// Longest time until the head of an answer is there; connecting counts, each redirect begins anew.
    pub first_byte_timeout: Duration,
    /// Longest silence within the body.
    pub between_bytes_timeout: Duration,
    /// Longest time until everything is there.
    pub whole_timeout: Duration,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Where it is.
    pub url: &'a str,
    /// What the header `accept` says.
    pub accept: &'static str,
    /// What the header `authorization` says. Where a redirect leads to another server, it is not told.
    pub authorization: Option<&'a str>,
    /// Most bytes of the body.
    pub bytes_max: u64,
}

/// Why something could not be fetched, and where.
#[derive(Debug, thiserror::Error)]
#[error("{}{failure}", led_to(.redirected_to.as_deref()))]
pub struct FetchError {
    /// Where it was, if a redirect led there; without what could be a secret.
    pub redirected_to: Option<String>,
    /// What happened there.
    pub failure: FetchFailure,
}

/// Why something could not be fetched, and what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum FetchFailure {
    /// Not a URL that can be asked.
    #[error("the URL cannot be asked: {0}")]
    BadUrl(String),
    /// The operator lets nobody reach the address.
    #[error("{0}; if that is right, the operator can grant it as `allow_networks`")]
    AddressRefused(AddressRefused),
    /// There is no connection, or it was lost before there was an answer.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// There was no answer in time.
    #[error("there was no answer within {0:?}, the setting `outbound.first_byte_time`")]
    NoAnswer(Duration),
    /// The answer stopped arriving.
    #[error("nothing more arrived for {0:?}, the setting `outbound.idle_time`")]
    Silent(Duration),
    /// It took too long altogether.
    #[error("not all of it arrived within {0:?}; fetch it by other means and write the path of its file")]
    TooSlow(Duration),
    /// The server wants to know who asks.
    #[error("the server answered 401 Unauthorized")]
    Unauthorized {
        /// How it can be told: the header `www-authenticate`.
        challenge: String,
    },
    /// It is not there, or not for us.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// A redirect that says no place, or none that can be asked.
    #[error("it redirects to nowhere; write the URL that it should lead to")]
    RedirectToNowhere,
    /// A redirect from `https` to `http`, or the other way round.
    #[error("it redirects from `{from}` to `{to}`, which is not followed; write the URL that it leads to")]
    RedirectScheme {
        /// The scheme of the URL.
        from: String,
        /// The scheme that it leads to.
        to: String,
    },
    /// One redirect led to the next.
    #[error("it was redirected more than {REDIRECTS_MAX} times; write the URL that it should lead to")]
    RedirectsMax,
    /// It has an encoding that was not asked for.
    #[error("the server sent it encoded, which was not asked for; write a URL that has it as it is")]
    Encoded,
    /// It has more bytes than it may.
    #[error("it is larger than {} MiB", .0 >> 20)]
    TooLarge(u64),
    /// Not all of it arrived.
    #[error("it broke off: {0}")]
    Broken(String),
    /// It could not be written.
    #[error("it cannot be written: {0}")]
    NotKept(#[from] io::Error),
}

/// Fetches. Its connections belong to the runtime that it is first used in.
pub struct Fetcher {
    outbound: Outbound,
    rules: FetchRules,
}

/// Takes what arrives, piece by piece; told with each how many bytes there will be in all, where that is known.
pub type FetchSink<'a> = dyn FnMut(&[u8], Option<u64>) -> io::Result<()> + Send + 'a;

impl Fetcher {
    /// Prepares the way; nothing is connected yet.
    pub fn new(rules: FetchRules, tls: &TlsRoots) -> Fetcher {
        let connecting =
            OutboundRules { addresses: rules.addresses.clone(), connect_timeout: rules.connect_timeout, ..OutboundRules::default() };
        Fetcher { outbound: Outbound::new(connecting, tls), rules }
    }

    /// Fetches what is at a URL. If it fails, what was taken until then is a part, or not what was asked for.
    pub async fn fetch(&self, asked: Ask<'_>, sink: &mut FetchSink<'_>) -> Result<(), FetchError> {
        let failed = |redirected_to| move |failure| FetchError { redirected_to, failure };
        let first = Url::parse(asked.url).map_err(|error| FetchFailure::BadUrl(error.to_string())).map_err(failed(None))?;
        let mut place = first.clone();
        let within = self.rules.whole_timeout.min(TIMEOUT_MAX);
        let fetched = tokio::time::timeout(within, self.follow(asked, &mut place, sink)).await;
        let fetched = fetched.unwrap_or(Err(FetchFailure::TooSlow(within)));
        fetched.map_err(failed((place != first).then(|| shown(&place))))
    }

    /// Goes where one redirect after the other leads.
    async fn follow(&self, asked: Ask<'_>, place: &mut Url, sink: &mut FetchSink<'_>) -> Result<(), FetchFailure> {
        let first = place.origin();
        for _ in 0..=REDIRECTS_MAX {
            let authorization = asked.authorization.filter(|_| place.origin() == first);
            let response = self.ask(Ask { authorization, ..asked }, place).await?;
            match response.status() {
                StatusCode::OK => return self.take(response, asked.bytes_max, sink).await,
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => *place = redirected(place, &response)?,
                StatusCode::UNAUTHORIZED => return Err(FetchFailure::Unauthorized { challenge: challenge(&response) }),
                status => return Err(FetchFailure::Status(status)),
            }
        }
        Err(FetchFailure::RedirectsMax)
    }

    async fn ask(&self, asked: Ask<'_>, place: &Url) -> Result<Response<Incoming>, FetchFailure> {
        let within = self.rules.first_byte_timeout.min(TIMEOUT_MAX);
        let dialling = Dialling { timeout: self.rules.connect_timeout.min(TIMEOUT_MAX), refused: Box::new(|_| {}) };
        let sent = DIALLING.scope(dialling, self.outbound.client().request(request(asked, place)?));
        match tokio::time::timeout(within, sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(match failure::address_refused(&error) {
                Some(reason) => FetchFailure::AddressRefused(reason),
                None => FetchFailure::Unreachable(short(&failure::innermost(&error).to_string())),
            }),
            Err(_) => Err(FetchFailure::NoAnswer(within)),
        }
    }

    async fn take(&self, response: Response<Incoming>, bytes_max: u64, sink: &mut FetchSink<'_>) -> Result<(), FetchFailure> {
        let encodings = response.headers().get_all(header::CONTENT_ENCODING);
        if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(FetchFailure::Encoded);
        }
        let silence_max = self.rules.between_bytes_timeout.min(TIMEOUT_MAX);
        let expected = response.body().size_hint().exact();
        if expected.is_some_and(|expected| expected > bytes_max) {
            return Err(FetchFailure::TooLarge(bytes_max));
        }
        let mut body = LimitedBody::new(response.into_body(), bytes_max, silence_max, Vec::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match error {
                Error::HttpResponseBodySize(_) => FetchFailure::TooLarge(bytes_max),
                Error::ConnectionReadTimeout => FetchFailure::Silent(silence_max),
                error => FetchFailure::Broken(short(&error.to_string())),
            })?;
            if let Some(bytes) = frame.data_ref() {
                sink(bytes, expected)?;
            }
        }
        Ok(())
    }
}

/// What is asked at a place. Nothing of the place but its destination, path and query is sent.
fn request(asked: Ask<'_>, place: &Url) -> Result<Request<WasiBody>, FetchFailure> {
    let bad = |reason: &str| FetchFailure::BadUrl(reason.to_owned());
    if !matches!(place.scheme(), "http" | "https") {
        return Err(bad("its scheme is neither `http` nor `https`"));
    }
    if !place.username().is_empty() || place.password().is_some() {
        return Err(bad("it has a user name or a password"));
    }
    Destination::parse(place.scheme(), &place[Position::BeforeHost..Position::AfterPort]).map_err(|error| bad(&error.to_string()))?;
    let mut request = Request::new(Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync());
    *request.uri_mut() = place[..Position::AfterQuery].parse().map_err(|_| bad("it is too long, or has characters that a URL has not"))?;
    destination(&mut request).map_err(|error| bad(&error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::ACCEPT, HeaderValue::from_static(asked.accept));
    if let Some(authorization) = asked.authorization {
        let mut value = HeaderValue::from_str(authorization).map_err(|_| bad("what it is to be asked with is no header"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(request)
}

/// Where an answer leads to.
fn redirected(place: &Url, response: &Response<Incoming>) -> Result<Url, FetchFailure> {
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| place.join(location).ok()).ok_or(FetchFailure::RedirectToNowhere)?;
    if next.scheme() != place.scheme() {
        return Err(FetchFailure::RedirectScheme { from: place.scheme().to_owned(), to: short(next.scheme()) });
    }
    Ok(next)
}

/// How a server wants to be told who asks.
fn challenge(response: &Response<Incoming>) -> String {
    let challenge = response.headers().get(header::WWW_AUTHENTICATE).and_then(|challenge| challenge.to_str().ok());
    challenge.unwrap_or_default().to_owned()
}

fn led_to(place: Option<&str>) -> String {
    place.map(|place| format!("redirected to {place}: ")).unwrap_or_default()
}

/// A URL without what may be a secret: what stands before its host, and its query.
fn shown(place: &Url) -> String {
    let authority = &place[Position::BeforeHost..Position::AfterPort];
    let query = if place.query().is_some() { "?…" } else { "" };
    short(&format!("{}://{authority}{}{query}", place.scheme(), place.path()))
}

/// Words of a server, fit to be printed.
fn short(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests;
