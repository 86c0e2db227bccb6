//! `spell keys`: who may use the platform, for whoever has its database.

use crate::args::{Keys, KeysCommand};
use crate::output::print;
use crate::pepper;
use anyhow::{Result, bail};
use comfy_table::Table;
use serde_json::{Value, json};
use spell_cast::{ApiKey, KeyRing, Scope};
use spell_store::Database;
use std::time::SystemTime;

/// Does what is asked, also while a host is using the database.
pub(crate) fn run(arguments: &Keys) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = Database::open(&arguments.state_dir)?;
    runtime.block_on(execute(arguments, &database))
}

async fn execute(arguments: &Keys, database: &Database) -> Result<()> {
    match &arguments.command {
        KeysCommand::Create { tenant, name, scopes } => {
            let pepper = pepper::open(&arguments.state_dir)?;
            let made = spell_cast::new_api_key(tenant.clone(), name.clone(), scopes.clone(), SystemTime::now())?;
            database.add(made.key.clone(), pepper.hash(&made.secret)).await?;
            if arguments.json {
                let mut shown = as_json(&made.key);
                shown["key"] = made.secret.into();
                return Ok(print(&format!("{shown:#}\n"))?);
            }
            eprintln!("Key {} of {tenant}, which is not shown again:", made.key.id);
            Ok(print(&format!("{}\n", made.secret))?)
        }
        KeysCommand::List { tenant } => {
            let keys = database.list(tenant.as_ref()).await?;
            if arguments.json {
                return Ok(print(&format!("{:#}\n", keys.iter().map(as_json).collect::<Value>()))?);
            }
            Ok(print(&format!("{}\n", as_table(&keys)))?)
        }
        KeysCommand::Revoke { id } => {
            if !database.revoke(None, id, SystemTime::now()).await? {
                bail!("there is no key {id}: `spell keys list` shows those there are");
            }
            eprintln!("Key {id} is worth nothing any more");
            Ok(())
        }
    }
}

fn as_json(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "tenant": key.tenant.as_str(),
        "name": key.name,
        "prefix": key.prefix,
        "scopes": key.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
        "revoked": key.revoked_at.is_some(),
    })
}

fn as_table(keys: &[ApiKey]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["ID", "TENANT", "BEGINS WITH", "SCOPES", "STATE", "NAME"]);
    for key in keys {
        let scopes: Vec<&str> = key.scopes.iter().copied().map(Scope::name).collect();
        let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
        table.add_row([&key.id, key.tenant.as_str(), &key.prefix, &scopes.join(","), state, &key.name]);
    }
    table
}
