//! Host calls yield too. Fuel makes a guest yield by what it computes; a guest that has the host compute for it burns next to
//! none, and would hold its thread for as long as it likes. This file makes its next fuel check come sooner.
//!
//! It knows time and fuel. It must never know what a host call does.

use crate::meter::{Guest, Report, YIELD_INTERVAL_FUEL};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::{CallHook, Store};

/// Host calls of a slice before its clock is looked at: most requests end before.
const CALLS_UNTIMED: u32 = 4;
/// How long a guest that calls the host may run before it lets others run.
const SLICE_TIME_MAX: Duration = Duration::from_micros(500);
/// The first interval of a guest that is due, in fuel; each further call makes it an eighth. A guest that turns to computing
/// yields at this interval until its next host call, which costs it something.
const DUE_INTERVAL_FUEL: u64 = 8_192;

/// Watches the host calls of a store.
pub(crate) fn watch<C: 'static>(store: &mut Store<Guest<C>>, report: Arc<Report>) {
    let mut slice = Slice::default();
    store.call_hook(move |mut store, hook| {
        match hook {
            CallHook::CallingHost => store.data_mut().host_was_called = false,
            // wasm's own helpers come by here as well. They must not be met with new fuel: compiled code holds its count in a
            // register across them, and would put it back. Host functions are known by the state that they borrow.
            CallHook::ReturningFromHost if store.data().host_was_called => {
                if let Some(interval) = slice.host_was_called(report.polls(), Instant::now) {
                    store.fuel_async_yield_interval(Some(interval))?;
                }
            }
            _ => {}
        }
        Ok(())
    });
}

/// The time between two yields, as far as host calls can tell.
#[derive(Default)]
struct Slice {
    polls: u64,
    calls: u32,
    began: Option<Instant>,
    /// The interval in force, if it is a shortened one.
    shortened: Option<u64>,
}

impl Slice {
    /// The yield interval to set now, if another one is due.
    fn host_was_called(&mut self, polls: u64, now: impl FnOnce() -> Instant) -> Option<u64> {
        if polls != self.polls {
            let was_shortened = self.shortened.is_some();
            *self = Self { polls, ..Self::default() };
            return was_shortened.then_some(YIELD_INTERVAL_FUEL);
        }
        self.calls += 1;
        if self.calls < CALLS_UNTIMED {
            return None;
        }
        let now = now();
        if now.duration_since(*self.began.get_or_insert(now)) < SLICE_TIME_MAX {
            return None;
        }
        self.shortened = Some(self.shortened.map_or(DUE_INTERVAL_FUEL, |interval| (interval / 8).max(1)));
        self.shortened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_of_host_calls_ends_after_its_time_and_not_before() {
        let begin = Instant::now();
        let at = |microseconds| move || begin + Duration::from_micros(microseconds);
        let mut slice = Slice { polls: 1, ..Slice::default() };
        for call in 1..CALLS_UNTIMED {
            assert_eq!(slice.host_was_called(1, || panic!("no clock is read at call {call}")), None);
        }
        assert_eq!(slice.host_was_called(1, at(0)), None);
        assert_eq!(slice.host_was_called(1, at(499)), None);
        let intervals: Vec<_> = (0..20).map(|call| slice.host_was_called(1, at(500 + call))).collect();
        assert_eq!(intervals[..3], [Some(8_192), Some(1_024), Some(128)]);
        assert_eq!(intervals.last(), Some(&Some(1)));
        assert_eq!(slice.host_was_called(2, at(2_000)), Some(YIELD_INTERVAL_FUEL), "the next slice has the whole interval");
        assert_eq!(slice.host_was_called(2, at(2_000)), None);
    }
}
