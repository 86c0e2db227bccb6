//! What the file of `--runtime-config-file` says, behind the command line, which goes before it.
//!
//! It knows what stands where and what wins. It must never open a store or a connection.

use crate::args::Up;
use crate::dotenv;
use crate::stores::Labels;
use anyhow::{Context, Result, anyhow};
use spell_capabilities::{HostTrust, PlacesMax, TlsRoots};
use spell_manifest::{
    App, BlockedNetwork, ClientTls, Directory, KeyValueBackend, LlmCompute, OperatorConfig, RuntimeConfig, SqliteBackend, VariablesProvider,
};
use spell_types::Limit;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What Spin reads beside the environment, in the current directory.
const DOTENV: &str = ".env";
/// Largest file of certificates or of a key, in bytes.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// The file, or what holds without one.
#[derive(Debug, Default)]
pub(crate) struct Runtime {
    config: RuntimeConfig,
    file: Option<PathBuf>,
}

impl Runtime {
    /// Reads the file that the command line names, and the files that it names for variables.
    pub(crate) fn load(arguments: &Up, app: &App) -> Result<Runtime> {
        let file = arguments.spin.runtime_config_file.clone().filter(|file| !file.as_os_str().is_empty());
        let mut config = file.as_deref().map(RuntimeConfig::load).transpose()?.unwrap_or_default();
        config.read_dotenv(dotenv::read).context("dotenv_path")?;
        // Whoever was not asked by name comes last.
        config.variables_providers.push(VariablesProvider::Environment {
            prefix: "SPIN_VARIABLE".to_owned(),
            dotenv_path: None,
            dotenv: dotenv::read_if_there(Path::new(DOTENV))?,
        });
        let runtime = Runtime { config, file };
        for warning in runtime.without_effect(app) {
            eprintln!("warning: {warning}");
        }
        Ok(runtime)
    }

    /// The value of every variable of the app.
    pub(crate) fn variables(&self, app: &App, arguments: &Up) -> Result<BTreeMap<String, String>> {
        let given: BTreeMap<String, String> = arguments.variables.iter().flat_map(|some| some.0.iter().cloned()).collect();
        Ok(app.resolve_variables_with(&given, &self.config.variables_providers, |name| std::env::var(name).ok())?)
    }

    /// Where state is kept; empty for nowhere.
    pub(crate) fn state_dir(&self, arguments: &Up, app: &App) -> PathBuf {
        let said = || self.config.state_dir.as_ref().map(path_of);
        arguments.state_dir.clone().or_else(said).unwrap_or_else(|| app.root.join(".spell"))
    }

    /// Where the output of components is kept, if it is.
    pub(crate) fn log_dir(&self, arguments: &Up, state_dir: &Path) -> Option<PathBuf> {
        let said = || self.config.log_dir.as_ref().map(path_of);
        let directory = arguments.log_dir.as_ref().map(PathBuf::from).or_else(said);
        directory.map_or_else(|| Some(state_dir.join("logs")), |directory| Some(directory).filter(|path| !path.as_os_str().is_empty()))
    }

    /// Narrows what the operator's file says: the file can take away and never give.
    pub(crate) fn apply(&self, arguments: &Up, config: &mut OperatorConfig) {
        if let Some(bytes) = arguments.spin.max_instance_memory.or(self.config.max_instance_memory) {
            for limits in [&mut config.defaults, &mut config.ceilings] {
                limits.set(Limit::Memory, limits.get(Limit::Memory).min(bytes));
            }
        }
        for blocked in &self.config.outbound_networking.block_networks {
            match blocked {
                // What is not public is refused already, but for what the operator allows.
                BlockedNetwork::Private => config.allow_networks.clear(),
                BlockedNetwork::Range(range) => config.block_networks.push(*range),
            }
        }
    }

    /// What stands behind labels. `default` needs no entry.
    pub(crate) fn labels(&self) -> Labels {
        let mut labels = Labels::default();
        labels.key_value.extend(self.config.key_value_stores.clone());
        let databases = self.config.sqlite_databases.iter().map(|(label, SqliteBackend::Spin { path, .. })| (label.clone(), path.clone()));
        labels.sqlite.extend(databases);
        labels
    }

