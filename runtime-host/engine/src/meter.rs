//! What an instance may use and what it has used, summed over all its memories and tables.

use crate::{Engine, Flavour, slice};
use spell_types::{Limit, Limits, Usage};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use wasmtime::{ResourceLimiter, Store};
use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

/// The data of a store: the host state `C` behind the guest's imports, and the meter that the engine keeps for itself.
pub struct Guest<C> {
    /// The host side of the guest's imports.
    pub host: C,
    /// Whether a host function ran since the guest last left for the host.
    pub(crate) host_was_called: bool,
    meter: Meter,
}

impl<C> AsMut<C> for Guest<C> {
    fn as_mut(&mut self) -> &mut C {
        self.host_was_called = true;
        &mut self.host
    }
}

impl<C: WasiView> WasiView for Guest<C> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.host_was_called = true;
        self.host.ctx()
    }
}

impl<C: WasiHttpView> WasiHttpView for Guest<C> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.host_was_called = true;
        self.host.http()
    }
}

/// Fuel between two points where a busy guest lets other work on its thread run: about half a millisecond.
pub(crate) const YIELD_INTERVAL_FUEL: u64 = 500_000;
/// Bytes that one host call may copy out of a guest.
const HOST_CALL_BYTES_MAX: usize = 16 << 20;
/// Handles to resources that a guest may hold.
const HANDLES_MAX: usize = 4_096;
const CORE_INSTANCES_MAX: usize = 64;
const MEMORIES_MAX: usize = 16;
const TABLES_MAX: usize = 32;

/// A store whose usage is reported when it is dropped, whatever the reason: answer, trap, deadline, or a client that left.
pub(crate) struct MeteredStore<C: 'static> {
    pub(crate) store: Store<Guest<C>>,
    report: Arc<Report>,
    /// What fuel it began with; `None` if its engine meters nothing.
    fuel_max: Option<u64>,
}

impl<C: Send + 'static> MeteredStore<C> {
    pub(crate) fn new(engine: &Engine, flavour: Flavour, host: C, limits: &Limits, report: Arc<Report>) -> wasmtime::Result<Self> {
        let meter = Meter::new(limits, report.clone());
        let mut store = Store::try_new(engine.of(flavour), Guest { host, host_was_called: false, meter })?;
        store.limiter(|guest| &mut guest.meter);
        store.set_hostcall_fuel(HOST_CALL_BYTES_MAX);
        store.set_max_component_handles(HANDLES_MAX);
        let fuel_max = engine.is_metered.then(|| limits.get(Limit::Fuel));
        if let Some(fuel) = fuel_max {
            store.set_fuel(fuel)?;
            store.fuel_async_yield_interval(Some(YIELD_INTERVAL_FUEL))?;
            slice::watch(&mut store, report.clone());
        }
        Ok(Self { store, report, fuel_max })
    }

    /// Lets the guest hand over an answer of so many bytes, if that is more than a host call may copy.
    pub(crate) fn allow_answer(&mut self, bytes_max: u64) {
        self.store.set_hostcall_fuel(HOST_CALL_BYTES_MAX.max(usize::try_from(bytes_max).unwrap_or(usize::MAX)));
    }
}

impl<C: 'static> Drop for MeteredStore<C> {
    fn drop(&mut self) {
        if let Some(fuel_max) = self.fuel_max {
            let left = self.store.get_fuel().unwrap_or(0);
            self.report.fuel.store(fuel_max.saturating_sub(left), Ordering::Relaxed);
        }
        self.report.memory_bytes_peak.store(self.store.data().meter.memory_bytes_peak, Ordering::Relaxed);
    }
}

/// What is known of an execution from outside its store.
#[derive(Default)]
pub(crate) struct Report {
    polls: AtomicU64,
    fuel: AtomicU64,
    memory_bytes_peak: AtomicU64,
    /// The first limit that the guest was refused something for. It need not fail for it.
    refused: OnceLock<Limit>,
}

impl Report {
    /// Fuel and memory; complete once the store is gone.
    pub(crate) fn usage(&self) -> Usage {
        Usage {
            fuel: self.fuel.load(Ordering::Relaxed),
            memory_bytes_peak: self.memory_bytes_peak.load(Ordering::Relaxed),
            ..Usage::default()
        }
    }

