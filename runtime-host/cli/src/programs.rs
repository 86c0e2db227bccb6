//! The program of each component: read, made one with its dependencies and middleware, and kept where it can be read again.
//!
//! It knows what the app says about programs. It must never know how they are made one, or run.

use crate::fetched::{self, Fetched};
use crate::packages::Packages;
use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};
use spell_compose::{Capability, Dependency, Inherit};
use spell_manifest::{self as manifest, App, Component, DependencySource, HttpTrigger, Middleware, Source, TriggerRoute, TriggerTarget};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Where the programs of an app come from, and where those are kept that no file of the app has.
pub(crate) struct Programs<'a> {
    app: &'a App,
    directory: PathBuf,
    fetched: Fetched,
    packages: Packages,
    /// The files in the directory that are this app's.
    kept: Mutex<BTreeSet<PathBuf>>,
}

/// A program, and the file that it can be read from again.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) wasm: Vec<u8>,
}

impl<'a> Programs<'a> {
    /// The programs of an app; `directory` is for those that are made here, and `fetched` has those that came from elsewhere, and `packages`
    /// says which of them are packages.
    pub(crate) fn new(app: &'a App, directory: PathBuf, fetched: Fetched, packages: Packages) -> Self {
        Self { app, directory, fetched, packages, kept: Mutex::default() }
    }

    /// The different middleware that triggers have around a component, each once, in the order of the file.
    pub(crate) fn chains(&self, id: &str) -> Vec<&'a [Middleware]> {
        let mut chains: Vec<&[Middleware]> = Vec::new();
        for trigger in self.app.triggers.iter().filter(|trigger| leads_to(trigger, id)) {
            if !chains.contains(&trigger.middleware.as_slice()) {
                chains.push(&trigger.middleware);
            }
        }
        chains
    }

    /// The place in [`Programs::chains`] of what stands around a component when another component of the app asks it: that of its private
    /// trigger, else that of its first one.
    pub(crate) fn chain_within(&self, id: &str) -> usize {
        let private = self.app.triggers.iter().find(|trigger| leads_to(trigger, id) && trigger.route == TriggerRoute::Private);
        private.map_or(0, |trigger| self.chain_of(id, &trigger.middleware))
    }

    /// The place of a trigger's middleware in [`Programs::chains`].
    pub(crate) fn chain_of(&self, id: &str, middleware: &[Middleware]) -> usize {
        self.chains(id).iter().position(|chain| *chain == middleware).unwrap_or(0)
    }

    /// The program of a component behind some middleware.
    pub(crate) fn program(&self, component: &Component, chain: &[Middleware]) -> Result<Program> {
        let build = component.build.as_ref().map(|build| format!("; build it with `{}`", build.commands.join(" && ")));
        let (path, mut wasm) = self.read(&component.source, &build.unwrap_or_default())?;
        if component.dependencies.is_empty() && chain.is_empty() {
            return Ok(Program { path, wasm });
        }
        if !component.dependencies.is_empty() {
            wasm = self.with_dependencies(component, &wasm)?;
        }
        if !chain.is_empty() {
            wasm = self.with_middleware(chain, &wasm)?;
        }
        let path = self.keep(&wasm)?;
        Ok(Program { path, wasm })
    }

    /// The files that were made.
    pub(crate) fn kept(&self) -> BTreeSet<PathBuf> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with_dependencies(&self, component: &Component, wasm: &[u8]) -> Result<Vec<u8>> {
        let mut programs = Vec::new();
        for dependency in &component.dependencies {
            let place = || format!("the dependency \"{}\"", dependency.name);
            programs.push(self.read_source(&dependency.source).with_context(place)?);
        }
        let mut dependencies = Vec::new();
        for (dependency, wasm) in component.dependencies.iter().zip(&programs) {
            let (export, inherit) = (dependency.export.clone(), inherit(&dependency.inherit)?);
            dependencies.push(Dependency { name: dependency.name.to_string().parse()?, export, inherit, wasm });
        }
        Ok(spell_compose::with_dependencies(wasm, &dependencies)?)
    }

    fn with_middleware(&self, chain: &[Middleware], wasm: &[u8]) -> Result<Vec<u8>> {
        let mut programs = Vec::new();
        for middleware in chain {
            let wasm =
                self.read_source(&middleware.source).with_context(|| format!("the middleware {}", self.name_of(&middleware.source)))?;
            programs.push((self.name_of(&middleware.source), inherit(&middleware.inherit)?, wasm));
        }
        let chain = programs.iter().map(|(name, inherit, wasm)| {
            let (name, inherit) = (name.clone(), inherit.clone());
            spell_compose::Middleware { name, inherit, wasm }
        });
        Ok(spell_compose::with_middleware(wasm, &chain.collect::<Vec<_>>())?)
    }

    /// What a program is called in messages.
    fn name_of(&self, source: &DependencySource) -> String {
        match source {
            DependencySource::Component(id) => format!("\"{id}\""),
            DependencySource::Program(source) => source.to_string(),
        }
    }

    fn read_source(&self, source: &DependencySource) -> Result<Vec<u8>> {
        let source = self.app.source_of(source).context("there is no such component")?;
        self.read(source, "").map(|(_, wasm)| wasm)
    }

    /// A program, and the file that it is in; `advice` is for whoever does not find it.
    fn read(&self, source: &Source, advice: &str) -> Result<(PathBuf, Vec<u8>)> {
        let digest = match source {
            Source::File(path) => {
                let wasm = fetched::read(path).with_context(|| format!("cannot read {}{advice}", path.display()))?;
                return Ok((path.clone(), wasm));
            }
            Source::Url { digest, .. } => digest,
            Source::Registry { .. } => &self.packages.get(source).with_context(|| format!("{source} was not asked for"))?.digest,
        };
        Ok((self.fetched.path(digest), self.fetched.read(digest)?))
    }

    /// Writes a program to a file that is named after what is in it.
    fn keep(&self, wasm: &[u8]) -> Result<PathBuf> {
        let name: String = Sha256::digest(wasm).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.directory.join(format!("{name}.wasm"));
        let write = || {
            fs::create_dir_all(&self.directory)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(wasm)?;
            file.persist(&path).map_err(|error| error.error)
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        Ok(path)
    }
}

