//! What the platform does, counted: casts by engine, uploads, replays, and requests by route.
//!
//! It knows records of casts and labels, all of them from bounded sets. It must never know tenants, or who reads the numbers.

use crate::histogram::{Histogram, Memory, Time};
use crate::module_metrics::Modules;
use crate::named::Named;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use spell_cast::{CastObserver, CastRecord, CastState, FailedKind};
use spell_types::SpellKey;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Engines that are counted apart: more than there are.
const ENGINES_MAX: usize = 8;
const OUTCOMES: usize = 1 + FailedKind::ALL.len();
const COMPLETED: &str = "completed";

/// Counts what the platform does. It is told of each cast as its [`CastObserver`].
#[derive(Debug)]
pub struct CastMetrics {
    engines: Arc<Engines>,
    modules: Arc<Modules>,
    replays: Counter,
    uploads: Family<UploadLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UploadLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

impl Default for CastMetrics {
    fn default() -> Self {
        let (engines, modules) = (Arc::new(Engines(Named::new(ENGINES_MAX))), Arc::default());
        Self { engines, modules, replays: Counter::default(), uploads: Family::default(), requests: Family::default() }
    }
}

impl CastMetrics {
    /// Has a registry show the numbers.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.engines.clone()));
        registry.register_collector(Box::new(self.modules.clone()));
        registry.register("spell_platform_replays", "Requests answered with a cast that was there before", self.replays.clone());
        registry.register("spell_platform_uploads", "Uploads", self.uploads.clone());
        registry.register("spell_platform_requests", "Requests to the API", self.requests.clone());
    }

    /// An upload has ended, with a word for how.
    pub(crate) fn uploaded(&self, outcome: &'static str) {
        self.uploads.get_or_create(&UploadLabels { outcome }).inc();
    }

    /// A request was answered. The route is its pattern: paths have no bound.
    pub(crate) fn answered(&self, method: &'static str, route: &str, status: u16) {
        self.requests.get_or_create(&RequestLabels { method, route: route.to_owned(), status }).inc();
    }
}

impl CastObserver for CastMetrics {
    fn ended(&self, cast: &CastRecord) {
        self.engines.0.count(cast.engine.name(), |counters| counters.count(cast));
        self.modules.count(cast);
    }

    fn replayed(&self, _: &CastRecord) {
        self.replays.inc();
    }

    fn loaded(&self, spell: &SpellKey) {
        self.modules.loaded(spell);
    }
}

#[derive(Debug)]
struct Engines(Named<Casts>);

/// Casts in one engine.
#[derive(Debug, Default)]
struct Casts {
    outcomes: [AtomicU64; OUTCOMES],
    wall: Histogram<Time>,
    memory: Histogram<Memory>,
    cost_cents: AtomicU64,
}

impl Casts {
    fn count(&self, cast: &CastRecord) {
        let CastState::Ended(ending) = &cast.state else { return };
        let failed = ending.result.as_ref().err().map(|failed| failed.kind);
        if let Some(count) = outcomes().position(|(kind, _)| kind == failed).and_then(|index| self.outcomes.get(index)) {
            count.fetch_add(1, Relaxed);
        }
        self.cost_cents.fetch_add(ending.cost_cents, Relaxed);
        if failed.is_none_or(FailedKind::is_of_the_program) {
            self.wall.observe_time(ending.usage.wall);
            self.memory.observe(ending.usage.memory_bytes_peak);
        }
    }
}

/// Every way in which a cast can end, with its name.
fn outcomes() -> impl Iterator<Item = (Option<FailedKind>, &'static str)> {
    [(None, COMPLETED)].into_iter().chain(FailedKind::ALL.map(|(kind, name)| (Some(kind), name)))
}

impl Engines {
    fn encode_each(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help, unit, kind): (&str, &str, Option<Unit>, MetricType),
        encode: impl Fn(&Casts, MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
        self.0.each(|engine, casts| encode(casts, metric.encode_family(&[("engine", engine)])?))
    }
}

impl Collector for Engines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor("spell_platform_casts", "Casts that have ended", None, MetricType::Counter)?;
        self.0.each(|engine, casts| {
            for ((_, outcome), count) in outcomes().zip(&casts.outcomes) {
                let labels = [("engine", engine), ("outcome", outcome)];
                metric.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&count.load(Relaxed), None)?;
            }
            Ok(())
        })?;
        let wall = ("spell_platform_cast_duration", "Wall time of a cast", Some(Unit::Seconds), MetricType::Histogram);
        self.encode_each(&mut encoder, wall, |casts, to| casts.wall.encode(to))?;
        let memory = ("spell_platform_cast_memory", "Most memory that a cast had at once", Some(Unit::Bytes), MetricType::Histogram);
        self.encode_each(&mut encoder, memory, |casts, to| casts.memory.encode(to))?;
        let cost = ("spell_platform_cast_cost_cents", "What casts cost", None, MetricType::Counter);
        self.encode_each(&mut encoder, cost, |casts, mut to| {
            to.encode_counter::<NoLabelSet, u64, f64>(&casts.cost_cents.load(Relaxed), None)
        })
    }
}
