//! A component that answers HTTP, compiled and linked once, and called once per request in an instance of its own.

use crate::config::MEMORIES_PER_PLACE;
use crate::execution::Execution;
use crate::handler::{self, Answer, Export, Handler};
use crate::meter::{Guest, MeteredStore, Report};
use crate::{CompileError, Engine, Failure, Flavour, Linkers, failure};
use bytes::Bytes;
use http::Request;
use spell_types::Limits;
use std::sync::Arc;
use tokio::sync::oneshot;
use wasmtime::component::Component;
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::{Error, WasiHttpView};

/// Why a component cannot serve HTTP here.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no code for it.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It exports nothing that answers HTTP.
    #[error(
        "exports no HTTP handler: expected `wasi:http/incoming-handler@0.2.x`, `wasi:http/handler@0.3.x`, `fermyon:spin/inbound-http` or, for \
         the executor wagi, `wasi:cli/run@0.2.x`; found {}", list(.exports)
    )]
    NoHandler {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It exports more than one HTTP handler.
    #[error("exports more than one HTTP handler: {}", list(.exports))]
    ManyHandlers {
        /// The handlers.
        exports: Vec<String>,
    },
    /// Its code is gone, and it could not be compiled again.
    #[error("it cannot be loaded again: {reason}")]
    Lost {
        /// What was in the way.
        reason: String,
    },
    /// It imports what this host does not offer.
    #[error("imports something this host does not offer: {reason}")]
    Link {
        /// The import and what is wrong with it.
        reason: String,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no exports at all".to_owned() } else { names.join(", ") }
}

/// A spell that answers HTTP requests, with `C` as the host state behind its imports.
pub struct HttpSpell<C: 'static> {
    engine: Engine,
    flavour: Flavour,
    handler: Handler<C>,
    places: u32,
    code_bytes: u64,
}

impl<C> HttpSpell<C> {
    /// Bytes of its code, which are mapped while it is loaded.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.code_bytes
    }
}

impl<C: WasiView + WasiHttpView + Send + 'static> HttpSpell<C> {
    /// Compiles a component, or takes its code from the cache, and links it to what the host offers: for plain calls if it can do
    /// with them. This blocks for as long as compiling takes.
    pub fn load(engine: &Engine, linkers: &Linkers<Guest<C>>, wasm: &[u8]) -> Result<Self, LoadError> {
        let load = |flavour| Self::link(engine, linkers, &engine.compile(wasm, flavour)?, flavour);
        if engine.is_known_to_be_concurrent(wasm) {
            return load(Flavour::Concurrent);
        }
        match load(Flavour::Plain) {
            // What the plain flavour does not know, the other may.
            Err(LoadError::Compile(CompileError::Invalid { .. }) | LoadError::Link { .. }) => load(Flavour::Concurrent),
            loaded => loaded,
        }
    }

    /// Links compiled code to what the host offers.
    pub(crate) fn link(engine: &Engine, linkers: &Linkers<Guest<C>>, component: &Component, flavour: Flavour) -> Result<Self, LoadError> {
        let (wasmtime, linker) = (engine.of(flavour), linkers.of(flavour));
        let export = Export::of(wasmtime, component)?;
        let link = |error: wasmtime::Error| LoadError::Link { reason: failure::readable(&error) };
        let instance = linker.instantiate_pre(component).map_err(link)?;
        let handler = Handler::new(export, instance).map_err(link)?;
        let memories = component.resources_required().map_or(1, |resources| resources.num_memories);
        // One that is larger than a small host takes all of it, rather than never finding a place.
        let places = memories.div_ceil(MEMORIES_PER_PLACE).min(engine.instances_max).max(1);
        let code = component.image_range();
        let code_bytes = (code.end as usize).saturating_sub(code.start as usize) as u64;
        Ok(Self { engine: engine.clone(), flavour, handler, places, code_bytes })
    }

    /// How many of the places that [`EngineConfig::instances_max`](crate::EngineConfig::instances_max) counts one execution takes:
    /// more than one for a spell of many memories, so that it cannot use up what the others need.
    pub fn places(&self) -> u32 {
        self.places
    }

    pub(crate) fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Whether it is a program, to be run by [`HttpSpell::run`], and no handler for [`HttpSpell::call`].
    pub fn is_program(&self) -> bool {
        matches!(self.handler, Handler::Program(_))
    }

    /// Starts an execution. Nothing runs until the execution is polled, and it ends when it is dropped.
    pub fn call<B>(self: &Arc<Self>, request: Request<B>, host: C, limits: &Limits) -> Result<Execution, Failure>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        let report = Arc::new(Report::default());
        let store = self.store(host, limits, &report)?;
        let (answer, response) = oneshot::channel();
        let spell = self.clone();
        let run = async move {
            match &spell.handler {
                Handler::P2(pre) => handler::p2::run(pre, store, request, answer).await,
                Handler::P3(pre) => handler::p3::run(pre, store, request, answer).await,
                Handler::Spin1(pre, function) => handler::spin1::run(pre, *function, store, request, answer).await,
                // Whoever calls a program as if it were none gets no answer.
                Handler::Program(_) => Ok(()),
            }
        };
        Ok(Execution::new(Box::pin(run), response, report))
    }

    /// Starts an execution of a program, whose answer is made of what it has left behind when it has ended.
    pub fn run(self: &Arc<Self>, host: C, limits: &Limits, answer: impl FnOnce() -> Answer + Send + 'static) -> Result<Execution, Failure> {
        let report = Arc::new(Report::default());
        let store = self.store(host, limits, &report)?;
        let (sender, response) = oneshot::channel();
        let spell = self.clone();
        let run = async move {
            if let Handler::Program(pre) = &spell.handler {
                handler::program::run(pre, store).await?;
                let _ = sender.send(answer());
            }
            Ok(())
        };
        Ok(Execution::new(Box::pin(run), response, report))
    }

    /// Makes an instance and throws it away: shows whether the host's limits let it live.
    pub async fn try_instantiate(&self, host: C, limits: &Limits) -> Result<(), Failure> {
        let report = Arc::new(Report::default());
        let store = &mut self.store(host, limits, &report)?.store;
        let made = match &self.handler {
            Handler::P2(pre) => pre.instantiate_async(store).await.map(drop),
            Handler::P3(pre) => pre.instantiate_async(store).await.map(drop),
            Handler::Spin1(pre, _) => pre.instantiate_async(store).await.map(drop),
            Handler::Program(pre) => pre.instantiate_async(store).await.map(drop),
        };
        made.map_err(|error| Failure::from_error(&error, report.refused()))
    }

    fn store(&self, host: C, limits: &Limits, report: &Arc<Report>) -> Result<MeteredStore<C>, Failure> {
        MeteredStore::new(&self.engine, self.flavour, host, limits, report.clone()).map_err(|error| Failure::Host(format!("{error:#}")))
    }
}
