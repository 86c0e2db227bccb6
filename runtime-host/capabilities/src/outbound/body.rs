//! A response body that ends in time and in size.
//!
//! This module knows bytes and silence. It must never know where they come from.

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use wasmtime_wasi_http::Error;

/// The body of a response, and the places that its request holds until it has ended.
pub(super) struct LimitedBody<B = Incoming> {
    /// Gone once it ended or broke off, and its connection with it.
    body: Option<B>,
    bytes_left: u64,
    bytes_max: u64,
    silence_max: Duration,
    /// Set while nothing arrives.
    silence: Option<Pin<Box<Sleep>>>,
    permits: Vec<OwnedSemaphorePermit>,
}

impl<B> LimitedBody<B> {
    pub(super) fn new(body: B, bytes_max: u64, silence_max: Duration, permits: Vec<OwnedSemaphorePermit>) -> Self {
        Self { body: Some(body), bytes_left: bytes_max, bytes_max, silence_max, silence: None, permits }
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, Error> {
        let bytes = frame.data_ref().map_or(0, Buf::remaining) as u64;
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or(Error::HttpResponseBodySize(Some(self.bytes_max)))?;
        Ok(frame)
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        let silence_max = self.silence_max;
        let silence = self.silence.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + silence_max)));
        silence.as_mut().poll(context).map(|()| Error::ConnectionReadTimeout)
    }
}

impl<B> Body for LimitedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let result = match Pin::new(body).poll_frame(context) {
            Poll::Pending => match self.poll_silence(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(error) => Some(Err(error)),
            },
            Poll::Ready(None) => None,
            Poll::Ready(Some(Ok(frame))) => Some(self.take(frame)),
            Poll::Ready(Some(Err(error))) => Some(Err(error.into())),
        };
        self.silence = None;
        if !matches!(result, Some(Ok(_))) {
            self.body = None;
            self.permits.clear();
        }
        Poll::Ready(result)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    /// Never sends anything.
    struct Silent;

    impl Body for Silent {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn silence_ends_a_body_once_and_for_all() {
        for silence_max in [Duration::ZERO, Duration::from_millis(20)] {
            let mut body = LimitedBody::new(Silent, 10, silence_max, Vec::new());
            assert!(matches!(body.frame().await, Some(Err(Error::ConnectionReadTimeout))));
            assert!(body.frame().await.is_none());
        }
    }
}
