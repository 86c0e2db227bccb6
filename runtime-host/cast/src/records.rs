//! The queue of casts that have ended, on their way into the ledger: whoever streams an answer never waits for the disk.
//!
//! It knows places and batches. It must never know what was cast.

use crate::ledger::{CastRecord, Ledger};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// Casts whose answers stream, or wait to be recorded, at most. Each has its place before it begins, so that none is lost at its end.
pub const RECORDS_WAITING_MAX: usize = 1_024;
/// Casts that are recorded at once at most.
const BATCH_MAX: usize = 256;
/// Pause after the ledger could not be written, which is mostly a full disk.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// All places of this process.
#[derive(Debug, Default)]
pub(crate) struct Records {
    queue: OnceLock<mpsc::Sender<Waiting>>,
    taken: watch::Sender<usize>,
}

/// A place for one record, given back when this is dropped, or what was sent by it is on disk.
#[derive(Debug)]
pub(crate) struct RecordPlace {
    permit: mpsc::OwnedPermit<Waiting>,
    counted: Counted,
}

/// A record that waits.
#[derive(Debug)]
struct Waiting {
    record: CastRecord,
    _counted: Counted,
}

/// One of those that are counted; no longer when dropped.
#[derive(Debug)]
struct Counted(Arc<Records>);

impl Records {
    /// A place, if there is one. To be asked for within a Tokio runtime, whose task the first one starts.
    pub(crate) fn place(self: &Arc<Self>, ledger: &Arc<dyn Ledger>) -> Option<RecordPlace> {
        let queue = self.queue.get_or_init(|| {
            let (queue, waiting) = mpsc::channel(RECORDS_WAITING_MAX);
            tokio::spawn(write(ledger.clone(), waiting));
            queue
        });
        let permit = queue.clone().try_reserve_owned().ok()?;
        self.taken.send_modify(|count| *count += 1);
        Some(RecordPlace { permit, counted: Counted(self.clone()) })
    }

    /// Ready when no place is taken: whatever has ended is on disk.
    pub(crate) async fn idle(&self) {
        // The other end is in this very struct.
        let _ = self.taken.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl RecordPlace {
    /// Sends the record on its way. This never waits.
    pub(crate) fn send(self, record: CastRecord) {
        self.permit.send(Waiting { record, _counted: self.counted });
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.taken.send_modify(|count| *count -= 1);
    }
}

/// Records what has ended, many at a time, until nobody can send any more. What cannot be written is tried again: meanwhile it keeps its
/// places, and when there are none left, nothing more begins.
async fn write(ledger: Arc<dyn Ledger>, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
        while ledger.record(batch.iter().map(|waiting| waiting.record.clone()).collect()).await.is_err() {
            sleep(RETRY_PAUSE).await;
        }
        batch.clear();
    }
}
