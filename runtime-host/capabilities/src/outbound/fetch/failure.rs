//! Why the host could not fetch something, or call somebody.
//!
//! This module knows what went wrong, and words for it. It must never know how to ask.

use super::REDIRECTS_MAX;
use http::StatusCode;
use spell_policy::AddressRefused;
use std::io;
use std::time::Duration;

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
    /// The answer to a call was not whole in time.
    #[error("there was no whole answer within {0:?}")]
    AnswerTooSlow(Duration),
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
    #[error("it is larger than {}", size(*.0))]
    TooLarge(u64),
    /// Not all of it arrived.
    #[error("it broke off: {0}")]
    Broken(String),
    /// It could not be written.
    #[error("it cannot be written: {0}")]
    NotKept(#[from] io::Error),
}

fn led_to(place: Option<&str>) -> String {
    place.map(|place| format!("redirected to {place}: ")).unwrap_or_default()
}

/// A number of bytes, in the largest unit that it fills.
fn size(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}
