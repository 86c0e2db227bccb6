//! A connection that ends when an answer becomes too large.
//!
//! This module knows bytes. It must never know what they mean, nor who sends them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

/// An answer was larger than the operator lets it be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is larger than {0} bytes, the limit outbound.query_bytes")]
pub(crate) struct AnswerTooLarge(u64);

/// What is left of the bytes that an answer may have; all clones are one bound.
#[derive(Debug, Clone)]
pub(crate) struct AnswerBound {
    left: Arc<AtomicU64>,
    max: u64,
}

impl AnswerBound {
    pub(crate) fn new(max: u64) -> AnswerBound {
        AnswerBound { left: Arc::new(AtomicU64::new(max)), max }
    }

    /// Another answer begins.
    pub(crate) fn renew(&self) {
        self.left.store(self.max, Ordering::Relaxed);
    }

    /// Takes bytes off. Whoever keeps an answer in a larger form than it came in takes off the difference.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), AnswerTooLarge> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| AnswerTooLarge(self.max))
    }

    /// Whether so many bytes are left, without taking them.
    pub(crate) fn has(&self, bytes: u64) -> Result<(), AnswerTooLarge> {
        if self.left.load(Ordering::Relaxed) >= bytes { Ok(()) } else { Err(AnswerTooLarge(self.max)) }
    }
}

/// Bytes in and out, with TLS or without.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a checked address, and the places that it holds as long as it lives.
pub(crate) struct CheckedStream {
    tcp: TcpStream,
    bound: AnswerBound,
    _places: Vec<OwnedSemaphorePermit>,
}

impl CheckedStream {
    pub(super) fn new(tcp: TcpStream, bound: AnswerBound, places: Vec<OwnedSemaphorePermit>) -> CheckedStream {
        CheckedStream { tcp, bound, _places: places }
    }
}

impl AsyncRead for CheckedStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.tcp).poll_read(context, buffer);
        if matches!(read, Poll::Ready(Ok(()))) {
            let bytes = buffer.filled().len().saturating_sub(before);
            self.bound.charge(bytes as u64).map_err(io::Error::other)?;
        }
        read
    }
}

impl AsyncWrite for CheckedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_met_once_its_bytes_are_gone_and_new_for_each_answer() {
        let bound = AnswerBound::new(10);
        assert!(bound.charge(4).is_ok() && bound.charge(6).is_ok());
        assert_eq!(bound.charge(1), Err(AnswerTooLarge(10)));
        assert_eq!(bound.has(1), Err(AnswerTooLarge(10)));
        bound.renew();
        assert!(bound.has(10).is_ok());
        assert_eq!(bound.charge(11), Err(AnswerTooLarge(10)));
        assert!(bound.charge(10).is_ok(), "what could not be taken was not taken");
    }
}
