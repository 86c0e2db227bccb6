//! What is so outside of a manifest: files, programs, installed tools.
//!
//! This file looks. It must never judge what it sees.

use crate::fetched::Fetched;
use spell_manifest::doctor::{Facts, corrections};
use spell_manifest::{App, Component, Source, TriggerRoute};
use spell_policy::AllowedHosts;
use spell_trigger_http::Routes;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Command, Stdio};
use wasmparser::{Parser, Payload};

/// Looks at all that an app needs.
pub(super) fn of(app: &App) -> Facts {
    let builds = app.components.iter().any(|component| component.build.is_some());
    let programs = app.components.iter().filter_map(|component| Some((component, program(app, component)?)));
    let imports = programs.filter_map(|(component, wasm)| Some((component.id.clone(), imports(&wasm)?)));
    let missing = app.components.iter().filter(|component| matches!(&component.source, Source::File(path) if !path.exists()));
    Facts {
        rust_targets: if builds { rust_targets() } else { None },
        missing: missing.map(|component| component.id.clone()).collect(),
        imports: imports.collect(),
        bad_hosts: bad_hosts(app),
        routes: routes(app),
    }
}

/// The targets that Rust can build for; `None` where there is no rustup to tell.
fn rust_targets() -> Option<BTreeSet<String>> {
    let output = Command::new("rustup").args(["target", "list", "--installed"]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())?;
    Some(text.lines().map(|line| line.trim().to_owned()).collect())
}

fn program(app: &App, component: &Component) -> Option<Vec<u8>> {
    match &component.source {
        Source::File(path) => fs::read(path).ok(),
        // Looking fetches nothing: what was not fetched before is not examined.
        Source::Url { digest, .. } => Fetched::within(&app.root.join(".spell")).read(digest).ok(),
        Source::Registry { .. } => None,
    }
}

/// The names of what a component imports; `None` if it is none.
fn imports(wasm: &[u8]) -> Option<Vec<String>> {
    let (mut names, mut depth) = (Vec::new(), 0_u32);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.ok()? {
            // What is within imports from what is around it.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import.ok()?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Some(names)
}

/// Entries that are none, and those among their corrections that would be none either.
fn bad_hosts(app: &App) -> BTreeMap<String, String> {
    let written = app.components.iter().flat_map(|component| &component.allowed_outbound_hosts);
    // What a template will be is known only once it has its values.
    let written = written.filter(|host| !host.contains("{{")).cloned();
    let mut bad = BTreeMap::new();
    for host in written.flat_map(|host| [vec![host.clone()], corrections(&host)].concat()) {
        if let Err(error) = AllowedHosts::parse([host.as_str()]) {
            bad.insert(host, error.to_string());
        }
    }
    bad
}

fn routes(app: &App) -> Vec<String> {
    let public = app.triggers.iter().filter_map(|trigger| match &trigger.route {
        TriggerRoute::Public(pattern) => Some((pattern.clone(), ())),
        TriggerRoute::Private => None,
    });
    match Routes::new(public) {
        Ok(routes) => routes.warnings().to_vec(),
        Err(error) => vec![error.to_string()],
    }
}