/// Removes programs that were made for others.
pub(crate) fn forget_others(directory: &Path, kept: &BTreeSet<PathBuf>) -> Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    let others = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for path in others.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| !kept.contains(path)) {
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn file_of(source: &Source) -> Option<&Path> {
    match source {
        Source::File(path) => Some(path),
        Source::Url { .. } | Source::Registry { .. } => None,
    }
}

/// The app's own files that the program of a component is made of: its own, those of its dependencies, and those of what stands around it.
pub(crate) fn files<'a>(app: &'a App, component: &'a Component) -> Vec<&'a Path> {
    let triggers = app.triggers.iter().filter(|trigger| leads_to(trigger, &component.id));
    let middleware = triggers.flat_map(|trigger| &trigger.middleware).map(|middleware| &middleware.source);
    let others = component.dependencies.iter().map(|dependency| &dependency.source).chain(middleware);
    let sources = others.filter_map(|source| app.source_of(source));
    [&component.source].into_iter().chain(sources).filter_map(file_of).collect()
}

fn leads_to(trigger: &HttpTrigger, id: &str) -> bool {
    matches!(&trigger.target, TriggerTarget::Component(component) if component == id)
}

fn inherit(inherit: &manifest::Inherit) -> Result<Inherit> {
    let manifest::Inherit::Only(keys) = inherit else { return Ok(Inherit::All) };
    let capabilities = keys.iter().map(|key| Capability::of_key(key).with_context(|| format!("\"{key}\" cannot be inherited")));
    Ok(Inherit::Only(capabilities.collect::<Result<_>>()?))
}
