//! A program on its way to a server, and how far it is, for whoever looks at a terminal.
//!
//! It knows bytes and percentages. It must never know where they go.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::io::{IsTerminal, Write, stderr};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes that are sent at once.
const CHUNK_BYTES: usize = 64 << 10;

/// Bytes that are sent one chunk after the other.
pub(crate) struct Upload {
    left: Bytes,
    size_bytes: usize,
    /// What the terminal shows, if there is one.
    percent: Option<usize>,
}

impl Upload {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { size_bytes: bytes.len(), left: bytes, percent: stderr().is_terminal().then_some(0) }
    }

    /// Rewrites the line where it says something else than before.
    fn tell(&mut self) {
        let sent = self.size_bytes - self.left.len();
        let percent = (100 * sent).checked_div(self.size_bytes).unwrap_or(100);
        if self.percent.is_some_and(|shown| shown < percent) {
            self.percent = Some(percent);
            let end = if percent == 100 { "\n" } else { "" };
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "\rSent {percent} %{end}");
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // Whoever asks for the next chunk has sent the last one.
        self.tell();
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let chunk = self.left.len().min(CHUNK_BYTES);
        let chunk = self.left.split_to(chunk);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_are_sent_in_their_order() {
        for size in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let bytes: Vec<u8> = (0..size).map(|index| index as u8).collect();
            let mut upload = Upload::new(bytes.clone().into());
            let mut sent = Vec::new();
            let mut context = Context::from_waker(std::task::Waker::noop());
            while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut upload).poll_frame(&mut context) {
                sent.extend_from_slice(&frame.into_data().unwrap());
            }
            assert_eq!(sent, bytes);
        }
    }
}
