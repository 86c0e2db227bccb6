//! `spell inspect`: what can be said of a program, for people and as JSON.

use super::{read, shown};
use crate::args;
use crate::output::{plain, print};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spell_adapt::{Abi, CAST_INTERFACE, Inspection, inspect, schema};
use std::fmt::Write;

const PAGE_KIB: u64 = 64;

/// Prints what a program is.
pub(crate) fn run(arguments: &args::Inspect) -> Result<()> {
    let program = &arguments.program;
    let wasm = read(&program.file)?;
    let context = || format!("{} cannot be read", shown(program));
    if arguments.schema {
        print(&format!("{:#}\n", schema(&wasm).with_context(context)?))?;
        return Ok(());
    }
    let inspection = inspect(&wasm, &program.choice()).with_context(context)?;
    let digest = Sha256::digest(&wasm).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if arguments.json {
        print(&format!("{:#}\n", as_json(&inspection, &digest)))?;
    } else {
        print(&as_text(&inspection, &shown(program), &digest))?;
    }
    Ok(())
}

/// What `spell adapt` would do.
fn outcome(inspection: &Inspection) -> String {
    match &inspection.recognised {
        Err(error) => format!("it cannot be adapted: {error}"),
        Ok(recognised) => match recognised.abi {
            Abi::Cast | Abi::WasiHttp | Abi::Spin => "it stays as it is".to_owned(),
            _ => format!("it becomes a component that exports `{CAST_INTERFACE}`"),
        },
    }
}

fn as_json(inspection: &Inspection, digest: &str) -> Value {
    let imports = inspection.imports.iter().map(|import| json!({ "name": import.name, "satisfied_by": import.satisfied_by }));
    let exports = inspection.exports.iter().map(|export| json!({ "name": export.name, "type": export.kind }));
    let functions = inspection.functions.iter();
    let functions =
        functions.map(|function| json!({ "name": function.name, "signature": function.signature, "obstacle": function.obstacle }));
    let memories = inspection.memories.iter().map(|memory| json!({ "pages": memory.pages, "pages_max": memory.pages_max }));
    let recognised = inspection.recognised.as_ref().ok();
    json!({
        "kind": inspection.kind.name(),
        "size_bytes": inspection.size_bytes,
        "sha256": digest,
        "abi": recognised.map(|recognised| recognised.abi.name()),
        "entry": recognised.map(|recognised| &recognised.entry),
        "allocator": recognised.and_then(|recognised| recognised.allocator.as_ref()),
        "reasons": recognised.map(|recognised| &recognised.reasons),
        "error": inspection.recognised.as_ref().err().map(ToString::to_string),
        "adapt": outcome(inspection),
        "imports": imports.collect::<Vec<_>>(),
        "exports": exports.collect::<Vec<_>>(),
        "functions": functions.collect::<Vec<_>>(),
        "memories": memories.collect::<Vec<_>>(),
        "producers": inspection.producers,
    })
}

fn as_text(inspection: &Inspection, name: &str, digest: &str) -> String {
    let mut text = format!("{name}: {}, {} bytes\n", inspection.kind.name(), inspection.size_bytes);
    let mut row = |title: &str, value: &str| {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "{title:<12}{}", plain(value));
    };
    row("SHA-256", digest);
    if let Ok(recognised) = &inspection.recognised {
        row("ABI", &format!("{}, by `{}`", recognised.abi, recognised.entry));
        recognised.reasons.iter().for_each(|reason| row("because", reason));
    }
    row("adapt", &outcome(inspection));
    for export in &inspection.exports {
        row("export", &export.kind.as_ref().map_or_else(|| export.name.clone(), |kind| format!("{} {kind}", export.name)));
    }
    for function in &inspection.functions {
        let obstacle = function.obstacle.as_ref().map_or_else(String::new, |obstacle| format!(" — not with JSON: {obstacle}"));
        row("function", &format!("{} {}{obstacle}", function.name, function.signature));
    }
    inspection.imports.iter().for_each(|import| row("import", &format!("{} — {}", import.name, import.satisfied_by)));
    for memory in &inspection.memories {
        let most = memory.pages_max.map_or_else(String::new, |pages| format!(", at most {} KiB", pages.saturating_mul(PAGE_KIB)));
        row("memory", &format!("{} KiB{most}", memory.pages.saturating_mul(PAGE_KIB)));
    }
    if !inspection.producers.is_empty() {
        row("made by", &inspection.producers.join(", "));
    }
    text
}
