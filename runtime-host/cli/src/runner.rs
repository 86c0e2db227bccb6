//! Spells of the platform in the engine: their code, loaded once and kept while there is room, and each cast in a place of its own.
//!
//! It knows the engine and what the pipeline asks of it. It must never know tenants, keys or what a cast costs.

use crate::reach::Granting;
use crate::recent::Recent;
use spell_capabilities::{self as capabilities, Sink};
use spell_cast::{Abi, Executed, Failed, FailedKind, Reach, Registry, RegistryError, Runner, Stream, Witness};
use spell_engine::{Cast, CastSpell, Engine, Failure, Guest, HttpSpell, Linkers, LoadError};
use spell_manifest::{Setting, Settings};
use spell_types::{BoxFuture, Content, Digest, Limit, Limits, Usage};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// Spells whose code is kept ready.
pub(crate) const LOADED_MAX: usize = 1_000;

type Spell = Arc<CastSpell<capabilities::Host>>;

/// Executes what the registry has.
pub(crate) struct EngineRunner {
    engine: Engine,
    linkers: Arc<Linkers<Guest<capabilities::Host>>>,
    pub(crate) registry: Arc<dyn Registry>,
    /// As many as there are places for instances.
    pub(crate) places: Arc<Semaphore>,
    /// How many these are: a spell that wants more takes them all.
    places_max: u32,
    /// The longest that a cast waits for one.
    pub(crate) queue_time_max: Duration,
    loaded: Loaded<CastSpell<capabilities::Host>>,
    pub(crate) granting: Granting,
}

/// Code that is ready, by the digest of what it was made of. Whoever asks for it first makes it.
pub(crate) type Loaded<T> = Mutex<Recent<Digest, Arc<OnceCell<Arc<T>>>>>;

/// The place of a program's code.
pub(crate) fn cell<T>(loaded: &Loaded<T>, digest: Digest) -> Arc<OnceCell<Arc<T>>> {
    loaded.lock().unwrap_or_else(PoisonError::into_inner).get_or_keep(digest, Arc::default)
}

/// How many programs have code that is ready.
pub(crate) fn ready<T>(loaded: &Loaded<T>) -> usize {
    loaded.lock().unwrap_or_else(PoisonError::into_inner).values().filter(|cell| cell.initialized()).count()
}

impl EngineRunner {
    /// A runner with as many places as the settings say, all of which the engine has.
    pub(crate) fn new(engine: Engine, registry: Arc<dyn Registry>, settings: &Settings, granting: Granting) -> wasmtime::Result<Self> {
        let mut linkers = engine.linkers();
        capabilities::add_plain_to_linker(&mut linkers.plain)?;
        capabilities::add_to_linker(&mut linkers.concurrent)?;
        let places_max = u32::try_from(settings.get(Setting::CastConcurrency))?;
        let (linkers, places) = (Arc::new(linkers), Arc::new(Semaphore::new(usize::try_from(places_max)?)));
        let queue_time_max = settings.time(Setting::CastQueueTime);
        Ok(Self { engine, linkers, registry, places, places_max, queue_time_max, loaded: Mutex::new(Recent::new(LOADED_MAX)), granting })
    }

    /// Spells whose code is ready.
    pub(crate) fn loaded(&self) -> usize {
        ready(&self.loaded)
    }

    /// Places that no cast has.
    pub(crate) fn places_free(&self) -> usize {
        self.places.available_permits()
    }

    async fn load(&self, digest: Digest, witness: &Witness) -> Result<Spell, Failed> {
        let cell = cell(&self.loaded, digest);
        let spell = cell.get_or_try_init(|| async {
            witness.loads_code();
            let wasm = self.registry.program(&digest).await.map_err(|error| unreadable(&error))?;
            self.compile(wasm).await.map_err(host_failed)
        });
        spell.await.cloned()
    }

    async fn compile(&self, wasm: bytes::Bytes) -> Result<Spell, String> {
        let (engine, linkers) = (self.engine.clone(), self.linkers.clone());
        aside(move || CastSpell::load(&engine, &linkers, &wasm)).await
    }

    /// The same for one that answers HTTP.
    pub(crate) async fn compile_http(&self, wasm: bytes::Bytes) -> Result<Arc<HttpSpell<capabilities::Host>>, String> {
        let (engine, linkers) = (self.engine.clone(), self.linkers.clone());
        aside(move || HttpSpell::load(&engine, &linkers, &wasm)).await
    }

    async fn check_http(&self, wasm: bytes::Bytes) -> Result<(), Failed> {
        let spell = self.compile_http(wasm).await.map_err(refused)?;
        let _place = self.place(spell.places()).await?;
        let limits = spell_cast::cast_defaults();
        spell.try_instantiate(self.granting.nothing().host(&limits), &limits).await.map_err(|failure| failed(&failure))
    }

