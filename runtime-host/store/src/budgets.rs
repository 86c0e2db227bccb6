//! Budgets and what they are spent on, as tables. It knows what is set aside and what was spent; it must never know what a cast is.

use crate::Database;
use crate::columns::{Count, Parsed, saturating};
use crate::queue::JobError;
use rusqlite::{Connection, Row, params};
use spell_cast::{Budget, Budgets, LedgerError, Month, OperatorCap, Recorded};
use spell_types::TenantId;

type Failure = JobError<LedgerError>;

/// The largest amount that is kept: the sum of two is a number of SQLite.
const CENTS_KEPT_MAX: i64 = 1 << 61;

impl Budgets for Database {
    fn budget<'a>(&'a self, tenant: &'a TenantId, month: Month) -> Recorded<'a, Budget> {
        let (tenant, default_cents) = (tenant.clone(), self.allowance().budget_cents);
        let find = move |connection: &Connection| find(connection, &tenant, month, default_cents);
        Box::pin(async move { self.read(find).await.map_err(to_error) })
    }

    fn all_budgets<'a>(&'a self, month: Month) -> Recorded<'a, Vec<(TenantId, Budget)>> {
        let default_cents = self.allowance().budget_cents;
        let list = move |connection: &Connection| {
            let sql = "SELECT tenant FROM budgets UNION SELECT tenant FROM budget_months WHERE month = ?1 ORDER BY tenant";
            let mut select = connection.prepare_cached(sql)?;
            let tenants = select.query_map([month.0], |row| Ok(row.get::<_, Parsed<TenantId>>(0)?.0))?;
            let with_budget = |tenant: TenantId| find(connection, &tenant, month, default_cents).map(|budget| (tenant, budget));
            tenants.map(|tenant| with_budget(tenant?)).collect()
        };
        Box::pin(async move { self.read(list).await.map_err(to_error) })
    }

    fn set_operator_cap<'a>(&'a self, tenant: &'a TenantId, cap: OperatorCap) -> Recorded<'a, ()> {
        let tenant = tenant.clone();
        let (is_uncapped, cents) = match cap {
            OperatorCap::Default => (false, None),
            OperatorCap::Uncapped => (true, None),
            OperatorCap::Cents(cents) => (false, Some(kept(cents))),
        };
        let set = move |connection: &Connection| {
            let sql = "INSERT INTO budgets (tenant, is_uncapped, operator_cap_cents) VALUES (?1, ?2, ?3)
                 ON CONFLICT (tenant) DO UPDATE SET is_uncapped = excluded.is_uncapped, operator_cap_cents = excluded.operator_cap_cents";
            connection.prepare_cached(sql)?.execute(params![tenant.as_str(), is_uncapped, cents])?;
            Ok(())
        };
        Box::pin(async move { self.write(set).await.map_err(to_error) })
    }

    fn set_own_cap<'a>(&'a self, tenant: &'a TenantId, cap_cents: Option<u64>) -> Recorded<'a, ()> {
        let (tenant, cents) = (tenant.clone(), cap_cents.map(kept));
        let set = move |connection: &Connection| {
            let sql = "INSERT INTO budgets (tenant, own_cap_cents) VALUES (?1, ?2)
                 ON CONFLICT (tenant) DO UPDATE SET own_cap_cents = excluded.own_cap_cents";
            connection.prepare_cached(sql)?.execute(params![tenant.as_str(), cents])?;
            Ok(())
        };
        Box::pin(async move { self.write(set).await.map_err(to_error) })
    }
}

/// The budget of a tenant in a month.
pub(crate) fn find(connection: &Connection, tenant: &TenantId, month: Month, default_cents: Option<u64>) -> Result<Budget, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT coalesce(is_uncapped, 0) AS is_uncapped, operator_cap_cents, own_cap_cents,
             coalesce(spent_cents, 0) AS spent_cents, coalesce(reserved_cents, 0) AS reserved_cents
         FROM (SELECT ?1 AS asked) LEFT JOIN budgets ON budgets.tenant = asked
             LEFT JOIN budget_months ON budget_months.tenant = asked AND month = ?2",
    )?;
    Ok(select.query_row(params![tenant.as_str(), month.0], |row| {
        let (operator, own_cents) = caps(row)?;
        let (spent_cents, reserved_cents) = (amount(row, "spent_cents")?, amount(row, "reserved_cents")?);
        Ok(Budget { default_cents, operator, own_cents, spent_cents, reserved_cents })
    })?)
}

/// Keeps what was spent and what is set aside.
pub(crate) fn keep(connection: &Connection, tenant: &TenantId, month: Month, budget: &Budget) -> Result<(), Failure> {
    let sql = "INSERT INTO budget_months (month, tenant, spent_cents, reserved_cents) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (month, tenant) DO UPDATE SET spent_cents = excluded.spent_cents, reserved_cents = excluded.reserved_cents";
    let (spent, reserved) = (kept(budget.spent_cents), kept(budget.reserved_cents));
    connection.prepare_cached(sql)?.execute(params![month.0, tenant.as_str(), spent, reserved])?;
    Ok(())
}

/// Spends all that is set aside: nobody knows what the casts did that it was set aside for.
pub(crate) fn spend_reserved(connection: &Connection) -> Result<(), Failure> {
    let sql = "UPDATE budget_months SET spent_cents = min(spent_cents + reserved_cents, ?1), reserved_cents = 0 WHERE reserved_cents > 0";
    connection.execute(sql, [CENTS_KEPT_MAX])?;
    Ok(())
}

fn caps(row: &Row<'_>) -> rusqlite::Result<(OperatorCap, Option<u64>)> {
    let operator = match (row.get("is_uncapped")?, cents(row, "operator_cap_cents")?) {
        (true, _) => OperatorCap::Uncapped,
        (false, Some(cents)) => OperatorCap::Cents(cents),
        (false, None) => OperatorCap::Default,
    };
    Ok((operator, cents(row, "own_cap_cents")?))
}

fn cents(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<Count>>(column)?.map(|count| count.0))
}

fn amount(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Count>(column)?.0)
}

fn kept(cents: u64) -> i64 {
    saturating(cents.into()).min(CENTS_KEPT_MAX)
}

fn to_error(error: Failure) -> LedgerError {
    error.reason("budgets", LedgerError::Full, LedgerError::Unavailable)
}
