//! A cast whose input and output stream past the pipeline: it is admitted here, executed elsewhere, and recorded once it has ended.
//!
//! It knows who pays, and that each such cast ends once. It must never know what is streamed, or by which protocol.

use crate::Platform;
use crate::caster::{CastError, Ready, ending};
use crate::cost::Prices;
use crate::ledger::{CastRecord, CastState, Failed, streamed};
use crate::records::RecordPlace;
use crate::registry::Module;
use semver::Version;
use spell_types::{Content, Limits, Outcome, TenantId, Usage};
use std::time::{Instant, SystemTime};

/// A cast that may begin. It is recorded when it ends, once; dropped before that, its client went away.
#[derive(Debug)]
pub struct StreamedCast {
    /// What is recorded of it; it runs.
    pub record: CastRecord,
    /// What is cast.
    pub module: Module,
    /// What it may use.
    pub limits: Limits,
    /// Where its record goes; none once that is on its way.
    place: Option<RecordPlace>,
    began: Instant,
    prices: Prices,
    now: fn() -> SystemTime,
}

impl Platform {
    /// Admits a cast whose input and output stream. Whatever is to keep a tenant from casting so, such as a budget, belongs here: after
    /// this, the cast runs and is paid for.
    pub async fn admit_streamed(&self, tenant: &TenantId, spell: &str, version: Option<&Version>) -> Result<StreamedCast, CastError> {
        let Ready { record, module, limits } = self.look_up(tenant, spell, version).await?;
        let place = self.records.place(&self.ledger).ok_or(CastError::RecordsBehind)?;
        Ok(StreamedCast { record, module, limits, place: Some(place), began: Instant::now(), prices: self.prices, now: self.now })
    }
}

impl StreamedCast {
    /// It ended like this. The bytes of its answer are not kept.
    pub fn end(mut self, result: Result<(), Failed>, usage: Usage) {
        self.record_as(result, usage);
    }

    /// It was refused before anything of it began: nothing is recorded.
    pub fn forget(mut self) {
        self.place = None;
    }

    fn record_as(&mut self, result: Result<(), Failed>, usage: Usage) {
        let Some(place) = self.place.take() else { return };
        let ending = ending(result.map(|()| Content::default()), usage, &self.prices, (self.now)());
        place.send(CastRecord { state: CastState::Ended(Box::new(ending)), ..self.record.clone() });
    }
}

impl Drop for StreamedCast {
    fn drop(&mut self) {
        let usage = Usage { wall: self.began.elapsed(), ..Usage::default() };
        self.record_as(streamed(Outcome::Cancelled), usage);
    }
}
