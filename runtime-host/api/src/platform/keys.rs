//! API keys: made, listed and revoked, each tenant its own.
//!
//! It knows their form on the wire. It must never know the secret of a key but when it is made.

use crate::platform::asked::At;
use crate::platform::auth::Caller;
use crate::platform::description::{choice, codes};
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
use utoipa::ToSchema;
use utoipa::openapi::{Array, ArrayBuilder, Object};

/// Characters of what a key is for at most.
const NAME_CHARACTERS_MAX: usize = 200;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// What it is for.
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$")]
    name: String,
    #[schema(schema_with = scopes)]
    scopes: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
#[serde(rename_all = "camelCase")]
struct KeyShown {
    id: String,
    /// The key itself, the one time that it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    prefix: String,
    name: String,
    #[schema(schema_with = scopes)]
    scopes: Vec<&'static str>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Keys)]
struct KeysShown {
    keys: Vec<KeyShown>,
}

/// Makes an API key
///
/// The key itself is in this answer and never again.
#[utoipa::path(
    post, path = "/api/keys", operation_id = "createKey", tag = "Keys",
    request_body(content = NewKey, example = json!({ "name": "for the shop", "scopes": ["read", "cast"] })),
    responses((status = 201, description = "The key", body = KeyShown, example = json!({
        "id": "key_0199c5a1b2f300112233445566778899", "key": "sk_…", "prefix": "sk_01234567", "name": "for the shop",
        "scopes": ["read", "cast"], "createdAt": "2026-01-31T09:05:07.042Z"
    }))),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::BodyTooLarge, Refusal::QuotaExceeded]))))
)]
pub(crate) async fn create(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let NewKey { name, scopes } = body::read_json(&api, request).await?;
    let name = text("name", name, 1, NAME_CHARACTERS_MAX)?;
    let scopes = known_scopes(&scopes)?;
    let (key, secret) = api.platform.create_key(tenant.clone(), name, scopes).await?;
    json(StatusCode::CREATED, &shown(key, Some(secret)))
}

/// Lists API keys
///
/// Those of the tenant, without their secrets.
#[utoipa::path(
    get, path = "/api/keys", operation_id = "listKeys", tag = "Keys",
    responses((status = 200, description = "All of them", body = KeysShown, example = json!({ "keys": [{
        "id": "key_0199c5a1b2f300112233445566778899", "prefix": "sk_01234567", "name": "for the shop", "scopes": ["read", "cast"],
        "createdAt": "2026-01-31T09:05:07.042Z", "revokedAt": "2026-02-01T00:00:00.000Z"
    }] }))),
    extensions(("x-scope" = json!("admin")))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let keys = api.platform.keys.list(Some(tenant)).await?;
    json(StatusCode::OK, &KeysShown { keys: keys.into_iter().map(|key| shown(key, None)).collect() })
}

/// Revokes an API key
///
/// It opens nothing from now on.
#[utoipa::path(
    delete, path = "/api/keys/{id}", operation_id = "revokeKey", tag = "Keys",
    params(("id" = String, Path, description = "The key's id, which is not the key", example = "key_0199c5a1b2f300112233445566778899")),
    responses((status = 204, description = "It is revoked")),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::KeyNotFound]))))
)]
pub(crate) async fn revoke(State(api): State<Arc<Api>>, caller: Caller, At(id): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    if api.platform.keys.revoke(Some(tenant), &id, (api.platform.now)()).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Problem::new(Refusal::KeyNotFound, "API key not found"))
}

fn scopes() -> Array {
    let scope: Object = choice(&Scope::ALL.map(Scope::name));
    ArrayBuilder::new().items(scope).min_items(Some(1)).build()
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
