//! Spells that are registered, of which a bounded number is loaded: their code mapped, linked, ready for instances.
//!
//! A loaded spell costs mappings, a descriptor and memory, all of which a process has only so much of; a registered one costs next to
//! nothing. What has not been used for the longest time makes room for what is asked for. This file knows when something was used. It must
//! never know who asked for it.

use crate::compile::{Digest, digest};
use crate::{Engine, Flavour, Guest, HttpSpell, Linkers, LoadError};
use arc_swap::ArcSwapOption;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::WasiHttpView;

/// How much is kept loaded.
#[derive(Debug, Clone)]
pub struct LibraryBounds {
    /// Spells.
    pub spells_max: usize,
    /// Bytes of their code, all together.
    pub code_bytes_max: u64,
    /// How long one stays that nobody asks for.
    pub idle_time_max: Duration,
}

impl Default for LibraryBounds {
    fn default() -> Self {
        Self { spells_max: 1_000, code_bytes_max: 4 << 30, idle_time_max: Duration::from_secs(3_600) }
    }
}

/// All registered spells, with `C` as the host state behind their imports.
///
/// Without a cache of compiled code nothing could be loaded a second time: then everything stays.
pub struct Library<C: 'static> {
    engine: Engine,
    linkers: Linkers<Guest<C>>,
    bounds: LibraryBounds,
    began: Instant,
    shelf: Mutex<Shelf<C>>,
}

/// A spell that can be asked for.
pub struct RegisteredSpell<C: 'static> {
    digest: Digest,
    flavour: Flavour,
    source: PathBuf,
    places: u32,
    is_program: bool,
    loaded: ArcSwapOption<HttpSpell<C>>,
    /// In seconds since the library was made.
    used_at: AtomicU64,
    /// Held by whoever loads it.
    loading: tokio::sync::Mutex<()>,
}

/// What is registered, by digest, and what of it is loaded.
struct Shelf<C: 'static> {
    registered: HashMap<Digest, Weak<RegisteredSpell<C>>>,
    loaded: Vec<Arc<RegisteredSpell<C>>>,
    code_bytes: u64,
}

impl<C> Shelf<C> {
    fn take_down(&mut self, is_due: impl Fn(&Arc<RegisteredSpell<C>>) -> bool) {
        let mut freed_bytes = 0;
        self.loaded.retain(|registered| {
            let is_due = is_due(registered);
            if is_due {
                // Those who run it have it still.
                freed_bytes += registered.loaded.swap(None).map_or(0, |spell| spell.code_bytes());
            }
            !is_due
        });
        self.code_bytes = self.code_bytes.saturating_sub(freed_bytes);
    }
}

impl<C> RegisteredSpell<C> {
    /// How many of the host's places one execution takes; see [`HttpSpell::places`].
    pub fn places(&self) -> u32 {
        self.places
    }

    /// Whether it is a program, which is run for a request; see [`HttpSpell::run`].
    pub fn is_program(&self) -> bool {
        self.is_program
    }
}

