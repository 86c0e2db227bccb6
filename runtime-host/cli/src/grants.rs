//! What a component is granted: the manifest's wishes, where the operator's file and the runtime configuration let them be.
//!
//! It knows who says what about a component. It must never know its program.

use crate::assemble::Parts;
use crate::{files, models};
use anyhow::{Context, Result, bail};
use spell_capabilities::{Enforcement, Grants, ModelService, Mount, Outbound, OutboundRules, TlsRoots};
use spell_manifest::{AddressRange, Component, OperatorConfig, Refusals, Setting, Template};
use spell_policy::{AddressPolicy, AllowedHosts, environment};
use spell_trigger_http as trigger;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::sync::Arc;

/// What the grants of all components of an app have in common.
pub(crate) struct Shared<'a> {
    served: &'a HashSet<&'a str>,
    variables: BTreeMap<String, String>,
    tls: TlsRoots,
    models: Option<Arc<ModelService>>,
    neighbours: Arc<trigger::Neighbours>,
}

impl Parts<'_> {
    /// What the grants of the components that are served have in common.
    pub(crate) fn shared<'s>(&self, served: &'s HashSet<&'s str>, neighbours: Arc<trigger::Neighbours>) -> Result<Shared<'s>> {
        let tls = TlsRoots::web()?;
        let variables = self.host.runtime.variables(self.app, self.arguments)?;
        Ok(Shared { served, variables, models: self.models(served, &tls)?, tls, neighbours })
    }

    /// What one component is granted.
    pub(crate) fn grants(&self, component: &Component, shared: &Shared) -> Result<Grants> {
        let resolve = |template: &Template| template.resolve(|name| shared.variables.get(name).map(String::as_str));
        let mut resolved = BTreeMap::new();
        for (name, template) in &component.variables {
            resolved.insert(name.clone(), resolve(template)?);
        }
        let mut hosts = Vec::new();
        for host in &component.allowed_outbound_hosts {
            hosts.push(resolve(&Template::parse(host)?)?);
        }
        let before = self.before(&component.id).map(trigger::Component::grants);
        let tls = self.host.runtime.roots_of(&component.id, &shared.tls)?;
        let mut outbound = Outbound::new(self.outbound_rules(&hosts, shared.served)?, &tls)
            .with_neighbours(shared.neighbours.clone())
            .with_places(self.host.places.clone());
        if let Some(before) = before.and_then(|before| before.outbound.as_ref()) {
            outbound = outbound.with_places_of(before);
        }
        let log = |stream: &str| {
            let path = self.host.log_dir.as_ref().map(|directory| directory.join(format!("{}_{stream}.txt", component.id)));
            if let Some(path) = path.as_ref().filter(|path| self.arguments.truncate_logs && path.exists()) {
                fs::write(path, "").with_context(|| format!("cannot empty {}", path.display()))?;
            }
            let follow = &self.arguments.follow;
            let is_shown = if follow.is_empty() { !self.arguments.quiet } else { follow.contains(&component.id) };
            Ok::<_, anyhow::Error>(self.host.logs.open(path.as_deref(), is_shown.then_some(component.id.as_str()))?)
        };
        Ok(Grants {
            environment: self.environment(component),
            variables: resolved,
            key_value_stores: self.stores.key_value_of(component)?,
            sqlite_databases: self.stores.sqlite_of(component)?,
            outbound: Some(Arc::new(outbound)),
            ai_models: models::of(component, shared.models.as_ref())?,
            model_service: shared.models.clone(),
            telemetry: self.host.telemetry.as_ref().map(|reporting| reporting.source(&self.app.name, &component.id)),
            files: self.files(component)?,
            stdout: before.map_or_else(|| log("stdout"), |before| Ok(before.stdout.clone()))?,
            stderr: before.map_or_else(|| log("stderr"), |before| Ok(before.stderr.clone()))?,
            audit: self.host.audit.clone(),
            ..Grants::none(component.id.as_str())
        })
    }

    fn files(&self, component: &Component) -> Result<Vec<Mount>> {
        if self.arguments.spin.direct_mounts { files::mount(self.app, component) } else { files::copy(self.app, component, self.assets) }
    }

    /// The manifest's variables, the command line's over them, and those of the host that were asked for by name.
    fn environment(&self, component: &Component) -> Vec<(String, String)> {
        let filtered = environment::filter(&component.env_passthrough, |name| std::env::var(name).ok());
        for name in &filtered.refused {
            tracing::warn!(component = component.id, name, "environment variable is not passed on: it looks like a secret");
        }
        let mut variables: BTreeMap<String, String> = filtered.passed.into_iter().collect();
        variables.extend(component.environment.iter().cloned());
        variables.extend(self.arguments.environment.iter().cloned());
        variables.into_iter().collect()
    }

    fn outbound_rules(&self, hosts: &[String], served: &HashSet<&str>) -> Result<OutboundRules> {
        let allowed = AllowedHosts::parse(hosts.iter().map(String::as_str))?;
        if let Some(name) = allowed.internal_components().find(|name| !served.contains(name)) {
            bail!("allowed_outbound_hosts: \"http://{name}.spin.internal\" is no component that a trigger of the app leads to");
        }
        Ok(OutboundRules {
            allowed,
            enforcement: match self.config.refusals {
                Refusals::Enforce => Enforcement::Enforce,
                Refusals::Count => Enforcement::Count,
            },
            keep_connections: self.host.runtime.keep_connections(),
            ..outbound_rules(self.config)?
        })
    }

    /// The service for language models, if anybody may ask one.
    fn models(&self, served: &HashSet<&str>, tls: &TlsRoots) -> Result<Option<Arc<ModelService>>> {
        let mut components = self.app.components.iter().filter(|component| served.contains(component.id.as_str()));
        match self.host.runtime.llm_compute() {
            Some(compute) if components.any(|component| !component.ai_models.is_empty()) => {
                models::service(compute, self.outbound_rules(&[], served)?, tls).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// What the operator's file says of outbound requests, be they a component's or a cast's: addresses, times and sizes. No destination is
/// allowed yet.
pub(crate) fn outbound_rules(config: &OperatorConfig) -> Result<OutboundRules> {
    let settings = &config.settings;
    Ok(OutboundRules {
        addresses: addresses(config)?,
        connect_timeout: settings.time(Setting::ConnectTime),
        first_byte_timeout: settings.time(Setting::FirstByteTime),
        between_bytes_timeout: settings.time(Setting::OutboundIdleTime),
        response_bytes_max: settings.get(Setting::OutboundResponse),
        query_timeout: settings.time(Setting::QueryTime),
        query_bytes_max: settings.get(Setting::QueryBytes),
        query_rows_max: settings.get(Setting::QueryRows),
        concurrent_max: usize::try_from(settings.get(Setting::ConnectionsPerComponent))?,
        ..OutboundRules::default()
    })
}

/// The addresses that the operator lets an app reach.
pub(crate) fn addresses(config: &OperatorConfig) -> Result<AddressPolicy> {
    let networks =
        |ranges: &[AddressRange]| ranges.iter().map(|range| spell_policy::parse_network(&range.to_string())).collect::<Result<_, _>>();
    Ok(AddressPolicy { allow: networks(&config.allow_networks)?, block: networks(&config.block_networks)? })
}
