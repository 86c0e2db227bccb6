//! Spells that are asked by HTTP: whatever is sent to `/s/{spell}` is answered by the spell, its body streamed in and out.
//!
//! It knows who may ask, and what the spell is not told. It must never know how a spell answers.

use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::cast_wire::reason;
use crate::platform::description::codes;
use crate::platform::modules::version;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::{Api, SERVED};
use crate::programs::{NotAnswered, ProgramBody};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use spell_cast::Scope;
use std::net::SocketAddr;
use std::sync::Arc;
use utoipa::openapi::Paths;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

/// Which version is asked, where it is not the active one.
const VERSION: HeaderName = HeaderName::from_static("spell-version");
/// Which cast an answer is of.
const CAST_ID: HeaderName = HeaderName::from_static("spell-cast-id");

/// What a request to a spell can be refused for before the spell is told of it.
const REFUSALS: &[Refusal] = &[
    Refusal::NotFound,
    Refusal::SpellNotFound,
    Refusal::ModuleNotFound,
    Refusal::SpellNotActive,
    Refusal::InputTooLarge,
    Refusal::Invalid,
    Refusal::CeilingExceeded,
    Refusal::BudgetExceeded,
    Refusal::TooManyCasts,
    Refusal::StorageFull,
    Refusal::CastTrapped,
    Refusal::CastTimedOut,
    Refusal::CastLimit,
    Refusal::CastCancelled,
    Refusal::CastBusy,
    Refusal::CastFailed,
    Refusal::ModuleCorrupt,
];

/// Marks answers that a program made: what it says of them is not changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByProgram;

/// The part of the path that names the spell.
#[derive(Deserialize)]
pub(crate) struct Place {
    spell: String,
}

/// The client of a request, as far as its connection says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Has a spell answer HTTP
///
/// Whatever is sent is answered by the spell, streamed in and out, with any method: those that stand here and all others. The spell is told
/// the path, the query, the head without the API key, and the body. `Spell-Version` chooses another version than the active one. The
/// request is a cast: it counts in quotas and budget, and is on record with what it used and costs.
#[utoipa::path(
    method(get, post), path = "/s/{spell}", operation_id = "ask", tag = "Casts",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Whatever the spell takes"),
    responses(
        (status = 200, description = "What the spell answers, of the media type that it says",
            headers(("Spell-Cast-Id" = String, description = "The cast"))),
        (status = "default", description = "What the spell answers with any other status"),
    ),
    extensions(("x-scope" = json!("cast")), ("x-refusals" = json!(codes(REFUSALS))))
)]
pub(crate) async fn serve(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(place): At<Place>,
    mut request: Request,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Cast)?;
    let no_programs = || Problem::new(Refusal::NotFound, format!("this host serves nothing behind {SERVED}"));
    let programs = api.programs.as_ref().ok_or_else(no_programs)?;
    api.takes_work()?;
    let version = asked_version(request.headers())?;
    // The key is the platform's business, and no spell is told of it.
    for own in [AUTHORIZATION, VERSION] {
        request.headers_mut().remove(own);
    }
    let Some(Peer(client)) = request.extensions().get().copied() else { return Err(Problem::new(Refusal::HostFailed, "no client")) };
    let cast = api.platform.streamed(tenant, &place.spell, version.as_ref(), declared_bytes(request.headers())).await?;
    let id = cast.record().id.clone();
    let request = request.map(|body| -> ProgramBody { body.map_err(Into::into).boxed_unsync() });
    let mut response = match programs.answer(cast, request, client).await {
        Ok(response) => {
            let mut response = response.map(Body::new);
            response.extensions_mut().insert(ByProgram);
            response
        }
        Err(NotAnswered::Request(detail)) => return Err(Problem::new(Refusal::BadRequest, detail)),
        Err(NotAnswered::Refused(error)) => return Err(error.into()),
        Err(NotAnswered::Cast(failed)) => reason(&id, &failed).into_response(),
    };
    response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (CAST_ID, id)));
    Ok(response)
}

/// Has a path below a spell answered
///
/// The same as for the spell itself, which is told the whole path.
#[utoipa::path(
    method(get, post), path = "/s/{spell}/{*rest}", operation_id = "askBelow", tag = "Casts",
    params(
        ("spell" = String, Path, description = "Key or id of the spell", example = "shout"),
        ("rest" = String, Path, description = "What the spell makes of it; it may have slashes", example = "hello"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Whatever the spell takes"),
    responses(
        (status = 200, description = "What the spell answers, of the media type that it says",
            headers(("Spell-Cast-Id" = String, description = "The cast"))),
        (status = "default", description = "What the spell answers with any other status"),
    ),
    extensions(("x-scope" = json!("cast")), ("x-refusals" = json!(codes(REFUSALS))))
)]
pub(crate) async fn serve_below(state: State<Arc<Api>>, caller: Caller, place: At<Place>, request: Request) -> Result<Response, Problem> {
    serve(state, caller, place, request).await
}

/// A route that takes every method, of which those that are described have names of their own. Only `POST` is described with a body.
pub(crate) fn by_any_method((schemas, mut paths, _): UtoipaMethodRouter<Arc<Api>>) -> UtoipaMethodRouter<Arc<Api>> {
    for item in paths.paths.values_mut() {
        if let Some(get) = &mut item.get {
            get.request_body = None;
        }
        if let Some(post) = &mut item.post {
            post.operation_id = post.operation_id.take().map(|id| format!("{id}ByPost"));
        }
    }
    (schemas, paths, any(serve))
}

/// A spell's path with a slash behind its name, which is the same without.
pub(crate) fn with_slash() -> OpenApiRouter<Arc<Api>> {
    let (_, paths, route) = by_any_method(routes!(serve));
    let paths = paths.paths.into_iter().fold(Paths::new(), |mut slashed, (path, item)| {
        slashed.paths.insert(format!("{path}/"), item);
        slashed
    });
    OpenApiRouter::new().routes((Vec::new(), paths, route))
}

fn asked_version(headers: &HeaderMap) -> Result<Option<semver::Version>, Problem> {
    let mut values = headers.get_all(VERSION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => version(value.to_str().unwrap_or_default()).map(Some),
        (Some(_), Some(_)) => Err(Problem::new(Refusal::Invalid, format!("{VERSION} is there twice"))),
    }
}

/// How large the input is, if it says so itself.
fn declared_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
