//! `spell serve`: the platform alone, until it is told to stop.

use crate::args::Serve;
use crate::listen::bind;
use crate::output::print;
use crate::platform::{self, NotOpened};
use crate::{engine, shares, system, version};
use anyhow::{Result, anyhow};
use spell_api::{Control, Metrics};
use spell_manifest::{OperatorConfig, Setting};
use spell_store::Database;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// Serves the platform until a signal.
pub(crate) fn run(arguments: &Serve) -> Result<()> {
    version::check()?;
    let config = arguments.config.as_deref().map(OperatorConfig::load).transpose()?.unwrap_or_default();
    system::prepare(&config.settings);
    let listener = bind(&arguments.listen, false)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(serve(&arguments.state_dir, &config, listener));
    runtime.shutdown_background();
    served
}

async fn serve(state_dir: &Path, config: &OperatorConfig, listener: TcpListener) -> Result<()> {
    let database = Arc::new(Database::open(state_dir)?);
    let engine = engine::open(&config.settings, &[Setting::CastConcurrency], Some(state_dir))?;
    let opened = platform::open(database, engine.clone(), state_dir, config, None).await.map_err(|error| match error {
        NotOpened::Taken => {
            anyhow!("another host serves the platform of {}: stop it, or give --state-dir another directory", state_dir.display())
        }
        NotOpened::Failed(error) => error,
    })?;
    if let Some(key) = platform::first_key(&opened.platform).await? {
        eprintln!("The first key, which may do everything and is not shown again:");
        print(&format!("{key}\n"))?;
    }
    eprintln!("Serving the platform on http://{}", listener.local_addr()?);
    let draining = Arc::new(AtomicBool::new(false));
    let (runner, programs) = (opened.runner.clone(), opened.programs.clone());
    let loaded = move || (runner.loaded() + programs.loaded()) as f64;
    let metrics = opened.count(Metrics::new(&[])).with_gauge("spell_components_loaded", "Spells whose code is ready", loaded).with_gauge(
        "spell_instances",
        "Component instances that are alive",
        move || engine.instances() as f64,
    );
    let (metrics, platform, rates) = (Arc::new(metrics), Some(opened.platform.clone()), shares::rates(&config.settings)?);
    let control = Control { metrics, draining: draining.clone(), platform, programs: Some(opened.programs.clone()), rates };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopped = async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        draining.store(true, Ordering::Relaxed);
    };
    Ok(spell_api::serve(listener, control, stopped).await?)
}
