//! The platform of a state directory, put together: registry, ledger and keys in its database, programs in an engine.

use crate::adapting::ChildAdapter;
use crate::http_spells::HttpSpells;
use crate::reach::{Granting, reachable};
use crate::runner::EngineRunner;
use crate::webhooks::HttpCourier;
use crate::{github, pepper, shares};
use anyhow::{Context, Result, anyhow};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use spell_api::{CastMetrics, Metrics};
use spell_capabilities::Audit;
use spell_cast::{Adapter, Allowance, Parts, Platform, Scope, Workflows};
use spell_engine::Engine;
use spell_manifest::{OperatorConfig, Setting};
use spell_store::Database;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
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
    pub(crate) runner: Arc<EngineRunner>,
    /// What has its spells answer HTTP.
    pub(crate) programs: Arc<HttpSpells>,
    /// What its casts are counted by.
    casts: Arc<CastMetrics>,
    /// What it does by itself; ends with it.
    _tasks: JoinSet<()>,
    _lock: File,
}

/// Why a platform is not served.
pub(crate) enum NotOpened {
    /// Another host serves it.
    Taken,
    /// It cannot be put together.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for NotOpened {
    fn from(error: E) -> Self {
        NotOpened::Failed(error.into())
    }
}

/// Puts the platform of a state directory together, whose database this is.
pub(crate) async fn open(
    database: Arc<Database>,
    engine: Engine,
    state_dir: &Path,
    config: &OperatorConfig,
    audit: Option<Audit>,
) -> Result<Opened, NotOpened> {
    let lock = lock(state_dir)?.ok_or(NotOpened::Taken)?;
    let github = github::open(config)?;
    // Nobody else runs casts of this database: what is still running there ended with the host that ran it.
    database.claim_casts().await?;
    database.grant(Allowance { quotas: shares::quotas(&config.settings), budget_cents: config.budget_cents });
    let runner = EngineRunner::new(engine, database.clone(), &config.settings, Granting::open(state_dir, config, audit)?);
    let runner = Arc::new(runner.map_err(|error| anyhow!("the host's interfaces cannot be linked: {error:#}"))?);
    let adapter: Arc<dyn Adapter> = Arc::new(ChildAdapter::new(&config.settings));
    let programs = Arc::new(HttpSpells::new(runner.clone(), adapter.clone()));
    let casts = Arc::new(CastMetrics::default());
    let platform = Platform::new(Parts {
        prices: shares::prices(&config.settings),
        ceilings: config.ceilings.clone(),
        retention: config.settings.time(Setting::CastRetention),
        observer: casts.clone(),
        reachable: reachable(config),
        courier: Arc::new(HttpCourier::new(config)?),
        webhook_retry_first: config.settings.time(Setting::WebhookRetryFirst),
        github: github.map(|github| Arc::new(github) as Arc<dyn Workflows>),
        adapter,
        ..Parts::over(&database, runner.clone(), pepper::open(state_dir)?)
    });
    let platform = Arc::new(platform);
    let mut tasks = JoinSet::new();
    tasks.spawn(forget_old(platform.clone()));
    tasks.spawn(platform.clone().deliver_webhooks());
    Ok(Opened { platform, runner, programs, casts, _tasks: tasks, _lock: lock })
}

impl Opened {
    /// Has metrics show what the platform does, and what it has room for.
    pub(crate) fn count(&self, metrics: Metrics) -> Metrics {
        let (platform, runner) = (self.platform.clone(), self.runner.clone());
        metrics
            .with_casts(self.casts.clone())
            .with_gauge("spell_platform_casts_running", "Casts that have begun and not ended", move || platform.running_casts() as f64)
            .with_gauge("spell_platform_places_free", "Places to run that no cast has", move || runner.places_free() as f64)
    }
}

/// The same beside an app, which is also served while another host serves the platform.
pub(crate) async fn open_beside(
    database: Arc<Database>,
    engine: Engine,
    state_dir: &Path,
    config: &OperatorConfig,
    audit: Audit,
) -> Result<Option<Opened>> {
    match open(database, engine, state_dir, config, Some(audit)).await {
        Ok(opened) => {
            if let Some(key) = first_key(&opened.platform).await? {
                eprintln!("The platform's first key, which may do everything and is not shown again: {key}");
            }
            Ok(Some(opened))
        }
        Err(NotOpened::Taken) => {
            eprintln!("warning: another host serves the platform of {}, so this one does not", state_dir.display());
            Ok(None)
        }
        Err(NotOpened::Failed(error)) => Err(error.context("the platform cannot be served; --no-platform serves the app alone")),
    }
}

/// Forgets old casts and deliveries for as long as it is polled.
async fn forget_old(platform: Arc<Platform>) {
    loop {
        match platform.forget_old_casts().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "casts were forgotten"),
            Err(error) => tracing::warn!(%error, "old casts cannot be forgotten"),
        }
        if let Err(error) = platform.forget_old_deliveries().await {
            tracing::warn!(%error, "old deliveries cannot be forgotten");
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

/// Takes the lock, if no other host has it.
fn lock(state_dir: &Path) -> Result<Option<File>> {
    let path = state_dir.join(LOCK_FILE);
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}
