//! From an app as it is written to an app that can serve: its code, compiled and linked, behind its routes.

use crate::args::Up;
use crate::fetched::Fetched;
use crate::programs::Programs;
use crate::stores::Stores;
use crate::telemetry;
use crate::up::Host;
use crate::{fetching, not_run, sources};
use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use spell_capabilities::{self as capabilities, Grants};
use spell_engine::{Engine, Guest, Library, LibraryBounds, Linkers, RegisteredSpell};
use spell_manifest::{
    App, Component, Executor, HttpTrigger, OperatorConfig, Setting, Settings, StaticResponse, TriggerRoute, TriggerTarget,
};
use spell_trigger_http as trigger;
use spell_types::Limits;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What an app is put together from.
pub(crate) struct Parts<'a> {
    pub(crate) app: &'a App,
    pub(crate) arguments: &'a Up,
    pub(crate) config: &'a OperatorConfig,
    pub(crate) host: &'a Host,
    pub(crate) stores: &'a Stores,
    /// Where copies of files are put.
    pub(crate) assets: &'a Path,
    /// Where programs are put that are made of several.
    pub(crate) programs: &'a Path,
    /// The app that this one is to take the place of: what its components have open goes on.
    pub(crate) before: Option<&'a trigger::App>,
    /// Where the app will be served.
    pub(crate) address: SocketAddr,
}

/// An app that can serve.
pub(crate) struct Assembled {
    pub(crate) app: trigger::App,
    /// The programs that were made for it.
    pub(crate) programs: BTreeSet<PathBuf>,
}

/// A component behind each of its chains of middleware.
type Variants = Vec<Arc<trigger::Component>>;

/// The library of an engine: what the host offers is linked to all that is in it.
pub(crate) fn library(engine: &Engine, settings: &Settings, has_telemetry: bool) -> Result<Arc<Library<capabilities::Host>>> {
    let cannot = |error: wasmtime::Error| anyhow!("the host's interfaces cannot be linked: {error:#}");
    let mut linkers: Linkers<Guest<capabilities::Host>> = engine.linkers();
    capabilities::add_plain_to_linker(&mut linkers.plain).map_err(cannot)?;
    capabilities::add_to_linker(&mut linkers.concurrent).map_err(cannot)?;
    if has_telemetry {
        capabilities::add_telemetry_to_linker(&mut linkers.plain).map_err(cannot)?;
        capabilities::add_telemetry_to_linker(&mut linkers.concurrent).map_err(cannot)?;
    }
    let bounds = LibraryBounds {
        spells_max: usize::try_from(settings.get(Setting::Loaded))?,
        code_bytes_max: settings.get(Setting::LoadedCode),
        idle_time_max: settings.time(Setting::LoadedTime),
    };
    Ok(Arc::new(Library::new(engine.clone(), linkers, bounds)))
}

impl Parts<'_> {
    /// Makes every component that a trigger leads to ready, and builds the table of routes.
    pub(crate) fn assemble(&self) -> Result<Assembled> {
        let served = self.served();
        not_run::refuse(self.app)?;
        for warning in &self.app.warnings {
            tracing::warn!("{warning}");
        }
        let neighbours = Arc::new(trigger::Neighbours::default());
        let shared = self.shared(&served, neighbours.clone())?;
        let mut granted = Vec::new();
        for component in self.app.components.iter().filter(|component| served.contains(component.id.as_str())) {
            let context = || format!("component \"{}\"", component.id);
            let limits = Limits::resolve(&self.config.defaults, &self.config.ceilings, &component.limits).with_context(context)?;
            granted.push((component, Arc::new(self.grants(component, &shared).with_context(context)?), limits));
        }
        let fetched = Fetched::of(self.arguments, &self.host.state_dir);
        let packages = fetching::fetch(&sources::of(self.app, &served), &fetched, self.config)?;
        let programs = Programs::new(self.app, self.programs.to_owned(), fetched, packages);
        let components = self.load_all(&programs, granted)?;
        let info = trigger::AppInfo { name: self.app.name.clone(), version: self.app.version.clone() };
        let routes = trigger::Routes::new(self.routes(&programs, &components)?)?;
        for warning in routes.warnings() {
            tracing::warn!("{warning}");
        }
        let within = components.into_iter().filter_map(|(id, mut variants)| {
            let chain = programs.chain_within(&id);
            (chain < variants.len()).then(|| (id.into(), variants.swap_remove(chain)))
        });
        let app = trigger::App { info, routes, components: within.collect(), neighbours, address: self.address };
        Ok(Assembled { app, programs: programs.kept() })
    }

    /// The component that one takes the place of.
    pub(crate) fn before(&self, id: &str) -> Option<&trigger::Component> {
        self.before?.components.get(id).map(Arc::as_ref)
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

    /// Compiles and links components, as many at a time as there are processors: compiling is what a start waits for.
    fn load_all(&self, programs: &Programs<'_>, granted: Vec<(&Component, Arc<Grants>, Limits)>) -> Result<HashMap<String, Variants>> {
        let loaders = thread::available_parallelism().map_or(1, usize::from).min(granted.len());
        let queue = Mutex::new(granted.into_iter());
        let load = || {
            let mut loaded = Vec::new();
            while let Some((component, grants, limits)) = lock(&queue).next() {
                loaded.push((component.id.clone(), self.load_variants(programs, component, grants, limits)?));
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
    fn load_variants(&self, programs: &Programs<'_>, component: &Component, grants: Arc<Grants>, limits: Limits) -> Result<Variants> {
        let mut variants: Variants = Vec::new();
        for chain in programs.chains(&component.id) {
            let program = programs.program(component, chain).with_context(|| format!("component \"{}\"", component.id))?;
            let context = || format!("component \"{}\": {}", component.id, component.source);
            let spell = self.host.library.register(&program.path, &program.wasm).map_err(telemetry::explain).with_context(context)?;
            let is_program = spell.is_program();
            let made = match variants.first() {
                Some(first) => first.beside(spell),
                None => self.alone(spell, grants.clone(), limits.clone()),
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

    /// A component of a program, before anything stands around it.
    fn alone(&self, spell: Arc<RegisteredSpell<capabilities::Host>>, grants: Arc<Grants>, limits: Limits) -> trigger::Component {
        let id = grants.component.clone();
        let made = trigger::Component::new(self.host.library.clone(), spell, grants, limits);
        match self.before(&id) {
            Some(before) => made.with_places_of(before),
            None => made,
        }
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
