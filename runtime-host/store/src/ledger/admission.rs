//! Whether a tenant can have one cast more, as rows: those that run, those of the day, and the money of the month. It knows numbers; it
//! must never know keys under which clients cast.

use super::{Failure, records};
use crate::budgets;
use crate::columns::{Count, Moment, Parsed};
use rusqlite::{Connection, OptionalExtension, Row, params};
use spell_cast::{Allowance, Budget, CastRecord, Month, Quota, Reserved};
use spell_types::TenantId;
use std::time::SystemTime;

/// Counts a cast and sets aside what it may cost, or says why not. Whoever is refused has changed nothing.
pub(super) fn admit(
    connection: &Connection,
    cast: &CastRecord,
    cost_cents_max: u64,
    allowance: &Allowance,
) -> Result<Option<Reserved>, Failure> {
    let (tenant, quotas) = (&cast.tenant, allowance.quotas);
    let day = Moment(cast.created_at).millis() / records::MILLISECONDS_PER_DAY;
    let (running, today) = counts(connection, tenant, day)?;
    let enough = quotas.check(Quota::Running, running + 1).and_then(|()| quotas.check(Quota::CastsPerDay, today + 1));
    if let Err(exceeded) = enough {
        return Ok(Some(Reserved::TooMany(exceeded)));
    }
    let month = Month::of(cast.created_at);
    match budgets::find(connection, tenant, month, allowance.budget_cents)?.reserve(cost_cents_max) {
        Err(over) => return Ok(Some(Reserved::OverBudget(over))),
        Ok(budget) => budgets::keep(connection, tenant, month, &budget)?,
    }
    let sql = "INSERT INTO cast_days (tenant, day, casts) VALUES (?1, ?2, ?3)
         ON CONFLICT (tenant) DO UPDATE SET day = excluded.day, casts = excluded.casts";
    connection.prepare_cached(sql)?.execute(params![tenant.as_str(), day, Count(today + 1)])?;
    Ok(None)
}

/// Spends what a cast costs, which is all that was set aside if nobody knows. One of which nobody knew what it did had spent that already.
pub(super) fn settle(connection: &Connection, id: &str, cost_cents: Option<u64>) -> Result<(), Failure> {
    let sql = "SELECT tenant, created_at_ms, cost_cents_max, state = 'running' AS is_running FROM casts
         WHERE id = ?1 AND state IN ('running', 'indeterminate')";
    let facts = connection.prepare_cached(sql)?.query_row([id], |row| {
        let (tenant, created_at) = (row.get::<_, Parsed<TenantId>>(0)?.0, row.get::<_, Moment>(1)?.0);
        Ok((tenant, created_at, row.get::<_, Count>(2)?.0, row.get(3)?))
    });
    let facts: Option<(TenantId, SystemTime, u64, bool)> = facts.optional()?;
    let Some((tenant, created_at, cost_cents_max, is_running)) = facts else { return Ok(()) };
    let month = Month::of(created_at);
    let budget = budgets::find(connection, &tenant, month, None)?;
    let settle = if is_running { Budget::settle } else { Budget::correct };
    budgets::keep(connection, &tenant, month, &settle(budget, cost_cents_max, cost_cents.unwrap_or(cost_cents_max)))
}

/// How many casts of a tenant run, and how many were begun on a day.
fn counts(connection: &Connection, tenant: &TenantId, day: i64) -> Result<(u64, u64), Failure> {
    let sql = "SELECT (SELECT count(*) FROM casts WHERE tenant = ?1 AND state = 'running'),
         coalesce((SELECT casts FROM cast_days WHERE tenant = ?1 AND day = ?2), 0)";
    let both = |row: &Row<'_>| Ok((row.get::<_, Count>(0)?.0, row.get::<_, Count>(1)?.0));
    Ok(connection.prepare_cached(sql)?.query_row(params![tenant.as_str(), day], both)?)
}
