//! Budgets and estimates: what a tenant may spend and has spent, and what a cast may cost before it is made.
//!
//! It knows their form on the wire. It must never know how they are kept, or what a price is made of.

use crate::platform::auth::Caller;
use crate::platform::body::{CAST, read};
use crate::platform::cast_wire::CastAsked;
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BudgetShown {
    month: String,
    monthly_cap_cents: Option<u64>,
    operator_cap_cents: Option<u64>,
    own_cap_cents: Option<u64>,
    current_spend_cents: u64,
    reserved_cents: u64,
    remaining_cents: Option<u64>,
    resets_at: String,
}

pub(crate) async fn show(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    let tenant = caller.may(Scope::Read)?;
    answer(&api.platform, &api.platform.budget(tenant).await?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    /// What is not there is no wish; `null` takes the tenant's own cap back.
    #[serde(default, deserialize_with = "present")]
    monthly_cap_cents: Option<Option<u64>>,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::<u64>::deserialize(from).map(Some)
}

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

#[derive(Serialize)]
struct EstimateShown {
    spell_key: String,
    version: Option<String>,
    engines: BTreeMap<&'static str, EngineShown>,
}

#[derive(Serialize)]
struct EngineShown {
    cost_cents_min: u64,
    cost_cents_max: u64,
    cost_cents_expected: Option<u64>,
}

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
