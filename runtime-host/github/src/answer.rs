//! What an answer of GitHub's API means: done, later, broken, or no.
//!
//! It knows statuses and the headers of limits:
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>. It must never know what was asked.

use crate::credentials::Secret;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long GitHub asks to wait where it does not say so.
const LIMITED_TIME: Duration = Duration::from_secs(60);
const LIMITED_TIME_MAX: Duration = Duration::from_secs(60 * 60);
/// Characters of what GitHub says that are shown.
const SHOWN_CHARACTERS_MAX: usize = 200;

/// What was answered.
#[derive(Debug)]
pub(crate) enum Said {
    /// It is done, or where it is instead: a status below 400.
    Done(Response<Bytes>),
    /// Too much was asked for. Nothing was done; asking again is welcome after this time.
    Limited(Duration),
    /// GitHub failed; nobody can say what it did.
    Failed(String),
    /// There was no answer; nobody can say whether it arrived.
    Nothing(String),
    /// The answer is none.
    Broken(String),
    /// The answer is too large.
    TooLarge(String),
    /// No.
    Refused { status: StatusCode, message: String },
    /// Nothing was sent.
    Unsendable(String),
}

impl Said {
    /// Why it is not done, in words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Said::Done(response) => format!("GitHub answered {}", response.status()),
            Said::Limited(_) => "GitHub's limit of requests is reached".to_owned(),
            Said::Failed(reason) | Said::Nothing(reason) | Said::Broken(reason) | Said::TooLarge(reason) | Said::Unsendable(reason) => {
                reason.clone()
            }
            Said::Refused { status, message } => format!("GitHub answered {status}: {message}"),
        }
    }
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

/// What an answer means; what it says is shown without the secret that was shown to it.
pub(crate) fn said(response: Response<Bytes>, secret: &Secret, now: SystemTime) -> Said {
    let status = response.status();
    if status.as_u16() < 400 {
        return Said::Done(response);
    }
    let message = serde_json::from_slice::<Message>(response.body()).map(|said| said.message).unwrap_or_default();
    if let Some(wait) = limited(status, response.headers(), &message, now) {
        return Said::Limited(wait.min(LIMITED_TIME_MAX));
    }
    let message = short(&message.replace(secret.expose(), "…"));
    if status.is_server_error() { Said::Failed(format!("GitHub answered {status}")) } else { Said::Refused { status, message } }
}

/// How long to wait, if too much was asked for. A limit is told by 403 as well as by 429.
fn limited(status: StatusCode, headers: &HeaderMap, message: &str, now: SystemTime) -> Option<Duration> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        return Some(Duration::from_secs(seconds));
    }
    if number("x-ratelimit-remaining") == Some(0) {
        let at = number("x-ratelimit-reset").and_then(|reset| UNIX_EPOCH.checked_add(Duration::from_secs(reset)));
        // A second more: they are cut to whole ones.
        let left = at.map(|at| at.duration_since(now).unwrap_or(Duration::ZERO) + Duration::from_secs(1));
        return Some(left.unwrap_or(LIMITED_TIME));
    }
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS || message.to_ascii_lowercase().contains("rate limit");
    is_limit.then_some(LIMITED_TIME)
}

/// Words of a server, fit to be shown.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(status: u16, headers: &[(&str, &str)], message: &str) -> Said {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let body = serde_json::json!({ "message": message }).to_string();
        said(response.body(body.into()).unwrap(), &Secret::new("ghp_x"), UNIX_EPOCH + Duration::from_secs(100))
    }

    #[test]
    fn a_limit_says_how_long_to_wait() {
        for (status, headers, message, expected_s) in [
            (429, &[("retry-after", "7")][..], "", Some(7)),
            (403, &[("retry-after", "7")], "", Some(7)),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "130")], "", Some(31)),
            (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "", Some(1)),
            (403, &[], "You have exceeded a secondary rate limit.", Some(60)),
            (429, &[], "", Some(60)),
            (429, &[("retry-after", "99999999")], "", Some(3_600)),
            (403, &[("x-ratelimit-remaining", "9")], "Resource not accessible", None),
            (404, &[("retry-after", "7")], "", None),
        ] {
            let waits = match meant(status, headers, message) {
                Said::Limited(wait) => Some(wait.as_secs()),
                _ => None,
            };
            assert_eq!(waits, expected_s, "{status} {headers:?} {message}");
        }
    }

    #[test]
    fn what_github_says_is_shown_short_and_without_the_token() {
        let Said::Refused { message, .. } = meant(404, &[], &format!("no ghp_x\n{}", "x".repeat(999))) else { panic!("it is refused") };
        assert!(message.starts_with("no …\u{fffd}x") && message.chars().count() == 200, "{message}");
        assert!(matches!(meant(502, &[], ""), Said::Failed(_)));
    }
}
