//! Budgets and estimates: what a tenant may spend and has spent, and what a cast may cost before it is made.
//!
//! It knows their form on the wire. It must never know how they are kept, or what a price is made of.

use crate::platform::auth::Caller;
use crate::platform::body::{CAST, read};
use crate::platform::cast_wire::CastAsked;
use crate::platform::description::codes;
use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::{json, moment};
use crate::platform::{Api, body};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use spell_cast::{Budget, CAP_CENTS_MAX, EngineEstimate, Month, Platform, Scope};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Budget)]
#[serde(rename_all = "camelCase")]
struct BudgetShown {
    #[schema(pattern = "^[0-9]{4}-[0-9]{2}$")]
    month: String,
    /// What counts: the least of the operator's and the tenant's own.
    monthly_cap_cents: Option<u64>,
    operator_cap_cents: Option<u64>,
    own_cap_cents: Option<u64>,
    current_spend_cents: u64,
    /// What casts that run may cost.
    reserved_cents: u64,
    remaining_cents: Option<u64>,
    #[schema(format = DateTime)]
    resets_at: String,
}

/// Shows the budget
///
/// What casts may cost this month, in UTC, and what they have cost. A cap that is null is none.
#[utoipa::path(
    get, path = "/api/budget", operation_id = "showBudget", tag = "Money",
    responses((status = 200, description = "The budget", body = BudgetShown, example = json!({
        "month": "2026-01", "monthlyCapCents": 50000, "operatorCapCents": null, "ownCapCents": 50000, "currentSpendCents": 1234,
        "reservedCents": 36, "remainingCents": 48730, "resetsAt": "2026-02-01T00:00:00.000Z"
    }))),
    extensions(("x-scope" = json!("read")))
)]
pub(crate) async fn show(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    answer(&api.platform, &api.platform.budget(tenant).await?)
}

#[derive(Deserialize, ToSchema)]
#[schema(as = BudgetChange)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    /// `null` takes the tenant's own cap back.
    #[schema(value_type = Option<u64>, required = true, maximum = 1_000_000_000_000_000_u64)]
    #[serde(default, deserialize_with = "present")]
    monthly_cap_cents: Option<Option<u64>>,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::<u64>::deserialize(from).map(Some)
}

/// Changes the budget
///
/// The tenant's own cap, which is never above the operator's.
#[utoipa::path(
    patch, path = "/api/budget", operation_id = "changeBudget", tag = "Money",
    request_body(content = Change, example = json!({ "monthlyCapCents": 50000 })),
    responses((status = 200, description = "The budget as it is now", body = BudgetShown)),
    extensions(("x-scope" = json!("admin")), ("x-refusals" = json!(codes(&[Refusal::CeilingExceeded, Refusal::BodyTooLarge]))))
)]
pub(crate) async fn change(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Admin)?;
    let Change { monthly_cap_cents } = body::read_json(&api, request).await?;
    let Some(cap_cents) = monthly_cap_cents else {
        return Err(Problem::new(Refusal::Invalid, "monthlyCapCents is required: whole cents, or null for no cap of your own"));
    };
    if cap_cents.is_some_and(|cents| cents > CAP_CENTS_MAX) {
        return Err(Problem::new(Refusal::Invalid, format!("monthlyCapCents must be at most {CAP_CENTS_MAX}")));
    }
    answer(&api.platform, &api.platform.set_budget(tenant, cap_cents).await?)
}

#[derive(Serialize, ToSchema)]
#[schema(as = Estimate)]
struct EstimateShown {
    spell_key: String,
    version: Option<String>,
    /// By the names of engines.
    engines: BTreeMap<&'static str, EngineShown>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EngineEstimate)]
struct EngineShown {
    cost_cents_min: u64,
    cost_cents_max: u64,
    /// What the last casts cost, on average.
    cost_cents_expected: Option<u64>,
}

/// Estimates a cast
///
/// It is refused for what the cast would be refused for, but for money. Nothing runs, and nothing is set aside.
#[utoipa::path(
    post, path = "/api/v1/estimate", operation_id = "estimate", tag = "Money",
    request_body(content = CastAsked, example = json!({ "spell_key": "shout", "input": "hello" })),
    responses((status = 200, description = "What it may cost, by engine", body = EstimateShown, example = json!({
        "spell_key": "shout", "version": "1.0.0",
        "engines": { "wasm": { "cost_cents_min": 1, "cost_cents_max": 36, "cost_cents_expected": 2 } }
    }))),
    extensions(("x-scope" = json!("cast")), ("x-refusals" = json!(codes(&[
        Refusal::SpellNotFound, Refusal::ModuleNotFound, Refusal::SpellNotActive, Refusal::InputTooLarge, Refusal::InputInvalid, Refusal::GithubNotSetUp, Refusal::RepositoryNotAllowed, Refusal::SpellAnswersHttp,
        Refusal::CeilingExceeded, Refusal::ModuleCorrupt,
    ]))))
)]
pub(crate) async fn estimate(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Cast)?;
    body::is_json(request.headers())?;
    let (bytes, _place) = read(&api, request, &CAST).await?;
    let asked: CastAsked = body::parse(&bytes)?;
    let estimate = api.platform.estimate(tenant, &asked.into_request(None)?).await?;
    let shown = |engine: &EngineEstimate| {
        let EngineEstimate { engine, cost_cents_min, cost_cents_max, cost_cents_expected } = *engine;
        (engine.name(), EngineShown { cost_cents_min, cost_cents_max, cost_cents_expected })
    };
    let engines = estimate.engines.iter().map(shown).collect();
    let (spell_key, version) = (estimate.spell_key.to_string(), estimate.version.map(|version| version.to_string()));
    json(StatusCode::OK, &EstimateShown { spell_key, version, engines })
}

fn answer(platform: &Platform, budget: &Budget) -> Result<Response, Problem> {
    let month = Month::of((platform.now)());
    let cap_cents = budget.cap_cents();
    let taken = budget.spent_cents.saturating_add(budget.reserved_cents);
    json(
        StatusCode::OK,
        &BudgetShown {
            month: month.to_string(),
            monthly_cap_cents: cap_cents,
            operator_cap_cents: budget.operator_cap_cents(),
            own_cap_cents: budget.own_cents,
            current_spend_cents: budget.spent_cents,
            reserved_cents: budget.reserved_cents,
            remaining_cents: cap_cents.map(|cap_cents| cap_cents.saturating_sub(taken)),
            resets_at: moment(month.end()),
        },
    )
}
