//! Bodies on their way through: the request's, counted and bounded, and the guest's answer, streamed as it is made.

use crate::recording::Recording;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use spell_engine::Failure;
use spell_types::{Limit, Outcome};
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::{Error, WasiBody};

/// What is known of a request body from outside the guest that reads it.
#[derive(Default)]
pub(crate) struct BytesIn {
    total: AtomicU64,
    too_large: AtomicBool,
}

impl BytesIn {
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Whether the body went over its limit and was cut there.
    pub(crate) fn too_large(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }
}

/// The body of a request as it comes in.
pub trait RequestSource: Body<Data = Bytes, Error: Into<Error>> + Send + Unpin + 'static {}

impl<B: Body<Data = Bytes, Error: Into<Error>> + Send + Unpin + 'static> RequestSource for B {}

/// A request body that ends in an error where it goes over its limit.
pub(crate) struct RequestBody<B> {
    incoming: B,
    bytes_in: Arc<BytesIn>,
    bytes_max: u64,
}

impl<B> RequestBody<B> {
    pub(crate) fn new(incoming: B, bytes_in: Arc<BytesIn>, bytes_max: u64) -> Self {
        Self { incoming, bytes_in, bytes_max }
    }
}

impl<B: RequestSource> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        let Some(Ok(frame)) = frame else { return Poll::Ready(frame.map(|error| error.map_err(Into::into))) };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        if self.bytes_in.total.fetch_add(length, Ordering::Relaxed).saturating_add(length) > self.bytes_max {
            self.bytes_in.too_large.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(self.bytes_max)))));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// The transfer of an answer that had begun was broken off; its client must not take it for whole.
#[derive(Debug, thiserror::Error)]
#[error("the answer was broken off: {0:?}")]
pub struct BrokenOff(Outcome);

/// A body that the data plane sends. Polling it runs the guest that writes it; dropping it ends that guest.
pub struct ResponseBody(Source);

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self(Source::Whole(None))
    }

    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Source::Whole(Some(bytes.into())))
    }

    pub(crate) fn guest(body: GuestBody) -> Self {
        Self(Source::Guest(Box::new(body)))
    }
}

/// Who speaks.
enum Source {
    /// The host itself.
    Whole(Option<Bytes>),
    /// A guest.
    Guest(Box<GuestBody>),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut self.get_mut().0 {
            Source::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Guest(body) => body.poll_send(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Source::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Source::Guest(body) => body.ended && body.buffered.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            // Where the head promises a length, that is what counts, and whether it was kept is seen to elsewhere.
            Source::Guest(body) if body.ended && !body.has_trailers && body.promised.is_none() => SizeHint::with_exact(body.buffered_bytes),
            Source::Guest(_) => SizeHint::default(),
        }
    }
}

/// Bytes of an answer that are taken in before its head is sent, so that short answers leave in one piece.
const BUFFERED_BYTES_MAX: u64 = 64 << 10;

/// A guest's answer. Polling it runs the guest; dropping it ends the guest.
pub(crate) struct GuestBody {
    /// Taken out only when the guest outlives its answer.
    recording: Option<Recording>,
    body: WasiBody,
    buffered: VecDeque<Frame<Bytes>>,
    buffered_bytes: u64,
    /// Bytes received from the guest.
    received: u64,
    bytes_max: u64,
    /// The length that the answer's head promises.
    promised: Option<u64>,
    /// Whether the client gets a body at all. What the guest writes regardless is thrown away.
    is_sent: bool,
    ended: bool,
    has_trailers: bool,
}

impl GuestBody {
    pub(crate) fn new(recording: Recording, body: WasiBody, promised: Option<u64>, is_sent: bool) -> Self {
        let bytes_max = recording.component.limits.get(Limit::Response);
        Self {
            recording: Some(recording),
            body,
            buffered: VecDeque::new(),
            buffered_bytes: 0,
            received: 0,
            bytes_max,
            promised,
            is_sent,
            ended: false,
            has_trailers: false,
        }
    }

