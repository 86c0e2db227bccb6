//! Casts in this host by spell, under the names that hosts of WebAssembly modules commonly have for them.
//!
//! It knows keys of spells, so many of them. It must never know tenants: spells of two tenants that are called the same are counted together.

use crate::histogram::{Histogram, Time};
use crate::named::Named;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use spell_cast::{CastRecord, CastState, EngineChoice, FailedKind};
use spell_types::{Limit, SpellKey};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Spells that are counted apart.
pub(crate) const MODULES_MAX: usize = 200;
/// The one function of each.
const FUNCTION: &str = "cast";
/// What went wrong with a module, by the names that are common.
const ERRORS: [&str; 3] = ["timeout", "panic", "oom"];

/// Counters of each spell.
#[derive(Debug)]
pub(crate) struct Modules(Named<Module>);

#[derive(Debug, Default)]
struct Module {
    loads: AtomicU64,
    calls: Histogram<Time>,
    fuel: AtomicU64,
    memory_bytes: AtomicU64,
    errors: [AtomicU64; ERRORS.len()],
}

impl Default for Modules {
    fn default() -> Self {
        Self(Named::new(MODULES_MAX))
    }
}

impl Modules {
    /// The code of a spell was loaded.
    pub(crate) fn loaded(&self, spell: &SpellKey) {
        self.0.count(spell.as_str(), |module| {
            module.loads.fetch_add(1, Relaxed);
        });
    }

    /// A cast has ended. Those that ran elsewhere, or not at all, say nothing of a module.
    pub(crate) fn count(&self, cast: &CastRecord) {
        let (CastState::Ended(ending), EngineChoice::Wasm) = (&cast.state, cast.engine) else { return };
        let failed = ending.result.as_ref().err();
        if failed.is_some_and(|failed| !failed.kind.is_of_the_program()) {
            return;
        }
        self.0.count(cast.spell_key.as_str(), |module| {
            module.calls.observe_time(ending.usage.wall);
            module.fuel.fetch_add(ending.usage.fuel, Relaxed);
            module.memory_bytes.store(ending.usage.memory_bytes_peak, Relaxed);
            let error = failed.and_then(|failed| error(failed.kind, &failed.code));
            if let Some(count) = error.and_then(|index| module.errors.get(index)) {
                count.fetch_add(1, Relaxed);
            }
        });
    }
}

/// Which of the errors a failure is: what took too long, what broke, or what wanted too much memory.
fn error(kind: FailedKind, code: &str) -> Option<usize> {
    let limit = Limit::from_key(code.strip_prefix("limit-").unwrap_or(code));
    match (kind, limit) {
        (FailedKind::TimedOut, _) | (FailedKind::Limit, Some(Limit::Fuel)) => Some(0),
        (FailedKind::Trapped, _) => Some(1),
        (FailedKind::Limit, Some(Limit::Memory | Limit::TableElements)) => Some(2),
        _ => None,
    }
}

impl Collector for Modules {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut loads = encoder.encode_descriptor("wasm_module_loads", "Times that code was loaded", None, MetricType::Counter)?;
        self.0.each(|module, counters| {
            loads.encode_family(&[("module", module)])?.encode_counter::<NoLabelSet, u64, f64>(&counters.loads.load(Relaxed), None)
        })?;
        let seconds = Some(&Unit::Seconds);
        let mut calls =
            encoder.encode_descriptor("wasm_call_duration", "Wall time of a cast in this host", seconds, MetricType::Histogram)?;
        self.0.each(|module, counters| counters.calls.encode(calls.encode_family(&[("module", module), ("function", FUNCTION)])?))?;
        let mut fuel = encoder.encode_descriptor("wasm_fuel_consumed", "Fuel burnt", None, MetricType::Counter)?;
        self.0.each(|module, counters| {
            fuel.encode_family(&[("module", module)])?.encode_counter::<NoLabelSet, u64, f64>(&counters.fuel.load(Relaxed), None)
        })?;
        let help = "Most memory that the cast had which ended last";
        let mut memory = encoder.encode_descriptor("wasm_memory", help, Some(&Unit::Bytes), MetricType::Gauge)?;
        self.0.each(|module, counters| memory.encode_family(&[("module", module)])?.encode_gauge(&counters.memory_bytes.load(Relaxed)))?;
        let mut errors = encoder.encode_descriptor("wasm_errors", "Casts that the module is to blame for", None, MetricType::Counter)?;
        self.0.each(|module, counters| {
            for (kind, count) in ERRORS.into_iter().zip(&counters.errors) {
                let labels = [("module", module), ("type", kind)];
                errors.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, f64>(&count.load(Relaxed), None)?;
            }
            Ok(())
        })
    }
}
