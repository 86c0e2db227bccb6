//! How a cast ended, on its way into the ledger: what cannot be written now is kept, as far as it is small, and written as soon as it can be.
//!
//! It knows endings and the ledger. It must never know what ran.

use crate::Platform;
use crate::caster::CastError;
use crate::ledger::{CastRecord, CastState, Ending, Failed, FailedKind, LedgerError};
use crate::running::Place;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

/// Casts that are kept until they can be recorded. Of further ones the next host says that nobody knows what they did.
pub(crate) const UNRECORDED_MAX: usize = 256;
/// Bytes of an answer that are kept so. Of a longer one it is recorded that it could not be kept.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

impl Platform {
    /// Records how a cast ended. Where that fails, it is tried again until it succeeds: till then the cast has not ended.
    pub(crate) async fn record(self: &Arc<Self>, record: CastRecord, place: Place, ending: Ending) -> Result<CastRecord, CastError> {
        let Err(error) = self.ledger.finish(&record.id, ending.clone()).await else { return Ok(ended(record, place, ending)) };
        let (ending, error) = match without_long_answer(&ending, error) {
            None => (ending, error),
            // There may be room for that much.
            Some(rest) => match self.ledger.finish(&record.id, rest.clone()).await {
                Ok(()) => return Ok(ended(record, place, rest)),
                Err(error) => (rest, error),
            },
        };
        match self.unrecorded.clone().try_acquire_owned() {
            Ok(kept) => drop(tokio::spawn(self.clone().record_later(record, place, ending, kept))),
            Err(_) => drop(place),
        }
        Err(error.into())
    }

    async fn record_later(self: Arc<Self>, record: CastRecord, place: Place, ending: Ending, _kept: OwnedSemaphorePermit) {
        loop {
            sleep(PAUSE).await;
            if self.ledger.finish(&record.id, ending.clone()).await.is_ok() {
                ended(record, place, ending);
                return;
            }
            // What nobody has on record any more cannot end.
            let known = self.ledger.cast(&record.tenant, &record.id).await;
            if known.is_ok_and(|known| !matches!(known, Some(CastRecord { state: CastState::Running | CastState::Indeterminate, .. }))) {
                return;
            }
        }
    }
}

/// Tells whoever waits for a cast that it has ended.
fn ended(mut record: CastRecord, place: Place, ending: Ending) -> CastRecord {
    record.state = CastState::Ended(Box::new(ending));
    place.end(Arc::new(record.clone()));
    record
}

/// What is left of an ending without its answer, if that is too long to be kept.
fn without_long_answer(ending: &Ending, error: LedgerError) -> Option<Ending> {
    let is_long = ending.result.as_ref().is_ok_and(|content| content.bytes.len() > ANSWER_BYTES_MAX);
    let (kind, code) = match error {
        LedgerError::Full => (FailedKind::Full, "storage-full"),
        LedgerError::Unavailable => (FailedKind::Host, "unrecorded"),
    };
    let message = format!("the cast ran, and its answer could not be kept: {error}");
    let failed = Failed { kind, code: code.to_owned(), message };
    is_long.then(|| Ending { result: Err(failed), cost_cents: 0, ..ending.clone() })
}
