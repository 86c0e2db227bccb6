//! Spells: made, listed, shown, changed and deleted.
//!
//! It knows their form on the wire. It must never know how they are kept.

use crate::platform::asked::{Asked, At, Page, cut};
use crate::platform::auth::Caller;
use crate::platform::description::{choice, codes};
use crate::platform::engine_wire::{self, WorkflowWire};
use crate::platform::limits::{self, Wishes};
use crate::platform::problem::{Problem, Refusal};
use crate::platform::reach::{self, ReachAsked, ReachShown, SchemaAsked, said};
use crate::platform::wire::{json, moment};
use crate::platform::{Api, KEY_RESERVED, body};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spell_cast::{About, EngineChoice, Platform, Scope, Spell};
use spell_types::SpellKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Object, Type};

/// Characters of a name for people at most.
const NAME_CHARACTERS_MAX: usize = 200;
/// Characters of a description at most.
const DESCRIPTION_CHARACTERS_MAX: usize = 4_000;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSpell {
    #[schema(min_length = 1, max_length = 128, pattern = "^[a-z0-9][a-z0-9._-]*$")]
    key: String,
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$")]
    name: String,
    #[schema(max_length = 4000, pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$")]
    description: Option<String>,
    #[schema(schema_with = engine_asked)]
    execution_engine: Option<String>,
    #[schema(schema_with = limits::resources_asked)]
    resource_limits: Option<Wishes>,
    #[schema(schema_with = limits::limits_asked)]
    limits: Option<Wishes>,
    active: Option<bool>,
    #[schema(schema_with = reach::network)]
    network: Option<Vec<String>>,
    #[schema(schema_with = reach::environment)]
    environment: Option<BTreeMap<String, String>>,
    #[schema(schema_with = reach::tmp)]
    tmp: Option<bool>,
    #[schema(schema_with = reach::schema)]
    #[serde(default, deserialize_with = "said")]
    input_schema: SchemaAsked,
    #[schema(schema_with = reach::schema)]
    #[serde(default, deserialize_with = "said")]
    output_schema: SchemaAsked,
    workflow: Option<WorkflowWire>,
    fallback_on: Option<Vec<String>>,
}

/// What may be said anew; what is not said stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = SpellChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    #[schema(min_length = 1, max_length = 200, pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$")]
    name: Option<String>,
    #[schema(max_length = 4000, pattern = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$")]
    description: Option<String>,
    #[schema(schema_with = engine_asked)]
    execution_engine: Option<String>,
    #[schema(schema_with = limits::resources_asked)]
    resource_limits: Option<Wishes>,
    #[schema(schema_with = limits::limits_asked)]
    limits: Option<Wishes>,
    active: Option<bool>,
    #[schema(schema_with = reach::network)]
    network: Option<Vec<String>>,
    #[schema(schema_with = reach::environment)]
    environment: Option<BTreeMap<String, String>>,
    #[schema(schema_with = reach::tmp)]
    tmp: Option<bool>,
    #[schema(schema_with = reach::schema)]
    #[serde(default, deserialize_with = "said")]
    input_schema: SchemaAsked,
    #[schema(schema_with = reach::schema)]
    #[serde(default, deserialize_with = "said")]
    output_schema: SchemaAsked,
    workflow: Option<WorkflowWire>,
    fallback_on: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Spell)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpellShown {
    id: String,
    key: String,
    name: String,
    description: String,
    #[schema(schema_with = engine)]
    execution_engine: &'static str,
    #[schema(schema_with = limits::resources_shown)]
    resource_limits: Map<String, Value>,
    #[schema(schema_with = limits::limits_shown)]
    limits: Map<String, Value>,
    active: bool,
    active_version: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    #[serde(flatten)]
    reach: ReachShown,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<WorkflowWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_on: Option<Vec<&'static str>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Spells)]
#[serde(rename_all = "camelCase")]
struct SpellsShown {
    spells: Vec<SpellShown>,
    next_cursor: Option<String>,
}

/// Makes a spell
///
/// It has no version yet: upload one. What is not said is as the operator has it.
#[utoipa::path(
    post, path = "/api/spells", operation_id = "createSpell", tag = "Spells",
    request_body(content = NewSpell, example = json!({
        "key": "shout", "name": "Shout", "description": "Says it louder",
        "resourceLimits": { "maxMemoryMB": 64 }, "limits": { "time": 1000 },
    })),
    responses((
        status = 201, description = "The spell", body = SpellShown,
        headers(("Location" = String, description = "Where it is")),
        example = json!({
            "id": "spell_0199c5a1b2f300112233445566778899", "key": "shout", "name": "Shout", "description": "Says it louder",
            "executionEngine": "wasm", "resourceLimits": { "maxMemoryMB": 64, "maxExecutionTimeMs": 1000, "maxOutputSizeBytes": 104857600 },
            "limits": { "memory": 67108864, "time": 1000 }, "active": true, "activeVersion": null,
            "createdAt": "2026-01-31T09:05:07.042Z", "updatedAt": "2026-01-31T09:05:07.042Z",
            "network": [], "environment": {}, "tmp": false, "inputSchema": null, "outputSchema": null
        })
    )),
    extensions(("x-scope" = json!("upload")), ("x-refusals" = json!(codes(&[
        Refusal::SpellKeyTaken, Refusal::CeilingExceeded, Refusal::ReachRefused, Refusal::SchemaRefused, Refusal::GithubNotSetUp, Refusal::RepositoryNotAllowed, Refusal::QuotaExceeded,
        Refusal::BodyTooLarge,
    ]))))
)]
pub(crate) async fn create(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let asked: NewSpell = body::read_json(&api, request).await?;
    let key = spell_key(&asked.key)?;
    let spell = api.platform.create_spell(tenant, key, asked.into_change().apply(About::default())?).await?;
    let location = HeaderValue::from_str(&format!("/api/spells/{}", spell.key));
    let mut response = json(StatusCode::CREATED, &shown(&api.platform, &spell))?;
    // A key has only what a path can have.
    response.headers_mut().extend(location.ok().map(|location| (LOCATION, location)));
    Ok(response)
}

