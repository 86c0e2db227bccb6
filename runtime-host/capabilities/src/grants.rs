//! What one component may use, put together once when it is loaded.
//!
//! This module knows the things granted. It must never know where the decision came from.

use crate::clocks::{CoarseMonotonicClock, CoarseWallClock};
use crate::logs::{LogBudget, LogStream};
use crate::outbound::{OutboundSession, sockets};
use crate::tmp::Tmp;
use crate::{Audit, Host, LogFile, ModelService, Outbound, Program, Scratch, Sink, TelemetrySource};
use spell_types::{KeyValueStore, Limits, SqlDatabase};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

/// Most random bytes that a guest gets from one call.
const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// What a component may use. [`Grants::none`] is the place to start from.
pub struct Grants {
    /// The component's name, for the host's log.
    pub component: Arc<str>,
    /// Environment variables, in the order in which the guest sees them.
    pub environment: Vec<(String, String)>,
    /// Values of its variables, by the component's own names for them.
    pub variables: BTreeMap<String, String>,
    /// The key-value stores that it may open, by its labels for them.
    pub key_value_stores: BTreeMap<String, GrantedStore>,
    /// The SQL databases that it may open, by its labels for them.
    pub sqlite_databases: BTreeMap<String, Arc<dyn SqlDatabase>>,
    /// Its way out to the network.
    pub outbound: Option<Arc<Outbound>>,
    /// The service that it may ask language models of.
    pub model_service: Option<Arc<ModelService>>,
    /// Names of the models that it may ask.
    pub ai_models: BTreeSet<String>,
    /// As whom it tells something of itself, where the operator asks for it.
    pub telemetry: Option<Arc<TelemetrySource>>,
    /// The directories that it sees, read-only.
    pub files: Vec<Mount>,
    /// Where its requests have a `/tmp` of their own. Those that can do without WASI 0.3 see it: there, nothing bounds what is written.
    pub tmp: Option<Scratch>,
    /// Where its standard output goes.
    pub stdout: LogFile,
    /// Where its standard error goes.
    pub stderr: LogFile,
    /// Where it is noted what it was refused.
    pub audit: Audit,
}

/// A directory that a component sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is.
    pub directory: PathBuf,
    /// The path under which the component sees it, such as `/`.
    pub at: String,
}

/// A key-value store that a label leads to.
#[derive(Clone)]
pub struct GrantedStore {
    /// The database that it is in.
    pub database: Arc<dyn KeyValueStore>,
    /// Its name there.
    pub name: Arc<str>,
}

impl Grants {
    /// Nothing but clocks and randomness, which every component has.
    pub fn none(component: impl Into<Arc<str>>) -> Grants {
        Grants {
            component: component.into(),
            environment: Vec::new(),
            variables: BTreeMap::new(),
            key_value_stores: BTreeMap::new(),
            sqlite_databases: BTreeMap::new(),
            outbound: None,
            model_service: None,
            ai_models: BTreeSet::new(),
            telemetry: None,
            files: Vec::new(),
            tmp: None,
            stdout: LogFile::discard(),
            stderr: LogFile::discard(),
            audit: Audit::default(),
        }
    }

    /// The state of one request. It asks nothing of the system, unless the component has files or a `/tmp`.
    pub fn host(self: &Arc<Self>, limits: &Limits) -> Host {
        let budget = Arc::new(LogBudget::new(limits));
        let mut session = OutboundSession::new(Arc::clone(self), limits);
        Host::new(self.wasi(&budget, &mut session).build(), session, Arc::clone(self), budget)
    }

    /// The same for a request whose standard output and standard error go to sinks of its own.
    pub fn host_printing_to(self: &Arc<Self>, limits: &Limits, stdout: Sink, stderr: Sink) -> Host {
        let budget = Arc::new(LogBudget::new(limits));
        let mut session = OutboundSession::new(Arc::clone(self), limits);
        let mut wasi = self.wasi(&budget, &mut session);
        wasi.stdout(LogStream::to(stdout, Arc::clone(&budget))).stderr(LogStream::to(stderr, Arc::clone(&budget)));
        Host::new(wasi.build(), session, Arc::clone(self), budget)
    }

