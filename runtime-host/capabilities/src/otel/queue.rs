//! What waits to be sent: bounded in number and bytes, and taken out in batches.
//!
//! This module knows how much there is. It must never wait on the side that puts something in.

use super::payload::Item;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Most things that wait, of all requests together, and their bytes.
const QUEUE_ITEMS_MAX: usize = 8_192;
const QUEUE_BYTES_MAX: usize = 16 << 20;
/// Most things that are sent at once, and their bytes.
const BATCH_ITEMS_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1 << 20;
/// The longest that something waits for others to be sent with.
const BATCH_TIME_MAX: Duration = Duration::from_secs(1);

/// Why something that was told did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The queue was full.
    QueueFull,
    /// Its request had told too much already.
    RequestLimit,
    /// It was none, such as a span without an id.
    Invalid,
    /// The operator names no place to send it to.
    NoEndpoint,
    /// The collector could not be reached, or did not want it.
    NotDelivered,
}

impl Dropped {
    /// Every reason.
    pub const ALL: [Dropped; 5] = [Dropped::QueueFull, Dropped::RequestLimit, Dropped::Invalid, Dropped::NoEndpoint, Dropped::NotDelivered];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Dropped::QueueFull => "queue-full",
            Dropped::RequestLimit => "request-limit",
            Dropped::Invalid => "invalid",
            Dropped::NoEndpoint => "no-endpoint",
            Dropped::NotDelivered => "not-delivered",
        }
    }
}

/// How much was dropped, by reason.
#[derive(Debug, Default)]
pub(super) struct Drops([AtomicU64; Dropped::ALL.len()]);

impl Drops {
    pub(super) fn add(&self, reason: Dropped, count: usize) {
        if let Some(drops) = self.0.get(reason as usize) {
            drops.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn count(&self, reason: Dropped) -> u64 {
        self.0.get(reason as usize).map_or(0, |drops| drops.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
}

impl Waiting {
    fn has_batch(&self) -> bool {
        self.items.len() >= BATCH_ITEMS_MAX || self.bytes >= BATCH_BYTES_MAX
    }
}

impl Queue {
    /// Puts something in; false if there is no room.
    pub(super) fn offer(&self, item: Item) -> bool {
        let mut waiting = self.waiting();
        let bytes = waiting.bytes.saturating_add(item.bytes());
        if waiting.items.len() >= QUEUE_ITEMS_MAX || bytes > QUEUE_BYTES_MAX {
            return false;
        }
        waiting.bytes = bytes;
        waiting.items.push_back(item);
        let is_due = waiting.items.len() == 1 || waiting.has_batch();
        drop(waiting);
        if is_due {
            self.changed.notify_one();
        }
        true
    }

    /// What is to be sent next; `None` when there will be nothing more.
    pub(super) async fn next(&self) -> Option<Vec<Item>> {
        while self.waiting().items.is_empty() {
            if self.is_closed() {
                return None;
            }
            self.changed.notified().await;
        }
        let filled = async {
            while !self.waiting().has_batch() && !self.is_closed() {
                self.changed.notified().await;
            }
        };
        // When the time is over, what is there is enough.
        _ = timeout(BATCH_TIME_MAX, filled).await;
        Some(self.take())
    }

    /// Nothing has to wait for others any longer.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    fn take(&self) -> Vec<Item> {
        let mut waiting = self.waiting();
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < BATCH_ITEMS_MAX && bytes < BATCH_BYTES_MAX {
            let Some(item) = waiting.items.pop_front() else { break };
            bytes += item.bytes();
            taken.push(item);
        }
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        taken
    }

    /// Nothing that could panic leaves it half changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::payload::Signal;
    use super::*;

    fn item(bytes: usize) -> Item {
        Item { signal: Signal::Logs, count: 1, resource: "{}".into(), scope: "{}".to_owned(), data: "x".repeat(bytes) }
    }

    #[tokio::test]
    async fn a_queue_has_room_for_so_many_things_and_bytes() {
        for (bytes, expected) in [(1, QUEUE_ITEMS_MAX), (1 << 20, 15)] {
            let queue = Queue::default();
            let taken = (0..QUEUE_ITEMS_MAX + 10).filter(|_| queue.offer(item(bytes))).count();
            assert_eq!(taken, expected, "of {bytes} bytes");
            queue.close();
            let mut sent = 0;
            while let Some(batch) = queue.next().await {
                assert!(batch.len() <= BATCH_ITEMS_MAX && batch.iter().map(Item::bytes).sum::<usize>() < 2 * BATCH_BYTES_MAX + 1_000);
                sent += batch.len();
            }
            assert_eq!(sent, expected, "what was taken is sent");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_alone_is_sent_in_time() {
        let queue = Queue::default();
        assert!(queue.offer(item(1)));
        let started = tokio::time::Instant::now();
        assert_eq!(queue.next().await.map(|batch| batch.len()), Some(1));
        assert_eq!(started.elapsed().as_secs(), BATCH_TIME_MAX.as_secs());
    }
}
