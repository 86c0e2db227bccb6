//! How long a client is waited for: nobody waits while its request is answered, and whoever does so for too long goes.
//!
//! It knows one deadline. It must never know what is waited for.

use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The deadline of one connection, which there is while its client is to do something.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    until: watch::Sender<Option<Instant>>,
    time_max: Duration,
}

/// While this lives, there is no deadline.
#[derive(Debug)]
pub(crate) struct Suspended(Patience);

/// A body whose client has its time to read what there is, and is not blamed while there is nothing.
#[derive(Debug)]
pub(crate) struct Paced<B> {
    body: B,
    patience: Patience,
    /// While the host has nothing to send.
    suspended: Option<Suspended>,
}

impl Patience {
    /// The client is to do something from now on.
    pub(crate) fn new(time_max: Duration) -> Self {
        Self { until: watch::Sender::new(Instant::now().checked_add(time_max)), time_max }
    }

    fn begin_anew(&self) {
        self.until.send_replace(Instant::now().checked_add(self.time_max));
    }

    /// The host is to do something, until what this gives is dropped.
    pub(crate) fn suspended(&self) -> Suspended {
        self.until.send_replace(None);
        Suspended(self.clone())
    }

    /// Ready once the client has had its time.
    pub(crate) async fn lost(&self) {
        let mut changes = self.until.subscribe();
        loop {
            let until = *changes.borrow_and_update();
            let passed = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! { () = passed => return, _ = changes.changed() => {} }
        }
    }
}

impl Drop for Suspended {
    fn drop(&mut self) {
        self.0.begin_anew();
    }
}

impl<B> Paced<B> {
    /// What is answered, after which the client is to do something.
    pub(crate) fn new(body: B, answering: Suspended) -> Self {
        let patience = answering.0.clone();
        drop(answering);
        Self { body, patience, suspended: None }
    }
}

impl<B: Body + Unpin> Body for Paced<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_ready() {
            self.suspended = None;
            // Who has read so far that it gets more has its time anew, also where there is always more.
            self.patience.begin_anew();
        } else if self.suspended.is_none() {
            self.suspended = Some(self.patience.suspended());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use http_body_util::channel::Channel;
    use tokio::time::timeout;

    #[tokio::test]
    async fn patience_is_lost_after_its_time_which_begins_anew_with_each_answer() {
        let time_max = Duration::from_millis(60);
        let patience = Patience::new(time_max);
        let suspended = patience.suspended();
        assert!(timeout(3 * time_max, patience.lost()).await.is_err(), "the host is at work");
        drop(suspended);
        let answered = Instant::now();
        patience.lost().await;
        assert!(answered.elapsed() >= time_max);
    }

    #[tokio::test]
    async fn a_client_has_its_time_for_each_frame_and_none_is_wanted_of_it_in_between() {
        let time_max = Duration::from_millis(60);
        let patience = Patience::new(time_max);
        let (mut sending, body) = Channel::<Bytes>::new(1);
        let mut body = Paced::new(body, patience.suspended());
        for _ in 0..2 {
            let waiting = timeout(3 * time_max, body.frame());
            let (frame, lost) = tokio::join!(waiting, timeout(3 * time_max, patience.lost()));
            assert!(frame.is_err() && lost.is_err(), "the host has nothing to send");
            sending.send_data(Bytes::from_static(b"x")).await.unwrap();
            assert!(body.frame().await.is_some());
            let sent = Instant::now();
            patience.lost().await;
            assert!(sent.elapsed() >= time_max, "the client does not read");
        }
    }
}
