//! A data plane without a network: one spell, its records counted by nobody.

#![allow(dead_code, reason = "a bench uses what it measures, and not the rest")]

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use spell_capabilities::{Grants, Host as GuestHost};
use spell_engine::{Compiler, Engine, EngineConfig, HttpSpell, Library, LibraryBounds};
use spell_trigger_http::{App, AppInfo, Client, Component, Failures, Handler, Routes, Target};
use spell_types::{ExecutionRecord, ExecutionSink, Limits};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use wasmtime_wasi_http::Error;

pub(crate) struct Host {
    runtime: Runtime,
    handler: Arc<Handler>,
    spell: Arc<HttpSpell<GuestHost>>,
    grants: Arc<Grants>,
    limits: Limits,
    client: Client,
}

/// Counts nothing: what becomes of records is measured elsewhere.
struct Nobody;

impl ExecutionSink for Nobody {
    fn record(&self, record: ExecutionRecord) {
        std::hint::black_box(record);
    }
}

impl Host {
    /// A host of a sample guest below `/hello/`, ready to answer, its guests metered or not.
    pub(crate) fn start(guest: &str, is_metered: bool) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/target/wasm32-wasip2/release").join(format!("{guest}.wasm"));
        let wasm = std::fs::read(&path).expect("`make components` builds the guests");
        let config = EngineConfig { instances_max: 2, memory_reservation_bytes: 256 << 20, is_metered, ..EngineConfig::default() };
        let engine = Engine::new(&config, None, Compiler::InProcess).expect("engine");
        let mut linkers = engine.linkers();
        spell_capabilities::add_plain_to_linker(&mut linkers.plain).expect("linker");
        spell_capabilities::add_to_linker(&mut linkers.concurrent).expect("linker");
        let library = Arc::new(Library::new(engine, linkers, LibraryBounds::default()));
        let registered = library.register(&path, &wasm).expect("spell");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let spell = runtime.block_on(library.spell(&registered, Instant::now())).expect("spell");
        let (grants, limits) = (Arc::new(Grants::none("hello")), Limits::default());
        let component = Component::new(library, registered, grants.clone(), limits.clone());
        let routes = Routes::new([("/hello/...".to_owned(), Target::Spell(Arc::new(component)))]).expect("routes");
        let app = App {
            info: AppInfo { name: "bench".to_owned(), version: None },
            routes,
            components: HashMap::new(),
            neighbours: Arc::default(),
            address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 80),
        };
        let client = Client::new(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 40_000));
        Self { runtime, handler: Handler::new(app, 2, Failures::Explained, Arc::new(Nobody), None), spell, grants, limits, client }
    }

    /// Answers one request for a path, with a body of this.
    pub(crate) fn answer(&self, path: &str) -> Bytes {
        self.runtime.block_on(async {
            let request = Request::builder().uri(path).header("host", "127.0.0.1:3000");
            let request = request.body(Empty::new().map_err(|never| -> Error { match never {} })).expect("request");
            let response = self.handler.answer(request, &self.client);
            let (head, body) = response.await.into_parts();
            let body = body.collect().await.expect("body").to_bytes();
            assert_eq!(head.status.as_u16(), 200);
            body
        })
    }

    /// Makes the host's side of one request, and throws it away.
    pub(crate) fn state(&self) {
        drop(std::hint::black_box(self.grants.host(&self.limits)));
    }

    /// Makes an instance with the host's side of a request, and throws both away.
    pub(crate) fn instantiate(&self) {
        self.runtime.block_on(self.spell.try_instantiate(self.grants.host(&self.limits), &self.limits)).expect("an instance");
    }
}
