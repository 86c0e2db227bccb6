//! The clocks that guests see: those of the machine, in coarse steps. A fine clock is what a guest would tell the contents of a shared
//! cache by; browsers give pages that share a process no finer one either (W3C High Resolution Time, section 7.1: 100 µs).
//!
//! This module knows time. It must never know what it is asked for.

use std::time::{Duration, Instant, SystemTime};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// The step of both clocks.
const RESOLUTION: Duration = Duration::from_micros(100);

/// The time of day.
pub(crate) struct CoarseWallClock;

impl HostWallClock for CoarseWallClock {
    fn resolution(&self) -> Duration {
        RESOLUTION
    }

    fn now(&self) -> Duration {
        coarse(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

/// Time since it was made.
pub(crate) struct CoarseMonotonicClock(Instant);

impl CoarseMonotonicClock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl HostMonotonicClock for CoarseMonotonicClock {
    fn resolution(&self) -> u64 {
        nanoseconds(RESOLUTION)
    }

    fn now(&self) -> u64 {
        nanoseconds(coarse(self.0.elapsed()))
    }
}

/// The last step that has begun.
fn coarse(time: Duration) -> Duration {
    Duration::new(time.as_secs(), time.subsec_nanos() - time.subsec_nanos() % RESOLUTION.subsec_nanos())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_in_whole_steps() {
        assert_eq!(coarse(Duration::from_nanos(99_999)), Duration::ZERO);
        assert_eq!(coarse(Duration::new(7, 123_456_789)), Duration::new(7, 123_400_000));
        let clock = CoarseMonotonicClock::start();
        std::thread::sleep(Duration::from_millis(2));
        let now = clock.now();
        assert!(now >= 2_000_000, "{now}");
        assert_eq!((now % clock.resolution(), CoarseWallClock.now().subsec_nanos() % 100_000), (0, 0));
    }
}
