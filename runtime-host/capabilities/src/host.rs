//! What one request of one component holds while it runs.
//!
//! This module knows the tables and counters of a single request. It must never know the requests next to it.

use crate::Grants;
use crate::logs::LogBudget;
use crate::otel::RequestTelemetry;
use crate::outbound::OutboundSession;
use crate::tmp::Tmp;
use std::sync::Arc;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Most resources (streams, requests, fields, stores, …) that the host keeps for one request at once.
const RESOURCES_MAX: usize = 4096;
/// The same where any of them may be a socket, or a file that was just made: each is a file of the whole process.
const RESOURCES_WITH_FILES_MAX: usize = 256;
/// Most bytes of one set of headers, as they are held in memory.
const FIELDS_BYTES_MAX: usize = 64 << 10;

/// The host's side of one request; made by [`Grants::host`].
pub struct Host {
    pub(crate) grants: Arc<Grants>,
    pub(crate) table: ResourceTable,
    /// Key-value stores that are open now.
    pub(crate) stores_open: usize,
    /// Connections to SQL databases that are open now.
    pub(crate) databases_open: usize,
    wasi: WasiCtx,
    pub(crate) tmp: Option<Tmp>,
    http: WasiHttpCtx,
    pub(crate) outbound: OutboundSession,
    pub(crate) telemetry: RequestTelemetry,
    log: Arc<LogBudget>,
}

impl Host {
    pub(crate) fn new(wasi: WasiCtx, outbound: OutboundSession, grants: Arc<Grants>, log: Arc<LogBudget>) -> Host {
        let mut table = ResourceTable::new();
        let tmp = grants.make_tmp();
        let may_make_files = grants.takes_sockets() || tmp.is_some();
        table.set_max_capacity(if may_make_files { RESOURCES_WITH_FILES_MAX } else { RESOURCES_MAX });
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(FIELDS_BYTES_MAX);
        Host { grants, table, stores_open: 0, databases_open: 0, wasi, tmp, http, outbound, telemetry: RequestTelemetry::default(), log }
    }

    /// The same for a request that came about at this [`depth`](crate::depth()) of calls.
    #[must_use]
    pub fn at_depth(mut self, depth: u64) -> Host {
        self.outbound.depth = depth;
        self
    }

    /// Outbound requests and connections that the guest asked for, refused ones included.
    pub fn outbound_requests(&self) -> u64 {
        self.outbound.requests()
    }

    /// Outbound requests and connections that were refused by a rule or a limit.
    pub fn outbound_refused(&self) -> u64 {
        self.outbound.refused()
    }

    /// Whether output was cut off at [`Limit::Log`](spell_types::Limit::Log).
    pub fn is_log_cut(&self) -> bool {
        self.log.is_exceeded()
    }
}

impl AsMut<Host> for Host {
    fn as_mut(&mut self) -> &mut Host {
        self
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Lends [`Host`] to the generated bindings.
pub(crate) struct HostAccess;

impl HasData for HostAccess {
    type Data<'a> = &'a mut Host;
}