/// Lists spells
///
/// By their keys, a page at a time.
#[utoipa::path(
    get, path = "/api/spells", operation_id = "listSpells", tag = "Spells", params(Page),
    responses((status = 200, description = "A page", body = SpellsShown, example = json!({ "spells": [], "nextCursor": null }))),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::Invalid]))))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, Asked(page): Asked<Page>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let count_max = page.count_max()?;
    let mut found = api.platform.registry.spells(tenant, page.cursor.as_deref(), count_max + 1).await?;
    let next_cursor = cut(&mut found, count_max, |spell| spell.key.to_string());
    let spells = found.iter().map(|spell| shown(&api.platform, spell)).collect();
    json(StatusCode::OK, &SpellsShown { spells, next_cursor })
}

/// Shows a spell
#[utoipa::path(
    get, path = "/api/spells/{spell}", operation_id = "showSpell", tag = "Spells",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout")),
    responses((status = 200, description = "The spell", body = SpellShown)),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::SpellNotFound]))))
)]
pub(crate) async fn show(State(api): State<Arc<Api>>, caller: Caller, At(spell): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    answer(&api.platform, &api.platform.registry.spell(tenant, &spell).await?)
}

/// Changes a spell
///
/// What is not said stays; a limit that is null is again as the operator has it.
#[utoipa::path(
    patch, path = "/api/spells/{spell}", operation_id = "changeSpell", tag = "Spells",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout")),
    request_body(content = Change, examples(
        ("limits" = (summary = "Another name and limit", value = json!({ "name": "Shout", "limits": { "time": 2000 } }))),
        ("reach" = (summary = "What it reaches", value = json!({
            "network": ["https://api.example.com", "https://*.example.org"], "environment": { "PLACE": "here" }, "tmp": true
        }))),
        ("schemas" = (summary = "What goes in, and no word on what comes out", value = json!({
            "inputSchema": { "type": ["string", "object"] }, "outputSchema": null
        }))),
    )),
    responses((status = 200, description = "The spell as it is now", body = SpellShown)),
    extensions(("x-scope" = json!("upload")), ("x-refusals" = json!(codes(&[
        Refusal::SpellNotFound, Refusal::CeilingExceeded, Refusal::ReachRefused, Refusal::SchemaRefused, Refusal::GithubNotSetUp, Refusal::RepositoryNotAllowed, Refusal::BodyTooLarge,
    ]))))
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At(spell): At<String>,
    request: Request,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let change: Change = body::read_json(&api, request).await?;
    let mut spell = api.platform.registry.spell(tenant, &spell).await?;
    spell.about = change.apply(spell.about)?;
    answer(&api.platform, &api.platform.change_spell(tenant, spell).await?)
}

