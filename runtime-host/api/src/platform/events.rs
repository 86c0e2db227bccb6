//! A cast as a stream of server-sent events: how far it is, and then how it ended.
//!
//! It knows events. It must never know connections, or what a client makes of an event.

use crate::platform::Api;
use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::cast_wire::CastShown;
use crate::platform::casts::not_found;
use crate::platform::description::codes;
use crate::platform::problem::{Problem, Refusal};
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::header::HeaderName;
use http::{HeaderMap, StatusCode};
use spell_cast::{CastRecord, CastState, Platform, Scope};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The event of a cast that runs, and the one of a cast that has ended.
const RUNNING_ID: &str = "1";
const ENDED_ID: &str = "2";
/// How long a stream says nothing at most: whatever is in between takes a silent connection for a dead one.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Tells how far a cast is
///
/// As server-sent events: `running` unless it has ended, and then, once it has, `completed`, `failed` or `indeterminate`, each with the
/// cast as its data. Then the stream ends.
#[utoipa::path(
    get, path = "/api/v1/casts/{id}/events", operation_id = "followCast", tag = "Casts",
    params(
        ("id" = String, Path, description = "The cast's id", example = "cast_0199c5a1b2f300112233445566778899"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen", example = "2"),
    ),
    responses(
        (status = 200, description = "Events", content(("text/event-stream"))),
        (status = 204, description = "The last one was seen: do not come back"),
    ),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::CastNotFound]))))
)]
pub(crate) async fn events(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(id): At<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let record = api.platform.ledger.cast(tenant, &id).await?.ok_or_else(not_found)?;
    // A client that has seen the end would come back for it for ever.
    if !is_running(&record) && headers.get(LAST_EVENT_ID).is_some_and(|id| id == ENDED_ID) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let told = Told { platform: api.platform.clone(), ends: api.ends.clone(), next: Next::State(record) };
    Ok(Sse::new(stream::unfold(told, Told::event)).into_response())
}

/// What is told of a cast.
struct Told {
    platform: Arc<Platform>,
    ends: watch::Receiver<()>,
    next: Next,
}

/// What is told next.
enum Next {
    /// How far the cast is.
    State(CastRecord),
    /// How it ended, once it has.
    End(CastRecord),
    /// Nothing more.
    Nothing,
}

impl Told {
    /// The next event, if there is one. There is none after the cast's end, nor after the host's.
    async fn event(self) -> Option<(Result<Event, Infallible>, Self)> {
        let Told { platform, mut ends, next } = self;
        let (event, next) = match next {
            Next::State(record) if is_running(&record) => (event(RUNNING_ID, &record)?, Next::End(record)),
            Next::State(record) => (event(ENDED_ID, &record)?, Next::Nothing),
            Next::End(record) => tokio::select! {
                awaited = platform.awaited(&record.tenant, &record.id) => {
                    // One that still runs does so elsewhere, or its end could not be recorded: the client may ask again.
                    let ended = awaited.ok()?.filter(|record| !is_running(record))?;
                    (event(ENDED_ID, &ended)?, Next::Nothing)
                }
                () = sleep(KEEP_ALIVE) => (Event::default().comment(""), Next::End(record)),
                _ = ends.changed() => return None,
            },
            Next::Nothing => return None,
        };
        Some((Ok(event), Told { platform, ends, next }))
    }
}

fn event(id: &str, record: &CastRecord) -> Option<Event> {
    let line = CastShown::whole(record).line().ok()?;
    Some(Event::default().event(record.state.name()).id(id).data(line))
}

fn is_running(record: &CastRecord) -> bool {
    matches!(record.state, CastState::Running)
}
