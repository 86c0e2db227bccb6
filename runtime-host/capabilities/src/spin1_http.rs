//! Outbound HTTP as Spin 1 had it: `fermyon:spin/http`, a request and a whole answer. It takes the same way out as every other request:
//! no redirect is followed.
//!
//! This module knows the old shape of requests and answers. It must never know a rule.

use crate::Host;
use crate::bindings::spin1::{http as v1, http_types as types};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpHooks};

type HttpError = types::HttpError;

fn request(given: types::Request) -> Result<Request<WasiBody>, HttpError> {
    let method = match given.method {
        types::Method::Get => Method::GET,
        types::Method::Post => Method::POST,
        types::Method::Put => Method::PUT,
        types::Method::Delete => Method::DELETE,
        types::Method::Patch => Method::PATCH,
        types::Method::Head => Method::HEAD,
        types::Method::Options => Method::OPTIONS,
    };
    let body = Full::new(Bytes::from(given.body.unwrap_or_default())).map_err(|never| match never {}).boxed_unsync();
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // A user name in it is refused further on, like everything that is no plain destination.
    *request.uri_mut() = given.uri.parse().map_err(|_| HttpError::InvalidUrl)?;
    *request.headers_mut() = headers(given.headers)?;
    Ok(request)
}

/// The guest's headers, without those that are the host's to set.
fn headers(given: Vec<(String, String)>) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let name = HeaderName::try_from(name).map_err(|_| HttpError::RequestError)?;
        let value = HeaderValue::try_from(value).map_err(|_| HttpError::RequestError)?;
        // The length is that of the body, whatever is said of it.
        if !crate::outbound::is_forbidden(&name) && name != header::CONTENT_LENGTH {
            headers.try_append(name, value).map_err(|_| HttpError::RequestError)?;
        }
    }
    Ok(headers)
}

async fn whole(response: Response<WasiBody>, bytes_max: usize) -> Result<types::Response, HttpError> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, bytes_max).collect().await.map_err(|_| HttpError::RuntimeError)?.to_bytes();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Ok(types::Response { status: parts.status.as_u16(), headers: Some(headers), body: Some(body.to_vec()) })
}

fn failure(error: &Error) -> HttpError {
    match error {
        Error::HttpRequestDenied | Error::DestinationIpProhibited => HttpError::DestinationNotAllowed,
        Error::HttpRequestUriInvalid | Error::HttpRequestUriTooLong => HttpError::InvalidUrl,
        Error::ConnectionLimitReached => HttpError::TooManyRequests,
        _ => HttpError::RequestError,
    }
}

impl types::Host for Host {}

impl v1::Host for Host {
    async fn send_request(&mut self, given: types::Request) -> wasmtime::Result<Result<types::Response, HttpError>> {
        let request = match request(given) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        let bytes_max = self.outbound.whole_bytes_max();
        let sent = self.outbound.send_request(request, None, Box::new(std::future::ready(Ok(()))));
        Ok(match Box::into_pin(sent).await {
            Ok((response, _)) => whole(response, bytes_max).await,
            Err(error) => Err(failure(&error)),
        })
    }
}
