//! `spell stats`: what components have used, as a table or as JSON; of a platform, whoever asks its server says it.

use crate::output::print;
use crate::{args, platform_stats};
use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table};
use serde_json::json;
use spell_store::{ComponentStats, Quantiles, Stats};
use std::path::Path;

/// Where the host of an app keeps its records.
const STATE_DIR: &str = ".spell";

/// Prints the statistics of a platform that is named, or of a state directory, also while a host is using it.
pub(crate) fn run(arguments: &args::Stats) -> Result<()> {
    if let (None, Some(server)) = (&arguments.state_dir, &arguments.server) {
        return platform_stats::run(arguments, server.clone());
    }
    let state_dir = arguments.state_dir.as_deref().unwrap_or(Path::new(STATE_DIR));
    let stats = spell_store::stats(state_dir, arguments.name.as_deref());
    let hint = || "there is no record of an app to sum up; --server names a platform that is asked for its casts";
    let stats = if arguments.state_dir.is_none() { stats.with_context(hint)? } else { stats? };
    if arguments.json {
        print(&format!("{:#}\n", as_json(&stats)))?;
    } else {
        print(&format!("{}\n", as_table(&stats)))?;
        if stats.dropped > 0 {
            eprintln!("warning: {} executions were not recorded because the queue was full", stats.dropped);
        }
    }
    Ok(())
}

fn as_json(stats: &Stats) -> serde_json::Value {
    let components: Vec<_> = stats.components.iter().map(component_json).collect();
    json!({ "count": stats.count, "dropped": stats.dropped, "components": components })
}

fn component_json(component: &ComponentStats) -> serde_json::Value {
    let outcomes: serde_json::Map<_, _> = component.outcomes.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
    json!({
        "component": component.component,
        "count": component.count,
        "outcomes": outcomes,
        "wall_us": quantiles_json(&component.wall_us),
        "cpu_us": quantiles_json(&component.cpu_us),
        "memory_bytes_peak": quantiles_json(&component.memory_bytes_peak),
        "cpu_us_total": component.cpu_us_total,
        "fuel_total": component.fuel_total,
        "bytes_in": component.bytes_in,
        "bytes_out": component.bytes_out,
        "sampled": component.sampled,
    })
}

fn quantiles_json(quantiles: &Quantiles) -> serde_json::Value {
    json!({ "p50": quantiles.p50, "p95": quantiles.p95, "p99": quantiles.p99, "max": quantiles.max })
}

fn as_table(stats: &Stats) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["COMPONENT", "COUNT", "WALL p50", "p95", "p99", "CPU p50", "p95", "p99", "MEMORY p99", "OUTCOMES"]);
    for component in &stats.components {
        let outcomes: Vec<String> = component.outcomes.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let (wall, cpu) = (&component.wall_us, &component.cpu_us);
        table.add_row([
            component.component.clone(),
            component.count.to_string(),
            milliseconds(wall.p50),
            milliseconds(wall.p95),
            milliseconds(wall.p99),
            milliseconds(cpu.p50),
            milliseconds(cpu.p95),
            milliseconds(cpu.p99),
            format!("{:.1} MiB", component.memory_bytes_peak.p99 as f64 / f64::from(1 << 20)),
            outcomes.join(", "),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(8) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.2} ms", microseconds as f64 / 1_000.0)
}
