//! Versions of spells: listed, activated, rolled back and deleted.
//!
//! It knows their form on the wire. It must never know programs.

use crate::platform::Api;
use crate::platform::asked::{Asked, At};
use crate::platform::auth::Caller;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::spells;
use crate::platform::wire::{json, moment};
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use semver::Version;
use serde::{Deserialize, Serialize};
use spell_cast::{Module, Scope, Spell};
use spell_types::TenantId;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfSpell {
    spell_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OneModule {
    module_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModulesShown {
    spell_id: String,
    total: usize,
    modules: Vec<ModuleShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModuleShown {
    id: String,
    version: String,
    hash: String,
    size: u64,
    created_at: String,
    abi: String,
    active: bool,
    metadata: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    file_name: Option<String>,
    uploaded_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    module_id: String,
    message: &'static str,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<OfSpell>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let spell = required("spellId", asked.spell_id)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let modules = api.platform.registry.modules(tenant, &spell.id).await?;
    let modules: Vec<ModuleShown> = modules.into_iter().map(|module| shown(module, &spell)).collect();
    json(StatusCode::OK, &ModulesShown { spell_id: spell.id, total: modules.len(), modules })
}

pub(crate) async fn delete(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<OneModule>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let module_id = required("moduleId", asked.module_id)?;
    api.platform.registry.delete_module(tenant, &module_id).await?;
    json(StatusCode::OK, &Deleted { module_id, message: "WASM module deleted successfully" })
}

pub(crate) async fn activate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    At((spell, version)): At<(String, String)>,
) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let version = self::version(&version)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    switch(&api, tenant, &spell, &version).await
}

/// Activates the version that was uploaded before the active one.
pub(crate) async fn roll_back(State(api): State<Arc<Api>>, caller: Caller, At(spell): At<String>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let modules = api.platform.registry.modules(tenant, &spell.id).await?;
    let mut older = modules.iter().skip_while(|module| Some(&module.version) != spell.active.as_ref()).skip(1);
    let Some(before) = older.next() else {
        return Err(Problem::new(Refusal::NoEarlierVersion, "no version was uploaded before the active one"));
    };
    switch(&api, tenant, &spell, &before.version).await
}

/// A version as semantic versioning has it.
pub(crate) fn version(text: &str) -> Result<Version, Problem> {
    Version::parse(text).map_err(|error| {
        let detail = format!("version must be a semantic version, such as 1.0.0: {error}");
        Problem::new(Refusal::Invalid, detail)
    })
}

async fn switch(api: &Api, tenant: &TenantId, spell: &Spell, version: &Version) -> Result<Response, Problem> {
    let at = (api.platform.now)();
    let spell = api.platform.registry.activate(tenant, &spell.id, version, at).await?;
    spells::answer(&api.platform, &spell)
}

fn required(field: &str, value: Option<String>) -> Result<String, Problem> {
    let value = value.filter(|value| !value.is_empty());
    value.ok_or_else(|| Problem::new(Refusal::Invalid, format!("{field} is required")))
}

fn shown(module: Module, spell: &Spell) -> ModuleShown {
    let at = moment(module.created_at);
    ModuleShown {
        active: spell.active.as_ref() == Some(&module.version),
        id: module.id,
        version: module.version.to_string(),
        hash: module.digest.to_string(),
        size: module.size_bytes,
        created_at: at.clone(),
        abi: module.abi,
        metadata: Metadata { file_name: module.file_name, uploaded_at: at },
    }
}
