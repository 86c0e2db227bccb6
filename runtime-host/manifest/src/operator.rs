//! The operator's file, `spell.toml`: what components get by default, what they can get at most, and how the host itself runs.
//!
//! This file knows the format and its one table of settings, which docs can be checked against. It must never know who
//! obeys them.

mod github;
mod network;
mod settings;

pub use github::{GithubLogin, GithubTable};
pub use network::{AddressRange, NotARange};
pub use settings::{Setting, Settings};

use crate::diagnostic::{Diagnostic, ManifestError, quote};
use crate::reader::{Fields, Node, Reader};
use crate::{limits, load};
use spell_types::{Limits, Unit};
use std::path::Path;

/// More cents than there are, and far from where sums overflow.
const BUDGET_CENTS_MAX: u64 = 1_000_000_000_000_000;

/// What the operator decided. Without a file, everything is at its default and there are no ceilings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorConfig {
    /// `[defaults]`: the limits of a component that asks for nothing.
    pub defaults: Limits,
    /// `[ceilings]`: the most that a component can ask for.
    pub ceilings: Limits,
    /// Everything else that is a number.
    pub settings: Settings,
    /// `outbound.allow_networks`: addresses that components may reach although they are special.
    pub allow_networks: Vec<AddressRange>,
    /// `outbound.block_networks`: addresses that components may never reach.
    pub block_networks: Vec<AddressRange>,
    /// `outbound.refusals`: whether requests that are not allowed are refused, or counted and let through.
    pub refusals: Refusals,
    /// `cast.network`: whether spells of the platform may ask for the network.
    pub cast_network: bool,
    /// `webhooks.allow_http`: whether webhooks may have URLs without TLS.
    pub webhooks_allow_http: bool,
    /// `cast.budget`: what casts of a tenant may cost in a month, if the operator says nothing else of the tenant.
    pub budget_cents: Option<u64>,
    /// `[github]`: where casts may run as workflows, if anywhere.
    pub github: Option<GithubTable>,
}

/// The values of `outbound.refusals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refusals {
    /// `"enforce"`
    #[default]
    Enforce,
    /// `"count"`
    Count,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self {
            defaults: Limits::default(),
            ceilings: Limits::unbounded(),
            settings: Settings::default(),
            allow_networks: Vec::new(),
            block_networks: Vec::new(),
            refusals: Refusals::Enforce,
            cast_network: true,
            webhooks_allow_http: false,
            budget_cents: None,
            github: None,
        }
    }
}

impl OperatorConfig {
    /// Reads the file at a path.
    pub fn load(path: &Path) -> Result<OperatorConfig, ManifestError> {
        let mut config = Self::parse(&load::read_text(path)?, path)?;
        if let Some(github) = &mut config.github {
            github.resolve(path.parent().unwrap_or(Path::new("")));
        }
        Ok(config)
    }

    /// Reads the file's text; `file` is a name for messages.
    pub fn parse(text: &str, file: impl AsRef<Path>) -> Result<OperatorConfig, ManifestError> {
        Ok(Reader::run(text, file.as_ref(), read)?.0)
    }
}

fn read(reader: &mut Reader, fields: &Fields<'_>) -> OperatorConfig {
    let mut config = OperatorConfig::default();
    let mut tables = vec!["defaults", "ceilings"];
    tables.extend(Setting::TABLES);
    reader.check_keys(fields, &tables);
    for (key, limits) in [("defaults", &mut config.defaults), ("ceilings", &mut config.ceilings)] {
        if let Some(table) = fields.get(key).and_then(|node| reader.fields(&node, format!("[{key}]"))) {
            for (limit, value) in limits::read(reader, &table) {
                limits.set(limit, value);
            }
        }
    }
    for key in Setting::TABLES {
        if let Some(table) = fields.get(key).and_then(|node| reader.fields(&node, format!("[{key}]"))) {
            read_table(reader, key, &table, &mut config);
        }
    }
    config
}

fn read_table(reader: &mut Reader, name: &str, table: &Fields<'_>, config: &mut OperatorConfig) {
    let settings: Vec<Setting> = Setting::ALL.into_iter().filter(|setting| setting.table() == name).collect();
    let mut known: Vec<&'static str> = settings.iter().map(|setting| setting.key()).collect();
    if name == "outbound" {
        known.extend(["allow_networks", "block_networks", "refusals"]);
        config.allow_networks = table.get("allow_networks").map(|node| read_networks(reader, &node)).unwrap_or_default();
        config.block_networks = table.get("block_networks").map(|node| read_networks(reader, &node)).unwrap_or_default();
        config.refusals = table.get("refusals").map(|node| read_refusals(reader, &node)).unwrap_or_default();
    }
    if name == "cast" {
        known.extend(["network", "budget"]);
        config.cast_network = table.get("network").and_then(|node| reader.boolean(&node)).unwrap_or(true);
        let budget = table.get("budget");
        config.budget_cents = budget.and_then(|node| limits::quantity(reader, &node, Unit::Count, 0..=BUDGET_CENTS_MAX));
    }
    if name == "webhooks" {
        known.push("allow_http");
        config.webhooks_allow_http = table.get("allow_http").and_then(|node| reader.boolean(&node)).unwrap_or_default();
    }
    if name == "github" {
        known.extend(github::KEYS);
        config.github = github::read(reader, table);
    }
    reader.check_keys(table, &known);
    for setting in settings {
        let Some(node) = table.get(setting.key()) else { continue };
        if let Some(value) = limits::quantity(reader, &node, setting.unit(), setting.range()) {
            config.settings.set(setting, value);
        }
    }
}

fn read_refusals(reader: &mut Reader, node: &Node<'_>) -> Refusals {
    match reader.string(node) {
        Some("enforce") | None => Refusals::Enforce,
        Some("count") => Refusals::Count,
        Some(other) => {
            let message = format!("{} is no way to treat refusals", quote(other));
            reader.report(Diagnostic::new(message, node.span.clone()).help("write \"enforce\" or \"count\"".to_owned()));
            Refusals::Enforce
        }
    }
}

fn read_networks(reader: &mut Reader, node: &Node<'_>) -> Vec<AddressRange> {
    let mut networks = Vec::new();
    for (node, text) in reader.strings(node) {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(_) => {
                let message = format!("{} is not a range of addresses", quote(text));
                let help = "write a range like \"10.0.0.0/8\" or a single address";
                reader.report(Diagnostic::new(message, node.span.clone()).help(help.to_owned()));
            }
        }
    }
    networks
}
