//! `spell up`: puts the rooms together, serves until it is told to stop, and stops in order.

use crate::access::Terminal;
use crate::args::Up;
use crate::assemble::Parts;
use crate::compiling;
use crate::output::print;
use crate::sinks::Sinks;
use crate::system;
use crate::version;
use anyhow::{Context, Result, bail};
use spell_api::{Control, Metrics};
use spell_capabilities::{self as capabilities, Audit, LogWriter, Rotation, Rule};
use spell_engine::{CodeCache, Engine, EngineConfig, Library};
use spell_manifest::{App, OperatorConfig, Setting, TriggerRoute, TriggerTarget};
use spell_store::{Database, MetricsFile, Recorder};
use spell_trigger_http::{AccessLog, Server, ServerConfig};
use std::collections::HashMap;
use std::net::{TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Serves the app until a signal.
pub(crate) fn run(arguments: &Up) -> Result<()> {
    version::check()?;
    let app = spell_manifest::load(&arguments.from)?;
    let config = arguments.config.as_deref().map(OperatorConfig::load).transpose()?.unwrap_or_default();
    system::prepare(&config.settings);
    let listener = bind(&arguments.listen, arguments.find_free_port)?;
    let control = if arguments.control_listen == "off" { None } else { Some(bind(&arguments.control_listen, false)?) };
    let state_dir = arguments.state_dir.clone().unwrap_or_else(|| app.root.join(".spell"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let host = Host::open(arguments, &app, &config, &state_dir)?;
    let served = runtime.block_on(host.serve(arguments, app, &config, listener, control));
    runtime.shutdown_background();
    served
}

/// The rooms that live as long as the host.
struct Host {
    database: Arc<Database>,
    recorder: Arc<Recorder>,
    engine: Engine,
    logs: LogWriter,
    audit: Audit,
    log_dir: PathBuf,
    state_dir: PathBuf,
}

impl Host {
    fn open(arguments: &Up, app: &App, config: &OperatorConfig, state_dir: &Path) -> Result<Self> {
        let database = Arc::new(Database::open(state_dir)?);
        let recorder = Arc::new(MetricsFile::open(state_dir)?.start_recorder()?);
        let cache_dir = state_dir.join("code");
        let cache = CodeCache::open(&cache_dir, &state_dir.join("code.key"))
            .with_context(|| format!("cannot open the cache of compiled code {}", cache_dir.display()))?;
        let settings = &config.settings;
        let engine = EngineConfig {
            instances_max: u32::try_from(settings.get(Setting::Concurrency)).unwrap_or(u32::MAX),
            stack_bytes: usize::try_from(settings.get(Setting::StackBytes))?,
            ..EngineConfig::default()
        };
        let compiler = compiling::compiler(settings, &engine);
        let engine = Engine::new(&engine, Some(cache), compiler)?;
        let rotation = Rotation {
            bytes_max: settings.get(Setting::LogBytesMax),
            files_max: u32::try_from(settings.get(Setting::LogFilesMax).saturating_sub(1))?,
        };
        let log_dir = arguments.log_dir.clone().unwrap_or_else(|| state_dir.join("logs"));
        std::fs::create_dir_all(&log_dir).with_context(|| format!("cannot make the log directory {}", log_dir.display()))?;
        eprintln!("spell {} loads \"{}\"", version::line(), app.name);
        let logs = LogWriter::start(rotation)?;
        let audit = Audit::new(logs.open(Some(&log_dir.join("audit.jsonl")), None)?);
        Ok(Self { database, recorder, engine, logs, audit, log_dir, state_dir: state_dir.to_owned() })
    }

    async fn serve(
        self,
        arguments: &Up,
        app: App,
        config: &OperatorConfig,
        listener: TcpListener,
        control: Option<TcpListener>,
    ) -> Result<()> {
        let parts = Parts {
            app: &app,
            arguments,
            config,
            engine: &self.engine,
            state_dir: &self.state_dir,
            log_dir: &self.log_dir,
            logs: &self.logs,
            audit: &self.audit,
            key_value: self.database.clone(),
        };
        let (ready, library) = parts.assemble()?;
        let metrics = Arc::new(self.metrics(&app, library.clone()));
        tokio::spawn(let_go_of_idle(library));
        let sink = Arc::new(Sinks { recorder: self.recorder.clone(), metrics: metrics.clone() });
        let access: Option<Arc<dyn AccessLog>> = if arguments.quiet { None } else { Some(Arc::new(Terminal::start()?)) };
        let address = listener.local_addr()?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = Server::start(listener, ready, &server_config(arguments, config)?, sink, access)?;
        let draining = Arc::new(AtomicBool::new(false));
        let (stop_control, control_stopped) = oneshot::channel::<()>();
        if let Some(listener) = control {
            eprintln!("Control plane on http://{}", listener.local_addr()?);
            let control = Control { metrics, draining: draining.clone() };
            tokio::spawn(spell_api::serve(listener, control, async { _ = control_stopped.await }));
        }
        eprintln!("Logging component stdio to \"{}\"", self.log_dir.display());
        eprintln!("Storing default key-value data to \"{}\"", self.state_dir.join("spell.db").display());
        print(&announcement(&app, &format!("http://{address}")))?;
        // What was written is all in place now.
        drop(app);
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
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
        self.close().await
    }

    /// Brings everything to disk that is still on its way there.
    async fn close(self) -> Result<()> {
        tokio::task::spawn_blocking(move || {
            self.recorder.flush();
            self.logs.flush();
            drop(self);
        })
        .await?;
        Ok(())
    }

    fn metrics(&self, app: &App, library: Arc<Library<capabilities::Host>>) -> Metrics {
        let components: Vec<Arc<str>> = app.components.iter().map(|component| component.id.as_str().into()).collect();
        let (recorder, engine) = (self.recorder.clone(), self.engine.clone());
        let audit = self.audit.clone();
        Metrics::new(&components)
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
        drain_time_max: settings.time(Setting::DrainTime),
    })
}

/// The lines that tools wait for, on standard output, as Spin prints them.
fn announcement(app: &App, base_url: &str) -> String {
    let mut text = format!("\nServing {base_url}\nAvailable Routes:\n");
    let descriptions = app.components.iter().map(|component| (component.id.as_str(), component.description.as_ref()));
    let descriptions: HashMap<&str, Option<&String>> = descriptions.collect();
    for trigger in &app.triggers {
        let TriggerRoute::Public(pattern) = &trigger.route else { continue };
        let (id, description) = match &trigger.target {
            TriggerTarget::Component(id) => (id, descriptions.get(id.as_str()).copied().flatten()),
            TriggerTarget::Static(_) => (&trigger.id, None),
        };
        let (path, wildcard) = match pattern.strip_suffix("/...").or_else(|| pattern.strip_suffix("/*")) {
            Some(path) => (path, " (wildcard)"),
            None => (pattern.as_str(), ""),
        };
        let slash = if path.is_empty() || path.starts_with('/') { "" } else { "/" };
        text.push_str(&format!("  {id}: {base_url}{slash}{path}{wildcard}\n"));
        if let Some(description) = description {
            text.push_str(&format!("    {description}\n"));
        }
    }
    text
}

/// Ports tried after one that is taken.
const PORTS_TRIED_MAX: u16 = 10;

fn bind(address: &str, find_free_port: bool) -> Result<TcpListener> {
    let resolved = address
        .to_socket_addrs()
        .with_context(|| format!("\"{address}\" is not an address to listen on; write one like 127.0.0.1:3000"))?;
    let Some(mut socket) = resolved.min_by_key(|socket| !socket.is_ipv4()) else { bail!("\"{address}\" has no address") };
    for _ in 0..=PORTS_TRIED_MAX {
        match TcpListener::bind(socket) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && find_free_port => {
                socket.set_port(socket.port().saturating_add(1))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                bail!("{socket} is already in use. To have Spell search for a free port, use the --find-free-port option.")
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on {socket}")),
        }
    }
    bail!("no free port found from {address} on")
}
