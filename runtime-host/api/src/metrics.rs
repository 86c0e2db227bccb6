//! What `/metrics` shows: the executions, what the platform does, and gauges that others supply as closures.
//!
//! It knows names and numbers. It must never know where a gauge gets its number from.

use crate::cast_metrics::CastMetrics;
use crate::executions::Executions;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use spell_types::ExecutionRecord;
use std::fmt;
use std::sync::Arc;

/// Counts finished executions, and writes them down as OpenMetrics text.
///
/// Counting takes no lock and allocates nothing. The labels are the components that were announced, at construction or later; an
/// execution of any other component is counted under `_other`.
#[derive(Debug)]
pub struct Metrics {
    executions: Arc<Executions>,
    registry: Registry,
    /// Shown only by the host of a platform.
    pub(crate) casts: Arc<CastMetrics>,
}

struct Gauge {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> f64 + Send + Sync>,
}

struct Counter {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    read: Box<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>,
}

impl Metrics {
    /// Metrics of these components.
    ///
    /// ```
    /// let metrics = spell_api::Metrics::new(&["hello".into()]).with_gauge("spell_pool_instances", "Instances alive", || 3.0);
    /// assert!(metrics.encode().contains("spell_pool_instances 3.0"));
    /// ```
    pub fn new(components: &[Arc<str>]) -> Metrics {
        let executions = Arc::new(Executions::new(components));
        let mut registry = Registry::default();
        registry.register_collector(Box::new(executions.clone()));
        Metrics { executions, registry, casts: Arc::default() }
    }

    /// Shows what the platform does, which tells it to these.
    #[must_use]
    pub fn with_casts(mut self, casts: Arc<CastMetrics>) -> Metrics {
        casts.register(&mut self.registry);
        self.casts = casts;
        self
    }

    /// Adds a gauge that is read at every scrape. `name` is the full name of the metric, its unit last; `read` must not block.
    #[must_use]
    pub fn with_gauge(mut self, name: &'static str, help: &'static str, read: impl Fn() -> f64 + Send + Sync + 'static) -> Metrics {
        self.registry.register_collector(Box::new(Gauge { name, help, read: Box::new(read) }));
        self
    }

    /// Adds a counter with one label, whose values are read at every scrape. `read` must not block.
    #[must_use]
    pub fn with_counter(
        mut self,
        name: &'static str,
        help: &'static str,
        label: &'static str,
        read: impl Fn() -> Vec<(&'static str, u64)> + Send + Sync + 'static,
    ) -> Metrics {
        self.registry.register_collector(Box::new(Counter { name, help, label, read: Box::new(read) }));
        self
    }

    /// Announces further components.
    ///
    /// ```
    /// let metrics = spell_api::Metrics::new(&["hello".into()]);
    /// metrics.announce(&["later".into()]);
    /// assert!(metrics.encode().contains(r#"component="later""#));
    /// ```
    pub fn announce(&self, components: &[Arc<str>]) {
        self.executions.announce(components);
    }

    /// Counts a finished execution.
    pub fn count(&self, record: &ExecutionRecord) {
        self.executions.count(record);
    }

    /// Everything as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to memory does not fail. If it did, the text would lack its `# EOF`, and its reader would refuse it.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

impl Collector for Gauge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?.encode_gauge(&(self.read)())
    }
}

impl Collector for Counter {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, MetricType::Counter)?;
        for (value, count) in (self.read)() {
            metric.encode_family(&[(self.label, value)])?.encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gauge").field("name", &self.name).finish_non_exhaustive()
    }
}