/// Deletes a spell
///
/// Its versions go with it; its casts stay on record.
#[utoipa::path(
    delete, path = "/api/spells/{spell}", operation_id = "deleteSpell", tag = "Spells",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout")),
    responses((status = 204, description = "It is gone")),
    extensions(("x-scope" = json!("upload")), ("x-refusals" = json!(codes(&[Refusal::SpellNotFound]))))
)]
pub(crate) async fn delete(State(api): State<Arc<Api>>, caller: Caller, At(spell): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    api.platform.registry.delete(tenant, &spell.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A spell as an answer.
pub(crate) fn answer(platform: &Platform, spell: &Spell) -> Result<Response, Problem> {
    json(StatusCode::OK, &shown(platform, spell))
}

fn shown(platform: &Platform, spell: &Spell) -> SpellShown {
    let about = &spell.about;
    SpellShown {
        id: spell.id.clone(),
        key: spell.key.to_string(),
        name: about.name.clone(),
        description: about.description.clone(),
        execution_engine: about.engine.name(),
        resource_limits: limits::resources(&about.limits, &platform.defaults, &platform.ceilings),
        limits: limits::by_key(&about.limits),
        active: about.is_active,
        active_version: spell.active.as_ref().map(ToString::to_string),
        created_at: moment(spell.created_at),
        updated_at: moment(spell.updated_at),
        reach: ReachShown::of(about),
        workflow: about.workflow.as_ref().map(WorkflowWire::shown),
        fallback_on: about.fallback_on.as_deref().map(engine_wire::names),
    }
}

fn engine() -> Object {
    choice(&EngineChoice::ALL.map(|(_, name)| name))
}

fn engine_asked() -> Object {
    let (mut asked, nothing) = (engine(), Value::Null);
    asked.schema_type = SchemaType::from_iter([Type::String, Type::Null]);
    asked.enum_values.get_or_insert_default().push(nothing);
    asked
}

fn spell_key(text: &str) -> Result<SpellKey, Problem> {
    if text == KEY_RESERVED {
        return Err(Problem::new(Refusal::Invalid, format!("key must not be `{KEY_RESERVED}`, which is a path of this API")));
    }
    text.parse().map_err(|error| Problem::new(Refusal::Invalid, format!("key: {error}")))
}

impl NewSpell {
    /// The same as if it was said of one that is there.
    fn into_change(self) -> Change {
        Change {
            name: Some(self.name),
            description: self.description,
            execution_engine: self.execution_engine,
            resource_limits: self.resource_limits,
            limits: self.limits,
            active: self.active,
            network: self.network,
            environment: self.environment,
            tmp: self.tmp,
            input_schema: self.input_schema,
            output_schema: self.output_schema,
            workflow: self.workflow,
            fallback_on: self.fallback_on,
        }
    }
}

impl Change {
    fn apply(self, mut about: About) -> Result<About, Problem> {
        if let Some(name) = self.name {
            about.name = text("name", name, 1, NAME_CHARACTERS_MAX)?;
        }
        if let Some(description) = self.description {
            about.description = text("description", description, 0, DESCRIPTION_CHARACTERS_MAX)?;
        }
        if let Some(engine) = self.execution_engine {
            about.engine = engine_wire::engine(&engine)?;
        }
        limits::wish(&mut about.limits, self.resource_limits, self.limits)?;
        about.is_active = self.active.unwrap_or(about.is_active);
        let Self { network, environment, tmp, input_schema, output_schema, .. } = self;
        ReachAsked { network, environment, tmp, input_schema, output_schema }.apply(&mut about);
        about.workflow = self.workflow.map(WorkflowWire::read).or(about.workflow);
        if let Some(names) = self.fallback_on {
            about.fallback_on = Some(engine_wire::fallback_on(&names)?);
        }
        Ok(about)
    }
}

/// A text for people, if it is as long as it should be and commands no terminal.
pub(crate) fn text(field: &str, text: String, characters_min: usize, characters_max: usize) -> Result<String, Problem> {
    if !(characters_min..=characters_max).contains(&text.chars().count()) {
        let detail = format!("{field} must have between {characters_min} and {characters_max} characters");
        return Err(Problem::new(Refusal::Invalid, detail));
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        return Err(Problem::new(Refusal::Invalid, format!("{field} must not have control characters")));
    }
    Ok(text)
}
