//! Spells of the platform that answer HTTP in the engine: those that do so by themselves, and all others behind the adapter that an
//! exported app has in front.
//!
//! It knows the engine, the data plane's stage, and what the control plane asks of both. It must never know keys or what a cast costs.

use crate::recent::Recent;
use crate::runner::{EngineRunner, LOADED_MAX, Loaded, cell, host_failed, ready, sink, unreadable};
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use spell_api::{NotAnswered, ProgramBody, Programs};
use spell_capabilities::{self as capabilities, Grants};
use spell_cast::{Adapter, AdapterError, Failed, FailedKind, Module, Stream, StreamedCast, StreamedRequest, Witness, streamed};
use spell_engine::HttpSpell;
use spell_trigger_http::{Client, Component, Failures, Refused, Route, Stage, Vouched};
use spell_types::{BoxFuture, ExecutionRecord, ExecutionSink, Limits, Usage};
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
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

    /// Programs whose code is ready.
    pub(crate) fn loaded(&self) -> usize {
        ready(&self.loaded)
    }

    async fn load(&self, module: &Module, witness: &Witness) -> Result<Spell, Failed> {
        let cell: Arc<OnceCell<Spell>> = cell(&self.loaded, module.component);
        let spell = cell.get_or_try_init(|| {
            witness.loads_code();
            self.make(module)
        });
        spell.await.cloned()
    }

    fn make<'a>(&'a self, module: &'a Module) -> BoxFuture<'a, Result<Spell, Failed>> {
        Box::pin(async move {
            let wasm = self.runner.registry.program(&module.component).await.map_err(|error| unreadable(&error))?;
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

    /// The component of a spell: the one of before, unless the spell is another by now, or has other limits, or may reach something else.
    fn component(&self, spell_id: &str, spell: Spell, grants: Arc<Grants>, limits: &Limits) -> Arc<Component> {
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        let before = components.get(&spell_id.to_owned());
        if let Some(before) = before.as_ref().filter(|before| before.is_of(&spell, &grants, limits)) {
            return before.clone();
        }
        let made = Component::loaded(spell, grants, limits.clone());
        let made = Arc::new(match before {
            Some(before) => made.with_places_of(&before),
            None => made,
        });
        components.keep(spell_id.to_owned(), made.clone());
        made
    }

    async fn run(
        &self,
        asked: StreamedRequest,
        request: Request<ProgramBody>,
        client: SocketAddr,
    ) -> Result<Response<ProgramBody>, NotAnswered> {
        let route = Route::below(&format!("/s/{}", asked.record().spell_key)).map_err(|error| NotAnswered::Request(error.to_string()))?;
        let vouched = Vouched::new(request, Arc::new(route), &Client::new(client));
        let vouched = vouched.map_err(|doubtful| NotAnswered::Request(doubtful.to_string()))?;
        let plan = Plan {
            spell_id: asked.record().spell_id.clone(),
            module: asked.module().clone(),
            grants: self
                .runner
                .granting
                .grants(asked.module().component, asked.reach())
                .map_err(|error| host_failed(format!("{error:#}")))?,
            limits: asked.limits().clone(),
        };
        let cast = asked.begin().await?;
        let mut cancelled: Cancelled = Box::pin(cast.cancelled());
        // What is dropped here ends as one that was cancelled.
        let response = tokio::select! {
            response = self.perform(&plan, cast, vouched) => response?,
            () = &mut cancelled => return Err(cancelled_before().into()),
        };
        Ok(response.map(|body| UntilCancelled { body: Some(body), cancelled }.boxed_unsync()))
    }

    async fn perform(&self, plan: &Plan, cast: StreamedCast, vouched: Vouched) -> Result<Response<ProgramBody>, Failed> {
        let witness = cast.witness().clone();
        let spell = match self.load(&plan.module, &witness).await {
            Ok(spell) => spell,
            Err(failed) => {
                cast.end(Err(failed.clone()), Usage::default());
                return Err(failed);
            }
        };
        let component = self.component(&plan.spell_id, spell, plan.grants.clone(), &plan.limits);
        let component = component.printing_to(sink(&witness, Stream::Stdout), sink(&witness, Stream::Stderr));
        let sink = Arc::new(CastSink(Mutex::new(Some(cast))));
        let mut response = self.stage.answer(Arc::new(component), sink, vouched).await;
        match response.extensions_mut().remove::<Refused>() {
            Some(refused) => Err(failed(refused)),
            None => Ok(response.map(|body| body.map_err(Into::into).boxed_unsync())),
        }
    }
}

/// What a cast is answered with, and what it may use and reach.
struct Plan {
    spell_id: String,
    module: Module,
    grants: Arc<Grants>,
    limits: Limits,
}

impl Programs for HttpSpells {
    fn answer<'a>(
        &'a self,
        cast: StreamedRequest,
        request: Request<ProgramBody>,
        client: SocketAddr,
    ) -> BoxFuture<'a, Result<Response<ProgramBody>, NotAnswered>> {
        Box::pin(self.run(cast, request, client))
    }
}

/// Ready when somebody cancels the cast.
type Cancelled = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of an answer, until its cast is cancelled: then it breaks off.
struct UntilCancelled {
    body: Option<ProgramBody>,
    cancelled: Cancelled,
}

impl Body for UntilCancelled {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { body, cancelled } = &mut *self;
        let Some(answer) = body else { return Poll::Ready(None) };
        if cancelled.as_mut().poll(context).is_ready() {
            *body = None;
            return Poll::Ready(Some(Err(cancelled_before().into())));
        }
        Pin::new(answer).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

/// How a cast failed that was cancelled before its answer was whole.
fn cancelled_before() -> Failed {
    let message = "the cast was cancelled".to_owned();
    Failed { kind: FailedKind::Cancelled, code: "cancelled".to_owned(), message }
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
