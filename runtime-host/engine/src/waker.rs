//! How a guest that yields comes back: after everybody else, the network included.
//!
//! A busy guest wakes itself while it is polled. Tokio would poll it again at once, and look at the network only every so many
//! polls: with one busy guest, a new connection would wait for dozens of slices. This file must never know why a guest yields.

use futures_util::task::AtomicWaker;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Stands between a guest and the task that polls it.
#[derive(Default)]
pub(crate) struct GuestWaker {
    state: AtomicU8,
    task: AtomicWaker,
}

/// Nobody polls: a wake goes to the task.
const IDLE: u8 = 0;
/// The guest is polled: a wake is kept.
const POLLED: u8 = 1;
/// The guest is polled, and was woken meanwhile.
const WOKEN: u8 = 2;

impl GuestWaker {
    /// Polls a guest. If it is woken meanwhile, the task is woken after the network was looked at.
    pub(crate) fn poll<F: Future + ?Sized>(self: &Arc<Self>, guest: Pin<&mut F>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.task.register(context.waker());
        self.state.store(POLLED, Ordering::Release);
        let waker = Waker::from(Arc::clone(self));
        let polled = guest.poll(&mut Context::from_waker(&waker));
        let was_woken = self.state.swap(IDLE, Ordering::AcqRel) == WOKEN;
        if was_woken && polled.is_pending() {
            // Registers the task to be woken once the runtime has looked at everything else. It is never ready at first.
            let _ = pin!(tokio::task::yield_now()).poll(context);
        }
        polled
    }
}

impl Wake for GuestWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let kept = self.state.compare_exchange(POLLED, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        // `Err(WOKEN)`: kept already.
        if kept == Err(IDLE) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Wakes itself for ever.
    struct Busy;

    impl Future for Busy {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            std::thread::sleep(Duration::from_millis(1));
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_busy_guest_lets_the_runtime_see_everything_else_between_two_polls() {
        let polls = Arc::new(AtomicU8::new(0));
        let counted = polls.clone();
        let busy = tokio::spawn(async move {
            let waker = Arc::new(GuestWaker::default());
            std::future::poll_fn(|context| {
                counted.fetch_add(1, Ordering::Relaxed);
                waker.poll(Pin::new(&mut Busy), context)
            })
            .await;
        });
        // Each of these waits for the timer, which the runtime looks at together with the network.
        for _ in 0..10 {
            let before = polls.load(Ordering::Relaxed);
            tokio::time::sleep(Duration::from_micros(1)).await;
            let between = polls.load(Ordering::Relaxed) - before;
            assert!(between <= 4, "{between} polls of the busy one");
        }
        assert!(polls.load(Ordering::Relaxed) > 5, "it goes on meanwhile");
        busy.abort();
    }

    #[tokio::test]
    async fn a_waiting_guest_is_woken_from_outside() {
        let (send, receive) = tokio::sync::oneshot::channel();
        let waiting = tokio::spawn(async move {
            let waker = Arc::new(GuestWaker::default());
            let mut receive = pin!(receive);
            std::future::poll_fn(|context| waker.poll(receive.as_mut(), context)).await
        });
        tokio::task::yield_now().await;
        send.send(7).expect("receiver");
        assert_eq!(waiting.await.expect("task"), Ok(7));
    }
}
