//! `spell up`: puts the rooms together, serves until it is told to stop, and stops in order.

use crate::access::Terminal;
use crate::announcement::announcement;
use crate::args::{SpinFlags, Up};
use crate::assemble::Assembled;
use crate::listen::bind;
use crate::making::{Making, Swapping};
use crate::output::print;
use crate::platform::{self, Opened};
use crate::runtime::Runtime;
use crate::sinks::Sinks;
use crate::stores::Stores;
use crate::system;
use crate::telemetry::{self, Reporting};
use crate::version;
use crate::watch::Watching;
use crate::{assemble, build, engine, selection, shares};
use anyhow::{Context, Result};
use spell_api::{Control, Metrics, Programs};
use spell_capabilities::{self as capabilities, Audit, ConnectionPlaces, LogWriter, Rotation, Rule};
use spell_engine::{Engine, Library};
use spell_manifest::{App, OperatorConfig, Setting};
use spell_store::{Database, MetricsFile, Recorder};
use spell_trigger_http::{AccessLog, Failures, Server, ServerConfig, Tls};
use spell_types::Limit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Serves the app until a signal.
pub(crate) fn run(arguments: Up) -> Result<()> {
    version::check()?;
    let app = load(&arguments)?;
    if arguments.build {
        build::build(&app, &arguments.components)?;
    }
    run_app(app, &Arc::new(arguments), None)
}

/// Reads the app that the command line names.
pub(crate) fn load(arguments: &Up) -> Result<App> {
    let mut app = spell_manifest::load(&arguments.from)?;
    if let Some(profile) = &arguments.profile {
        app.apply_profile(profile)?;
    }
    Ok(app)
}

/// The manifest of the app at a path.
pub(crate) fn manifest(from: &Path) -> PathBuf {
    if from.is_dir() { from.join("spin.toml") } else { from.to_owned() }
}

/// Serves the app of a lock file, which Spin made of a manifest.
pub(crate) fn run_locked(url: &str, arguments: Up) -> Result<()> {
    version::check()?;
    run_app(spell_manifest::load_lock_at(url, FEATURES)?, &Arc::new(arguments), None)
}

/// What an app can require of its host, by Spin's names.
pub(crate) const FEATURES: &[&str] = &["local_service_chaining", "middleware"];

