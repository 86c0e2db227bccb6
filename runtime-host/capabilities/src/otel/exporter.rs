//! The one task that sends what components tell.
//!
//! This module knows batches and what became of them. It must never know what is in one, and never try one twice.

use super::collector::{Collector, TelemetryError, TelemetrySettings};
use super::payload::{Item, Signal, message};
use super::queue::{Dropped, Drops, Queue};
use crate::outbound::{OutboundRules, TlsRoots};
use futures_util::future::join_all;
use std::sync::atomic::{AtomicBool, Ordering};

/// What all components tell, on its way to the collector.
pub struct Telemetry {
    queue: Queue,
    drops: Drops,
    collector: Collector,
    /// Whether the last message of a kind did not arrive, which was told then.
    is_failing: [AtomicBool; Signal::ALL.len()],
}

impl Telemetry {
    /// Prepares the way to a collector; nothing is sent until [`Telemetry::run`] does.
    pub fn new(settings: &TelemetrySettings, rules: OutboundRules, tls: &TlsRoots) -> Result<Telemetry, TelemetryError> {
        let collector = Collector::new(settings, rules, tls)?;
        Ok(Telemetry { queue: Queue::default(), drops: Drops::default(), collector, is_failing: Default::default() })
    }

    /// How much was dropped for a reason.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.drops.count(reason)
    }

    /// Sends what is told until [`Telemetry::close`] was called and all of it was sent, or dropped.
    pub async fn run(&self) {
        while let Some(batch) = self.queue.next().await {
            join_all(Signal::ALL.map(|signal| self.send(signal, &batch))).await;
        }
    }

    /// Ends [`Telemetry::run`] as soon as nothing waits.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether things of a kind are sent anywhere.
    pub(super) fn takes(&self, signal: Signal) -> bool {
        self.collector.endpoint(signal).is_some()
    }

    /// Has something sent; false if there is no room for it.
    pub(super) fn offer(&self, item: Item) -> bool {
        let count = item.count;
        let is_taken = self.queue.offer(item);
        if !is_taken {
            self.drop_some(Dropped::QueueFull, count);
        }
        is_taken
    }

    pub(super) fn drop_some(&self, reason: Dropped, count: usize) {
        self.drops.add(reason, count);
    }

    /// Sends what a batch has of a kind.
    async fn send(&self, signal: Signal, batch: &[Item]) {
        let items = || batch.iter().filter(|item| item.signal == signal);
        let count: usize = items().map(|item| item.count).sum();
        let Some(endpoint) = self.collector.endpoint(signal).filter(|_| count > 0) else { return };
        let sent = self.collector.send(endpoint, message(signal, items())).await;
        if sent.is_err() {
            self.drop_some(Dropped::NotDelivered, count);
        }
        let was_failing = self.is_failing.get(signal as usize).is_some_and(|failing| failing.swap(sent.is_err(), Ordering::Relaxed));
        match sent {
            Err(error) if !was_failing => tracing::warn!(%endpoint, "telemetry is dropped until its collector takes it: {error}"),
            Ok(()) if was_failing => tracing::warn!(%endpoint, "the collector of telemetry takes it again"),
            _ => {}
        }
    }
}
