//! Sends each record to all who want it.

use spell_api::Metrics;
use spell_store::Recorder;
use spell_types::{ExecutionRecord, ExecutionSink};
use std::sync::Arc;

/// The database and the metrics, both of them.
pub(crate) struct Sinks {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) metrics: Arc<Metrics>,
}

impl ExecutionSink for Sinks {
    fn record(&self, record: ExecutionRecord) {
        self.metrics.count(&record);
        self.recorder.record(record);
    }
}
