//! Deliveries to webhooks as they stand in requests, signed by Standard Webhooks 1.0, and what the answers mean.
//!
//! It knows headers and statuses. It must never know how a request is sent, or when.

use crate::platform::cast_wire::CastShown;
use crate::platform::wire::moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use http::{Request, Response, StatusCode};
use serde::Serialize;
use spell_cast::{Handed, Letter, Verdict};
use std::time::{Duration, SystemTime};

/// Bytes that the answer to a delivery may have. Nobody reads them.
pub const WEBHOOK_ANSWER_BYTES_MAX: u64 = 64 << 10;
const AGENT: &str = "Spell-Platform-Webhook/1.0";

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    event: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Cast(Box<CastShown<'a>>),
    Test { webhook_id: &'a str },
}

/// A delivery cannot be written as a request.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// Its body cannot.
    #[error("the event cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Its URL, or a header, cannot.
    #[error("the request cannot be written: {0}")]
    Http(#[from] http::Error),
}

/// The request that hands a letter over.
pub fn webhook_request(letter: &Letter) -> Result<Request<Bytes>, Unwritable> {
    let data = match &letter.cast {
        Some(cast) => Data::Cast(Box::new(CastShown::listed(cast))),
        None => Data::Test { webhook_id: &letter.webhook_id },
    };
    let payload = Payload { event: letter.event.name(), timestamp: moment(letter.created_at), data };
    let body = serde_json::to_vec(&payload)?;
    let sent_at_s = letter.sent_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs().to_string();
    let request = Request::post(&letter.url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header("webhook-id", &letter.id)
        .header("webhook-timestamp", &sent_at_s)
        .header("webhook-signature", signatures(letter, &sent_at_s, &body))
        .header("x-spell-event", letter.event.name())
        .header("x-spell-delivery-attempt", letter.attempt);
    let request = match &letter.cast {
        Some(cast) => request.header("x-spell-cast-id", &cast.id),
        None => request,
    };
    Ok(request.body(body.into())?)
}

/// One signature for each secret, with a space between two.
fn signatures(letter: &Letter, sent_at_s: &str, body: &[u8]) -> String {
    let message = [letter.id.as_bytes(), b".", sent_at_s.as_bytes(), b".", body].concat();
    let signed = letter.secrets.iter().map(|secret| format!("v1,{}", STANDARD.encode(secret.sign(&message))));
    signed.collect::<Vec<_>>().join(" ")
}

/// What an endpoint's answer means for a letter.
pub fn webhook_answered(answer: &Response<Bytes>, now: SystemTime) -> Handed {
    let status = answer.status();
    let (verdict, error) = match status {
        _ if status.is_success() => (Verdict::Taken, None),
        StatusCode::GONE => (Verdict::Gone, Some(format!("it answered {status}, so the webhook was switched off"))),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            (Verdict::Again(retry_after(answer.headers(), now)), Some(format!("it answered {status}")))
        }
        _ if status.is_redirection() => (Verdict::Again(None), Some(format!("it answered {status}, and redirects are not followed"))),
        _ => (Verdict::Again(None), Some(format!("it answered {status}"))),
    };
    Handed { verdict, status: Some(status.as_u16()), error }
}

/// How long an endpoint asks to be left alone, in seconds or until a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let until = || httpdate::parse_http_date(asked).ok()?.duration_since(now).ok();
    asked.parse().ok().map(Duration::from_secs).or_else(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_means_what_its_status_says() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let (again, s) = (|asked: Option<u64>| Verdict::Again(asked.map(Duration::from_secs)), Some("Sun, 06 Nov 1994 08:50:37 GMT"));
        for (status, header, expected) in [
            (200, None, Verdict::Taken),
            (204, None, Verdict::Taken),
            (302, None, again(None)),
            (400, Some("60"), again(None)),
            (410, None, Verdict::Gone),
            (429, Some("60"), again(Some(60))),
            (503, s, again(Some(60))),
            (503, Some("-1"), again(None)),
            (503, Some("Sun, 06 Nov 1994 08:49:36 GMT"), again(None)),
            (429, Some("soon"), again(None)),
            (500, None, again(None)),
        ] {
            let mut answer = Response::builder().status(status).body(Bytes::new()).unwrap();
            answer.headers_mut().extend(header.map(|value| (RETRY_AFTER, value.parse().unwrap())));
            let handed = webhook_answered(&answer, now);
            assert_eq!((handed.verdict, handed.status), (expected, Some(status)), "{status} {header:?}");
            assert_eq!(handed.error.is_none(), expected == Verdict::Taken);
        }
    }
}
