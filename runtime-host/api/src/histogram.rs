//! A histogram of durations that takes no lock: fixed buckets, one atomic each.
//!
//! It knows durations and counts. It must never know what they measure.

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper ends of the buckets, in microseconds; durations above the last one have a bucket of their own.
const BOUNDS_US: [u64; 16] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 30_000_000, 300_000_000];

/// How many durations fell into each bucket, and their sum.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len()],
    above: AtomicU64,
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn observe(&self, duration: Duration) {
        let bucket = BOUNDS_US.iter().position(|bound| duration <= Duration::from_micros(*bound));
        bucket.and_then(|index| self.buckets.get(index)).unwrap_or(&self.above).fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Writes the buckets in seconds. Their total is the count, so that the two agree even while others observe.
    pub(crate) fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let bounds = BOUNDS_US.iter().map(|bound| Duration::from_micros(*bound).as_secs_f64());
        let counted = bounds.zip(&self.buckets).map(|(bound, count)| (bound, count.load(Relaxed)));
        let buckets: Vec<(f64, u64)> = counted.chain([(f64::INFINITY, self.above.load(Relaxed))]).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.sum_ns.load(Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}
