//! Spells of the platform that answer HTTP in the engine: those that do so by themselves, and all others behind the adapter that an
//! exported app has in front.
//!
//! It knows the engine, the data plane's stage, and what the control plane asks of both. It must never know keys or what a cast costs.

use crate::recent::Recent;
use crate::runner::{EngineRunner, LOADED_MAX, Loaded, cell, host_failed};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use spell_api::{NotAnswered, ProgramBody, Programs};
use spell_capabilities::{self as capabilities, Grants};
use spell_cast::{Adapter, AdapterError, Failed, FailedKind, Module, StreamedCast, streamed};
use spell_engine::HttpSpell;
use spell_trigger_http::{Client, Component, Failures, Refused, Route, Stage, Vouched};
use spell_types::{BoxFuture, ExecutionRecord, ExecutionSink, Usage};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

type Spell = Arc<HttpSpell<capabilities::Host>>;

/// Has what the registry has answer HTTP.
pub(crate) struct HttpSpells {
    runner: Arc<EngineRunner>,
    adapter: Arc<dyn Adapter>,
    stage: Stage,
    /// By the component that is cast, or answers HTTP by itself.
    loaded: Loaded<HttpSpell<capabilities::Host>>,
    /// By spell, whose places to run are counted here.
    components: Mutex<Recent<String, Arc<Component>>>,
}

impl HttpSpells {
    /// They take the places of the runner, and wait as long for them as casts do.
    pub(crate) fn new(runner: Arc<EngineRunner>, adapter: Arc<dyn Adapter>) -> Self {
        let stage = Stage::new(runner.places.clone(), runner.queue_time_max, Failures::Explained);
        let (loaded, components) = (Mutex::new(Recent::new(LOADED_MAX)), Mutex::new(Recent::new(LOADED_MAX)));
        Self { runner, adapter, stage, loaded, components }
    }

    async fn load(&self, module: &Module) -> Result<Spell, Failed> {
        let cell: Arc<OnceCell<Spell>> = cell(&self.loaded, module.component);
        cell.get_or_try_init(|| self.make(module)).await.cloned()
    }

    fn make<'a>(&'a self, module: &'a Module) -> BoxFuture<'a, Result<Spell, Failed>> {
        Box::pin(async move {
            let wasm = self.runner.registry.program(&module.component).await.map_err(|error| host_failed(error.to_string()))?;
            let wasm = if module.answers_http() { wasm } else { self.behind_http(wasm).await? };
            self.runner.compile_http(wasm).await.map_err(host_failed)
        })
    }

    /// The component that an app of it would have: it is made anew whenever its code is loaded, so nothing of it is kept that could be
    /// another's. The name of the app stands in its manifest alone.
    async fn behind_http(&self, component: bytes::Bytes) -> Result<bytes::Bytes, Failed> {
        let app = self.adapter.app(component, "spell".to_owned(), "0.1.0".to_owned()).await;
        app.map(|app| app.component.into()).map_err(|error| match error {
            AdapterError::Busy(message) => Failed { kind: FailedKind::Busy, code: "busy".to_owned(), message },
            AdapterError::Refused(message) | AdapterError::Failed(message) => host_failed(message),
        })
    }

    /// The component of a spell: the one of before, unless the spell is another by now, or has other limits.
    fn component(&self, cast: &StreamedCast, spell: Spell) -> Arc<Component> {
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        let before = components.get(&cast.record.spell_id);
        if let Some(before) = before.as_ref().filter(|before| before.is_of(&spell, &cast.limits)) {
            return before.clone();
        }
        let made = Component::loaded(spell, grants(cast), cast.limits.clone());
        let made = Arc::new(match before {
            Some(before) => made.with_places_of(&before),
            None => made,
        });
        components.keep(cast.record.spell_id.clone(), made.clone());
        made
    }

    async fn run(
        &self,
        cast: StreamedCast,
        request: Request<ProgramBody>,
        client: SocketAddr,
    ) -> Result<Response<ProgramBody>, NotAnswered> {
        let vouched = Route::below(&format!("/s/{}", cast.record.spell_key)).map_err(|error| error.to_string());
        let vouched =
            vouched.and_then(|route| Vouched::new(request, Arc::new(route), &Client::new(client)).map_err(|doubtful| doubtful.to_string()));
        let vouched = match vouched {
            Ok(vouched) => vouched,
            Err(reason) => {
                cast.forget();
                return Err(NotAnswered::Request(reason));
            }
        };
        let spell = match self.load(&cast.module).await {
            Ok(spell) => spell,
            Err(failed) => {
                cast.end(Err(failed.clone()), Usage::default());
                return Err(failed.into());
            }
        };
        let component = self.component(&cast, spell);
        let sink = Arc::new(CastSink(Mutex::new(Some(cast))));
        let mut response = self.stage.answer(component, sink, vouched).await;
        match response.extensions_mut().remove::<Refused>() {
            Some(refused) => Err(failed(refused).into()),
            None => Ok(response.map(|body| body.map_err(Into::into).boxed_unsync())),
        }
    }
}

impl Programs for HttpSpells {
    fn answer<'a>(
        &'a self,
        cast: StreamedCast,
        request: Request<ProgramBody>,
        client: SocketAddr,
    ) -> BoxFuture<'a, Result<Response<ProgramBody>, NotAnswered>> {
        Box::pin(self.run(cast, request, client))
    }
}

/// What a spell may reach when it answers HTTP: nothing.
fn grants(cast: &StreamedCast) -> Arc<Grants> {
    Arc::new(Grants::none(cast.record.spell_key.as_str()))
}

/// Ends a cast when its execution does.
struct CastSink(Mutex<Option<StreamedCast>>);

impl ExecutionSink for CastSink {
    fn record(&self, record: ExecutionRecord) {
        let cast = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(cast) = cast {
            cast.end(streamed(record.outcome), record.usage);
        }
    }
}

/// The same refusal as it is recorded, in the words that its client is told.
fn failed(refused: Refused) -> Failed {
    let Refused { outcome, detail } = refused;
    match streamed(outcome) {
        Err(failed) => Failed { message: detail, ..failed },
        Ok(()) => host_failed(detail),
    }
}
