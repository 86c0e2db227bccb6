//! API keys: made, listed and revoked, each tenant its own.
//!
//! It knows their form on the wire. It must never know the secret of a key but when it is made.

use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::spells::text;
use crate::platform::wire::{json, moment};
use crate::platform::{Api, body};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use spell_cast::{ApiKey, Scope};
use std::sync::Arc;

/// Characters of what a key is for at most.
const NAME_CHARACTERS_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    scopes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyShown {
    id: String,
    /// The key itself, the one time that it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    prefix: String,
    name: String,
    scopes: Vec<&'static str>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
}

#[derive(Serialize)]
struct KeysShown {
    keys: Vec<KeyShown>,
}

pub(crate) async fn create(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let NewKey { name, scopes } = body::read_json(&api, request).await?;
    let name = text("name", name, 1, NAME_CHARACTERS_MAX)?;
    let scopes = known_scopes(&scopes)?;
    let (key, secret) = api.platform.create_key(tenant.clone(), name, scopes).await?;
    json(StatusCode::CREATED, &shown(key, Some(secret)))
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let keys = api.platform.keys.list(Some(tenant)).await?;
    json(StatusCode::OK, &KeysShown { keys: keys.into_iter().map(|key| shown(key, None)).collect() })
}

pub(crate) async fn revoke(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    if api.platform.keys.revoke(Some(tenant), &id, (api.platform.now)()).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Problem::new(Refusal::KeyNotFound, "API key not found"))
}

/// Each scope once, in their own order.
fn known_scopes(names: &[String]) -> Result<Vec<Scope>, Problem> {
    let is_known = |name: &String| Scope::from_name(name).is_some();
    if names.is_empty() || !names.iter().all(is_known) {
        let all = Scope::ALL.map(Scope::name).join(", ");
        return Err(Problem::new(Refusal::Invalid, format!("scopes must be one or more of: {all}")));
    }
    Ok(Scope::ALL.into_iter().filter(|scope| names.iter().any(|name| name == scope.name())).collect())
}

fn shown(key: ApiKey, secret: Option<String>) -> KeyShown {
    KeyShown {
        id: key.id,
        key: secret,
        prefix: key.prefix,
        name: key.name,
        scopes: key.scopes.into_iter().map(Scope::name).collect(),
        created_at: moment(key.created_at),
        revoked_at: key.revoked_at.map(moment),
    }
}
