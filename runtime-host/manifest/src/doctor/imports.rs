//! What programs import and do not get: interfaces that nobody offers, and those that are of no use without a line of the manifest.
//!
//! This file knows names of interfaces. It must never know how one works.

use super::{Change, Facts, Finding, edit};
use crate::App;
use crate::app::Component;

/// Interfaces that every component has, or may have without a line of the manifest, by what their names begin with.
const OFFERED: [&str; 15] = [
    "wasi:io/",
    "wasi:clocks/",
    "wasi:random/",
    "wasi:filesystem/",
    "wasi:cli/",
    "wasi:sockets/",
    "wasi:http/",
    "wasi:keyvalue/",
    "wasi:config/",
    // With `--experimental-wasi-otel`, which the manifest knows nothing of.
    "wasi:otel/",
    "fermyon:spin/http",
    "fermyon:spin/rdbms-types",
    "fermyon:spin/redis-types",
    "fermyon:spin/postgres-types",
    "fermyon:spin/config",
];

/// An interface that opens nothing unless the manifest names it.
struct Granted {
    /// What the names of its imports begin with.
    names: &'static [&'static str],
    key: &'static str,
    /// What the manifest could say.
    value: &'static str,
    /// Whether that is right for most.
    is_usual: bool,
}

const GRANTED: [Granted; 8] = [
    Granted {
        names: &["fermyon:spin/key-value", "spin:key-value/", "wasi:keyvalue/store"],
        key: "key_value_stores",
        value: "default",
        is_usual: true,
    },
    Granted { names: &["fermyon:spin/sqlite", "spin:sqlite/"], key: "sqlite_databases", value: "default", is_usual: true },
    Granted { names: &["fermyon:spin/redis", "spin:redis/"], key: "allowed_outbound_hosts", value: "redis://HOST:6379", is_usual: false },
    Granted {
        names: &["fermyon:spin/postgres", "spin:postgres/"],
        key: "allowed_outbound_hosts",
        value: "postgres://HOST:5432",
        is_usual: false,
    },
    Granted { names: &["fermyon:spin/mysql", "spin:mysql/"], key: "allowed_outbound_hosts", value: "mysql://HOST:3306", is_usual: false },
    Granted { names: &["fermyon:spin/mqtt", "spin:mqtt/"], key: "allowed_outbound_hosts", value: "mqtt://HOST:1883", is_usual: false },
    Granted { names: &["fermyon:spin/llm"], key: "ai_models", value: "MODEL", is_usual: false },
    Granted { names: &["fermyon:spin/variables", "spin:variables/"], key: "variables", value: "", is_usual: false },
];

pub(super) fn examine(text: &str, app: &App, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for component in &app.components {
        let Some(imports) = facts.imports.get(&component.id) else { continue };
        findings.extend(imports.iter().filter_map(|import| not_offered(component, import)));
        for granted in &GRANTED {
            let import = imports.iter().find(|import| granted.names.iter().any(|name| import.starts_with(name)));
            findings.extend(import.filter(|_| lacks(component, granted)).map(|import| not_granted(text, component, granted, import)));
        }
    }
    findings
}

fn not_offered(component: &Component, import: &str) -> Option<Finding> {
    let mut known = OFFERED.iter().chain(GRANTED.iter().flat_map(|granted| granted.names));
    // What has no colon is an import of another component's, which whoever composes them satisfies.
    if !import.contains(':') || known.any(|name| import.starts_with(name)) || is_dependency(component, import) {
        return None;
    }
    let message = format!("component \"{}\": it imports `{import}`, which nobody here offers", component.id);
    Some(Finding::new(message, None).advice("build it without, or with a component that offers it"))
}

/// Whether one of the component's dependencies may be what satisfies an import.
fn is_dependency(component: &Component, import: &str) -> bool {
    let package = import.split(['/', '@']).next().unwrap_or(import);
    component.dependencies.iter().any(|dependency| dependency.name.to_string().starts_with(package))
}

fn lacks(component: &Component, granted: &Granted) -> bool {
    match granted.key {
        "key_value_stores" => component.key_value_stores.is_empty(),
        "sqlite_databases" => component.sqlite_databases.is_empty(),
        "variables" => component.variables.is_empty(),
        "ai_models" => component.ai_models.is_empty(),
        _ => {
            let scheme = granted.value.split(':').next().unwrap_or_default();
            let is_of = |host: &String| host.starts_with(scheme) || host.starts_with('*') || host == "insecure:allow-all";
            !component.allowed_outbound_hosts.iter().any(is_of)
        }
    }
}

fn not_granted(text: &str, component: &Component, granted: &Granted, import: &str) -> Finding {
    let id = &component.id;
    let message = format!("component \"{id}\": it imports `{import}`, and the manifest grants it nothing there");
    let finding = Finding::new(message, edit::line_of_key(text, &["component", id]));
    if granted.key == "variables" {
        return finding.advice(format!("add a table [component.{id}.variables] with the names that it asks for"));
    }
    let line = format!("{} = [\"{}\"]", granted.key, granted.value);
    if !granted.is_usual {
        return finding.advice(format!("add to [component.{id}]: {line}"));
    }
    let values = toml_edit::Array::from_iter([granted.value]);
    let table: Vec<&str> = vec!["component", id];
    let change = edit::add(text, &table, granted.key, values.into()).map(Change::Manifest);
    match change {
        Some(change) => finding.fix(format!("add to [component.{id}]: {line}"), Some(change)),
        None => finding.advice(format!("add to the component: {line}")),
    }
}
