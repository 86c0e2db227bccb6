//! What the host asks for over HTTP by itself, such as programs, from URLs that the author of a manifest or a tenant has named.
//!
//! This module knows redirects, limits and time. It must never know what is fetched, or where it is kept. It is the only one that follows
//! a redirect: where it leads is judged and dialled like the first URL. A call (`call`) follows none.

mod call;
mod failure;

pub use failure::{FetchError, FetchFailure};

use super::body::LimitedBody;
use super::connector::{DIALLING, Dialling};
use super::{Outbound, OutboundRules, TIMEOUT_MAX, TlsRoots, destination, failure as cause};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use spell_policy::{AddressPolicy, Destination};
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
            let response = self.ask(request(Ask { authorization, ..asked }, place)?).await?;
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

    async fn ask(&self, request: Request<WasiBody>) -> Result<Response<Incoming>, FetchFailure> {
        let within = self.rules.first_byte_timeout.min(TIMEOUT_MAX);
        let dialling = Dialling { timeout: self.rules.connect_timeout.min(TIMEOUT_MAX), refused: Box::new(|_| {}) };
        let sent = DIALLING.scope(dialling, self.outbound.client().request(request));
        match tokio::time::timeout(within, sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(match cause::address_refused(&error) {
                Some(reason) => FetchFailure::AddressRefused(reason),
                None => FetchFailure::Unreachable(short(&cause::innermost(&error).to_string())),
            }),
            Err(_) => Err(FetchFailure::NoAnswer(within)),
        }
    }

    async fn take(&self, response: Response<Incoming>, bytes_max: u64, sink: &mut FetchSink<'_>) -> Result<(), FetchFailure> {
        let encodings = response.headers().get_all(header::CONTENT_ENCODING);
        if encodings.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(FetchFailure::Encoded);
        }
        let expected = response.body().size_hint().exact();
        self.read(response.into_body(), bytes_max, &mut |bytes| sink(bytes, expected)).await
    }

    /// Reads a body of at most so many bytes, piece by piece.
    async fn read(
        &self,
        body: Incoming,
        bytes_max: u64,
        sink: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), FetchFailure> {
        if body.size_hint().exact().is_some_and(|expected| expected > bytes_max) {
            return Err(FetchFailure::TooLarge(bytes_max));
        }
        let silence_max = self.rules.between_bytes_timeout.min(TIMEOUT_MAX);
        let mut body = LimitedBody::new(body, bytes_max, silence_max, Vec::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match error {
                Error::HttpResponseBodySize(_) => FetchFailure::TooLarge(bytes_max),
                Error::ConnectionReadTimeout => FetchFailure::Silent(silence_max),
                error => FetchFailure::Broken(short(&error.to_string())),
            })?;
            if let Some(bytes) = frame.data_ref() {
                sink(bytes)?;
            }
        }
        Ok(())
    }
}

/// What is asked at a place.
fn request(asked: Ask<'_>, place: &Url) -> Result<Request<WasiBody>, FetchFailure> {
    let mut request = Request::new(Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync());
    address(&mut request, place)?;
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

/// Has a request go to a place. Nothing of the place but its destination, path and query is sent.
fn address(request: &mut Request<WasiBody>, place: &Url) -> Result<(), FetchFailure> {
    if !matches!(place.scheme(), "http" | "https") {
        return Err(bad("its scheme is neither `http` nor `https`"));
    }
    if !place.username().is_empty() || place.password().is_some() {
        return Err(bad("it has a user name or a password"));
    }
    Destination::parse(place.scheme(), &place[Position::BeforeHost..Position::AfterPort]).map_err(|error| bad(&error.to_string()))?;
    *request.uri_mut() = place[..Position::AfterQuery].parse().map_err(|_| bad("it is too long, or has characters that a URL has not"))?;
    destination(request).map_err(|error| bad(&error.to_string()))?;
    Ok(())
}

fn bad(reason: &str) -> FetchFailure {
    FetchFailure::BadUrl(reason.to_owned())
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
