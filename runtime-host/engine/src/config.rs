//! The one place where a wasmtime engine is made.

use crate::compile::Turns;
use crate::{CodeCache, Compiler};
use std::num::NonZeroUsize;
use std::sync::Arc;
use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy, WasmBacktraceDetails};

/// What an operator decides about the engine.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Instances that can live at the same time; the pool is sized for it.
    pub instances_max: u32,
    /// Stack of a guest, in bytes. It belongs to the engine: all its spells share it.
    pub stack_bytes: usize,
    /// Address space that is set aside for each memory, in bytes, and the most that one can grow to. With 4 GiB, code needs no
    /// bounds checks; less is for processes that may not have that much of it.
    pub memory_reservation_bytes: u64,
    /// Whether guests burn fuel. Without, neither [`Limit::Fuel`](spell_types::Limit::Fuel) bounds a guest that computes, nor does it let
    /// others run before it is done, and usage says that it burnt none: for guests that are trusted, and for measuring what metering costs.
    pub is_metered: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { instances_max: 1_000, stack_bytes: 512 << 10, memory_reservation_bytes: 4 << 30, is_metered: true }
    }
}

impl EngineConfig {
    /// Instances are what costs address space: none for an engine that only compiles.
    pub(crate) fn wasmtime(&self, flavour: Flavour) -> Config {
        let mut wasmtime = code(self, flavour);
        wasmtime.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(self)));
        wasmtime
    }

    /// An engine that makes the same code, and can run none of it.
    pub(crate) fn compiling_only(&self, flavour: Flavour) -> Config {
        let mut wasmtime = code(self, flavour);
        wasmtime.allocation_strategy(InstanceAllocationStrategy::OnDemand);
        wasmtime
    }
}

/// How much of the component model code is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Calls are plain calls: all that WASI 0.2 needs.
    Plain,
    /// With the component model's asynchronous functions, streams and futures, which WASI 0.3 is made of. Every call pays for them.
    Concurrent,
}

impl Flavour {
    /// Both, the cheaper one first.
    pub const ALL: [Flavour; 2] = [Flavour::Plain, Flavour::Concurrent];

    /// Its name, by which a compiler is told.
    pub fn name(self) -> &'static str {
        match self {
            Flavour::Plain => "plain",
            Flavour::Concurrent => "concurrent",
        }
    }

    /// The flavour with this name.
    pub fn from_name(name: &str) -> Option<Flavour> {
        Self::ALL.into_iter().find(|flavour| flavour.name() == name)
    }
}

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused the configuration, mostly for want of address space.
    #[error("the wasm engine could not start with room for {instances_max} instances: {reason}")]
    Refused {
        /// The pool size that was asked for.
        instances_max: u32,
        /// What wasmtime said.
        reason: String,
    },
}

/// wasmtime in both flavours, each with its pool of instances, and the cache of compiled code. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Engine {
    plain: wasmtime::Engine,
    concurrent: wasmtime::Engine,
    pub(crate) cache: Option<Arc<CodeCache>>,
    pub(crate) compiler: Arc<Compiler>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) instances_max: u32,
    pub(crate) is_metered: bool,
}

impl Engine {
    /// Makes an engine; `cache` keeps compiled code between starts, `compiler` makes it.
    pub fn new(config: &EngineConfig, cache: Option<CodeCache>, compiler: Compiler) -> Result<Self, EngineError> {
        let refused = |error: wasmtime::Error| EngineError::Refused { instances_max: config.instances_max, reason: format!("{error:#}") };
        let plain = wasmtime::Engine::new(&config.wasmtime(Flavour::Plain)).map_err(refused)?;
        let concurrent = wasmtime::Engine::new(&config.wasmtime(Flavour::Concurrent)).map_err(refused)?;
        let at_once_max = match &compiler {
            Compiler::InProcess => usize::MAX,
            Compiler::Child(child) => child.at_once_max,
        };
        let turns = Arc::new(Turns::new(at_once_max));
        Ok(Self {
            plain,
            concurrent,
            cache: cache.map(Arc::new),
            compiler: Arc::new(compiler),
            turns,
            instances_max: config.instances_max,
            is_metered: config.is_metered,
        })
    }

    /// Linkers, to be filled with the host's side of what spells import.
    pub fn linkers<T: 'static>(&self) -> Linkers<T> {
        Linkers { plain: Linker::new(&self.plain), concurrent: Linker::new(&self.concurrent) }
    }

    /// Instances that are alive now.
    pub fn instances(&self) -> u64 {
        Flavour::ALL.iter().filter_map(|flavour| self.of(*flavour).pooling_allocator_metrics()).map(|pool| pool.component_instances()).sum()
    }

    /// Whether code that was let go of can be had again without compiling.
    pub(crate) fn can_load_again(&self) -> bool {
        self.cache.is_some()
    }

    pub(crate) fn of(&self, flavour: Flavour) -> &wasmtime::Engine {
        match flavour {
            Flavour::Plain => &self.plain,
            Flavour::Concurrent => &self.concurrent,
        }
    }
}

