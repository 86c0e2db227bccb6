//! Casts that run in this process: they can be waited for, and cancelled.
//!
//! It knows ids. It must never know what runs.

use crate::ledger::CastRecord;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// All casts of this process that have not ended.
#[derive(Debug, Default)]
pub(crate) struct RunningCasts {
    all: Mutex<HashMap<String, Arc<RunningCast>>>,
    count: watch::Sender<usize>,
}

/// A cast that has not ended.
#[derive(Debug)]
struct RunningCast {
    is_cancelled: watch::Sender<bool>,
    ended: watch::Sender<Option<Arc<CastRecord>>>,
}

/// The place of a cast among those that run, which it leaves when this is dropped.
pub(crate) struct Place {
    casts: Arc<RunningCasts>,
    id: String,
    cast: Arc<RunningCast>,
}

impl RunningCasts {
    /// A cast begins.
    pub(crate) fn begin(self: &Arc<Self>, id: &str) -> Place {
        let cast = Arc::new(RunningCast { is_cancelled: watch::Sender::new(false), ended: watch::Sender::new(None) });
        self.change(|all| all.insert(id.to_owned(), cast.clone()));
        Place { casts: self.clone(), id: id.to_owned(), cast }
    }

    /// Asks a cast to end; `false` if it does not run here.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let cast = self.all().get(id).cloned();
        cast.is_some_and(|cast| {
            cast.is_cancelled.send_replace(true);
            true
        })
    }

    /// Waits until a cast has ended. `None` at once if it does not run here.
    pub(crate) async fn ended(&self, id: &str) -> Option<Arc<CastRecord>> {
        let mut ended = self.all().get(id)?.ended.subscribe();
        let record = ended.wait_for(Option::is_some).await.ok()?;
        record.clone()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Ready when none runs.
    pub(crate) async fn idle(&self) {
        // The other end is in this very struct.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Nothing that could panic leaves them half changed.
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<RunningCast>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<String, Arc<RunningCast>>) -> T) {
        let mut all = self.all();
        change(&mut all);
        // Said while nobody else changes them, so that the last count is the right one.
        self.count.send_replace(all.len());
    }
}

impl Place {
    /// Waits until somebody asks the cast to end.
    pub(crate) async fn cancelled(&self) {
        // The other end is in this very place.
        let _ = self.is_cancelled().wait_for(|is_cancelled| *is_cancelled).await;
    }

    /// Whether somebody asks the cast to end, for as long as it runs.
    pub(crate) fn is_cancelled(&self) -> watch::Receiver<bool> {
        self.cast.is_cancelled.subscribe()
    }

    /// The cast has ended, and whoever waits for it is told.
    pub(crate) fn end(self, record: Arc<CastRecord>) {
        self.cast.ended.send_replace(Some(record));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.casts.change(|all| all.remove(&self.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn whoever_waits_is_told_of_the_end_also_if_there_is_none() {
        let casts = Arc::new(RunningCasts::default());
        let place = casts.begin("a");
        let (waiting, told) = (casts.ended("a"), async { drop(place) });
        assert_eq!(tokio::join!(waiting, told).0, None);
        assert_eq!(casts.ended("a").await, None, "it is gone");
    }

    #[tokio::test]
    async fn a_cast_is_cancelled_before_and_after_it_looks() {
        let casts = Arc::new(RunningCasts::default());
        let place = casts.begin("a");
        assert!(casts.cancel("a") && casts.cancel("a") && !casts.cancel("b"));
        place.cancelled().await;
        drop(place);
        assert!(!casts.cancel("a"));
    }

    #[tokio::test]
    async fn they_are_idle_before_the_first_and_after_the_last() {
        let casts = Arc::new(RunningCasts::default());
        casts.idle().await;
        let (one, other) = (casts.begin("a"), casts.begin("b"));
        assert_eq!(casts.count(), 2);
        let mut idle = std::pin::pin!(casts.idle());
        for place in [one, other] {
            assert!(timeout(Duration::from_millis(10), idle.as_mut()).await.is_err(), "one of them runs");
            drop(place);
        }
        idle.await;
        assert_eq!(casts.count(), 0);
    }
}
