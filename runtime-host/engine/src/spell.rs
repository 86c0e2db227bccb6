//! A component that answers HTTP, compiled and linked once, and called once per request in an instance of its own.

use crate::cast::{self, CAST_INTERFACE};
use crate::execution::Execution;
use crate::handler::{self, Answer, Export, Handler};
use crate::linked::{self, Linked};
use crate::meter::Guest;
use crate::{CompileError, Engine, Failure, Flavour, Linkers};
use bytes::Bytes;
use http::Request;
use spell_types::Limits;
use std::sync::Arc;
use wasmtime::component::Component;
use wasmtime_wasi::WasiView;
use wasmtime_wasi_http::{Error, WasiHttpView};

/// Why a component cannot run here.
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
    /// It exports nothing that could be cast.
    #[error("exports no `{CAST_INTERFACE}`: found {}; `spell adapt` makes it of programs of many kinds", list(.exports))]
    NoCast {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It exports something else under the name of what could be cast.
    #[error("exports a `{CAST_INTERFACE}` that is another: expected {}, found {found}", cast::FUNCTION_TYPE)]
    OtherCast {
        /// The function, or what is in its place.
        found: String,
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
    linked: Linked<C>,
    handler: Handler<C>,
}

impl<C> HttpSpell<C> {
    /// Bytes of its code, which are mapped while it is loaded.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.linked.code_bytes
    }
}

impl<C: WasiView + WasiHttpView + Send + 'static> HttpSpell<C> {
    /// Compiles a component, or takes its code from the cache, and links it to what the host offers: for plain calls if it can do
    /// with them. This blocks for as long as compiling takes.
    pub fn load(engine: &Engine, linkers: &Linkers<Guest<C>>, wasm: &[u8]) -> Result<Self, LoadError> {
        linked::load(engine, wasm, |component, flavour| Self::link(engine, linkers, component, flavour))
    }

    /// Links compiled code to what the host offers.
    pub(crate) fn link(engine: &Engine, linkers: &Linkers<Guest<C>>, component: &Component, flavour: Flavour) -> Result<Self, LoadError> {
        let export = Export::of(engine.of(flavour), component)?;
        let linked = Linked::new(engine, linkers, component, flavour)?;
        let handler = Handler::new(export, linked.instance.clone()).map_err(linked::unlinkable)?;
        Ok(Self { linked, handler })
    }

    /// How many of the places that [`EngineConfig::instances_max`](crate::EngineConfig::instances_max) counts one execution takes:
    /// more than one for a spell of many memories, so that it cannot use up what the others need.
    pub fn places(&self) -> u32 {
        self.linked.places
    }

    pub(crate) fn flavour(&self) -> Flavour {
        self.linked.flavour
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
        let spell = self.clone();
        self.linked.begin(host, limits, |store, answer| async move {
            match &spell.handler {
                Handler::P2(pre) => handler::p2::run(pre, store, request, answer).await,
                Handler::P3(pre) => handler::p3::run(pre, store, request, answer).await,
                Handler::Spin1(pre, function) => handler::spin1::run(pre, *function, store, request, answer).await,
                // Whoever calls a program as if it were none gets no answer.
                Handler::Program(_) => Ok(()),
            }
        })
    }

    /// Starts an execution of a program, whose answer is made of what it has left behind when it has ended.
    pub fn run(self: &Arc<Self>, host: C, limits: &Limits, answer: impl FnOnce() -> Answer + Send + 'static) -> Result<Execution, Failure> {
        let spell = self.clone();
        self.linked.begin(host, limits, |store, sender| async move {
            if let Handler::Program(pre) = &spell.handler {
                handler::program::run(pre, store).await?;
                let _ = sender.send(answer());
            }
            Ok(())
        })
    }

    /// Makes an instance and throws it away: shows whether the host's limits let it live.
    pub async fn try_instantiate(&self, host: C, limits: &Limits) -> Result<(), Failure> {
        self.linked.try_instantiate(host, limits).await
    }
}
