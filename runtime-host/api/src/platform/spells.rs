//! Spells: made, listed, shown, changed and deleted.
//!
//! It knows their form on the wire. It must never know how they are kept.

use crate::platform::asked::{Asked, At, Page, cut};
use crate::platform::auth::Caller;
use crate::platform::engine_wire::{self, WorkflowWire};
use crate::platform::limits::{self, Wishes};
use crate::platform::problem::{Problem, Refusal};
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
use std::sync::Arc;

/// Characters of a name for people at most.
const NAME_CHARACTERS_MAX: usize = 200;
/// Characters of a description at most.
const DESCRIPTION_CHARACTERS_MAX: usize = 4_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewSpell {
    key: String,
    name: String,
    description: Option<String>,
    execution_engine: Option<String>,
    resource_limits: Option<Wishes>,
    limits: Option<Wishes>,
    active: Option<bool>,
    workflow: Option<WorkflowWire>,
    fallback_on: Option<Vec<String>>,
}

/// What may be said anew; what is not said stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    name: Option<String>,
    description: Option<String>,
    execution_engine: Option<String>,
    resource_limits: Option<Wishes>,
    limits: Option<Wishes>,
    active: Option<bool>,
    workflow: Option<WorkflowWire>,
    fallback_on: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpellShown {
    id: String,
    key: String,
    name: String,
    description: String,
    execution_engine: &'static str,
    resource_limits: Map<String, Value>,
    limits: Map<String, Value>,
    active: bool,
    active_version: Option<String>,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<WorkflowWire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_on: Option<Vec<&'static str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpellsShown {
    spells: Vec<SpellShown>,
    next_cursor: Option<String>,
}

pub(crate) async fn create(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let NewSpell { key, name, description, execution_engine, resource_limits, limits, active, workflow, fallback_on } =
        body::read_json(&api, request).await?;
    let key = spell_key(&key)?;
    let change = Change { name: Some(name), description, execution_engine, resource_limits, limits, active, workflow, fallback_on };
    let nothing = About {
        name: String::new(),
        description: String::new(),
        engine: EngineChoice::default(),
        limits: Vec::new(),
        is_active: true,
        workflow: None,
        fallback_on: None,
    };
    let spell = api.platform.create_spell(tenant, key, change.apply(nothing)?).await?;
    let location = HeaderValue::from_str(&format!("/api/spells/{}", spell.key));
    let mut response = json(StatusCode::CREATED, &shown(&api.platform, &spell))?;
    // A key has only what a path can have.
    response.headers_mut().extend(location.ok().map(|location| (LOCATION, location)));
    Ok(response)
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, Asked(page): Asked<Page>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let count_max = page.count_max()?;
    let mut found = api.platform.registry.spells(tenant, page.cursor.as_deref(), count_max + 1).await?;
    let next_cursor = cut(&mut found, count_max, |spell| spell.key.to_string());
    let spells = found.iter().map(|spell| shown(&api.platform, spell)).collect();
    json(StatusCode::OK, &SpellsShown { spells, next_cursor })
}

pub(crate) async fn show(State(api): State<Arc<Api>>, caller: Caller, At(spell): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    answer(&api.platform, &api.platform.registry.spell(tenant, &spell).await?)
}

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
        workflow: about.workflow.as_ref().map(WorkflowWire::shown),
        fallback_on: about.fallback_on.as_deref().map(engine_wire::names),
    }
}

fn spell_key(text: &str) -> Result<SpellKey, Problem> {
    if text == KEY_RESERVED {
        return Err(Problem::new(Refusal::Invalid, format!("key must not be `{KEY_RESERVED}`, which is a path of this API")));
    }
    text.parse().map_err(|error| Problem::new(Refusal::Invalid, format!("key: {error}")))
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
