//! The platform of a state directory, put together: registry, ledger and keys in its database, programs in an engine.

use crate::adapting::ChildAdapter;
use crate::http_spells::HttpSpells;
use crate::pepper;
use crate::runner::EngineRunner;
use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use spell_api::Programs;
use spell_cast::{Adapter, Parts, Platform, Prices, Scope, cast_defaults};
use spell_engine::Engine;
use spell_manifest::{OperatorConfig, Setting};
use spell_store::Database;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// The tenant of whoever starts the platform.
const FIRST_TENANT: &str = "default";
/// How often old casts are looked for.
const FORGET_INTERVAL: Duration = Duration::from_secs(60);
/// Locked by the one host that runs casts of the database beside it.
const LOCK_FILE: &str = "platform.lock";

/// A platform, which no other host serves while this lives.
pub(crate) struct Opened {
    pub(crate) platform: Arc<Platform>,
    /// What has its spells answer HTTP.
    pub(crate) programs: Arc<dyn Programs>,
    _lock: File,
}

/// Puts the platform of a state directory together, whose database this is.
pub(crate) async fn open(database: Arc<Database>, engine: Engine, state_dir: &Path, config: &OperatorConfig) -> Result<Opened> {
    let lock = lock(state_dir)?;
    // Nobody else runs casts of this database: what is still running there ended with the host that ran it.
    database.claim_casts().await?;
    let runner = EngineRunner::new(engine, database.clone(), &config.settings);
    let runner = Arc::new(runner.map_err(|error| anyhow!("the host's interfaces cannot be linked: {error:#}"))?);
    let adapter: Arc<dyn Adapter> = Arc::new(ChildAdapter::new(&config.settings));
    let programs = Arc::new(HttpSpells::new(runner.clone(), adapter.clone()));
    let platform = Platform::new(Parts {
        registry: database.clone(),
        ledger: database.clone(),
        keys: database,
        pepper: pepper::open(state_dir)?,
        runner,
        prices: Prices::default(),
        defaults: cast_defaults(),
        ceilings: config.ceilings.clone(),
        retention: config.settings.time(Setting::CastRetention),
        now: SystemTime::now,
        adapter,
    });
    Ok(Opened { platform: Arc::new(platform), programs, _lock: lock })
}

/// Forgets old casts for as long as it is polled.
pub(crate) async fn forget_old(platform: Arc<Platform>) {
    loop {
        match platform.forget_old_casts().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "casts were forgotten"),
            Err(error) => tracing::warn!(%error, "old casts cannot be forgotten"),
        }
        sleep(FORGET_INTERVAL).await;
    }
}

/// A key to begin with, if there is none.
pub(crate) async fn first_key(platform: &Platform) -> Result<Option<String>> {
    if !platform.keys.list(None).await?.is_empty() {
        return Ok(None);
    }
    let (_, secret) = platform.create_key(FIRST_TENANT.parse()?, "the first key".to_owned(), vec![Scope::Admin]).await?;
    Ok(Some(secret))
}

fn lock(state_dir: &Path) -> Result<File> {
    let path = state_dir.join(LOCK_FILE);
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => {
            bail!("another host serves the platform of {}: stop it, or give --state-dir another directory", state_dir.display())
        }
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}
