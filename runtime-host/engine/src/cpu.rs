//! The CPU time of a guest: what its polls took, waiting excluded.
//!
//! Reading a thread's own clock is a system call, and most guests are done before two of them would be. So a guest is timed by the clock
//! on the wall at first, which also counts the time for which the kernel takes the thread away. That is rare in so short a time; after
//! it, the thread's own clock counts. This file must never know what is polled.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::{Duration, Instant};

/// Adds up the time of polls.
#[derive(Default)]
pub(crate) struct CpuTime {
    spent: Duration,
}

/// How much of a guest's time is taken by the clock on the wall.
const WALL_CLOCKED_MAX: Duration = Duration::from_micros(250);

impl CpuTime {
    /// Adds the time of one poll. A poll never changes threads.
    pub(crate) fn of_poll<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        if self.spent < WALL_CLOCKED_MAX {
            let started = Instant::now();
            let polled = poll();
            self.spent += started.elapsed();
            return polled;
        }
        let started = thread_time();
        let polled = poll();
        self.spent += thread_time().saturating_sub(started);
        polled
    }

    /// The time of all polls so far.
    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }
}

fn thread_time() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(tv_sec.unsigned_abs(), u32::try_from(tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_guest_has_worked_a_while_only_what_its_thread_does_counts() {
        let pause = Duration::from_millis(50);
        let busy = |time| {
            move || {
                let started = Instant::now();
                while started.elapsed() < time {}
            }
        };
        let mut cpu = CpuTime::default();
        cpu.of_poll(busy(WALL_CLOCKED_MAX));
        let before = cpu.spent();
        assert!(before >= WALL_CLOCKED_MAX);
        cpu.of_poll(|| std::thread::sleep(pause));
        assert!(cpu.spent() - before < pause / 2, "sleeping is no work: {:?}", cpu.spent());
        cpu.of_poll(busy(4 * pause));
        // Others may have had the processor meanwhile.
        assert!(cpu.spent() - before > pause / 2, "{:?}", cpu.spent());
    }
}
