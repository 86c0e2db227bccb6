//! A component that answers HTTP, compiled and linked once, and called once per request in an instance of its own.

use crate::config::MEMORIES_PER_PLACE;
use crate::execution::Execution;
use crate::meter::{Guest, MeteredStore, Report};
use crate::{CompileError, Engine, Failure, Flavour, Linkers, failure};
use bytes::Bytes;
use http::{Request, Response};
use spell_types::Limits;
use std::sync::Arc;
use tokio::sync::oneshot;
use wasmtime::component::Component;
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

/// Why a component cannot serve HTTP here.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no code for it.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It exports nothing that answers HTTP.
    #[error("exports no HTTP handler: expected `wasi:http/incoming-handler@0.2.x` or `wasi:http/handler@0.3.x`, found {}", list(.exports))]
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

enum Handler<C: 'static> {
    /// WASI 0.2: `wasi:http/incoming-handler`.
    P2(ProxyPre<Guest<C>>),
    /// WASI 0.3: `wasi:http/handler`.
    P3(ServicePre<Guest<C>>),
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
        let revision = revision(wasmtime, component)?;
        let link = |error: wasmtime::Error| LoadError::Link { reason: failure::readable(&error) };
        let instance = linker.instantiate_pre(component).map_err(link)?;
        let handler = match revision {
            Revision::P2 => Handler::P2(ProxyPre::new(instance).map_err(link)?),
            Revision::P3 => Handler::P3(ServicePre::new(instance).map_err(link)?),
        };
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
                Handler::P2(pre) => run_p2(pre, store, request, answer).await,
                Handler::P3(pre) => run_p3(pre, store, request, answer).await,
            }
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
        };
        made.map_err(|error| Failure::from_error(&error, report.refused()))
    }

    fn store(&self, host: C, limits: &Limits, report: &Arc<Report>) -> Result<MeteredStore<C>, Failure> {
        MeteredStore::new(&self.engine, self.flavour, host, limits, report.clone()).map_err(|error| Failure::Host(format!("{error:#}")))
    }
}

pub(crate) type Answer = Result<Response<WasiBody>, Failure>;

async fn run_p2<C, B>(
    pre: &ProxyPre<Guest<C>>,
    mut store: MeteredStore<C>,
    request: Request<B>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()>
where
    C: WasiView + WasiHttpView + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let store = &mut store.store;
    let proxy = pre.instantiate_async(&mut *store).await?;
    let mut http = store.data_mut().http();
    let scheme = if request.uri().scheme() == Some(&http::uri::Scheme::HTTPS) { Scheme::Https } else { Scheme::Http };
    let request = http.new_incoming_request(scheme, request)?;
    let response = http.new_response_outparam_from_callback(move |result| {
        let _ = answer.send(result.map_err(|code| Failure::GuestError(format!("{code:?}"))));
    })?;
    proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, response).await
}

async fn run_p3<C, B>(
    pre: &ServicePre<Guest<C>>,
    mut store: MeteredStore<C>,
    request: Request<B>,
    answer: oneshot::Sender<Answer>,
) -> wasmtime::Result<()>
where
    C: WasiView + WasiHttpView + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let store = &mut store.store;
    let service = pre.instantiate_async(&mut *store).await?;
    let (request, request_done) = p3::Request::from_http(store.data_mut().http().hooks, request);
    store
        .run_concurrent(async |accessor| -> wasmtime::Result<()> {
            match service.handle(accessor, request).await? {
                Ok(response) => {
                    let response = accessor.with(|mut store| response.into_http(&mut store, request_done))?;
                    let _ = answer.send(Ok(response));
                }
                Err(code) => {
                    let _ = answer.send(Err(Failure::GuestError(format!("{code:?}"))));
                }
            }
            // The guest may still be writing its body.
            std::future::poll_fn(|context| accessor.poll_no_interesting_tasks(context)).await;
            Ok(())
        })
        .await?
}

enum Revision {
    P2,
    P3,
}

fn revision(engine: &wasmtime::Engine, component: &Component) -> Result<Revision, LoadError> {
    let exports: Vec<String> = component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    let handlers: Vec<(Revision, &String)> =
        exports.iter().filter_map(|name| handler_revision(name).map(|revision| (revision, name))).collect();
    match handlers.len() {
        0 => Err(LoadError::NoHandler { exports }),
        1 => handlers.into_iter().next().map(|(revision, _)| revision).ok_or(LoadError::NoHandler { exports: Vec::new() }),
        _ => Err(LoadError::ManyHandlers { exports: handlers.into_iter().map(|(_, name)| name.clone()).collect() }),
    }
}

/// Pre-releases (`0.2.0-rc-…`, `0.3.0-rc-…`) have other types under the same names: they are no handlers of ours.
fn handler_revision(export: &str) -> Option<Revision> {
    let final_release = |version: &str| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if let Some(version) = export.strip_prefix("wasi:http/incoming-handler@0.2.") {
        return final_release(version).then_some(Revision::P2);
    }
    let version = export.strip_prefix("wasi:http/handler@0.3.")?;
    final_release(version).then_some(Revision::P3)
}