    /// Who infers, if anybody does.
    pub(crate) fn llm_compute(&self) -> Option<&LlmCompute> {
        self.config.llm_compute.as_ref()
    }

    /// Whether connections for HTTP are kept for further requests.
    pub(crate) fn keep_connections(&self) -> bool {
        self.config.outbound_http.connection_pooling
    }

    /// The connections that all components share.
    pub(crate) fn places(&self) -> PlacesMax {
        let count = |most: Option<u64>| most.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        let limits = &self.config.outbound_limits;
        PlacesMax {
            http: count(self.config.outbound_http.max_connections),
            postgres: count(limits.pg_connections_max),
            mysql: count(limits.mysql_connections_max),
            redis: count(limits.redis_connections_max),
            mqtt: count(limits.mqtt_connections_max),
            sockets: count(self.config.outbound_networking.max_socket_connections),
            total: count(self.config.outbound_networking.max_total_connections),
        }
    }

    /// What a component trusts, and shows of itself.
    pub(crate) fn roots_of(&self, component: &str, roots: &TlsRoots) -> Result<TlsRoots> {
        let of_component = |entry: &&ClientTls| entry.component_ids.iter().any(|id| id == component);
        let entries = self.config.client_tls.iter().filter(of_component);
        entries.into_iter().try_fold(roots.clone(), |roots, entry| roots.with_hosts(&trust(entry)?).context("[[client_tls]]"))
    }

    /// Says what the file put in place, as Spin does.
    pub(crate) fn announce(&self) {
        let Some(file) = &self.file else { return };
        let stores = self.config.key_value_stores.iter().map(|(label, backend)| match backend {
            KeyValueBackend::Spin { .. } => format!("[key_value_store.{label}: spin]"),
            KeyValueBackend::Redis { .. } => format!("[key_value_store.{label}: redis]"),
        });
        let databases = self.config.sqlite_databases.keys().map(|label| format!("[sqlite_database.{label}: spin]"));
        let compute = self.config.llm_compute.iter().map(|LlmCompute::RemoteHttp { .. }| "[llm_compute: remote_http]".to_owned());
        let said: Vec<String> = stores.chain(databases).chain(compute).collect();
        if !said.is_empty() {
            eprintln!("Using runtime config {} from \"{}\"", said.join(", "), file.display());
        }
    }

    /// What was asked for and changes nothing, each with the reason.
    fn without_effect(&self, app: &App) -> Vec<String> {
        let attaches = |(_, SqliteBackend::Spin { allow_attach_file, .. }): &(&String, &SqliteBackend)| *allow_attach_file;
        let attaching = self.config.sqlite_databases.iter().filter(attaches);
        let attaching =
            attaching.map(|(label, _)| format!("sqlite_database.{label}: allow_attach_file changes nothing: ATTACH is refused"));
        let ids = self.config.client_tls.iter().flat_map(|entry| &entry.component_ids).filter(|id| app.component(id).is_none());
        let strangers = ids.map(|id| format!("[[client_tls]] changes nothing for \"{id}\": there is no such component"));
        attaching.chain(strangers).collect()
    }
}

fn path_of(directory: &Directory) -> PathBuf {
    match directory {
        Directory::None => PathBuf::new(),
        Directory::At(path) => path.clone(),
    }
}

fn trust(entry: &ClientTls) -> Result<HostTrust> {
    let identity = entry.certificate.as_ref().map(|(certificate, key)| Ok::<_, anyhow::Error>((pem(certificate)?, pem(key)?)));
    Ok(HostTrust {
        hosts: entry.hosts.clone(),
        platform_roots: entry.use_platform_roots,
        web_roots: entry.use_webpki_roots,
        roots: entry.ca_roots_file.as_deref().map(pem).transpose()?,
        identity: identity.transpose()?,
    })
}

fn pem(path: &Path) -> Result<Vec<u8>> {
    let context = || format!("[[client_tls]]: cannot read {}", path.display());
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes)).with_context(context)?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(anyhow!("it has more than {PEM_BYTES_MAX} bytes")).with_context(context);
    }
    Ok(bytes)
}
