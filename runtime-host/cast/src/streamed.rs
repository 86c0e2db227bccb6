//! A cast whose input and output stream past the pipeline: it is reserved here, executed elsewhere, and recorded once it has ended.
//!
//! It knows who pays, and that each such cast ends once. It must never know what is streamed, or by which protocol.

use crate::Platform;
use crate::caster::CastError;
use crate::engines::Plan;
use crate::ledger::{CastRecord, Failed, Reserved, streamed};
use crate::prepare::Ready;
use crate::reach::Reach;
use crate::registry::{Module, RegistryError};
use crate::running::Place;
use crate::witness::Witness;
use semver::Version;
use spell_types::{Content, Limits, Outcome, TenantId, Usage};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

/// A cast that nothing stands in the way of so far. Nothing of it is on record.
pub struct StreamedRequest {
    platform: Arc<Platform>,
    ready: Ready,
    module: Module,
}

/// A cast that has begun. It is recorded when it ends, once; dropped before that, it was cancelled, or its client went away.
pub struct StreamedCast {
    platform: Arc<Platform>,
    runtime: Handle,
    cost_cents_max: u64,
    witness: Arc<Witness>,
    began: Instant,
    /// None once it has ended.
    running: Option<(CastRecord, Place)>,
}

impl Platform {
    /// Looks up a cast whose input and output stream, and whether it may be. Its input is of this size, if it says so itself. Schemas are
    /// not looked at: what streams is never there as a whole.
    pub async fn streamed(
        self: &Arc<Self>,
        tenant: &TenantId,
        spell: &str,
        version: Option<&Version>,
        size_bytes: Option<u64>,
    ) -> Result<StreamedRequest, CastError> {
        let (spell, module) = self.castable(tenant, spell, version).await?;
        let module = module.ok_or(RegistryError::NoModule)?;
        let ready = self.ready(spell, Plan::here(module.clone()))?;
        ready.takes(size_bytes.unwrap_or_default())?;
        Ok(StreamedRequest { platform: self.clone(), ready, module })
    }
}

impl StreamedRequest {
    /// What is recorded of it when it begins.
    pub fn record(&self) -> &CastRecord {
        &self.ready.record
    }

    /// What is cast.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// What it may use.
    pub fn limits(&self) -> &Limits {
        &self.ready.limits
    }

    /// What it may reach.
    pub fn reach(&self) -> &Reach {
        &self.ready.reach
    }

    /// Has it begin, unless budget or quotas of the tenant are in the way: it is on record, and what it may cost is set aside. To be awaited
    /// within a Tokio runtime.
    pub async fn begin(self) -> Result<StreamedCast, CastError> {
        let Self { platform, ready: Ready { record, cost_cents_max, .. }, .. } = self;
        // What is reserved ends, also if whoever asked goes away in between.
        let begun = tokio::spawn(async move {
            let place = platform.running.begin(&record.id);
            match platform.ledger.reserve(record.clone(), None, cost_cents_max).await? {
                Reserved::New => Ok(StreamedCast {
                    runtime: Handle::current(),
                    cost_cents_max,
                    witness: Arc::new(Witness::new(platform.now)),
                    began: Instant::now(),
                    running: Some((record, place)),
                    platform,
                }),
                refused => Err(platform.refused(refused)),
            }
        });
        begun.await.map_err(|_| CastError::Ended)?
    }
}

impl StreamedCast {
    /// What sees it.
    pub fn witness(&self) -> &Arc<Witness> {
        &self.witness
    }

    /// Ready when somebody asks it to end: then it is to be dropped.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        let asked = self.running.as_ref().map(|(_, place)| place.is_cancelled());
        async move {
            if let Some(mut asked) = asked
                && asked.wait_for(|is_cancelled| *is_cancelled).await.is_ok()
            {
                return;
            }
            // The other end went with the cast, which nobody can cancel any more.
            std::future::pending().await
        }
    }

    /// It ended like this, which is on record before whoever waits for it is told. The bytes of its answer are not kept.
    pub fn end(mut self, result: Result<(), Failed>, usage: Usage) {
        self.end_as(result, usage);
    }

    fn end_as(&mut self, result: Result<(), Failed>, usage: Usage) {
        let Some((record, place)) = self.running.take() else { return };
        let (platform, witness) = (self.platform.clone(), self.witness.clone());
        let result = result.map(|()| Content::default());
        let cost_cents = platform.cost_here(&result, &usage).min(self.cost_cents_max);
        // The client has its answer, and waits for no disk.
        self.runtime.spawn(async move {
            let ended = platform.end(record, place, result, usage, cost_cents, &witness).await;
            drop(ended);
        });
    }
}

impl Drop for StreamedCast {
    fn drop(&mut self) {
        let usage = Usage { wall: self.began.elapsed(), ..Usage::default() };
        self.end_as(streamed(Outcome::Cancelled), usage);
    }
}

impl fmt::Debug for StreamedRequest {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("StreamedRequest").field("record", &self.ready.record).finish_non_exhaustive()
    }
}

impl fmt::Debug for StreamedCast {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("StreamedCast").field("record", &self.running.as_ref().map(|(record, _)| record)).finish_non_exhaustive()
    }
}