    /// Places for one instance: whoever makes one without them takes it from a cast that has its own.
    async fn place(&self, places: u32) -> Result<OwnedSemaphorePermit, Failed> {
        let places = self.places.clone().acquire_many_owned(places.min(self.places_max));
        let place = tokio::time::timeout(self.queue_time_max, places).await.ok().and_then(Result::ok);
        place.ok_or_else(|| busy(self.queue_time_max))
    }

    async fn execute(
        &self,
        component: Digest,
        input: Content,
        limits: &Limits,
        reach: &Reach,
        witness: &Arc<Witness>,
    ) -> Result<Executed, Failed> {
        let grants = self.granting.grants(component, reach).map_err(|error| host_failed(format!("{error:#}")))?;
        let spell = self.load(component, witness).await?;
        let admitted = Instant::now();
        let _place = self.place(spell.places()).await?;
        let host = grants.host_printing_to(limits, sink(witness, Stream::Stdout), sink(witness, Stream::Stderr));
        let Cast { answer, usage } = spell.cast(input, host, limits, admitted).await;
        let result = match answer {
            Ok(Ok(content)) => Ok(content),
            Ok(Err(failure)) => Err(Failed { kind: FailedKind::Refused, code: failure.code, message: failure.message }),
            Err(failure) => Err(failed(&failure)),
        };
        Ok(Executed { result, usage })
    }
}

impl Runner for EngineRunner {
    fn check<'a>(&'a self, abi: Abi, component: Digest, wasm: bytes::Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async move {
            if abi.answers_http() {
                return self.check_http(wasm).await;
            }
            let spell = self.compile(wasm).await.map_err(refused)?;
            let _place = self.place(spell.places()).await?;
            let limits = spell_cast::cast_defaults();
            let instance = spell.try_instantiate(self.granting.nothing().host(&limits), &limits).await;
            instance.map_err(|failure| failed(&failure))?;
            let cell = cell(&self.loaded, component);
            // Whoever asked for it meanwhile has loaded the same.
            let _ = cell.set(spell);
            Ok(())
        })
    }

    fn run<'a>(
        &'a self,
        component: Digest,
        input: Content,
        limits: &'a Limits,
        reach: &'a Reach,
        witness: &'a Arc<Witness>,
    ) -> BoxFuture<'a, Executed> {
        Box::pin(async move {
            let executed = self.execute(component, input, limits, reach, witness).await;
            executed.unwrap_or_else(|failed| Executed { result: Err(failed), usage: Usage::default() })
        })
    }
}

/// Has the witness see what is printed.
pub(crate) fn sink(witness: &Arc<Witness>, stream: Stream) -> Sink {
    let witness = witness.clone();
    Arc::new(move |bytes| witness.prints(stream, bytes))
}

fn failed(failure: &Failure) -> Failed {
    let (kind, code) = match failure {
        Failure::Limit(Limit::Time) => (FailedKind::TimedOut, Limit::Time.key()),
        Failure::Limit(limit) => (FailedKind::Limit, limit.key()),
        Failure::Trap(_) | Failure::GuestError(_) => (FailedKind::Trapped, "trapped"),
        Failure::NoResponse => (FailedKind::Trapped, "no-answer"),
        Failure::PoolFull => (FailedKind::Busy, "busy"),
        Failure::Host(_) => (FailedKind::Host, "host"),
    };
    Failed { kind, code: code.to_owned(), message: failure.to_string() }
}

/// Does what takes its time where nobody waits for the thread.
async fn aside<T: Send + Sync + 'static>(load: impl FnOnce() -> Result<T, LoadError> + Send + 'static) -> Result<Arc<T>, String> {
    let loaded = tokio::task::spawn_blocking(load).await.map_err(|error| error.to_string())?;
    loaded.map(Arc::new).map_err(|error| error.to_string())
}

fn refused(message: String) -> Failed {
    Failed { kind: FailedKind::Refused, code: "refused".to_owned(), message }
}

fn busy(waited: Duration) -> Failed {
    let message = format!("no place to run came free within {waited:?}");
    Failed { kind: FailedKind::Busy, code: "busy".to_owned(), message }
}

pub(crate) fn unreadable(error: &RegistryError) -> Failed {
    match error {
        RegistryError::Corrupt(_) => Failed { kind: FailedKind::Corrupt, code: "module-corrupt".to_owned(), message: error.to_string() },
        _ => host_failed(error.to_string()),
    }
}

pub(crate) fn host_failed(message: String) -> Failed {
    Failed { kind: FailedKind::Host, code: "host".to_owned(), message }
}
