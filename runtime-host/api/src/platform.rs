//! The API of the platform: which path and method lead where, and the bounds that every request keeps.
//!
//! It knows routes. It must never know connections, or what is decided behind [`spell_cast::Platform`].

mod asked;
mod auth;
mod body;
mod budgets;
mod cast_wire;
mod casts;
mod catalogue;
mod description;
mod engine_wire;
mod events;
mod export;
mod github_webhook;
mod keys;
mod limits;
mod logs;
mod modules;
mod prefer;
mod problem;
mod rate;
mod reach;
mod refusals;
mod served;
mod spells;
mod statistics;
mod sums_wire;
mod upload;
mod webhook_forms;
mod webhook_wire;
mod webhooks;
mod when;
mod wire;

pub use webhook_wire::{Unwritable, WEBHOOK_ANSWER_BYTES_MAX, webhook_answered, webhook_request};

use crate::cast_metrics::CastMetrics;
use crate::named::OTHER;
use crate::programs::Programs;
use crate::serve::Control;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath};
use axum::middleware::map_request;
use axum::response::{IntoResponse as _, Response};
use body::Room;
use catalogue::ERRORS;
use description::OPENAPI;
use governor::clock::MonotonicClock;
use http::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, Request};
use problem::{Problem, Refusal};
pub use rate::Rates;
use rate::{Client, Gate};
use served::{ByProgram, Peer};
use spell_cast::Platform;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where everything is.
const PREFIX: &str = "/api";
/// Where programs are uploaded.
const UPLOADS: &str = "/api/spells/upload-wasm";
/// Where spells are cast. A cast has a time of its own.
const CASTS: &str = "/api/v1/cast";
/// Where casts are listed, and each is under its id.
const CASTS_SHOWN: &str = "/api/v1/casts";
/// Where programs answer HTTP, each under the key of its spell.
const SERVED: &str = "/s";
/// The last part of [`UPLOADS`], which no spell can be called.
const KEY_RESERVED: &str = "upload-wasm";
/// Longest time for a request that casts nothing, beyond the time for which it may ask the host to wait.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(casts::WAIT_S_MAX + 30);
/// Longest time for an upload, from its head until it is compiled and kept.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// What every route works with.
struct Api {
    platform: Arc<Platform>,
    room: Room,
    draining: Arc<AtomicBool>,
    /// Changes when the host ends.
    ends: watch::Receiver<()>,
    metrics: Arc<CastMetrics>,
    gate: Gate,
    /// What has programs answer HTTP, if something does.
    programs: Option<Arc<dyn Programs>>,
}

/// The API, ready to be called.
#[derive(Clone)]
pub(crate) struct Routes {
    router: Router,
    api: Arc<Api>,
}

/// The pattern of the route that a request took, for whoever sent it on its way.
#[derive(Clone, Default)]
struct Route(Arc<OnceLock<MatchedPath>>);

impl Routes {
    pub(crate) fn new(platform: Arc<Platform>, control: &Control, ends: watch::Receiver<()>) -> Self {
        let Control { draining, programs, metrics, rates, .. } = control.clone();
        let (gate, metrics) = (Gate::new(&rates, &MonotonicClock), metrics.casts.clone());
        let api = Arc::new(Api { platform, room: Room::default(), draining, ends, metrics, gate, programs });
        let router = Router::from(described())
            .merge(Router::from(served::with_slash()))
            .fallback(|| async { Problem::new(Refusal::NotFound, "there is no such path in this API") })
            .method_not_allowed_fallback(|| async { Problem::new(Refusal::MethodNotAllowed, "this path takes the methods in `Allow`") })
            // Bodies have bounds of their own before axum sees them.
            .layer(DefaultBodyLimit::disable())
            .layer(map_request(note_route))
            .with_state(api.clone());
        Self { router, api }
    }

    /// Whether a path is one of the API.
    pub(crate) fn has(path: &str) -> bool {
        matches!(path, ERRORS | OPENAPI) || [PREFIX, SERVED].iter().any(|prefix| is_below(prefix, path))
    }

    /// Answers a request from an address, unless there were too many.
    pub(crate) async fn call(&mut self, mut request: Request<Body>, from: SocketAddr) -> Response {
        let (method, route, client) = (known(request.method()), Route::default(), Arc::new(Client::new(from.ip())));
        request.extensions_mut().insert(Peer(from));
        request.extensions_mut().insert(route.clone());
        request.extensions_mut().insert(client.clone());
        let mut response = match self.api.gate.enter(&client) {
            Ok(()) => self.answer(request).await,
            Err(problem) => problem.into_response(),
        };
        client.tell(response.headers_mut(), (self.api.platform.now)());
        if response.extensions().get::<ByProgram>().is_none() {
            protect(response.headers_mut());
        }
        let pattern = route.0.get().map_or(OTHER, MatchedPath::as_str);
        self.api.metrics.answered(method, pattern, response.status().as_u16());
        response
    }

    async fn answer(&mut self, request: Request<Body>) -> Response {
        let path = request.uri().path();
        let time_max = if path == UPLOADS { UPLOAD_TIME_MAX } else { REQUEST_TIME_MAX };
        // These have times of their own, which are those of the spell.
        let has_own_time = path == CASTS || is_below(SERVED, path);
        let answer = self.router.call(request);
        let answer = if has_own_time { Ok(answer.await) } else { timeout(time_max, answer).await };
        match answer {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => Problem::new(Refusal::Unavailable, "the host did not get it done in time").into_response(),
        }
    }
}

/// Every route, with what it says of itself: path and method stand in its description and nowhere else.
fn described() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(spells::create, spells::list))
        .routes(routes!(spells::show, spells::change, spells::delete))
        .routes(routes!(upload::upload, modules::list, modules::delete))
        .routes(routes!(modules::activate))
        .routes(routes!(modules::roll_back))
        .routes(routes!(export::export))
        .routes(served::by_any_method(routes!(served::serve)))
        .routes(served::by_any_method(routes!(served::serve_below)))
        .routes(routes!(casts::cast))
        .routes(routes!(casts::list))
        .routes(routes!(casts::show))
        .routes(routes!(casts::cancel))
        .routes(routes!(events::events))
        .routes(routes!(logs::logs))
        .routes(routes!(statistics::executions))
        .routes(routes!(statistics::trends))
        .routes(routes!(statistics::spell))
        .routes(routes!(statistics::thresholds))
        .routes(routes!(statistics::engines))
        .routes(routes!(statistics::top))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(github_webhook::hear))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(budgets::show, budgets::change))
        .routes(routes!(budgets::estimate))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(description::show))
        .routes(routes!(catalogue::page))
}

impl Api {
    /// New work is refused once the host takes none.
    fn takes_work(&self) -> Result<(), Problem> {
        if self.draining.load(Relaxed) { Err(Problem::new(Refusal::Unavailable, "the host is about to end")) } else { Ok(()) }
    }
}

/// Whether a path is this one, or behind it.
fn is_below(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Notes which route a request takes, if it takes one.
async fn note_route(request: Request<Body>) -> Request<Body> {
    if let (Some(route), Some(pattern)) = (request.extensions().get::<Route>(), request.extensions().get::<MatchedPath>()) {
        // Nobody noted another.
        let _ = route.0.set(pattern.clone());
    }
    request
}

/// A method that some route takes. Clients make up others.
fn known(method: &Method) -> &'static str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.iter().zip(names).find(|(known, _)| *known == method).map_or(OTHER, |(_, name)| name)
}

/// Answers are for whoever asked and for what they say they are.
fn protect(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
