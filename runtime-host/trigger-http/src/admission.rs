//! Places to run, and the queue for them: a component's own, and the host's for all components together.

use spell_types::{Limit, Limits};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, timeout};

/// A place to run; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _component: OwnedSemaphorePermit,
    _host: OwnedSemaphorePermit,
}

/// Why a request found no place to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The component's queue is full.
    QueueFull,
    /// It waited as long as it may.
    WaitedTooLong,
    /// The host runs as much as it can.
    HostBusy,
}

/// A component's places to run.
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    waiting: AtomicU64,
    queue_max: u64,
    queue_time_max: Duration,
}

impl Admission {
    /// The limits that say how many places there are.
    pub(crate) const LIMITS: [Limit; 3] = [Limit::Concurrency, Limit::Queue, Limit::QueueTime];

    pub(crate) fn new(limits: &Limits) -> Self {
        let places = usize::try_from(limits.get(Limit::Concurrency)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            waiting: AtomicU64::new(0),
            queue_max: limits.get(Limit::Queue),
            queue_time_max: Duration::from_millis(limits.get(Limit::QueueTime)),
        }
    }

    /// A place of this component and so many of the host; waits in the queue where the component has none, and for this time where the
    /// host has none.
    pub(crate) async fn admit(&self, host: &Arc<Semaphore>, places: u32, host_time_max: Duration) -> Result<Permit, NoPlace> {
        let component = match self.places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait().await?,
        };
        let place = match host.clone().try_acquire_many_owned(places) {
            Ok(place) => place,
            Err(_) if host_time_max.is_zero() => return Err(NoPlace::HostBusy),
            Err(_) => match timeout(host_time_max, host.clone().acquire_many_owned(places)).await {
                Ok(Ok(place)) => place,
                Ok(Err(_)) | Err(_) => return Err(NoPlace::HostBusy),
            },
        };
        Ok(Permit { _component: component, _host: place })
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, NoPlace> {
        let _waiting = Waiting::join(&self.waiting, self.queue_max).ok_or(NoPlace::QueueFull)?;
        match timeout(self.queue_time_max, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(NoPlace::WaitedTooLong),
        }
    }
}

/// A place in the queue; left when dropped, also by a client that goes away.
struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    fn join(waiting: &'a AtomicU64, max: u64) -> Option<Self> {
        waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < max).then_some(count + 1)).ok().map(|_| Self(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(concurrency: u64, queue: u64, queue_time_ms: u64) -> Admission {
        let mut limits = Limits::default();
        limits.set(Limit::Concurrency, concurrency);
        limits.set(Limit::Queue, queue);
        limits.set(Limit::QueueTime, queue_time_ms);
        Admission::new(&limits)
    }

    #[tokio::test(start_paused = true)]
    async fn one_runs_one_waits_and_the_third_is_refused() {
        let (admission, host) = (admission(1, 1, 60_000), Arc::new(Semaphore::new(10)));
        let first = admission.admit(&host, 1, Duration::ZERO).await.expect("a place");
        let mut second = Box::pin(admission.admit(&host, 1, Duration::ZERO));
        assert!(timeout(Duration::from_millis(1), &mut second).await.is_err(), "the second waits");
        assert_eq!(admission.admit(&host, 1, Duration::ZERO).await.err(), Some(NoPlace::QueueFull));
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_at_the_limit_and_leaves_the_queue() {
        let (admission, host) = (admission(1, 1, 50), Arc::new(Semaphore::new(10)));
        let _first = admission.admit(&host, 1, Duration::ZERO).await.expect("a place");
        assert_eq!(admission.admit(&host, 1, Duration::ZERO).await.err(), Some(NoPlace::WaitedTooLong));
        assert_eq!(admission.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_full_host_refuses_and_the_components_place_comes_back() {
        let (admission, host) = (admission(1, 0, 50), Arc::new(Semaphore::new(0)));
        assert_eq!(admission.admit(&host, 1, Duration::ZERO).await.err(), Some(NoPlace::HostBusy));
        assert_eq!(admission.places.available_permits(), 1);
    }
}
