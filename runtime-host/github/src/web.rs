//! How this room asks over HTTP. It knows requests and answers; it must never know how they get there.

use bytes::Bytes;
use http::{Request, Response};
use spell_types::BoxFuture;

/// Asks one place, once, follows no redirect, and takes at most so many bytes of an answer.
pub trait Web: Send + Sync {
    /// Sends a request, and takes the answer, whatever its status.
    fn call(&self, request: Request<Bytes>, bytes_max: u64) -> BoxFuture<'_, Result<Response<Bytes>, WebError>>;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebError {
    /// Nothing was sent.
    #[error("{0}")]
    NotSent(String),
    /// The answer is larger than it may be.
    #[error("{0}")]
    TooLarge(String),
    /// Nobody can say whether it arrived.
    #[error("{0}")]
    NoAnswer(String),
}
