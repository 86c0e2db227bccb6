//! `spell stats` of a platform: its engines beside each other, the spells that come first, and one spell with its percentiles.
//!
//! It knows what is asked for and how answers are shown. It must never know how anything is summed up.

use crate::args::{Server, Stats};
use crate::client::Client;
use crate::remote::{asking, encoded, show, table};
use anyhow::Result;
use serde_json::{Value, json};

/// Engines, by their names in answers and in records.
const ENGINES: [(&str, &str); 2] = [("wasm", "wasm"), ("githubActions", "github_actions")];

/// Prints what a server says of all spells, or of one.
pub(crate) fn run(arguments: &Stats, server: String) -> Result<()> {
    let client = Client::new(&Server { server, key: arguments.key.clone(), json: arguments.json })?;
    match &arguments.name {
        Some(spell) => asking(one(&client, spell, arguments)),
        None => asking(all(&client, arguments)),
    }
}

async fn all(client: &Client, arguments: &Stats) -> Result<()> {
    let top = client.get(&format!("/api/v1/stats/top?by={}&days={}", encoded(&arguments.by), arguments.days)).await?;
    let engines = client.get(&format!("/api/v1/stats/engines?days={}", arguments.days)).await?;
    let rows: Vec<Value> = ENGINES
        .iter()
        .filter_map(|(member, name)| {
            let mut row = engines.get(*member)?.clone();
            row["engine"] = (*name).into();
            Some(row)
        })
        .collect();
    let all = json!({ "engines": engines, "top": top });
    show(arguments.json, &all, || {
        let columns = ["engine", "totalExecutions", "successRate", "avgExecutionTimeMs", "avgCostCents", "totalCostCents"];
        let engines = table(&["ENGINE", "CASTS", "SUCCESS %", "MEAN ms", "MEAN CENTS", "CENTS"], &columns, &Value::Array(rows));
        let columns = ["spellKey", "executions", "failures", "totalTimeMs", "totalCostCents"];
        let spells = table(&["SPELL", "CASTS", "FAILED", "TOTAL ms", "CENTS"], &columns, &all["top"]["spells"]);
        format!("{engines}\n\n{spells}")
    })
}

async fn one(client: &Client, spell: &str, arguments: &Stats) -> Result<()> {
    let path = format!("/api/v1/spells/{}", encoded(spell));
    let stats = client.get(&format!("{path}/stats?days={}", arguments.days)).await?;
    let thresholds = client.get(&format!("{path}/thresholds?days={}", arguments.days)).await?;
    let one = json!({ "stats": stats, "thresholds": thresholds });
    show(arguments.json, &one, || shown(spell, &one))
}

fn shown(spell: &str, one: &Value) -> String {
    let stats = &one["stats"];
    let (time, memory) = (&stats["executionTimeMs"], &stats["memoryUsedMb"]);
    let row = json!({
        "spell": spell, "executions": stats["executions"], "success": stats["successRate"], "cents": stats["totalCostCents"],
        "t50": time["p50"], "t95": time["p95"], "t99": time["p99"], "m50": memory["p50"], "m95": memory["p95"], "m99": memory["p99"],
    });
    let header = ["SPELL", "CASTS", "SUCCESS %", "TIME ms p50", "p95", "p99", "MEMORY MiB p50", "p95", "p99", "CENTS"];
    let columns = ["spell", "executions", "success", "t50", "t95", "t99", "m50", "m95", "m99", "cents"];
    let mut text = table(&header, &columns, &json!([row]));
    let failures = &stats["failures"];
    if failures.as_array().is_some_and(|failures| !failures.is_empty()) {
        let failures = table(&["FAILED", "CODE", "COUNT"], &["kind", "code", "count"], failures);
        text.push_str(&format!("\n\n{failures}"));
    }
    for alert in one["thresholds"]["alerts"].as_array().into_iter().flatten() {
        text.push_str(&format!("\n\nalert: {}", crate::remote::text(alert, "message")));
    }
    text
}
