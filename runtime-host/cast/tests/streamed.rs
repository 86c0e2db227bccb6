//! Casts whose answers stream: each is recorded once, however it ends, and none begins that could not be recorded.
//!
//! It knows the pipeline, over a real ledger without a file. It must never know what is streamed.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use bytes::Bytes;
use spell_cast::{
    Abi, About, AdaptHere, CastError, CastState, EngineChoice, Executed, Failed, FailedKind, Parts, Pepper, Platform, Prices,
    RECORDS_WAITING_MAX, Runner, Upload, cast_defaults, streamed,
};
use spell_store::Database;
use spell_types::{BoxFuture, Content, Digest, Limit, Limits, Outcome, TenantId, Usage};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Takes every program, and casts none: what streams is executed elsewhere.
struct Elsewhere;

impl Runner for Elsewhere {
    fn check<'a>(&'a self, _: Abi, _: Digest, _: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, _: Digest, _: Content, _: &'a Limits) -> BoxFuture<'a, Executed> {
        panic!("nothing is cast")
    }
}

const PROGRAM: &str = r#"(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const 8))
    (func (export "process") (param i32 i32) (result i64) (i64.const 0)))"#;
/// A component that would answer HTTP, if anybody called it.
const HANDLER: &str = r#"(component (instance $handler) (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#;

async fn setup() -> (Arc<Platform>, TenantId) {
    let database = Arc::new(Database::in_memory().expect("database"));
    let platform = Arc::new(Platform::new(Parts {
        registry: database.clone(),
        ledger: database.clone(),
        keys: database,
        pepper: Pepper::from_bytes([7; 32]),
        runner: Arc::new(Elsewhere),
        prices: Prices::default(),
        defaults: cast_defaults(),
        ceilings: Limits::unbounded(),
        retention: Duration::ZERO,
        now: SystemTime::now,
        adapter: Arc::new(AdaptHere),
    }));
    let tenant: TenantId = "acme".parse().expect("a name");
    for (key, program) in [("echo", PROGRAM), ("page", HANDLER)] {
        let (name, description) = (key.to_owned(), String::new());
        let about = About { name, description, engine: EngineChoice::Wasm, limits: Vec::new(), is_active: true };
        platform.create_spell(&tenant, key.parse().expect("a name"), about).await.expect("made");
        let program = wat::parse_str(program).expect("a program").into();
        let version = "1.0.0".parse().expect("a version");
        let upload = Upload { spell: key.to_owned(), version, file_name: None, program, activates: true };
        platform.upload(&tenant, upload).await.expect("uploaded");
    }
    (platform, tenant)
}

#[tokio::test]
async fn each_is_recorded_once_with_what_it_used_however_it_ends() {
    let (platform, tenant) = setup().await;
    let usage = Usage { wall: Duration::from_secs(10), memory_bytes_peak: 256 << 20, ..Usage::default() };
    for (outcome, kind, code, cost_cents) in [
        (Outcome::Completed, None, "", 4),
        (Outcome::Trapped, Some(FailedKind::Trapped), "trapped", 4),
        (Outcome::BadResponse, Some(FailedKind::Trapped), "bad-response", 4),
        (Outcome::LimitExceeded(Limit::Time), Some(FailedKind::TimedOut), "time", 4),
        (Outcome::LimitExceeded(Limit::Memory), Some(FailedKind::Limit), "memory", 4),
        (Outcome::LimitExceeded(Limit::QueueTime), Some(FailedKind::Busy), "busy", 0),
        (Outcome::HostFailed, Some(FailedKind::Host), "host", 0),
        (Outcome::Cancelled, Some(FailedKind::Cancelled), "cancelled", 4),
    ] {
        let cast = platform.admit_streamed(&tenant, "echo", None).await.expect("admitted");
        let id = cast.record.id.clone();
        assert_eq!(platform.ledger.cast(&tenant, &id).await.expect("read"), None, "it has not ended");
        cast.end(streamed(outcome), usage);
        platform.idle().await;
        let record = platform.ledger.cast(&tenant, &id).await.expect("read").expect("recorded");
        let CastState::Ended(ending) = record.state else { panic!("it has not ended: {record:?}") };
        let failed = ending.result.err();
        assert_eq!((failed.as_ref().map(|failed| failed.kind), ending.cost_cents), (kind, cost_cents), "{outcome:?}");
        assert_eq!(failed.map(|failed| failed.code).unwrap_or_default(), code, "{outcome:?}");
        assert_eq!(ending.usage, usage);
    }
}

#[tokio::test]
async fn one_that_is_dropped_was_left_by_its_client_and_one_that_is_forgotten_never_was() {
    let (platform, tenant) = setup().await;
    let (dropped, forgotten) = (
        platform.admit_streamed(&tenant, "page", None).await.expect("admitted"),
        platform.admit_streamed(&tenant, "page", None).await.expect("admitted"),
    );
    let id = dropped.record.id.clone();
    drop(dropped);
    forgotten.forget();
    platform.idle().await;
    let casts = platform.ledger.casts(&tenant, None, 10).await.expect("read");
    assert_eq!(casts.iter().map(|cast| (cast.id.as_str(), cast.state.name())).collect::<Vec<_>>(), [(id.as_str(), "failed")]);
}

#[tokio::test]
async fn none_begins_that_could_not_be_recorded() {
    let (platform, tenant) = setup().await;
    let mut running = Vec::new();
    for _ in 0..RECORDS_WAITING_MAX {
        running.push(platform.admit_streamed(&tenant, "echo", None).await.expect("admitted"));
    }
    let one_too_many = platform.admit_streamed(&tenant, "echo", None).await;
    assert!(matches!(one_too_many, Err(CastError::RecordsBehind)), "{one_too_many:?}");
    running.clear();
    platform.idle().await;
    assert!(platform.admit_streamed(&tenant, "echo", None).await.is_ok());
}

#[tokio::test]
async fn a_program_that_answers_http_is_kept_and_not_cast() {
    let (platform, tenant) = setup().await;
    let input = Content { bytes: "a".into(), content_type: None };
    let request = spell_cast::CastRequest { spell: "page".to_owned(), version: None, input, idempotency: None };
    let refused = platform.cast(&tenant, request).await;
    assert!(matches!(refused, Err(CastError::AnswersHttp { .. })), "{refused:?}");
}
