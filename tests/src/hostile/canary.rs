//! A spell of somebody else's that is called all the time, and must not notice anything.

use crate::Client;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(50);

/// Calls one path until it is stopped.
#[derive(Debug)]
pub(super) struct Canary {
    calls: Arc<Mutex<Calls>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What was seen since the last look.
#[derive(Debug, Default, Clone)]
pub(super) struct Calls {
    /// Wall time of each answer.
    pub(super) latencies: Vec<Duration>,
    /// What was wrong with those that were not as they should be.
    pub(super) errors: Vec<String>,
}

impl Calls {
    /// The latency that so many percent of the calls stay under.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(index).copied().unwrap_or_default()
    }
}

impl Canary {
    pub(super) fn start(client: Client, path: &str) -> Self {
        let (calls, stopped) = (Arc::new(Mutex::new(Calls::default())), Arc::new(AtomicBool::new(false)));
        let (seen, end, path) = (calls.clone(), stopped.clone(), path.to_owned());
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let started = Instant::now();
                let answer = client.get(&path);
                let mut calls = seen.lock().unwrap_or_else(PoisonError::into_inner);
                calls.latencies.push(started.elapsed());
                if !answer.is_success() {
                    calls.errors.push(format!("status {} {:?}", answer.status, answer.text()));
                }
                drop(calls);
                thread::sleep(INTERVAL.saturating_sub(started.elapsed()));
            }
        });
        Self { calls, stopped, thread: Some(thread) }
    }

    /// What was seen since the last look.
    pub(super) fn look(&self) -> Calls {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