/// Serves an app until a signal, and what becomes of it meanwhile where somebody watches.
pub(crate) fn run_app(mut app: App, arguments: &Arc<Up>, watching: Option<Watching>) -> Result<()> {
    selection::keep(&mut app, &arguments.components)?;
    selection::check_followed(&app, &arguments.follow)?;
    let (config, runtime_config) = configure(arguments, &app)?;
    let config = Arc::new(config);
    system::prepare(&config.settings);
    let listener = bind(&arguments.listen, arguments.find_free_port)?;
    let control = if arguments.control_listen == "off" { None } else { Some(bind(&arguments.control_listen, false)?) };
    let given = runtime_config.state_dir(arguments, &app);
    let is_lasting = !given.as_os_str().is_empty();
    // What needs a directory all the same, such as compiled code, has one that goes when the host does.
    let temporary = if is_lasting { None } else { Some(tempfile::tempdir().context("cannot make a temporary directory")?) };
    let state_dir = temporary.as_ref().map_or(given, |temporary| temporary.path().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let host = Arc::new(Host::open(arguments, &app, &config, runtime_config, &state_dir, is_lasting)?);
    let served = runtime.block_on(host.serve(arguments, app, &config, listener, control, watching));
    runtime.shutdown_background();
    served
}

/// What the operator's file, the runtime configuration and the command line say together.
pub(crate) fn configure(arguments: &Up, app: &App) -> Result<(OperatorConfig, Runtime)> {
    let mut config = arguments.config.as_deref().map(OperatorConfig::load).transpose()?.unwrap_or_default();
    apply(&arguments.spin, &mut config);
    let runtime = Runtime::load(arguments, app)?;
    runtime.apply(arguments, &mut config);
    Ok((config, runtime))
}

/// An address at which a listener of this machine can be reached from it.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// What Spin's flags say goes before what the operator's file says.
fn apply(flags: &SpinFlags, config: &mut OperatorConfig) {
    for warning in flags.without_effect() {
        eprintln!("warning: {warning}");
    }
    if let Some(time) = flags.request_timeout {
        let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        config.defaults.set(Limit::Time, time_ms.min(config.ceilings.get(Limit::Time)));
    }
    if let Some(bytes) = flags.http1_max_buf_size {
        config.settings.set(Setting::HeaderBytes, bytes);
    }
}

/// The rooms that live as long as the host.
pub(crate) struct Host {
    pub(crate) runtime: Runtime,
    /// Connections that all components share.
    pub(crate) places: Arc<ConnectionPlaces>,
    pub(crate) stores: Mutex<Stores>,
    recorder: Arc<Recorder>,
    engine: Engine,
    pub(crate) library: Arc<Library<capabilities::Host>>,
    pub(crate) logs: LogWriter,
    pub(crate) audit: Audit,
    /// What components tell of themselves, if they may.
    pub(crate) telemetry: Option<Reporting>,
    /// Where the output of components is kept, if it is.
    pub(crate) log_dir: Option<PathBuf>,
    pub(crate) state_dir: PathBuf,
    /// Whether what components store is there at the next start.
    pub(crate) is_lasting: bool,
}

impl Host {
    fn open(arguments: &Up, app: &App, config: &OperatorConfig, runtime: Runtime, state_dir: &Path, is_lasting: bool) -> Result<Self> {
        let stores = Mutex::new(Stores::open(runtime.labels(), app, arguments, is_lasting.then_some(state_dir), &config.settings)?);
        let places = Arc::new(ConnectionPlaces::new(&runtime.places()));
        let recorder = Arc::new(MetricsFile::open(state_dir)?.start_recorder()?);
        let settings = &config.settings;
        // Casts have places of their own.
        let shares = [Setting::Concurrency, Setting::CastConcurrency];
        let engine = engine::open(settings, &shares, (!arguments.spin.disable_cache).then_some(state_dir))?;
        let library = assemble::library(&engine, settings, arguments.spin.experimental_wasi_otel)?;
        let rotation = Rotation {
            bytes_max: settings.get(Setting::LogBytesMax),
            files_max: u32::try_from(settings.get(Setting::LogFilesMax).saturating_sub(1))?,
        };
        let log_dir = runtime.log_dir(arguments, state_dir);
        // What guests were refused is noted also where nobody keeps what they print.
        let audit_dir = log_dir.clone().unwrap_or_else(|| state_dir.join("logs"));
        std::fs::create_dir_all(&audit_dir).with_context(|| format!("cannot make the log directory {}", audit_dir.display()))?;
        eprintln!("spell {} loads \"{}\"", version::line(), app.name);
        let logs = LogWriter::start(rotation)?;
        let audit = Audit::new(logs.open(Some(&audit_dir.join("audit.jsonl")), None)?);
        let telemetry = if arguments.spin.experimental_wasi_otel { Some(Reporting::open()?) } else { None };
        let state_dir = state_dir.to_owned();
        Ok(Self { runtime, places, stores, is_lasting, recorder, engine, library, logs, audit, telemetry, log_dir, state_dir })
    }

    async fn serve(
        self: Arc<Self>,
        arguments: &Arc<Up>,
        app: App,
        config: &Arc<OperatorConfig>,
        listener: TcpListener,
        control: Option<TcpListener>,
        watching: Option<Watching>,
    ) -> Result<()> {
        let address = listener.local_addr()?;
        let making = Making { host: self.clone(), arguments: arguments.clone(), config: config.clone(), address: reachable(address) };
        let Assembled { app: ready, programs } = making.first(&app)?;
        let stores = self.stores().clone();
        stores.fill(arguments).await?;
        let opened = if control.is_some() { self.platform(arguments, config, stores.database()).await? } else { None };
        let metrics = self.metrics(&app);
        let metrics = Arc::new(match &opened {
            Some(opened) => opened.count(metrics),
            None => metrics,
        });
        tokio::spawn(let_go_of_idle(self.library.clone()));
        let reporting = self.telemetry.as_ref().map(Reporting::start);
        let sink = Arc::new(Sinks { recorder: self.recorder.clone(), metrics: metrics.clone() });
        let access: Option<Arc<dyn AccessLog>> = if arguments.quiet { None } else { Some(Arc::new(Terminal::start()?)) };
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = Server::start(listener, ready, &server_config(arguments, config)?, sink, access)?;
        let draining = Arc::new(AtomicBool::new(false));
        let (stop_control, control_stopped) = oneshot::channel::<()>();
        let mut controlling = None;
        if let Some(listener) = control {
            eprintln!("Control plane on http://{}", listener.local_addr()?);
            let (platform, rates) = (opened.as_ref().map(|opened| opened.platform.clone()), shares::rates(&config.settings)?);
            let programs = opened.as_ref().map(|opened| opened.programs.clone() as Arc<dyn Programs>);
            let control = Control { metrics: metrics.clone(), draining: draining.clone(), platform, programs, rates };
            let serving = tokio::spawn(spell_api::serve(listener, control, async { _ = control_stopped.await }));
            controlling = Some((serving, opened));
        }
        if let Some(log_dir) = &self.log_dir {
            eprintln!("Logging component stdio to \"{}\"", log_dir.display());
        }
        self.announce_stores();
        let scheme = if arguments.tls_cert.is_some() { "https" } else { "http" };
        print(&announcement(&app, &format!("{scheme}://{address}"), arguments.format)?)?;
        let watched =
            watching.map(|watching| watching.start(app, Swapping::new(making, server.handler(), &metrics, programs))).transpose()?;
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        drop(watched);
        draining.store(true, Ordering::Relaxed);
        let drained = tokio::select! {
            drained = server.drain() => drained,
            _ = terminate.recv() => false,
            _ = interrupt.recv() => false,
        };
        drop(stop_control);
        if !drained {
            eprintln!("warning: stopped before all requests had ended");
        }
        if let Some((serving, _opened)) = controlling {
            // Casts that run have some seconds to end.
            tokio::select! { _ = serving => {}, _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        }
        if let Some(reporting) = reporting {
            reporting.finish().await;
        }
        self.close().await
    }

    /// The platform beside the app, if it is wanted and no other host serves it. What is made in a temporary directory would be lost.
    async fn platform(&self, arguments: &Up, config: &OperatorConfig, database: Arc<Database>) -> Result<Option<Opened>> {
        if arguments.no_platform || !self.is_lasting {
            return Ok(None);
        }
        platform::open_beside(database, self.engine.clone(), &self.state_dir, config, self.audit.clone()).await
    }

    fn announce_stores(&self) {
        for line in self.stores().announcements(self.is_lasting.then_some(&self.state_dir)) {
            eprintln!("{line}");
        }
        self.runtime.announce();
    }

    /// Brings everything to disk that is still on its way there.
    async fn close(self: Arc<Self>) -> Result<()> {
        tokio::task::spawn_blocking(move || {
            self.recorder.flush();
            self.logs.flush();
            drop(self);
        })
        .await?;
        Ok(())
    }

    /// The stores; nothing that could panic leaves them half opened.
    pub(crate) fn stores(&self) -> MutexGuard<'_, Stores> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn metrics(&self, app: &App) -> Metrics {
        let components: Vec<Arc<str>> = app.components.iter().map(|component| component.id.as_str().into()).collect();
        let (recorder, engine, library) = (self.recorder.clone(), self.engine.clone(), self.library.clone());
        let audit = self.audit.clone();
        telemetry::count(Metrics::new(&components), self.telemetry.as_ref())
            .with_counter("spell_refusals", "What guests were refused, or would have been", "rule", move || {
                Rule::ALL.map(|rule| (rule.name(), audit.count(rule))).to_vec()
            })
            .with_gauge("spell_records_dropped", "Executions that were not recorded because the queue was full", move || {
                recorder.dropped() as f64
            })
            .with_gauge("spell_components_loaded", "Components whose code is ready", move || library.loaded() as f64)
            .with_gauge("spell_instances", "Component instances that are alive", move || engine.instances() as f64)
    }
}

/// How often it is looked for code that nobody asks for any more.
const IDLE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

async fn let_go_of_idle(library: Arc<Library<capabilities::Host>>) {
    loop {
        tokio::time::sleep(IDLE_CHECK_INTERVAL).await;
        library.let_go_of_idle(Instant::now());
    }
}

fn server_config(arguments: &Up, config: &OperatorConfig) -> Result<ServerConfig> {
    let settings = &config.settings;
    Ok(ServerConfig {
        threads: arguments.threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from)),
        connections_max: usize::try_from(settings.get(Setting::Connections))?,
        concurrency_max: usize::try_from(settings.get(Setting::Concurrency))?,
        header_time_max: settings.time(Setting::HeaderTime),
        header_bytes_max: usize::try_from(settings.get(Setting::HeaderBytes))?,
        tls: arguments.tls_cert.as_deref().zip(arguments.tls_key.as_deref()).map(tls).transpose()?,
        drain_time_max: settings.time(Setting::DrainTime),
        failures: if arguments.spin_compat { Failures::AsSpin } else { Failures::Explained },
    })
}

/// Reads what TLS needs.
fn tls((certificates, key): (&Path, &Path)) -> Result<Tls> {
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    Tls::from_pem(&read(certificates)?, &read(key)?)
        .with_context(|| format!("--tls-cert {} and --tls-key {} cannot be used", certificates.display(), key.display()))
}
