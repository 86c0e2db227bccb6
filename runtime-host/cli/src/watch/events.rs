//! When to look whether anything has changed.
//!
//! This file knows directories and times. It must never know what is looked for.

use super::places::Places;
use anyhow::{Context, Result};
use notify::event::EventKind;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Something that never rests is looked at all the same, after so many times the pause that is waited for.
const PAUSES_MAX: u32 = 20;

/// Why a wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Something may have changed.
    Changed,
    /// Nothing has, for as long as was to be waited.
    Idle,
    /// Nobody wants to know any more.
    Stopped,
}

/// Tells of changes below directories.
pub(crate) struct Events {
    watcher: RecommendedWatcher,
    /// One place: whoever looks sees all that has changed until then.
    wakes: Receiver<()>,
    stop: Stop,
    pause: Duration,
}

/// Ends a wait for good.
#[derive(Clone)]
pub(crate) struct Stop {
    stopped: Arc<AtomicBool>,
    wake: SyncSender<()>,
}

impl Stop {
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        // A full channel wakes as well.
        let _ = self.wake.try_send(());
    }
}

impl Events {
    /// Listens to nothing yet, and never to what happens in `ignored`. After a change it waits until there was none for a `pause`.
    pub(crate) fn listen(ignored: &Path, pause: Duration) -> Result<Self> {
        let (wake, wakes) = sync_channel(1);
        let stop = Stop { stopped: Arc::default(), wake: wake.clone() };
        let ignored = ignored.canonicalize().unwrap_or_else(|_| ignored.to_owned());
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // What could not be told may have been a change.
            if event.is_ok_and(|event| is_nothing(&event, &ignored)) {
                return;
            }
            let _ = wake.try_send(());
        });
        Ok(Self { watcher: watcher.context("cannot watch files")?, wakes, stop, pause })
    }

    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Listens to these directories as well, also to those that are there anew.
    pub(crate) fn watch(&mut self, places: &Places) -> Result<()> {
        for (directory, is_deep) in places {
            let mode = if *is_deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            let watched = self.watcher.watch(directory, mode);
            watched.with_context(|| format!("cannot watch {}; the system may have too few places for it", directory.display()))?;
        }
        Ok(())
    }

    /// Waits for a change, at most for so long.
    pub(crate) fn wait(&self, idle: Option<Duration>) -> Wake {
        let woken = match idle {
            Some(idle) => self.wakes.recv_timeout(idle),
            None => self.wakes.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match woken {
            Err(RecvTimeoutError::Timeout) => return Wake::Idle,
            Err(RecvTimeoutError::Disconnected) => return Wake::Stopped,
            Ok(()) => {}
        }
        let latest = Instant::now() + self.pause.saturating_mul(PAUSES_MAX);
        while !self.is_stopped() && Instant::now() < latest && self.wakes.recv_timeout(self.pause).is_ok() {}
        if self.is_stopped() { Wake::Stopped } else { Wake::Changed }
    }

    fn is_stopped(&self) -> bool {
        self.stop.stopped.load(Ordering::Relaxed)
    }
}

/// Reading changes nothing, and neither does what happens in the host's own directory.
fn is_nothing(event: &Event, ignored: &PathBuf) -> bool {
    let is_read = matches!(event.kind, EventKind::Access(_)) && !event.need_rescan();
    is_read || (!event.paths.is_empty() && event.paths.iter().all(|path| path.starts_with(ignored)))
}
