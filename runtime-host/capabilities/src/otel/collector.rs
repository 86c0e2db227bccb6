//! The collector that the operator names, and the way there.
//!
//! This module knows addresses and what a collector is told to let us in. It must never know what is sent.

use super::payload::Signal;
use crate::outbound::{Outbound, OutboundRules, OutboundSession, TlsRoots};
use crate::{Audit, Grants};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use percent_encoding::percent_decode_str;
use spell_policy::{AllowedHosts, Destination};
use spell_types::{Limit, Limits};
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi_http::WasiHttpHooks;

/// The longest that one message may take, its answer included.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// Most bytes of an answer; nobody reads it.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Most headers that a collector is told.
const HEADERS_MAX: usize = 32;

/// Where telemetry is sent. There is no way to print it: the headers are secrets.
#[derive(Clone, Default)]
pub struct TelemetrySettings {
    /// The whole URL that spans are sent to, if they are.
    pub traces: Option<String>,
    /// The same for metrics.
    pub metrics: Option<String>,
    /// The same for log records.
    pub logs: Option<String>,
    /// What every message is sent with: `name=value,name=value`, percent-encoded.
    pub headers: String,
}

/// Why a collector cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// An address is no URL of HTTP.
    #[error("the address that {0} are sent to has to be an http or https URL without user, query and fragment")]
    BadUrl(&'static str),
    /// The headers cannot be sent.
    #[error("the headers of telemetry have to be at most {HEADERS_MAX} of the form name=value, with commas between them")]
    BadHeaders,
}

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error("it cannot be reached")]
    Unreachable,
    #[error("it took longer than {SEND_TIME_MAX:?}")]
    TooSlow,
    #[error("it answered {0}")]
    Refused(StatusCode),
    #[error("its answer is too large, or broke off")]
    BadAnswer,
}

pub(super) struct Collector {
    endpoints: [Option<Uri>; Signal::ALL.len()],
    headers: HeaderMap,
    outbound: Arc<Outbound>,
}

impl Collector {
    /// Prepares the way; nothing is connected yet. The rules say which addresses it may have; of destinations, these are the only ones.
    pub(super) fn new(settings: &TelemetrySettings, rules: OutboundRules, tls: &TlsRoots) -> Result<Collector, TelemetryError> {
        let mut destinations = Vec::new();
        let mut endpoint = |url: &Option<String>, what| url.as_ref().map(|url| read(url, what, &mut destinations)).transpose();
        let endpoints =
            [endpoint(&settings.traces, "spans")?, endpoint(&settings.metrics, "metrics")?, endpoint(&settings.logs, "log records")?];
        let allowed = AllowedHosts::parse(destinations.iter().map(String::as_str)).map_err(|_| TelemetryError::BadUrl("spans"))?;
        let rules = OutboundRules { allowed, first_byte_timeout: SEND_TIME_MAX, between_bytes_timeout: SEND_TIME_MAX, ..rules };
        Ok(Collector { endpoints, headers: read_headers(&settings.headers)?, outbound: Arc::new(Outbound::new(rules, tls)) })
    }

    /// Where things of a kind are sent, if they are.
    pub(super) fn endpoint(&self, signal: Signal) -> Option<&Uri> {
        self.endpoints.get(signal as usize)?.as_ref()
    }

    /// Sends one message. There is no second attempt.
    pub(super) async fn send(&self, endpoint: &Uri, message: String) -> Result<(), SendError> {
        tokio::time::timeout(SEND_TIME_MAX, self.post(endpoint, message)).await.map_err(|_| SendError::TooSlow)?
    }

    async fn post(&self, endpoint: &Uri, message: String) -> Result<(), SendError> {
        let mut request = Request::new(Full::new(Bytes::from(message)).map_err(|never| match never {}).boxed_unsync());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.clone();
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let way = Arc::new(Grants { outbound: Some(Arc::clone(&self.outbound)), audit: Audit::default(), ..Grants::none("(telemetry)") });
        let mut limits = Limits::default();
        limits.set(Limit::OutboundRequests, 1);
        let sent = OutboundSession::new(way, &limits).send_request(request, None, Box::new(std::future::ready(Ok(()))));
        let (response, _) = Box::into_pin(sent).await.map_err(|_| SendError::Unreachable)?;
        let status = response.status();
        // Read to its end, so that the connection can be used again.
        Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|_| SendError::BadAnswer)?;
        if status.is_success() { Ok(()) } else { Err(SendError::Refused(status)) }
    }
}

fn read(url: &str, what: &'static str, destinations: &mut Vec<String>) -> Result<Uri, TelemetryError> {
    let bad = TelemetryError::BadUrl(what);
    let Ok(uri) = url.parse::<Uri>() else { return Err(bad) };
    let (Some(scheme @ ("http" | "https")), Some(authority), None) = (uri.scheme_str(), uri.authority(), uri.query()) else {
        return Err(bad);
    };
    let Ok(destination) = Destination::parse(scheme, authority.as_str()) else { return Err(bad) };
    destinations.push(destination.to_string());
    Ok(uri)
}

fn read_headers(text: &str) -> Result<HeaderMap, TelemetryError> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(TelemetryError::BadHeaders)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| TelemetryError::BadHeaders)?;
        let value: Vec<u8> = percent_decode_str(value.trim()).collect();
        let mut value = HeaderValue::try_from(value).map_err(|_| TelemetryError::BadHeaders)?;
        value.set_sensitive(true);
        if headers.len() == HEADERS_MAX || crate::outbound::is_forbidden(&name) || name == header::CONTENT_LENGTH {
            return Err(TelemetryError::BadHeaders);
        }
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_cannot_work_are_refused() {
        let tls = TlsRoots::web().unwrap();
        let new = |url: &str| {
            let settings = TelemetrySettings { logs: Some(url.to_owned()), ..TelemetrySettings::default() };
            Collector::new(&settings, OutboundRules::default(), &tls).map(|collector| collector.endpoint(Signal::Logs).cloned())
        };
        assert_eq!(new("http://127.0.0.1:4318/v1/logs").unwrap().unwrap().path(), "/v1/logs");
        assert_eq!(new("https://collector.example.com").unwrap().unwrap().path(), "/");
        for url in ["", "collector:4318", "grpc://collector:4317", "http://user@collector", "http://collector/?a=b", "https://0x7f000001"] {
            assert!(matches!(new(url), Err(TelemetryError::BadUrl("log records"))), "{url}");
        }
    }

    #[test]
    fn headers_are_read_whole_or_refused() {
        let headers = read_headers("authorization=Basic%20aGk%3D, x-tenant=a=b,").unwrap();
        assert_eq!((&headers["authorization"], &headers["x-tenant"]), (&"Basic aGk=".parse().unwrap(), &"a=b".parse().unwrap()));
        let many: Vec<String> = (0..33).map(|index| format!("x-{index}=1")).collect();
        for text in ["a", "=b", "a b=c", "a=%0ab", "host=other", "content-length=3", &many.join(",")] {
            assert!(read_headers(text).is_err(), "{text}");
        }
    }
}