/// What spells can import, by flavour. What is asynchronous can be had in the concurrent one alone.
pub struct Linkers<T: 'static> {
    /// For [`Flavour::Plain`].
    pub plain: Linker<T>,
    /// For [`Flavour::Concurrent`].
    pub concurrent: Linker<T>,
}

impl<T: 'static> Linkers<T> {
    pub(crate) fn of(&self, flavour: Flavour) -> &Linker<T> {
        match flavour {
            Flavour::Plain => &self.plain,
            Flavour::Concurrent => &self.concurrent,
        }
    }
}

/// Everything that the code depends on.
fn code(config: &EngineConfig, flavour: Flavour) -> Config {
    let mut wasmtime = Config::new();
    wasmtime
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true)
        .memory_may_move(false)
        .memory_reservation(config.memory_reservation_bytes)
        // Fuel is both the limit of guest work and the point where a busy guest lets others run.
        .consume_fuel(config.is_metered)
        .max_wasm_stack(config.stack_bytes)
        .async_stack_size(config.stack_bytes + HOST_STACK_BYTES)
        .native_unwind_info(false)
        // Debug information of strangers is never parsed.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .wasm_component_model_async(flavour == Flavour::Concurrent)
        .concurrency_support(flavour == Flavour::Concurrent);
    // Proposals that no toolchain we serve needs, and that most of the engine's own faults are found in.
    wasmtime
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .gc_support(false)
        .wasm_memory64(false)
        .wasm_threads(false)
        .wasm_tail_call(false)
        .wasm_custom_page_sizes(false)
        .wasm_stack_switching(false)
        .relaxed_simd_deterministic(true);
    wasmtime
}

/// Stack left to host functions that run on a guest's fiber.
const HOST_STACK_BYTES: usize = 512 << 10;
const BACKTRACE_FRAMES_MAX: usize = 16;
/// Core instances, memories and tables that one component may be made of; composed and scripted components have dozens.
const CORE_INSTANCES_PER_COMPONENT_MAX: u32 = 64;
const MEMORIES_PER_COMPONENT_MAX: u32 = 16;
/// Those who each give out a part of the places: for requests of an app, and for casts beside it.
const COUNTERS_MAX: u32 = 2;
const TABLES_PER_COMPONENT_MAX: u32 = 32;
/// Memories that the pool holds for each place to run. A spell with more takes more places: see `HttpSpell::places`.
pub(crate) const MEMORIES_PER_PLACE: u32 = 2;
const TABLE_ELEMENTS_MAX: usize = 100_000;
/// Bytes of a memory that are reset in place rather than given back to the kernel.
const MEMORY_KEEP_RESIDENT_BYTES: usize = 4 << 20;
/// Slots that stay warm after use: with the bytes above, the bound of what an idle pool keeps in memory.
const WARM_SLOTS_MAX: u32 = 128;
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 << 10;
const STACK_KEEP_RESIDENT_BYTES: usize = 32 << 10;

fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    let instances = config.instances_max;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT_MAX))
        // Whoever gives out few of the places gives all of them to a component of many memories.
        .total_memories(instances.saturating_mul(MEMORIES_PER_PLACE).saturating_add(COUNTERS_MAX * MEMORIES_PER_COMPONENT_MAX))
        .total_tables(instances.saturating_mul(TABLES_PER_COMPONENT_MAX))
        .max_memories_per_module(MEMORIES_PER_COMPONENT_MAX)
        .max_tables_per_module(TABLES_PER_COMPONENT_MAX)
        .total_stacks(instances)
        .total_gc_heaps(0)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT_MAX)
        .max_memories_per_component(MEMORIES_PER_COMPONENT_MAX)
        .max_tables_per_component(TABLES_PER_COMPONENT_MAX)
        .max_memory_size(usize::try_from(config.memory_reservation_bytes).unwrap_or(usize::MAX))
        .table_elements(TABLE_ELEMENTS_MAX)
        .max_unused_warm_slots(instances.min(WARM_SLOTS_MAX))
        .async_stack_keep_resident(STACK_KEEP_RESIDENT_BYTES);
    // The page-map scan asks the kernel which pages are present and dirty. A page in swap is not present, so it would keep
    // what the previous guest wrote: with swap on, memory goes back to the kernel instead.
    if !swap_is_on() && PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES)
            .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
            .pagemap_scan(Enabled::Yes);
    }
    pool
}

/// Whether the machine can swap; taken as true where it cannot be told.
fn swap_is_on() -> bool {
    std::fs::read_to_string("/proc/swaps").map_or(true, |swaps| swaps.lines().skip(1).any(|line| !line.trim().is_empty()))
}
