//! From an app as it is written to an app that can serve: what each component is granted, and its code, compiled and linked.

use crate::args::Up;
use crate::files;
use crate::models;
use crate::not_run;
use crate::programs::Programs;
use crate::runtime::Runtime;
use crate::stores::Stores;
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use spell_capabilities::{Audit, ConnectionPlaces, Enforcement, Grants, Host, LogWriter, ModelService, Outbound, OutboundRules, TlsRoots};
use spell_engine::{Engine, Guest, Library, LibraryBounds, Linkers};
use spell_manifest::{
    App, Component, Executor, HttpTrigger, OperatorConfig, Refusals, Setting, StaticResponse, Template, TriggerRoute, TriggerTarget,
};
use spell_policy::{AddressPolicy, AllowedHosts, environment};
use spell_trigger_http as trigger;
use spell_types::Limits;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What components are put together from.
pub(crate) struct Parts<'a> {
    pub(crate) app: &'a App,
    pub(crate) arguments: &'a Up,
    pub(crate) config: &'a OperatorConfig,
    pub(crate) engine: &'a Engine,
    pub(crate) state_dir: &'a Path,
    pub(crate) log_dir: Option<&'a Path>,
    pub(crate) logs: &'a LogWriter,
    pub(crate) audit: &'a Audit,
    pub(crate) stores: &'a Stores,
    pub(crate) runtime: &'a Runtime,
    /// Where the app will be served.
    pub(crate) address: SocketAddr,
}

/// A component behind each of its chains of middleware.
type Variants = Vec<Arc<trigger::Component>>;

/// What the grants of all components have in common.
struct Shared<'a> {
    served: &'a HashSet<&'a str>,
    variables: BTreeMap<String, String>,
    tls: TlsRoots,
    places: Arc<ConnectionPlaces>,
    models: Option<Arc<ModelService>>,
    neighbours: Arc<trigger::Neighbours>,
}

