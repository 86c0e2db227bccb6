//! Sends each record to all who want it.

use spell_types::{ExecutionRecord, ExecutionSink};
use std::sync::Arc;

/// The database and the metrics, both of them.
pub(crate) struct Sinks {
    pub(crate) recorder: Arc<dyn ExecutionSink>,
    pub(crate) metrics: Arc<dyn ExecutionSink>,
}

impl ExecutionSink for Sinks {
    fn record(&self, record: ExecutionRecord) {
        self.metrics.record(record.clone());
        self.recorder.record(record);
    }
}
