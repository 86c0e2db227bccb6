//! A component's code, linked to what the host offers: what every spell has, however it is called.
//!
//! It knows flavours, places and stores. It must never know what a component exports, or what it is asked.

use crate::config::MEMORIES_PER_PLACE;
use crate::execution::Execution;
use crate::meter::{Guest, MeteredStore, Report};
use crate::{CompileError, Engine, Failure, Flavour, Linkers, LoadError, failure};
use spell_types::Limits;
use std::sync::Arc;
use tokio::sync::oneshot;
use wasmtime::component::{Component, InstancePre};

/// Where a guest leaves its answer.
pub(crate) type Sender<T> = oneshot::Sender<Result<T, Failure>>;

/// Compiled code with its imports, ready for instances.
pub(crate) struct Linked<C: 'static> {
    engine: Engine,
    pub(crate) flavour: Flavour,
    pub(crate) instance: InstancePre<Guest<C>>,
    pub(crate) places: u32,
    pub(crate) code_bytes: u64,
}

/// Compiles a component, or takes its code from the cache, and has it linked: for plain calls if it can do with them.
pub(crate) fn load<T>(engine: &Engine, wasm: &[u8], link: impl Fn(&Component, Flavour) -> Result<T, LoadError>) -> Result<T, LoadError> {
    let load = |flavour| link(&engine.compile(wasm, flavour)?, flavour);
    if engine.is_known_to_be_concurrent(wasm) {
        return load(Flavour::Concurrent);
    }
    match load(Flavour::Plain) {
        // What the plain flavour does not know, the other may.
        Err(LoadError::Compile(CompileError::Invalid { .. }) | LoadError::Link { .. }) => load(Flavour::Concurrent),
        loaded => loaded,
    }
}

impl<C: Send + 'static> Linked<C> {
    /// Links compiled code to what the host offers.
    pub(crate) fn new(engine: &Engine, linkers: &Linkers<Guest<C>>, component: &Component, flavour: Flavour) -> Result<Self, LoadError> {
        let instance = linkers.of(flavour).instantiate_pre(component).map_err(unlinkable)?;
        let memories = component.resources_required().map_or(1, |resources| resources.num_memories);
        // One that is larger than a small host takes all of it, rather than never finding a place.
        let places = memories.div_ceil(MEMORIES_PER_PLACE).min(engine.instances_max).max(1);
        let code = component.image_range();
        let code_bytes = (code.end as usize).saturating_sub(code.start as usize) as u64;
        Ok(Self { engine: engine.clone(), flavour, instance, places, code_bytes })
    }

    /// Starts an execution in a store of its own, which `run` is given together with the place for the answer. Nothing runs until the
    /// execution is polled, and it ends when it is dropped.
    pub(crate) fn begin<T, R>(
        &self,
        host: C,
        limits: &Limits,
        run: impl FnOnce(MeteredStore<C>, Sender<T>) -> R,
    ) -> Result<Execution<T>, Failure>
    where
        R: Future<Output = wasmtime::Result<()>> + Send + 'static,
    {
        let report = Arc::new(Report::default());
        let store = self.store(host, limits, &report)?;
        let (sender, answer) = oneshot::channel();
        Ok(Execution::new(Box::pin(run(store, sender)), answer, report))
    }

    /// Makes an instance and throws it away: shows whether the host's limits let it live.
    pub(crate) async fn try_instantiate(&self, host: C, limits: &Limits) -> Result<(), Failure> {
        let report = Arc::new(Report::default());
        let store = &mut self.store(host, limits, &report)?.store;
        let made = self.instance.instantiate_async(store).await;
        made.map(drop).map_err(|error| Failure::from_error(&error, report.refused()))
    }

    fn store(&self, host: C, limits: &Limits, report: &Arc<Report>) -> Result<MeteredStore<C>, Failure> {
        MeteredStore::new(&self.engine, self.flavour, host, limits, report.clone()).map_err(|error| Failure::Host(format!("{error:#}")))
    }
}

/// Says what of a component does not fit what the host offers.
pub(crate) fn unlinkable(error: wasmtime::Error) -> LoadError {
    LoadError::Link { reason: failure::readable(&error) }
}
