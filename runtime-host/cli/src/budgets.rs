//! `spell budgets`: what tenants may spend in a month, for whoever has the database.

use crate::args::{Budgets, BudgetsCommand};
use crate::output::print;
use anyhow::Result;
use comfy_table::Table;
use serde_json::{Value, json};
use spell_cast::{Budget, Budgets as _, Month, OperatorCap};
use spell_store::Database;
use spell_types::TenantId;
use std::time::SystemTime;

/// Does what is asked, also while a host is using the database.
pub(crate) fn run(arguments: &Budgets) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = Database::open(&arguments.state_dir)?;
    runtime.block_on(execute(arguments, &database))
}

async fn execute(arguments: &Budgets, database: &Database) -> Result<()> {
    match &arguments.command {
        BudgetsCommand::Set { tenant, cents } => {
            database.set_operator_cap(tenant, *cents).await?;
            let said = match cents {
                OperatorCap::Default => "what the operator's file says".to_owned(),
                OperatorCap::Uncapped => "as much as it likes".to_owned(),
                OperatorCap::Cents(cents) => format!("{cents} cents"),
            };
            eprintln!("{tenant} may spend {said} a month");
            Ok(())
        }
        BudgetsCommand::List => {
            let budgets = database.all_budgets(Month::of(SystemTime::now())).await?;
            if arguments.json {
                return Ok(print(&format!("{:#}\n", budgets.iter().map(as_json).collect::<Value>()))?);
            }
            Ok(print(&format!("{}\n", as_table(&budgets)))?)
        }
    }
}

fn as_json((tenant, budget): &(TenantId, Budget)) -> Value {
    json!({
        "tenant": tenant.as_str(),
        "operator": operator(budget),
        "own_cents": budget.own_cents,
        "spent_cents": budget.spent_cents,
        "reserved_cents": budget.reserved_cents,
    })
}

fn as_table(budgets: &[(TenantId, Budget)]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["TENANT", "OPERATOR", "OWN", "SPENT", "RESERVED"]);
    for (tenant, budget) in budgets {
        let own = budget.own_cents.map_or_else(|| "none".to_owned(), |cents| cents.to_string());
        let (spent, reserved) = (budget.spent_cents.to_string(), budget.reserved_cents.to_string());
        table.add_row([tenant.as_str(), &operator(budget), &own, &spent, &reserved]);
    }
    table
}

/// As `set` takes it.
fn operator(budget: &Budget) -> String {
    match budget.operator {
        OperatorCap::Default => "default".to_owned(),
        OperatorCap::Uncapped => "none".to_owned(),
        OperatorCap::Cents(cents) => cents.to_string(),
    }
}
