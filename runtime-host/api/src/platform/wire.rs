//! How answers are written: JSON, and times as ISO 8601 has them.
//!
//! It knows forms. It must never know what is said.

use crate::platform::problem::{Problem, Refusal};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use std::time::{Duration, SystemTime};
use time::{Date, OffsetDateTime};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const DAY_S: u64 = 24 * 60 * 60;
const MIB: f64 = 1_048_576.0;

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(|_| unwritable())?;
    let mut response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(response)
}

pub(crate) fn unwritable() -> Problem {
    Problem::new(Refusal::HostFailed, "the answer cannot be written as JSON")
}

/// A moment in UTC, such as `2026-01-31T09:05:07.042Z`.
pub(crate) fn moment(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let at = at(since.as_secs());
    format!("{}T{:02}:{:02}:{:02}.{:03}Z", date(at.date()), at.hour(), at.minute(), at.second(), since.subsec_millis())
}

/// A number with two decimals.
pub(crate) fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A time in milliseconds, with two decimals.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    hundredths(time.as_secs_f64() * 1_000.0)
}

/// Bytes in mebibytes, with two decimals.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    hundredths(bytes as f64 / MIB)
}

/// A day, given as days since 1970-01-01.
pub(crate) fn day(days: u64) -> String {
    date(at(days.saturating_mul(DAY_S)).date())
}

/// What lies behind the year 9999 is shown as 1970.
fn at(seconds: u64) -> OffsetDateTime {
    let at = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_with_milliseconds() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(moment(SystemTime::UNIX_EPOCH + Duration::from_millis(ms)), expected);
        }
        assert_eq!((day(0).as_str(), day(11_016).as_str(), day(u64::MAX).as_str()), ("1970-01-01", "2000-02-29", "1970-01-01"));
    }
}
