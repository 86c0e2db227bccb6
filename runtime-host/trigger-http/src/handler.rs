//! A request to an app: the component that it leads to answers it.

use crate::access::{AccessLine, AccessLog};
use crate::app::App;
use crate::body::{RequestSource, ResponseBody};
use crate::client::Client;
use crate::headers;
use crate::refusal::Failures;
use crate::stage::Stage;
use crate::way::Way;
use arc_swap::ArcSwap;
use http::{Request, Response, request};
use spell_capabilities::Neighbour;
use spell_types::ExecutionSink;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, WasiBody};

/// Answers the requests of an app, whatever connection they come from.
pub struct Handler {
    /// The app of this moment. Whoever reads it keeps nothing of it but the component and the route that a request leads to.
    app: ArcSwap<App>,
    sink: Arc<dyn ExecutionSink>,
    access: Option<Arc<dyn AccessLog>>,
    stage: Stage,
}

impl Handler {
    /// A handler that runs `concurrency_max` requests at a time, all components together, and leaves one record of each in `sink`.
    pub fn new(
        app: App,
        concurrency_max: usize,
        failures: Failures,
        sink: Arc<dyn ExecutionSink>,
        access: Option<Arc<dyn AccessLog>>,
    ) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(concurrency_max.min(Semaphore::MAX_PERMITS)));
        let app = Arc::new(app);
        // A place of the host is there at once, or not at all.
        let stage = Stage::new(places, Duration::ZERO, failures);
        let handler = Arc::new(Self { app: ArcSwap::new(app.clone()), sink, access, stage });
        app.neighbours.lead_to(&handler, &app);
        handler
    }

    /// The app that new requests are answered by.
    pub fn app(&self) -> Arc<App> {
        self.app.load_full()
    }

    /// Answers new requests by another app from now on. Those under way end on the one before, which is given back: it is to be kept
    /// until it is at rest, because its components may still ask each other.
    pub fn replace(self: &Arc<Self>, app: App) -> Arc<App> {
        let app = Arc::new(app);
        app.neighbours.lead_to(self, &app);
        self.app.swap(app)
    }

    /// Answers a request, whatever it is. To be awaited, and its body to be polled, within a Tokio runtime with time and network.
    pub async fn answer<B: RequestSource>(&self, request: Request<B>, client: &Client) -> Response<ResponseBody> {
        let started = Instant::now();
        let Some(access) = &self.access else { return self.route(request, client, started).await.0 };
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (response, component) = self.route(request, client, started).await;
        access.answered(&AccessLine {
            method: method.as_str(),
            path: &path,
            status: response.status().as_u16(),
            component: component.as_deref(),
            wall: started.elapsed(),
        });
        response
    }

    /// Answers a request that a component of an app made, by that same app.
    pub(crate) async fn answer_neighbour(
        &self,
        app: &App,
        neighbour: &Neighbour,
        request: Request<WasiBody>,
    ) -> Result<Response<ResponseBody>, Error> {
        let (started, client) = (Instant::now(), Client::within());
        let Neighbour::Component(name) = neighbour else {
            let request = headers::to_address(request, app.address).ok_or(Error::HttpRequestUriInvalid)?;
            let (mut parts, body) = request.into_parts();
            let way = app.way(&mut parts, &client);
            return Ok(self.follow(way, parts, body, started).await.0);
        };
        let component = app.components.get(name.as_str()).ok_or(Error::DestinationNotFound)?.clone();
        let (mut parts, body) = request.into_parts();
        let uri = parts.uri.clone();
        let route = headers::from_within(&mut parts, &client).ok_or(Error::HttpRequestUriInvalid)?;
        Ok(self.stage.cast(component, route, self.sink.clone(), parts, uri, body, started).await)
    }

    async fn route<B: RequestSource>(
        &self,
        request: Request<B>,
        client: &Client,
        started: Instant,
    ) -> (Response<ResponseBody>, Option<Arc<str>>) {
        let (mut parts, incoming) = request.into_parts();
        // The app is let go of before anything is waited for.
        let way = self.app.load().way(&mut parts, client);
        self.follow(way, parts, incoming, started).await
    }

    async fn follow<B: RequestSource>(
        &self,
        way: Way,
        parts: request::Parts,
        incoming: B,
        started: Instant,
    ) -> (Response<ResponseBody>, Option<Arc<str>>) {
        match way {
            Way::Answered(response) => (response, None),
            Way::Component { component, route, uri } => {
                let id = component.id.clone();
                (self.stage.cast(component, route, self.sink.clone(), parts, uri, incoming, started).await, Some(id))
            }
        }
    }
}
