//! Casts whose answers stream: each is on record before it begins, ends once, and costs what it used, however it ends.
//!
//! It knows the pipeline, over a real ledger without a file. It must never know what is streamed.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use bytes::Bytes;
use spell_cast::{
    Abi, About, Allowance, CastError, CastState, Executed, Failed, FailedKind, Parts, Pepper, Platform, Quota, Quotas, Reach, Runner,
    Stream, StreamedCast, Upload, Witness, streamed,
};
use spell_store::Database;
use spell_types::{BoxFuture, Content, Digest, Limit, Limits, Outcome, TenantId, Usage};
use std::sync::Arc;
use std::time::Duration;

/// Takes every program, and casts none: what streams is executed elsewhere.
struct Elsewhere;

impl Runner for Elsewhere {
    fn check<'a>(&'a self, _: Abi, _: Digest, _: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, _: Digest, _: Content, _: &'a Limits, _: &'a Reach, _: &'a Arc<Witness>) -> BoxFuture<'a, Executed> {
        panic!("nothing is cast")
    }
}

const PROGRAM: &str = r#"(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const 8))
    (func (export "process") (param i32 i32) (result i64) (i64.const 0)))"#;
/// A component that would answer HTTP, if anybody called it.
const HANDLER: &str = r#"(component (instance $handler) (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#;

async fn setup(allowance: Allowance) -> (Arc<Platform>, TenantId) {
    let database = Arc::new(Database::in_memory().expect("database"));
    database.grant(allowance);
    let platform = Arc::new(Platform::new(Parts::over(&database, Arc::new(Elsewhere), Pepper::from_bytes([7; 32]))));
    let tenant: TenantId = "acme".parse().expect("a name");
    for (key, program) in [("echo", PROGRAM), ("page", HANDLER)] {
        let about = About { name: key.to_owned(), ..About::default() };
        platform.create_spell(&tenant, key.parse().expect("a name"), about).await.expect("made");
        let program = wat::parse_str(program).expect("a program").into();
        let version = "1.0.0".parse().expect("a version");
        let upload = Upload { spell: key.to_owned(), version, file_name: None, program, activates: true };
        platform.upload(&tenant, upload).await.expect("uploaded");
    }
    (platform, tenant)
}

async fn begun(platform: &Arc<Platform>, tenant: &TenantId, spell: &str) -> (String, StreamedCast) {
    let asked = platform.streamed(tenant, spell, None, None).await.expect("found");
    (asked.record().id.clone(), asked.begin().await.expect("begun"))
}

#[tokio::test]
async fn each_is_on_record_before_it_runs_and_ends_once_with_what_it_used() {
    let (platform, tenant) = setup(Allowance::default()).await;
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
        let spent_before = platform.budget(&tenant).await.expect("read").spent_cents;
        let (id, cast) = begun(&platform, &tenant, "echo").await;
        let running = platform.ledger.cast(&tenant, &id).await.expect("read").expect("on record");
        assert_eq!(running.state, CastState::Running, "{outcome:?}");
        assert_eq!(platform.budget(&tenant).await.expect("read").reserved_cents, 36, "all that it may cost");
        cast.witness().prints(Stream::Stdout, b"a line\n");
        cast.end(streamed(outcome), usage);
        let record = platform.awaited(&tenant, &id).await.expect("read").expect("recorded");
        let CastState::Ended(ending) = record.state else { panic!("it has not ended: {record:?}") };
        let failed = ending.result.err();
        assert_eq!((failed.as_ref().map(|failed| failed.kind), ending.cost_cents), (kind, cost_cents), "{outcome:?}");
        assert_eq!(failed.map(|failed| failed.code).unwrap_or_default(), code, "{outcome:?}");
        assert_eq!(ending.usage, usage);
        let budget = platform.budget(&tenant).await.expect("read");
        assert_eq!((budget.spent_cents, budget.reserved_cents), (spent_before + cost_cents, 0), "{outcome:?}");
        assert_eq!(platform.logs.log(&tenant, &id).await.expect("read").lines.len(), 1, "{outcome:?}");
    }
}

#[tokio::test]
async fn one_that_is_dropped_was_cancelled_and_one_that_never_began_is_not_on_record() {
    let (platform, tenant) = setup(Allowance::default()).await;
    drop(platform.streamed(&tenant, "page", None, None).await.expect("found"));
    let (id, cast) = begun(&platform, &tenant, "page").await;
    let cancelled = cast.cancelled();
    // Who cancels it waits for its end, which is when whoever runs it has noticed.
    let (ended, ()) = tokio::join!(platform.cancel_cast(&tenant, &id), async {
        cancelled.await;
        drop(cast);
    });
    assert_eq!(ended.expect("read").expect("there").state.name(), "failed");
    platform.idle().await;
    let casts = platform.ledger.casts(&tenant, None, 10).await.expect("read");
    assert_eq!(casts.iter().map(|cast| (cast.id.as_str(), cast.state.name())).collect::<Vec<_>>(), [(id.as_str(), "failed")]);
}

#[tokio::test]
async fn none_begins_that_limits_quotas_or_budget_do_not_allow() {
    let quotas = Quotas::unbounded().with(Quota::Running, 1);
    let (platform, tenant) = setup(Allowance { quotas, budget_cents: Some(40) }).await;
    let too_large = platform.streamed(&tenant, "echo", None, Some(u64::MAX)).await;
    assert!(matches!(too_large, Err(CastError::InputTooLarge { size_bytes: u64::MAX, .. })), "{too_large:?}");
    let (_, running) = begun(&platform, &tenant, "echo").await;
    let too_many = platform.streamed(&tenant, "echo", None, None).await.expect("found").begin().await;
    assert!(matches!(too_many, Err(CastError::TooMany { .. })), "{too_many:?}");
    running.end(Ok(()), Usage { wall: Duration::from_secs(100), ..Usage::default() });
    platform.idle().await;
    let over = platform.streamed(&tenant, "echo", None, None).await.expect("found").begin().await;
    assert!(matches!(over, Err(CastError::OverBudget { .. })), "{over:?}");
    assert_eq!(platform.ledger.casts(&tenant, None, 10).await.expect("read").len(), 1);
    assert_eq!(platform.running_casts(), 0);
}

#[tokio::test]
async fn a_program_that_answers_http_is_kept_and_not_cast() {
    let (platform, tenant) = setup(Allowance::default()).await;
    let input = Content { bytes: "a".into(), content_type: None };
    let request = spell_cast::CastRequest { spell: "page".to_owned(), version: None, input, idempotency: None };
    let refused = platform.cast(&tenant, request).await;
    assert!(matches!(refused, Err(CastError::AnswersHttp { .. })), "{refused:?}");
}