impl Parts<'_> {
    /// Makes every component that a trigger leads to ready, and builds the table of routes. With the app comes the library that its
    /// components are in.
    pub(crate) fn assemble(&self) -> Result<(trigger::App, Arc<Library<Host>>)> {
        let served = self.served();
        not_run::refuse(self.app, &served)?;
        for warning in &self.app.warnings {
            tracing::warn!("{warning}");
        }
        let neighbours = Arc::new(trigger::Neighbours::default());
        let tls = TlsRoots::web()?;
        let shared = Shared {
            served: &served,
            variables: self.runtime.variables(self.app, self.arguments)?,
            models: self.models(&served, &tls)?,
            tls,
            places: Arc::new(ConnectionPlaces::new(&self.runtime.places())),
            neighbours: neighbours.clone(),
        };
        let linkers = self.linkers().map_err(|error| anyhow!("the host's interfaces cannot be linked: {error:#}"))?;
        let mut granted = Vec::new();
        for component in self.app.components.iter().filter(|component| served.contains(component.id.as_str())) {
            let context = || format!("component \"{}\"", component.id);
            let limits = Limits::resolve(&self.config.defaults, &self.config.ceilings, &component.limits).with_context(context)?;
            granted.push((component, Arc::new(self.grants(component, &shared).with_context(context)?), limits));
        }
        let library = Arc::new(Library::new(self.engine.clone(), linkers, self.bounds()?));
        let programs = Programs::new(self.app, self.state_dir.join("programs"));
        let components = self.load_all(&library, &programs, granted)?;
        programs.forget_others()?;
        let info = trigger::AppInfo { name: self.app.name.clone(), version: self.app.version.clone() };
        let routes = trigger::Routes::new(self.routes(&programs, &components)?)?;
        for warning in routes.warnings() {
            tracing::warn!("{warning}");
        }
        let within = components.into_iter().filter_map(|(id, mut variants)| {
            let chain = programs.chain_within(&id);
            (chain < variants.len()).then(|| (id.into(), variants.swap_remove(chain)))
        });
        let components = within.collect();
        Ok((trigger::App { info, routes, components, neighbours, address: self.address }, library))
    }

    fn linkers(&self) -> wasmtime::Result<Linkers<Guest<Host>>> {
        let mut linkers = self.engine.linkers();
        spell_capabilities::add_plain_to_linker(&mut linkers.plain)?;
        spell_capabilities::add_to_linker(&mut linkers.concurrent)?;
        Ok(linkers)
    }

    /// The service for language models, if anybody may ask one.
    fn models(&self, served: &HashSet<&str>, tls: &TlsRoots) -> Result<Option<Arc<ModelService>>> {
        let mut components = self.app.components.iter().filter(|component| served.contains(component.id.as_str()));
        match self.runtime.llm_compute() {
            Some(compute) if components.any(|component| !component.ai_models.is_empty()) => {
                models::service(compute, self.outbound_rules(&[], served)?, tls).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What is kept loaded.
    fn bounds(&self) -> Result<LibraryBounds> {
        let settings = &self.config.settings;
        Ok(LibraryBounds {
            spells_max: usize::try_from(settings.get(Setting::Loaded))?,
            code_bytes_max: settings.get(Setting::LoadedCode),
            idle_time_max: settings.time(Setting::LoadedTime),
        })
    }

    /// Names of the components that a trigger leads to.
    fn served(&self) -> HashSet<&str> {
        let targets = self.app.triggers.iter().map(|trigger| &trigger.target);
        let ids = targets.filter_map(|target| match target {
            TriggerTarget::Component(id) => Some(id.as_str()),
            TriggerTarget::Static(_) => None,
        });
        ids.collect()
    }

    fn grants(&self, component: &Component, shared: &Shared) -> Result<Grants> {
        let resolve = |template: &Template| template.resolve(|name| shared.variables.get(name).map(String::as_str));
        let mut resolved = BTreeMap::new();
        for (name, template) in &component.variables {
            resolved.insert(name.clone(), resolve(template)?);
        }
        let mut hosts = Vec::new();
        for host in &component.allowed_outbound_hosts {
            hosts.push(resolve(&Template::parse(host)?)?);
        }
        let tls = self.runtime.roots_of(&component.id, &shared.tls)?;
        let outbound = Outbound::new(self.outbound_rules(&hosts, shared.served)?, &tls)
            .with_neighbours(shared.neighbours.clone())
            .with_places(shared.places.clone());
        let log = |stream: &str| {
            let path = self.log_dir.map(|directory| directory.join(format!("{}_{stream}.txt", component.id)));
            if let Some(path) = path.as_ref().filter(|path| self.arguments.truncate_logs && path.exists()) {
                fs::write(path, "").with_context(|| format!("cannot empty {}", path.display()))?;
            }
            let follow = &self.arguments.follow;
            let is_shown = if follow.is_empty() { !self.arguments.quiet } else { follow.contains(&component.id) };
            Ok::<_, anyhow::Error>(self.logs.open(path.as_deref(), is_shown.then_some(component.id.as_str()))?)
        };
        Ok(Grants {
            environment: self.environment(component),
            variables: resolved,
            key_value_stores: self.stores.key_value_of(component)?,
            sqlite_databases: self.stores.sqlite_of(component)?,
            outbound: Some(Arc::new(outbound)),
            ai_models: models::of(component, shared.models.as_ref())?,
            model_service: shared.models.clone(),
            files: files::copy(self.app, component, &self.state_dir.join("assets"))?,
            stdout: log("stdout")?,
            stderr: log("stderr")?,
            audit: self.audit.clone(),
            ..Grants::none(component.id.as_str())
        })
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
        let settings = &self.config.settings;
        let networks = |ranges: &[spell_manifest::AddressRange]| {
            ranges.iter().map(|range| spell_policy::parse_network(&range.to_string())).collect::<Result<_, _>>()
        };
        Ok(OutboundRules {
            allowed,
            addresses: AddressPolicy { allow: networks(&self.config.allow_networks)?, block: networks(&self.config.block_networks)? },
            connect_timeout: settings.time(Setting::ConnectTime),
            first_byte_timeout: settings.time(Setting::FirstByteTime),
            between_bytes_timeout: settings.time(Setting::OutboundIdleTime),
            response_bytes_max: settings.get(Setting::OutboundResponse),
            query_timeout: settings.time(Setting::QueryTime),
            query_bytes_max: settings.get(Setting::QueryBytes),
            query_rows_max: settings.get(Setting::QueryRows),
            concurrent_max: usize::try_from(settings.get(Setting::ConnectionsPerComponent))?,
            enforcement: match self.config.refusals {
                Refusals::Enforce => Enforcement::Enforce,
                Refusals::Count => Enforcement::Count,
            },
            keep_connections: self.runtime.keep_connections(),
            ..OutboundRules::default()
        })
    }

    /// Compiles and links components, as many at a time as there are processors: compiling is what a start waits for.
    fn load_all(
        &self,
        library: &Arc<Library<Host>>,
        programs: &Programs<'_>,
        granted: Vec<(&Component, Arc<Grants>, Limits)>,
    ) -> Result<HashMap<String, Variants>> {
        let loaders = thread::available_parallelism().map_or(1, usize::from).min(granted.len());
        let queue = Mutex::new(granted.into_iter());
        let load = || {
            let mut loaded = Vec::new();
            while let Some((component, grants, limits)) = lock(&queue).next() {
                loaded.push((component.id.clone(), self.load_variants(library, programs, component, grants, limits)?));
            }
            Ok(loaded)
        };
        thread::scope(|scope| {
            let loading: Vec<_> = (0..loaders).map(|_| scope.spawn(load)).collect();
            let mut loaded = HashMap::new();
            for thread in loading {
                let some: Result<Vec<_>> = thread.join().map_err(|_| anyhow!("a component could not be loaded: the host failed"))?;
                loaded.extend(some?);
            }
            Ok(loaded)
        })
    }

    /// Loads a component once for each chain of middleware that stands around it; to its limits and its record, they are one.
    fn load_variants(
        &self,
        library: &Arc<Library<Host>>,
        programs: &Programs<'_>,
        component: &Component,
        grants: Arc<Grants>,
        limits: Limits,
    ) -> Result<Variants> {
        let mut variants: Variants = Vec::new();
        for chain in programs.chains(&component.id) {
            let program = programs.program(component, chain).with_context(|| format!("component \"{}\"", component.id))?;
            let context = || format!("component \"{}\": {}", component.id, component.source);
            let spell = library.register(&program.path, &program.wasm).with_context(context)?;
            let is_program = spell.is_program();
            let made = match variants.first() {
                Some(first) => first.beside(spell),
                None => trigger::Component::new(library.clone(), spell, grants.clone(), limits.clone()),
            };
            let made = match self.arguments_of(&component.id) {
                Some(arguments) if is_program => made.with_arguments(arguments.into()),
                None if !is_program => made,
                Some(_) => {
                    bail!("{}: its trigger has the executor `wagi`, but it is no program: it does not export `wasi:cli/run`", context())
                }
                None => bail!("{}: it is a program; write `executor = {{ type = \"wagi\" }}` in its trigger", context()),
            };
            variants.push(Arc::new(made));
        }
        Ok(variants)
    }

    /// What a component is run with, if its trigger says that it is a program. Of several triggers the last one counts.
    fn arguments_of(&self, id: &str) -> Option<&str> {
        let is_of = |trigger: &&HttpTrigger| matches!(&trigger.target, TriggerTarget::Component(component) if component == id);
        match &self.app.triggers.iter().rfind(is_of)?.executor {
            Executor::Wagi { argv, .. } => Some(argv),
            Executor::Http => None,
        }
    }

    fn routes(&self, programs: &Programs<'_>, components: &HashMap<String, Variants>) -> Result<Vec<(String, trigger::Target)>> {
        let mut routes = Vec::new();
        for trigger in &self.app.triggers {
            let TriggerRoute::Public(pattern) = &trigger.route else { continue };
            let target = match &trigger.target {
                TriggerTarget::Static(fixed) => trigger::Target::Static(Arc::new(fixed_response(fixed)?)),
                TriggerTarget::Component(id) => {
                    let variants = components.get(id).map(Vec::as_slice).unwrap_or_default();
                    let component = variants.get(programs.chain_of(id, &trigger.middleware));
                    let component = component.with_context(|| format!("trigger \"{}\" leads to no component", trigger.id))?;
                    trigger::Target::Spell(component.clone())
                }
            };
            routes.push((pattern.clone(), target));
        }
        Ok(routes)
    }
}

/// A queue has nothing that a panic could leave half done.
fn lock<T>(queue: &Mutex<T>) -> MutexGuard<'_, T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fixed_response(fixed: &StaticResponse) -> Result<trigger::StaticResponse> {
    let mut headers = HeaderMap::new();
    for (name, value) in &fixed.headers {
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let body = fixed.body.clone().map(Bytes::from).unwrap_or_default();
    Ok(trigger::StaticResponse { status: StatusCode::from_u16(fixed.status_code)?, headers, body })
}