    /// The guest is about to be polled.
    pub(crate) fn count_poll(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the guest was polled.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    pub(crate) fn refused(&self) -> Option<Limit> {
        self.refused.get().copied()
    }
}

/// wasmtime's own limits count each memory and each table by itself; this one counts them together.
struct Meter {
    memory_bytes: u64,
    memory_bytes_max: u64,
    memory_bytes_peak: u64,
    table_elements: u64,
    table_elements_max: u64,
    report: Arc<Report>,
}

impl Meter {
    fn new(limits: &Limits, report: Arc<Report>) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max: limits.get(Limit::Memory),
            memory_bytes_peak: 0,
            table_elements: 0,
            table_elements_max: limits.get(Limit::TableElements),
            report,
        }
    }
}

/// The total after something grew from `current` to `desired`, if that is within `max`.
fn grown(total: u64, current: usize, desired: usize, max: u64) -> Option<u64> {
    let growth = desired.saturating_sub(current) as u64;
    total.checked_add(growth).filter(|total| *total <= max)
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let Some(total) = grown(self.memory_bytes, current, desired, self.memory_bytes_max) else {
            let _ = self.report.refused.set(Limit::Memory);
            return Ok(false);
        };
        self.memory_bytes = total;
        self.memory_bytes_peak = self.memory_bytes_peak.max(total);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let Some(total) = grown(self.table_elements, current, desired, self.table_elements_max) else {
            let _ = self.report.refused.set(Limit::TableElements);
            return Ok(false);
        };
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Compiler, EngineConfig};

    /// Computes a little at its start, and imports nothing.
    const STARTER: &str = r#"
        (component
            (core module $starter
                (memory 1)
                (func $start (local $i i32)
                    (loop $again
                        (local.set $i (i32.add (local.get $i) (i32.const 1)))
                        (br_if $again (i32.lt_u (local.get $i) (i32.const 1000)))))
                (start $start))
            (core instance (instantiate $starter)))"#;

    /// What one instance of it used.
    async fn usage_of_a_start(is_metered: bool, flavour: Flavour) -> Usage {
        let config = EngineConfig { instances_max: 2, is_metered, ..EngineConfig::default() };
        let engine = Engine::new(&config, None, Compiler::InProcess).expect("engine");
        let component = engine.compile(&wat::parse_str(STARTER).expect("wat"), flavour).expect("component");
        let report = Arc::new(Report::default());
        let mut store = MeteredStore::new(&engine, flavour, (), &Limits::default(), report.clone()).expect("store");
        engine.linkers().of(flavour).instantiate_async(&mut store.store, &component).await.expect("instance");
        drop(store);
        report.usage()
    }

    #[tokio::test]
    async fn guests_of_an_engine_without_metering_run_and_burn_no_fuel() {
        for flavour in Flavour::ALL {
            let (metered, unmetered) = (usage_of_a_start(true, flavour).await, usage_of_a_start(false, flavour).await);
            assert!(metered.fuel > 1_000, "{metered:?}");
            assert_eq!((unmetered.fuel, unmetered.memory_bytes_peak), (0, 64 << 10));
        }
    }

    #[test]
    fn memories_are_counted_together() {
        let report = Arc::new(Report::default());
        let mut limits = Limits::default();
        limits.set(Limit::Memory, 100);
        let mut meter = Meter::new(&limits, report.clone());
        assert!(meter.memory_growing(0, 60, None).expect("first memory"));
        assert!(!meter.memory_growing(0, 50, None).expect("second memory"), "60 + 50 is above 100");
        assert!(meter.memory_growing(60, 100, None).expect("growth of the first"));
        assert_eq!((meter.memory_bytes_peak, report.refused()), (100, Some(Limit::Memory)));
    }

    #[test]
    fn tables_are_counted_together() {
        let report = Arc::new(Report::default());
        let mut limits = Limits::default();
        limits.set(Limit::TableElements, 10);
        let mut meter = Meter::new(&limits, report.clone());
        assert!(meter.table_growing(0, 10, None).expect("first table"));
        assert!(!meter.table_growing(0, 1, None).expect("second table"));
        assert_eq!(report.refused(), Some(Limit::TableElements));
    }
}
