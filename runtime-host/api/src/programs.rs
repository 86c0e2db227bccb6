//! What has programs answer HTTP requests, as the control plane sees it.
//!
//! It knows requests and answers. It must never know how a program runs.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use spell_cast::{CastError, Failed, StreamedRequest};
use spell_types::BoxFuture;
use std::error::Error;
use std::net::SocketAddr;

/// A body on its way, in either direction. It is not held anywhere as a whole.
pub type ProgramBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Why a program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// No program can be given the request: why, in words. Nothing was cast.
    #[error("{0}")]
    Request(String),
    /// The cast may not begin, so nothing was cast.
    #[error(transparent)]
    Refused(#[from] CastError),
    /// The cast failed before its answer began.
    #[error(transparent)]
    Cast(#[from] Failed),
}

/// Has programs answer HTTP.
pub trait Programs: Send + Sync {
    /// Has a cast begin, and its program answer a request of the client at an address. The cast ends when the answer does, however that ends;
    /// the time for both is a limit of the cast.
    fn answer<'a>(
        &'a self,
        cast: StreamedRequest,
        request: Request<ProgramBody>,
        client: SocketAddr,
    ) -> BoxFuture<'a, Result<Response<ProgramBody>, NotAnswered>>;
}
