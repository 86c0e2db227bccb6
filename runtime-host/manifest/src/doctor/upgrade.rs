//! A manifest of version 1, written anew as one of version 2 that says the same.
//!
//! This file knows both shapes. It must never offer a text that reads as another app.

use super::{Change, Finding, edit};
use crate::app::TriggerRoute;
use crate::{App, parse};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Key, Table, value};

pub(super) fn examine(text: &str, app: &App) -> Option<Finding> {
    let is_old = |key: &str| edit::find(text, &[key], |item| Some(item.as_str() == Some("1"))).unwrap_or(false);
    let key = ["spin_version", "spin_manifest_version"].into_iter().find(|key| is_old(key))?;
    let finding = Finding::new("the manifest is of version 1, which is outdated", edit::line_of_key(text, &[key]));
    Some(match upgraded(text, app) {
        Some(text) => finding.fix("write it as version 2", Some(Change::Manifest(text))),
        None => finding.advice("write it as version 2; only apps of HTTP components can be written anew by themselves"),
    })
}

/// The manifest of version 2, if it says what the one of version 1 does.
fn upgraded(text: &str, app: &App) -> Option<String> {
    let mut old: DocumentMut = text.parse().ok()?;
    let first = old.as_table().iter().next().map(|(key, _)| key.to_owned())?;
    let head = old.key(&first).and_then(|key| key.leaf_decor().prefix()?.as_str()).unwrap_or_default().to_owned();
    let mut new = DocumentMut::new();
    let mut version = Key::new("spin_manifest_version");
    version.leaf_decor_mut().set_prefix(&*head);
    new.insert_formatted(&version, value(2));
    let mut application = Table::new();
    application.decor_mut().set_prefix("\n");
    for key in ["name", "version", "description", "authors"] {
        if let Some((mut key, item)) = old.remove_entry(key) {
            if key.leaf_decor().prefix().and_then(|prefix| prefix.as_str()) == Some(head.as_str()) {
                key.leaf_decor_mut().set_prefix("");
            }
            application.insert_formatted(&key, item);
        }
    }
    new.insert("application", Item::Table(application));
    if let Some((key, variables)) = old.remove_entry("variables") {
        new.insert_formatted(&key, variables);
    }
    let (triggers, components) = parts(&mut old, app)?;
    let mut http = Table::new();
    http.set_implicit(true);
    http.insert("http", Item::ArrayOfTables(triggers));
    new.insert("trigger", Item::Table(http));
    new.insert("component", Item::Table(components));
    let text = laid_out(new);
    let read = parse(&text, "spin.toml", &app.root).ok()?;
    let same = App { warnings: Vec::new(), ..app.clone() } == App { warnings: Vec::new(), ..read };
    same.then_some(text)
}

/// The triggers and the components, which were one thing each.
fn parts(old: &mut DocumentMut, app: &App) -> Option<(ArrayOfTables, Table)> {
    let entries =
        std::mem::replace(old.as_table_mut().entry("component").or_insert(Item::None).as_array_of_tables_mut()?, ArrayOfTables::new());
    let (mut triggers, mut components) = (ArrayOfTables::new(), Table::new());
    components.set_implicit(true);
    for (mut table, component) in entries.into_iter().zip(&app.components) {
        let trigger = app.triggers.iter().find(|trigger| trigger.id == format!("trigger-{}", component.id))?;
        let mut made = Table::new();
        made.insert("id", value(&trigger.id));
        let written = table.remove("trigger")?;
        let mut written = written.into_table().ok()?;
        let route = match &trigger.route {
            TriggerRoute::Public(route) => value(route),
            TriggerRoute::Private => written.remove("route")?,
        };
        made.insert("route", route);
        made.insert("component", value(&component.id));
        if let Some(executor) = written.remove("executor") {
            made.insert("executor", executor);
        }
        made.decor_mut().set_prefix("\n");
        triggers.push(made);
        table.remove("id");
        if let Some((key, item)) = table.remove_entry("config") {
            let mut renamed = Key::new("variables");
            *renamed.leaf_decor_mut() = key.leaf_decor().clone();
            table.insert_formatted(&renamed, item);
        }
        table.remove("allowed_http_hosts");
        table.insert("allowed_outbound_hosts", value(toml_edit::Array::from_iter(&component.allowed_outbound_hosts)));
        components.insert(&component.id, Item::Table(table));
    }
    Some((triggers, components))
}

/// The text with its tables in the order in which they were put in: each remembers where it stood before.
fn laid_out(mut document: DocumentMut) -> String {
    let mut position = 0;
    place(document.as_table_mut(), &mut position);
    document.to_string()
}

fn place(table: &mut Table, position: &mut isize) {
    table.set_position(Some(*position));
    *position += 1;
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => place(inner, position),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(|inner| place(inner, position)),
            _ => {}
        }
    }
}
