//! The API of the platform: which path and method lead where, and the bounds that every request keeps.
//!
//! It knows routes. It must never know connections, or what is decided behind [`spell_cast::Platform`].

mod asked;
mod auth;
mod body;
mod cast_wire;
mod casts;
mod events;
mod export;
mod keys;
mod limits;
mod modules;
mod prefer;
mod problem;
mod refusals;
mod served;
mod spells;
mod upload;
mod wire;

use crate::programs::Programs;
use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, delete, get, post};
use body::Room;
use http::header::{CACHE_CONTROL, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Request};
use problem::{Problem, Refusal};
use spell_cast::Platform;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service as _;

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
    /// What has programs answer HTTP, if something does.
    programs: Option<Arc<dyn Programs>>,
}

/// The API, ready to be called.
#[derive(Clone)]
pub(crate) struct Routes(Router);

impl Routes {
    pub(crate) fn new(
        platform: Arc<Platform>,
        programs: Option<Arc<dyn Programs>>,
        draining: Arc<AtomicBool>,
        ends: watch::Receiver<()>,
    ) -> Self {
        let api = Arc::new(Api { platform, room: Room::default(), draining, ends, programs });
        let router = Router::new()
            .route("/api/spells", post(spells::create).get(spells::list))
            .route("/api/spells/{spell}", get(spells::show).patch(spells::change).delete(spells::delete))
            .route(UPLOADS, post(upload::upload).get(modules::list).delete(modules::delete))
            .route("/api/spells/{spell}/versions/{version}/activate", post(modules::activate))
            .route("/api/spells/{spell}/versions/{version}/export", get(export::export))
            .route("/api/spells/{spell}/rollback", post(modules::roll_back))
            .route(CASTS, post(casts::cast))
            .route(CASTS_SHOWN, get(casts::list))
            .route("/api/v1/casts/{id}", get(casts::show))
            .route("/api/v1/casts/{id}/cancel", post(casts::cancel))
            .route("/api/v1/casts/{id}/events", get(events::events))
            .route("/api/v1/spells/{spell}/trends", get(casts::trends))
            .route("/api/keys", post(keys::create).get(keys::list))
            .route("/api/keys/{id}", delete(keys::revoke))
            .route("/s/{spell}", any(served::serve))
            .route("/s/{spell}/", any(served::serve))
            .route("/s/{spell}/{*rest}", any(served::serve))
            .fallback(|| async { Problem::new(Refusal::NotFound, "there is no such path in this API") })
            .method_not_allowed_fallback(|| async { Problem::new(Refusal::MethodNotAllowed, "this path takes the methods in `Allow`") })
            // Bodies have bounds of their own before axum sees them.
            .layer(DefaultBodyLimit::disable())
            .with_state(api);
        Self(router)
    }

    /// Whether a path is one of the API.
    pub(crate) fn has(path: &str) -> bool {
        [PREFIX, SERVED].iter().any(|prefix| is_below(prefix, path))
    }

    pub(crate) async fn call(&mut self, request: Request<Body>) -> Response {
        let path = request.uri().path();
        let time_max = if path == UPLOADS { UPLOAD_TIME_MAX } else { REQUEST_TIME_MAX };
        // These have times of their own, which are those of the spell.
        let has_own_time = path == CASTS || is_below(SERVED, path);
        let answer = self.0.call(request);
        let answer = if has_own_time { Ok(answer.await) } else { timeout(time_max, answer).await };
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => Problem::new(Refusal::Unavailable, "the host did not get it done in time").into_response(),
        };
        if response.extensions().get::<served::ByProgram>().is_none() {
            protect(response.headers_mut());
        }
        response
    }
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

/// Answers are for whoever asked and for what they say they are.
fn protect(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
