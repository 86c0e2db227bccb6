//! Makes an app ready to serve, the first one and each that takes its place while the host runs.
//!
//! This file knows what an app is made with and what stays from one to the next. It must never know why one is made.

use crate::args::Up;
use crate::assemble::{Assembled, Parts};
use crate::up::Host;
use crate::{programs, selection};
use anyhow::{Context, Result};
use spell_api::Metrics;
use spell_manifest::{App, OperatorConfig};
use spell_trigger_http as trigger;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What every app of this host is made with.
pub(crate) struct Making {
    pub(crate) host: Arc<Host>,
    pub(crate) arguments: Arc<Up>,
    pub(crate) config: Arc<OperatorConfig>,
    /// Where the app is served.
    pub(crate) address: SocketAddr,
}

impl Making {
    /// Makes the app that the host begins with.
    pub(crate) fn first(&self, app: &App) -> Result<Assembled> {
        remove(&self.all_assets())?;
        let made = self.make(app, None, &self.assets(0))?;
        programs::forget_others(&self.programs(), &made.programs)?;
        Ok(made)
    }

    fn make(&self, app: &App, before: Option<&trigger::App>, assets: &Path) -> Result<Assembled> {
        let stores = self.host.stores().clone();
        let programs = self.programs();
        let parts = Parts {
            app,
            arguments: &self.arguments,
            config: &self.config,
            host: &self.host,
            stores: &stores,
            assets,
            programs: &programs,
            before,
            address: self.address,
        };
        parts.assemble()
    }

    /// Where programs are put that are made of several. Apps that follow each other have them in common.
    fn programs(&self) -> PathBuf {
        self.host.state_dir.join("programs")
    }

    fn all_assets(&self) -> PathBuf {
        self.host.state_dir.join("assets")
    }

    /// Where the files of an app are: each has copies of its own, because requests that are under way go on reading those of the one
    /// before.
    fn assets(&self, generation: u64) -> PathBuf {
        self.all_assets().join(generation.to_string())
    }
}

/// Apps that were replaced and are kept while requests run on them. Of more, the first ones are given up: their requests go on, but
/// can no longer ask other components.
const RETIRED_MAX: usize = 16;

/// Puts apps in the place of the one that is served.
pub(crate) struct Swapping {
    making: Making,
    handler: Arc<trigger::Handler>,
    metrics: Arc<Metrics>,
    generation: u64,
    retired: Vec<Retired>,
    /// The programs that were made for the app that is served.
    programs: BTreeSet<PathBuf>,
}

/// An app that was replaced.
struct Retired {
    app: Arc<trigger::App>,
    assets: PathBuf,
}

impl Swapping {
    pub(crate) fn new(making: Making, handler: &Arc<trigger::Handler>, metrics: &Arc<Metrics>, programs: BTreeSet<PathBuf>) -> Self {
        Self { making, handler: handler.clone(), metrics: metrics.clone(), generation: 0, retired: Vec::new(), programs }
    }

    /// Has another app answer from now on. If it cannot be made, nothing changes.
    pub(crate) fn swap(&mut self, mut app: App) -> Result<()> {
        let (making, host) = (&self.making, &self.making.host);
        selection::keep(&mut app, &making.arguments.components)?;
        host.stores().open_databases_of(&app, &making.arguments, host.is_lasting.then_some(&host.state_dir))?;
        let assets = making.assets(self.generation + 1);
        let before = self.handler.app();
        let made = making.make(&app, Some(&before), &assets);
        drop(before);
        let Assembled { app: ready, programs } = match made {
            Ok(made) => made,
            Err(error) => {
                host.library.let_go_of_forgotten();
                remove(&assets)?;
                return Err(error);
            }
        };
        let names: Vec<Arc<str>> = ready.components.keys().cloned().collect();
        self.metrics.announce(&names);
        let replaced = self.handler.replace(ready);
        self.retired.push(Retired { app: replaced, assets: making.assets(self.generation) });
        self.generation += 1;
        self.programs = programs;
        self.let_go();
        Ok(())
    }

    /// Frees what replaced apps held, as soon as no request runs on them.
    pub(crate) fn let_go(&mut self) {
        let given_up = self.retired.len().saturating_sub(RETIRED_MAX);
        let mut index = 0;
        self.retired.retain(|retired| {
            index += 1;
            let is_kept = index > given_up && !retired.app.is_at_rest();
            if !is_kept && let Err(error) = remove(&retired.assets) {
                tracing::warn!("{error:#}");
            }
            is_kept
        });
        self.making.host.library.let_go_of_forgotten();
        // Until then, code that was let go of may have to be made again from them.
        if self.retired.is_empty()
            && let Err(error) = programs::forget_others(&self.making.programs(), &self.programs)
        {
            tracing::warn!("{error:#}");
        }
    }

    /// Whether apps that were replaced still have requests.
    pub(crate) fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// What the host keeps for itself, where changes mean nothing.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.making.host.state_dir
    }
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).with_context(|| format!("cannot remove {}", directory.display())),
        _ => Ok(()),
    }
}
