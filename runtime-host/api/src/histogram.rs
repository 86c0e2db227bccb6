//! A histogram that takes no lock: fixed buckets, one atomic each.
//!
//! It knows scales and counts. It must never know what they measure.

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets of a histogram.
const BUCKETS: usize = 16;

/// What is measured, and where its buckets end. What is above the last one has a bucket of its own.
pub(crate) trait Scale {
    /// Upper ends of the buckets, in the unit that is counted in.
    const BOUNDS: [u64; BUCKETS];
    /// How many of these make one of the unit that is shown.
    const PER_UNIT: f64;
}

/// Times, counted in nanoseconds and shown in seconds.
#[derive(Debug, Default)]
pub(crate) struct Time;

impl Scale for Time {
    const BOUNDS: [u64; BUCKETS] = {
        let us = [
            100,
            250,
            500,
            1_000,
            2_500,
            5_000,
            10_000,
            25_000,
            50_000,
            100_000,
            250_000,
            500_000,
            1_000_000,
            5_000_000,
            30_000_000,
            300_000_000,
        ];
        let (mut bounds, mut at) = ([0; BUCKETS], 0);
        while at < BUCKETS {
            bounds[at] = us[at] * 1_000;
            at += 1;
        }
        bounds
    };
    const PER_UNIT: f64 = 1e9;
}

/// Memory, counted and shown in bytes: from 64 KiB, a page of WebAssembly, to 2 GiB, each bucket twice the one before.
#[derive(Debug, Default)]
pub(crate) struct Memory;

impl Scale for Memory {
    const BOUNDS: [u64; BUCKETS] = {
        let (mut bounds, mut at) = ([0; BUCKETS], 0);
        while at < BUCKETS {
            bounds[at] = (64 << 10) << at;
            at += 1;
        }
        bounds
    };
    const PER_UNIT: f64 = 1.0;
}

/// How many values fell into each bucket, and their sum.
#[derive(Debug, Default)]
pub(crate) struct Histogram<S> {
    buckets: [AtomicU64; BUCKETS],
    above: AtomicU64,
    sum: AtomicU64,
    scale: PhantomData<S>,
}

impl Histogram<Time> {
    /// Counts a duration.
    pub(crate) fn observe_time(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl<S: Scale> Histogram<S> {
    /// Counts a value.
    pub(crate) fn observe(&self, value: u64) {
        let bucket = S::BOUNDS.iter().position(|bound| value <= *bound);
        bucket.and_then(|index| self.buckets.get(index)).unwrap_or(&self.above).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Writes the buckets. Their total is the count, so that the two agree even while others observe.
    pub(crate) fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let bounds = S::BOUNDS.iter().map(|bound| *bound as f64 / S::PER_UNIT);
        let counted = bounds.zip(&self.buckets).map(|(bound, count)| (bound, count.load(Relaxed)));
        let buckets: Vec<(f64, u64)> = counted.chain([(f64::INFINITY, self.above.load(Relaxed))]).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.sum.load(Relaxed) as f64 / S::PER_UNIT;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}
