//! A call of the host's own: any request to one place, and whatever is answered there.
//!
//! This module knows one request and one answer. It must never know what a status means, or who is called.

use super::super::{TIMEOUT_MAX, is_forbidden};
use super::{FetchError, FetchFailure, Fetcher, USER_AGENT, address, bad};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use spell_policy::{Destination, Host};
use url::Url;
use wasmtime_wasi_http::WasiBody;

impl Fetcher {
    /// Whether a URL can be called, as far as it can be told without asking anybody: where its name leads is judged when it is called.
    pub fn judge(&self, url: &str) -> Result<(), FetchError> {
        self.judged(url).map_err(|failure| FetchError { redirected_to: None, failure })
    }

    fn judged(&self, url: &str) -> Result<(), FetchFailure> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.parse().map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
        let addressed = addressed(request)?;
        let (scheme, authority) = (addressed.uri().scheme_str(), addressed.uri().authority());
        let (scheme, authority) = scheme.zip(authority).ok_or_else(|| bad("it has no host"))?;
        let destination = Destination::parse(scheme, authority.as_str()).map_err(|error| bad(&error.to_string()))?;
        match destination.host() {
            Host::Address(address) => self.rules.addresses.check(address.to_canonical()).map_err(FetchFailure::AddressRefused),
            Host::Name(_) => Ok(()),
        }
    }

    /// Sends a request to the place of its URL, once, and takes the answer, whatever its status: no redirect is followed. The place is
    /// judged as those of guests are, and the body of the answer has at most `bytes_max` bytes.
    pub async fn call(&self, request: Request<Bytes>, bytes_max: u64) -> Result<Response<Bytes>, FetchError> {
        let within = self.rules.whole_timeout.min(TIMEOUT_MAX);
        let called = tokio::time::timeout(within, self.exchange(request, bytes_max)).await;
        let called = called.unwrap_or(Err(FetchFailure::AnswerTooSlow(within)));
        called.map_err(|failure| FetchError { redirected_to: None, failure })
    }

    async fn exchange(&self, request: Request<Bytes>, bytes_max: u64) -> Result<Response<Bytes>, FetchFailure> {
        let (head, body) = self.ask(addressed(request)?).await?.into_parts();
        let mut taken = Vec::new();
        let mut take = |bytes: &[u8]| {
            taken.extend_from_slice(bytes);
            Ok(())
        };
        self.read(body, bytes_max, &mut take).await?;
        Ok(Response::from_parts(head, taken.into()))
    }
}

/// The request as it is sent: read by the same code as all URLs, and without headers that say how it is sent.
fn addressed(request: Request<Bytes>) -> Result<Request<WasiBody>, FetchFailure> {
    let place = Url::parse(&request.uri().to_string()).map_err(|error| FetchFailure::BadUrl(error.to_string()))?;
    let (head, body) = request.into_parts();
    let mut addressed = Request::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *addressed.method_mut() = head.method;
    *addressed.headers_mut() = sendable(head.headers);
    address(&mut addressed, &place)?;
    Ok(addressed)
}

fn sendable(mut headers: HeaderMap) -> HeaderMap {
    let unsendable: Vec<HeaderName> = headers.keys().filter(|name| is_forbidden(name)).cloned().collect();
    for name in unsendable {
        headers.remove(name);
    }
    // The body says it itself.
    headers.remove(header::CONTENT_LENGTH);
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
    headers
}
