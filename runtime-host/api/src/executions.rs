//! Finished executions, counted per component: an array of atomics each, made when the first one has finished.
//!
//! It knows components, outcomes and usage. It must never know who reads the numbers or over what.

use crate::histogram::{Histogram, Time};
use crate::named::OTHER;
use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use spell_types::{ExecutionRecord, Limit, Outcome};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Outcomes that meet no limit; the others follow in the order of [`Limit::ALL`].
const OUTCOMES_PLAIN: usize = 6;
const OUTCOMES: usize = OUTCOMES_PLAIN + Limit::ALL.len();

/// Counters of every component.
#[derive(Debug)]
pub(crate) struct Executions {
    /// In order of their names, for a search that neither locks nor allocates.
    components: ArcSwap<Vec<Counted>>,
    other: Counters,
    /// Stands for those of a component that nothing has finished of.
    none: Counters,
}

/// A component, and what was counted of it.
type Counted = (Arc<str>, Arc<OnceLock<Box<Counters>>>);

#[derive(Debug, Default)]
struct Counters {
    outcomes: [AtomicU64; OUTCOMES],
    wall: Histogram<Time>,
    cpu: Histogram<Time>,
    fuel: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    memory_bytes_peak: AtomicU64,
}

impl Executions {
    pub(crate) fn new(components: &[Arc<str>]) -> Executions {
        let executions = Executions { components: ArcSwap::default(), other: Counters::default(), none: Counters::default() };
        executions.announce(components);
        executions
    }

    /// Counts these apart from now on as well. What was counted stays, also of components that are not named again.
    pub(crate) fn announce(&self, components: &[Arc<str>]) {
        self.components.rcu(|known| {
            let mut all: BTreeMap<Arc<str>, _> = known.iter().cloned().collect();
            for name in components {
                all.entry(name.clone()).or_default();
            }
            all.into_iter().collect::<Vec<Counted>>()
        });
    }

    pub(crate) fn count(&self, record: &ExecutionRecord) {
        let components = self.components.load();
        let found = components.binary_search_by(|(name, _)| name.as_ref().cmp(record.component.as_ref()));
        let counters = found.ok().and_then(|index| components.get(index));
        counters.map_or(&self.other, |(_, counters)| counters.get_or_init(Box::default)).count(record);
    }

    /// Does something with the counters of each component.
    fn each(&self, mut encode: impl FnMut(&str, &Counters) -> fmt::Result) -> fmt::Result {
        for (name, counters) in self.components.load().iter() {
            encode(name, counters.get().map_or(&self.none, Box::as_ref))?;
        }
        // Whoever is not announced shows up only once there is something to show.
        if self.other.outcomes.iter().any(|count| count.load(Relaxed) > 0) { encode(OTHER, &self.other) } else { Ok(()) }
    }

    fn encode_outcomes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor("spell_casts", "Finished casts", None, MetricType::Counter)?;
        self.each(|component, counters| {
            for outcome in Outcome::all() {
                let count = counters.outcomes.get(index(outcome)).map_or(0, |count| count.load(Relaxed));
                let labels = [("component", component), ("outcome", outcome.name())];
                metric.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&count, None)?;
            }
            Ok(())
        })
    }

    /// One metric with one value per component.
    fn encode_each(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help, unit, kind): (&str, &str, Option<Unit>, MetricType),
        encode: impl Fn(&Counters, MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
        self.each(|component, counters| encode(counters, metric.encode_family(&[("component", component)])?))
    }
}

impl Collector for Executions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        use MetricType::{Counter, Gauge, Histogram};
        let total = |value: &AtomicU64, mut to: MetricEncoder<'_>| to.encode_counter::<NoLabelSet, u64, f64>(&value.load(Relaxed), None);
        let to = &mut encoder;
        self.encode_outcomes(to)?;
        let wall = ("spell_cast_duration", "Wall time of a cast", Some(Unit::Seconds), Histogram);
        self.encode_each(to, wall, |counters, to| counters.wall.encode(to))?;
        let cpu = ("spell_cast_cpu", "CPU time of a cast", Some(Unit::Seconds), Histogram);
        self.encode_each(to, cpu, |counters, to| counters.cpu.encode(to))?;
        let fuel = ("spell_cast_fuel", "Fuel burnt", None, Counter);
        self.encode_each(to, fuel, |counters, to| total(&counters.fuel, to))?;
        let bytes_in = ("spell_cast_request", "Request bodies read", Some(Unit::Bytes), Counter);
        self.encode_each(to, bytes_in, |counters, to| total(&counters.bytes_in, to))?;
        let bytes_out = ("spell_cast_response", "Response bodies sent", Some(Unit::Bytes), Counter);
        self.encode_each(to, bytes_out, |counters, to| total(&counters.bytes_out, to))?;
        let memory = ("spell_cast_memory_bytes_peak", "Most linear memory that one cast had at once", None, Gauge);
        self.encode_each(to, memory, |counters, mut to| to.encode_gauge(&counters.memory_bytes_peak.load(Relaxed)))
    }
}

impl Counters {
    fn count(&self, record: &ExecutionRecord) {
        if let Some(count) = self.outcomes.get(index(record.outcome)) {
            count.fetch_add(1, Relaxed);
        }
        let usage = &record.usage;
        self.wall.observe_time(usage.wall);
        self.cpu.observe_time(usage.cpu);
        self.fuel.fetch_add(usage.fuel, Relaxed);
        self.bytes_in.fetch_add(usage.bytes_in, Relaxed);
        self.bytes_out.fetch_add(usage.bytes_out, Relaxed);
        self.memory_bytes_peak.fetch_max(usage.memory_bytes_peak, Relaxed);
    }
}

/// The place of an outcome in the array.
fn index(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Completed => 0,
        Outcome::Trapped => 1,
        Outcome::BadResponse => 2,
        Outcome::Cancelled => 3,
        Outcome::HostBusy => 4,
        Outcome::HostFailed => 5,
        Outcome::LimitExceeded(limit) => OUTCOMES_PLAIN + limit as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        let mut places: Vec<usize> = Outcome::all().map(index).collect();
        places.sort();
        assert_eq!(places, (0..OUTCOMES).collect::<Vec<_>>());
    }
}