    /// The state of one request that a program is run for.
    pub fn host_of_program(self: &Arc<Self>, limits: &Limits, program: &Program) -> Host {
        let budget = Arc::new(LogBudget::new(limits));
        let mut session = OutboundSession::new(Arc::clone(self), limits);
        let mut wasi = self.wasi(&budget, &mut session);
        wasi.args(&program.arguments).envs(&program.environment).stdin(program.stdin()).stdout(program.output.stream());
        Host::new(wasi.build(), session, Arc::clone(self), budget)
    }

    pub(crate) fn takes_sockets(&self) -> bool {
        self.outbound.as_ref().is_some_and(|outbound| outbound.takes_sockets())
    }

    pub(crate) fn make_tmp(&self) -> Option<Tmp> {
        let tmp = Tmp::make(self.tmp.as_ref()?);
        let failed = |error| tracing::error!(component = %self.component, %error, "no directory can be made for its /tmp; it runs without");
        tmp.map_err(failed).ok()
    }

    /// Sockets stay denied unless the manifest names a destination for them; listening, datagrams and name lookup always. Random generators are seeded from the thread's own secure
    /// generator, which goes to the system once in many requests.
    fn wasi(&self, budget: &Arc<LogBudget>, session: &mut OutboundSession) -> WasiCtxBuilder {
        let mut wasi = WasiCtx::builder();
        wasi.envs(&self.environment)
            .stdout(LogStream::new(self.stdout.clone(), Arc::clone(budget)))
            .stderr(LogStream::new(self.stderr.clone(), Arc::clone(budget)))
            .wall_clock(CoarseWallClock)
            .monotonic_clock(CoarseMonotonicClock::start())
            .max_random_size(RANDOM_BYTES_MAX);
        if self.takes_sockets() {
            sockets::allow(&mut wasi, session.asking());
        }
        for Mount { directory, at } in &self.files {
            if let Err(error) = wasi.preopened_dir(directory, at, FsPerms::ReadOnly) {
                let (component, path) = (&self.component, directory.display());
                tracing::error!(%component, %path, %error, "the component's files cannot be opened; it runs without");
            }
        }
        wasi
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::component::Resource;
    use wasmtime_wasi::p2::bindings::sockets::{
        instance_network, ip_name_lookup, network::IpAddressFamily, tcp_create_socket, udp_create_socket,
    };
    use wasmtime_wasi::sockets::WasiSocketsView;

    #[tokio::test]
    async fn sockets_and_name_lookup_are_denied() {
        let mut host = Arc::new(Grants::none("test")).host(&Limits::default());
        let mut sockets = host.sockets();
        assert!(tcp_create_socket::Host::create_tcp_socket(&mut sockets, IpAddressFamily::Ipv4).is_err());
        assert!(udp_create_socket::Host::create_udp_socket(&mut sockets, IpAddressFamily::Ipv4).await.is_err());
        let network = instance_network::Host::instance_network(&mut sockets).unwrap();
        let stream = ip_name_lookup::Host::resolve_addresses(&mut sockets, Resource::new_borrow(network.rep()), "localhost".to_owned());
        let denied = match stream {
            Err(_) => true,
            Ok(stream) => ip_name_lookup::HostResolveAddressStream::resolve_next_address(&mut sockets, stream).is_err(),
        };
        assert!(denied);
    }

    #[test]
    fn files_that_are_gone_leave_the_component_without_files() {
        let files = vec![Mount { directory: PathBuf::from("/nonexistent"), at: "/".to_owned() }];
        Arc::new(Grants { files, ..Grants::none("test") }).host(&Limits::default());
    }

    /// A measurement, not a check: `cargo test --release -- --ignored --nocapture`.
    #[test]
    #[ignore = "prints the cost of a request's state"]
    fn cost_of_a_host() {
        const ROUNDS: u32 = 200_000;
        let grants = Arc::new(Grants::none("test"));
        let limits = Limits::default();
        let started = std::time::Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(grants.host(&limits));
        }
        println!("{:?} per request", started.elapsed() / ROUNDS);
    }
}