    /// Takes in what is ready of the answer. An error here still comes before the head is sent.
    pub(crate) fn fill(&mut self, context: &mut Context<'_>) -> Result<(), Outcome> {
        while self.buffered_bytes < BUFFERED_BYTES_MAX {
            match self.poll_receive(context) {
                Poll::Ready(Some(frame)) => {
                    let frame = frame?;
                    self.buffered_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                    self.buffered.push_back(frame);
                }
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Gives the recording back, for an answer that will not be sent.
    pub(crate) fn into_recording(mut self) -> Option<Recording> {
        self.recording.take()
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let frame = match self.buffered.pop_front() {
            Some(frame) => frame,
            None => match ready!(self.poll_receive(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(outcome)) => return Poll::Ready(Some(Err(BrokenOff(outcome)))),
                None => return Poll::Ready(None),
            },
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.buffered_bytes = self.buffered_bytes.saturating_sub(length);
        if let Some(recording) = &mut self.recording {
            recording.bytes_out += length;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Outcome>>> {
        let Some(recording) = self.recording.as_mut().filter(|_| !self.ended) else { return Poll::Ready(None) };
        if let Poll::Ready(Err(failure)) = recording.poll_guest(context) {
            return self.fail(failure_outcome(&failure));
        }
        match poll_something(Pin::new(&mut self.body), context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.has_trailers |= frame.is_trailers();
                if self.received > self.bytes_max {
                    self.fail(Outcome::LimitExceeded(Limit::Response))
                } else if self.is_sent && self.promised.is_some_and(|promised| self.received > promised) {
                    self.fail(Outcome::BadResponse)
                } else {
                    Poll::Ready(Some(Ok(frame)))
                }
            }
            Poll::Ready(Some(Err(_))) => {
                let too_large = recording.bytes_in.too_large();
                self.fail(if too_large { Outcome::LimitExceeded(Limit::Request) } else { Outcome::BadResponse })
            }
            Poll::Ready(None) => {
                // The guest may have ended with an error in the same breath as its body.
                if let Poll::Ready(Err(failure)) = recording.poll_guest(context) {
                    return self.fail(failure_outcome(&failure));
                }
                // A client that was promised more would take the next answer for the rest of this one.
                if self.is_sent && self.promised.is_some_and(|promised| self.received < promised) {
                    return self.fail(Outcome::BadResponse);
                }
                recording.outcome = Some(Outcome::Completed);
                self.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => match recording.poll_deadline(context) {
                Poll::Ready(()) => self.fail(Outcome::LimitExceeded(Limit::Time)),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn fail(&mut self, outcome: Outcome) -> Poll<Option<Result<Frame<Bytes>, Outcome>>> {
        self.ended = true;
        if let Some(recording) = &mut self.recording {
            recording.outcome = Some(outcome);
            recording.end_guest();
        }
        Poll::Ready(Some(Err(outcome)))
    }
}

impl Drop for GuestBody {
    fn drop(&mut self) {
        let Some(mut recording) = self.recording.take() else { return };
        // An answer whose promised bytes are out is complete, though nobody asked for its end.
        let due = if self.is_sent { self.promised } else { Some(0) };
        if recording.outcome.is_none() && due.is_some_and(|due| recording.bytes_out >= due) {
            recording.outcome = Some(Outcome::Completed);
        }
        if recording.outcome == Some(Outcome::Completed) && recording.guest_is_running() {
            finish_in_background(recording);
        }
    }
}

/// Empty pieces of a body that are passed over before others get their turn.
const EMPTY_FRAMES_MAX: usize = 64;

/// The next frame that holds something. A guest can write nothing for ever: it must neither keep this thread nor fill a queue.
fn poll_something(mut body: Pin<&mut WasiBody>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
    for _ in 0..EMPTY_FRAMES_MAX {
        match body.as_mut().poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) if frame.data_ref().is_some_and(Bytes::is_empty) => {}
            polled => return polled,
        }
    }
    // Comes back after everybody else. It is never ready at first.
    let _ = pin!(tokio::task::yield_now()).poll(context);
    Poll::Pending
}

/// Lets a guest that has answered run on to its end, within its limits and in its place.
fn finish_in_background(mut recording: Recording) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    runtime.spawn(async move {
        if let Err(failure) = std::future::poll_fn(|context| recording.poll_guest_or_deadline(context)).await {
            recording.end_as(failure_outcome(&failure));
        }
    });
}

/// How a failure is recorded.
pub(crate) fn failure_outcome(failure: &Failure) -> Outcome {
    match failure {
        Failure::Limit(limit) => Outcome::LimitExceeded(*limit),
        Failure::Trap(_) | Failure::NoResponse | Failure::GuestError(_) => Outcome::Trapped,
        Failure::PoolFull => Outcome::HostBusy,
        Failure::Host(_) => Outcome::HostFailed,
    }
}