impl<C: WasiView + WasiHttpView + Send + 'static> Library<C> {
    /// An empty library.
    pub fn new(engine: Engine, linkers: Linkers<Guest<C>>, bounds: LibraryBounds) -> Self {
        let shelf = Shelf { registered: HashMap::new(), loaded: Vec::new(), code_bytes: 0 };
        Self { engine, linkers, bounds, began: Instant::now(), shelf: Mutex::new(shelf) }
    }

    /// Registers a component, after it was compiled and linked to see that it can run. `source` is where its bytes can be read again,
    /// should its code be lost. Equal bytes are one spell. This blocks for as long as compiling takes.
    pub fn register(&self, source: &Path, wasm: &[u8]) -> Result<Arc<RegisteredSpell<C>>, LoadError> {
        let digest = digest(wasm);
        if let Some(there) = self.shelf().registered.get(&digest).and_then(Weak::upgrade) {
            return Ok(there);
        }
        let spell = HttpSpell::load(&self.engine, &self.linkers, wasm)?;
        let registered = Arc::new(RegisteredSpell {
            digest,
            flavour: spell.flavour(),
            source: source.to_owned(),
            places: spell.places(),
            is_program: spell.is_program(),
            loaded: ArcSwapOption::empty(),
            used_at: AtomicU64::new(self.seconds(Instant::now())),
            loading: tokio::sync::Mutex::default(),
        });
        self.shelf().registered.insert(digest, Arc::downgrade(&registered));
        self.put_up(&registered, Arc::new(spell));
        Ok(registered)
    }

    /// A spell that is ready to run, as of `now`; loaded if it is not. Whoever has it keeps it, also when the library lets go of it.
    pub async fn spell(self: &Arc<Self>, registered: &Arc<RegisteredSpell<C>>, now: Instant) -> Result<Arc<HttpSpell<C>>, LoadError> {
        let now = self.seconds(now);
        if registered.used_at.load(Ordering::Relaxed) != now {
            registered.used_at.store(now, Ordering::Relaxed);
        }
        match registered.loaded.load_full() {
            Some(spell) => Ok(spell),
            None => self.load(registered).await,
        }
    }

    /// Lets go of what nobody has asked for for as long as it may stay.
    pub fn let_go_of_idle(&self, now: Instant) {
        let idle_max = self.bounds.idle_time_max.as_secs();
        let now = self.seconds(now);
        if self.engine.can_load_again() {
            self.shelf().take_down(|spell| now.saturating_sub(spell.used_at.load(Ordering::Relaxed)) > idle_max);
        }
    }

    /// Lets go of what nobody holds who registered it.
    pub fn let_go_of_forgotten(&self) {
        let mut shelf = self.shelf();
        // One more is the shelf's own.
        shelf.take_down(|spell| Arc::strong_count(spell) == 1);
        shelf.registered.retain(|_, registered| registered.strong_count() > 0);
    }

    /// How many spells are registered.
    pub fn registered(&self) -> usize {
        self.shelf().registered.len()
    }

    /// How many spells are loaded.
    pub fn loaded(&self) -> usize {
        self.shelf().loaded.len()
    }

    async fn load(self: &Arc<Self>, registered: &Arc<RegisteredSpell<C>>) -> Result<Arc<HttpSpell<C>>, LoadError> {
        let _alone = registered.loading.lock().await;
        if let Some(spell) = registered.loaded.load_full() {
            return Ok(spell);
        }
        let (library, wanted) = (self.clone(), registered.clone());
        let loading = tokio::task::spawn_blocking(move || library.load_now(&wanted));
        let spell = Arc::new(loading.await.map_err(|error| LoadError::Lost { reason: error.to_string() })??);
        self.put_up(registered, spell.clone());
        Ok(spell)
    }

    fn load_now(&self, registered: &RegisteredSpell<C>) -> Result<HttpSpell<C>, LoadError> {
        if let Some(component) = self.engine.cached(&self.engine.code_name(&registered.digest, registered.flavour), registered.flavour) {
            return HttpSpell::link(&self.engine, &self.linkers, &component, registered.flavour);
        }
        let lost = |reason: String| LoadError::Lost { reason: format!("{}: {reason}", registered.source.display()) };
        let wasm = std::fs::read(&registered.source).map_err(|error| lost(error.to_string()))?;
        if digest(&wasm) != registered.digest {
            return Err(lost("it is another component than at the start".to_owned()));
        }
        HttpSpell::load(&self.engine, &self.linkers, &wasm)
    }

    /// Takes in a loaded spell, and lets go of others where it is one too many.
    fn put_up(&self, registered: &Arc<RegisteredSpell<C>>, spell: Arc<HttpSpell<C>>) {
        let mut shelf = self.shelf();
        if registered.loaded.swap(Some(spell.clone())).is_none() {
            shelf.code_bytes += spell.code_bytes();
            shelf.loaded.push(registered.clone());
        }
        if !self.engine.can_load_again() {
            return;
        }
        let is_over = |shelf: &Shelf<C>| shelf.loaded.len() > self.bounds.spells_max || shelf.code_bytes > self.bounds.code_bytes_max;
        while shelf.loaded.len() > 1 && is_over(&shelf) {
            let others = shelf.loaded.iter().filter(|other| !Arc::ptr_eq(other, registered));
            let Some(oldest) = others.min_by_key(|other| other.used_at.load(Ordering::Relaxed)).cloned() else { return };
            shelf.take_down(|spell| Arc::ptr_eq(spell, &oldest));
        }
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_secs()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<C>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
