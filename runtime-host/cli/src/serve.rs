//! `spell serve`: the platform alone, until it is told to stop.

use crate::args::Serve;
use crate::listen::bind;
use crate::output::print;
use crate::{compiling, platform, system, version};
use anyhow::{Context, Result};
use spell_api::{Control, Metrics};
use spell_engine::{CodeCache, Engine, EngineConfig};
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
    let opened = platform::open(database, engine(state_dir, config)?, state_dir, config).await?;
    if let Some(key) = platform::first_key(&opened.platform).await? {
        eprintln!("The first key, which may do everything and is not shown again:");
        print(&format!("{key}\n"))?;
    }
    tokio::spawn(platform::forget_old(opened.platform.clone()));
    eprintln!("Serving the platform on http://{}", listener.local_addr()?);
    let draining = Arc::new(AtomicBool::new(false));
    let platform = Some(opened.platform.clone());
    let programs = Some(opened.programs.clone());
    let control = Control { metrics: Arc::new(Metrics::new(&[])), draining: draining.clone(), platform, programs };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopped = async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        draining.store(true, Ordering::Relaxed);
    };
    Ok(spell_api::serve(listener, control, stopped).await?)
}

/// An engine for casts alone.
fn engine(state_dir: &Path, config: &OperatorConfig) -> Result<Engine> {
    let settings = &config.settings;
    let engine = EngineConfig {
        instances_max: u32::try_from(settings.get(Setting::CastConcurrency))?,
        stack_bytes: usize::try_from(settings.get(Setting::StackBytes))?,
        ..EngineConfig::default()
    };
    let cache_dir = state_dir.join("code");
    let cache = CodeCache::open(&cache_dir, &state_dir.join("code.key"))
        .with_context(|| format!("cannot open the cache of compiled code {}", cache_dir.display()))?;
    Ok(Engine::new(&engine, Some(cache), compiling::compiler(settings, &engine))?)
}
