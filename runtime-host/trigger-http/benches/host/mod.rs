//! A data plane without a network: one spell, its metering on, its records counted by nobody.

use http::Request;
use http_body_util::{BodyExt, Empty};
use spell_capabilities::Grants;
use spell_engine::{Compiler, Engine, EngineConfig, Library, LibraryBounds};
use spell_trigger_http::{App, AppInfo, Client, Component, Handler, Routes, Target};
use spell_types::{ExecutionRecord, ExecutionSink, Limits};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;
use wasmtime_wasi_http::Error;

pub(crate) struct Host {
    runtime: Runtime,
    handler: Handler,
    grants: Arc<Grants>,
    limits: Limits,
    client: Client,
}

const BODY: &[u8] = b"Hello, world!";

/// Counts nothing: what becomes of records is measured elsewhere.
struct Nobody;

impl ExecutionSink for Nobody {
    fn record(&self, record: ExecutionRecord) {
        std::hint::black_box(record);
    }
}

impl Host {
    /// A host of a sample guest, ready to answer.
    pub(crate) fn start(guest: &str) -> Self {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/target/wasm32-wasip2/release").join(format!("{guest}.wasm"));
        let wasm = std::fs::read(&path).expect("`make components` builds the guests");
        let config = EngineConfig { instances_max: 2, memory_reservation_bytes: 256 << 20, ..EngineConfig::default() };
        let engine = Engine::new(&config, None, Compiler::InProcess).expect("engine");
        let mut linkers = engine.linkers();
        spell_capabilities::add_plain_to_linker(&mut linkers.plain).expect("linker");
        spell_capabilities::add_to_linker(&mut linkers.concurrent).expect("linker");
        let library = Arc::new(Library::new(engine, linkers, LibraryBounds::default()));
        let spell = library.register(&path, &wasm).expect("spell");
        let (grants, limits) = (Arc::new(Grants::none("hello")), Limits::default());
        let component = Component::new("hello".into(), library, spell, grants.clone(), limits.clone());
        let routes = Routes::new([("/hello/...".to_owned(), Target::Spell(Arc::new(component)))]).expect("routes");
        let app = App { info: AppInfo { name: "bench".to_owned(), version: None }, routes };
        let client = Client::new(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 40_000));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        Self { runtime, handler: Handler::new(app, 2, Arc::new(Nobody), None), grants, limits, client }
    }

    /// Answers one request and checks the answer.
    pub(crate) fn answer(&self) {
        self.runtime.block_on(async {
            let request = Request::builder().uri("/hello/world").header("host", "127.0.0.1:3000");
            let request = request.body(Empty::new().map_err(|never| -> Error { match never {} })).expect("request");
            let response = self.handler.answer(request, &self.client);
            let (head, body) = response.await.into_parts();
            let body = body.collect().await.expect("body").to_bytes();
            assert_eq!((head.status.as_u16(), &*body), (200, BODY));
        });
    }

    /// Makes the host's side of one request, and throws it away.
    pub(crate) fn state(&self) {
        drop(std::hint::black_box(self.grants.host(&self.limits)));
    }
}
