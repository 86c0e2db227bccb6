//! Spells that are asked by HTTP: whatever is sent to `/s/{spell}` is answered by the spell, its body streamed in and out.
//!
//! It knows who may ask, and what the spell is not told. It must never know how a spell answers.

use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::cast_wire::reason;
use crate::platform::modules::version;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::{Api, SERVED};
use crate::programs::{NotAnswered, ProgramBody};
use crate::serve::Client;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use spell_cast::{CastError, Scope, StreamedCast};
use spell_types::Limit;
use std::sync::Arc;

/// Which version is asked, where it is not the active one.
const VERSION: HeaderName = HeaderName::from_static("spell-version");
/// Which cast an answer is of.
const CAST_ID: HeaderName = HeaderName::from_static("spell-cast-id");

/// Marks answers that a program made: what it says of them is not changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByProgram;

/// The part of the path that names the spell.
#[derive(Deserialize)]
pub(crate) struct Place {
    spell: String,
}

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
    let Some(Client(client)) = request.extensions().get().copied() else { return Err(Problem::new(Refusal::HostFailed, "no client")) };
    let cast = api.platform.admit_streamed(tenant, &place.spell, version.as_ref()).await?;
    let cast = fitting(cast, request.headers())?;
    let id = cast.record.id.clone();
    let request = request.map(|body| -> ProgramBody { body.map_err(Into::into).boxed_unsync() });
    let mut response = match programs.answer(cast, request, client).await {
        Ok(response) => {
            let mut response = response.map(Body::new);
            response.extensions_mut().insert(ByProgram);
            response
        }
        Err(NotAnswered::Request(detail)) => return Err(Problem::new(Refusal::BadRequest, detail)),
        Err(NotAnswered::Cast(failed)) => reason(&id, &failed).into_response(),
    };
    response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (CAST_ID, id)));
    Ok(response)
}

fn asked_version(headers: &HeaderMap) -> Result<Option<semver::Version>, Problem> {
    let mut values = headers.get_all(VERSION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => version(value.to_str().unwrap_or_default()).map(Some),
        (Some(_), Some(_)) => Err(Problem::new(Refusal::Invalid, format!("{VERSION} is there twice"))),
    }
}

/// The cast, unless its input says that it is larger than the spell takes.
fn fitting(cast: StreamedCast, headers: &HeaderMap) -> Result<StreamedCast, Problem> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let size_bytes_max = cast.limits.get(Limit::Request);
    match declared {
        Some(size_bytes) if size_bytes > size_bytes_max => {
            cast.forget();
            Err(CastError::InputTooLarge { size_bytes, size_bytes_max }.into())
        }
        _ => Ok(cast),
    }
}
