//! Versions of spells: listed, activated, rolled back and deleted.
//!
//! It knows their form on the wire. It must never know programs.

use crate::platform::Api;
use crate::platform::asked::{Asked, At};
use crate::platform::auth::Caller;
use crate::platform::description::codes;
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
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OfSpell {
    /// Key or id of the spell.
    #[param(required = true, min_length = 1, example = "shout")]
    spell_id: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OneModule {
    /// Id of the version.
    #[param(required = true, min_length = 1, example = "mod_0199c5a1b2f300112233445566778899")]
    module_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Versions)]
#[serde(rename_all = "camelCase")]
struct ModulesShown {
    spell_id: String,
    total: usize,
    modules: Vec<ModuleShown>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
#[serde(rename_all = "camelCase")]
struct ModuleShown {
    id: String,
    version: String,
    #[schema(pattern = "^[0-9a-f]{64}$")]
    hash: String,
    size: u64,
    #[schema(format = DateTime)]
    created_at: String,
    abi: String,
    active: bool,
    metadata: Metadata,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VersionMetadata)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    file_name: Option<String>,
    #[schema(format = DateTime)]
    uploaded_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeletedVersion)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    module_id: String,
    message: &'static str,
}

/// Lists versions
///
/// The newest upload first.
#[utoipa::path(
    get, path = "/api/spells/upload-wasm", operation_id = "listVersions", tag = "Spells", params(OfSpell),
    responses((status = 200, description = "All versions of the spell", body = ModulesShown)),
    extensions(("x-scope" = json!("read")), ("x-refusals" = json!(codes(&[Refusal::SpellNotFound, Refusal::Invalid]))))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<OfSpell>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    let spell = required("spellId", asked.spell_id)?;
    let spell = api.platform.registry.spell(tenant, &spell).await?;
    let modules = api.platform.registry.modules(tenant, &spell.id).await?;
    let modules: Vec<ModuleShown> = modules.into_iter().map(|module| shown(module, &spell)).collect();
    json(StatusCode::OK, &ModulesShown { spell_id: spell.id, total: modules.len(), modules })
}

/// Deletes a version
///
/// The active one is not deleted.
#[utoipa::path(
    delete, path = "/api/spells/upload-wasm", operation_id = "deleteVersion", tag = "Spells", params(OneModule),
    responses((status = 200, description = "It is gone", body = Deleted)),
    extensions(
        ("x-scope" = json!("upload")),
        ("x-refusals" = json!(codes(&[Refusal::ModuleNotFound, Refusal::VersionActive, Refusal::Invalid])))
    )
)]
pub(crate) async fn delete(State(api): State<Arc<Api>>, caller: Caller, Asked(asked): Asked<OneModule>) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Upload)?;
    let module_id = required("moduleId", asked.module_id)?;
    api.platform.registry.delete_module(tenant, &module_id).await?;
    json(StatusCode::OK, &Deleted { module_id, message: "WASM module deleted successfully" })
}

/// Activates a version
///
/// Casts that begin from now on run it.
#[utoipa::path(
    post, path = "/api/spells/{spell}/versions/{version}/activate", operation_id = "activateVersion", tag = "Spells",
    params(
        ("spell" = String, Path, description = "Key or id of the spell", example = "shout"),
        ("version" = String, Path, description = "The version", pattern = "^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(\\.(0|[1-9][0-9]{0,8}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\\+[0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*)?$", example = "1.0.0"),
    ),
    responses((status = 200, description = "The spell as it is now", body = spells::SpellShown)),
    extensions(
        ("x-scope" = json!("upload")),
        ("x-refusals" = json!(codes(&[Refusal::SpellNotFound, Refusal::ModuleNotFound, Refusal::Invalid])))
    )
)]
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

/// Rolls back
///
/// Makes the version that was uploaded before the active one the active one.
#[utoipa::path(
    post, path = "/api/spells/{spell}/rollback", operation_id = "rollBack", tag = "Spells",
    params(("spell" = String, Path, description = "Key or id of the spell", example = "shout")),
    responses((status = 200, description = "The spell as it is now", body = spells::SpellShown)),
    extensions(
        ("x-scope" = json!("upload")),
        ("x-refusals" = json!(codes(&[Refusal::SpellNotFound, Refusal::ModuleNotFound, Refusal::NoEarlierVersion])))
    )
)]
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
