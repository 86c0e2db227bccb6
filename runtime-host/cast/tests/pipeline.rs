//! The order of a cast: what is reserved, executed and recorded, whoever waits for it.
//!
//! It knows the pipeline, over a real ledger without a file. It must never know how a component is executed: here a closure is.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use bytes::Bytes;
use spell_cast::{
    Abi, About, AdaptHere, CastError, CastRequest, CastState, EngineChoice, Executed, Failed, FailedKind, Idempotency, Parts, Pepper,
    Platform, Prices, RegistryError, Runner, Upload, UploadError, cast_defaults,
};
use spell_store::Database;
use spell_types::{BoxFuture, Content, Digest, Limit, Limits, TenantId, Usage};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;

/// Answers with what it is given, as soon as it may; counts how often it was asked.
struct Echo {
    runs: AtomicUsize,
    may_end: Semaphore,
}

impl Runner for Echo {
    fn check<'a>(&'a self, _: Abi, _: Digest, _: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, _: Digest, input: Content, _: &'a Limits) -> BoxFuture<'a, Executed> {
        Box::pin(async move {
            self.runs.fetch_add(1, Ordering::Relaxed);
            let _allowed = self.may_end.acquire().await;
            let failed = |kind, code: &str| Err(Failed { kind, code: code.to_owned(), message: code.to_owned() });
            let result = match &input.bytes[..] {
                b"trap" => failed(FailedKind::Trapped, "trapped"),
                b"host" => failed(FailedKind::Host, "host"),
                _ => Ok(input),
            };
            let usage = Usage { wall: Duration::from_secs(10), memory_bytes_peak: 256 << 20, ..Usage::default() };
            Executed { result, usage }
        })
    }
}

struct Setup {
    platform: Arc<Platform>,
    runner: Arc<Echo>,
    tenant: TenantId,
}

const PROGRAM: &str = r#"(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const 8))
    (func (export "process") (param i32 i32) (result i64) (i64.const 0)))"#;

/// A platform with the spell `echo`, whose casts may end at once if `may_end`.
async fn setup(may_end: bool) -> Setup {
    setup_at(may_end, SystemTime::now).await
}

/// The same, at times that somebody tells.
async fn setup_at(may_end: bool, now: fn() -> SystemTime) -> Setup {
    let database = Arc::new(Database::in_memory().expect("database"));
    let runner = Arc::new(Echo { runs: AtomicUsize::new(0), may_end: Semaphore::new(usize::from(may_end)) });
    let mut ceilings = Limits::unbounded();
    ceilings.set(Limit::Memory, 1 << 30);
    let platform = Arc::new(Platform::new(Parts {
        registry: database.clone(),
        ledger: database.clone(),
        keys: database,
        pepper: Pepper::from_bytes([7; 32]),
        runner: runner.clone(),
        prices: Prices::default(),
        defaults: cast_defaults(),
        ceilings,
        retention: Duration::ZERO,
        now,
        adapter: Arc::new(AdaptHere),
    }));
    let tenant: TenantId = "acme".parse().expect("a name");
    platform.create_spell(&tenant, "echo".parse().expect("a name"), about(&[])).await.expect("made");
    platform.upload(&tenant, upload("1.0.0", PROGRAM)).await.expect("uploaded");
    Setup { platform, runner, tenant }
}

fn about(limits: &[(Limit, u64)]) -> About {
    About { name: "Echo".to_owned(), description: String::new(), engine: EngineChoice::Wasm, limits: limits.to_vec(), is_active: true }
}

fn upload(version: &str, program: &str) -> Upload {
    let program = wat::parse_str(program).expect("a program").into();
    Upload { spell: "echo".to_owned(), version: version.parse().expect("a version"), file_name: None, program, activates: true }
}

fn request(input: &'static str, key: Option<&str>) -> CastRequest {
    let idempotency = key.map(|key| Idempotency { key: key.to_owned(), fingerprint: [input.len() as u8; 32] });
    CastRequest { spell: "echo".to_owned(), version: None, input: Content { bytes: input.into(), content_type: None }, idempotency }
}

impl Setup {
    fn runs(&self) -> usize {
        self.runner.runs.load(Ordering::Relaxed)
    }

    async fn cast(&self, request: CastRequest) -> Result<spell_cast::CastAnswer, CastError> {
        self.platform.cast(&self.tenant, request).await
    }
}

fn cost_and_success(answer: &spell_cast::CastAnswer) -> (u64, bool) {
    let CastState::Ended(ending) = &answer.record.state else { panic!("it has not ended: {answer:?}") };
    (ending.cost_cents, ending.result.is_ok())
}

#[tokio::test]
async fn a_cast_costs_what_it_used_unless_the_host_failed() {
    let setup = setup(true).await;
    for (input, expected) in [("hello", (4, true)), ("trap", (4, false)), ("host", (0, false))] {
        let answer = setup.cast(request(input, None)).await.expect(input);
        assert_eq!((cost_and_success(&answer), answer.is_replayed), (expected, false), "{input}");
        let kept = setup.platform.ledger.cast(&setup.tenant, &answer.record.id).await.expect("read").expect("kept");
        assert_eq!(kept.state, answer.record.state, "{input}");
    }
}

#[tokio::test]
async fn the_same_key_runs_once_and_answers_the_same_also_after_the_spell_is_gone() {
    let setup = setup(true).await;
    for input in ["hello", "trap"] {
        let first = setup.cast(request(input, Some(input))).await.expect("cast");
        let runs = setup.runs();
        let again = setup.cast(request(input, Some(input))).await.expect("replayed");
        assert_eq!((again.record, again.is_replayed, setup.runs()), (first.record, true, runs));
    }
    let other = setup.cast(request("another", Some("hello"))).await;
    assert!(matches!(other, Err(CastError::OtherRequest)), "{other:?}");
    let spell = setup.platform.registry.spell(&setup.tenant, "echo").await.expect("there");
    setup.platform.registry.delete(&setup.tenant, &spell.id).await.expect("deleted");
    assert!(setup.cast(request("hello", Some("hello"))).await.expect("replayed").is_replayed);
    let absent = setup.cast(request("hello", Some("new"))).await;
    assert!(matches!(absent, Err(CastError::Registry(RegistryError::NoSpell))), "{absent:?}");
}

#[tokio::test]
async fn a_cast_goes_on_without_whoever_asked_for_it() {
    let setup = setup(false).await;
    let started = setup.platform.start_cast(&setup.tenant, request("hello", Some("k"))).await.expect("started");
    let id = started.record.id.clone();
    drop(started);
    let meanwhile = setup.cast(request("hello", Some("k"))).await;
    assert!(matches!(&meanwhile, Err(CastError::InFlight { cast_id }) if *cast_id == id), "{meanwhile:?}");
    setup.runner.may_end.add_permits(1);
    setup.platform.idle().await;
    let record = setup.platform.ledger.cast(&setup.tenant, &id).await.expect("read").expect("there");
    assert_eq!(record.state.name(), "completed");
    assert_eq!(setup.platform.awaited(&setup.tenant, &id).await.expect("read"), Some(record));
    let stranger: TenantId = "other".parse().expect("a name");
    assert_eq!(setup.platform.awaited(&stranger, &id).await.expect("read"), None);
    assert!(setup.cast(request("hello", Some("k"))).await.expect("replayed").is_replayed);
    assert_eq!(setup.runs(), 1);
}

#[tokio::test]
async fn a_cast_that_is_cancelled_is_recorded_and_others_cannot_cancel_it() {
    let setup = setup(false).await;
    let started = setup.platform.start_cast(&setup.tenant, request("hello", None)).await.expect("started");
    let id = started.record.id.clone();
    let stranger: TenantId = "other".parse().expect("a name");
    assert_eq!(setup.platform.cancel_cast(&stranger, &id).await.expect("read"), None);
    let record = setup.platform.cancel_cast(&setup.tenant, &id).await.expect("cancelled").expect("there");
    let CastState::Ended(ending) = &record.state else { panic!("{record:?}") };
    assert_eq!(ending.result.as_ref().map_err(|failed| failed.kind), Err(FailedKind::Cancelled));
    assert_eq!(started.ended().await.expect("ended").record, record);
    assert_eq!(setup.platform.cancel_cast(&setup.tenant, &id).await.expect("read"), Some(record), "a second time changes nothing");
}

#[tokio::test]
async fn nothing_runs_that_may_not() {
    let setup = setup(true).await;
    let large =
        setup.cast(CastRequest { input: Content { bytes: vec![0; 11 << 20].into(), content_type: None }, ..request("x", Some("k")) });
    assert!(matches!(large.await, Err(CastError::InputTooLarge { .. })));
    let absent = setup.cast(CastRequest { version: Some("9.0.0".parse().expect("a version")), ..request("x", Some("k")) }).await;
    assert!(matches!(absent, Err(CastError::Registry(RegistryError::NoModule))), "{absent:?}");
    let mut spell = setup.platform.registry.spell(&setup.tenant, "echo").await.expect("there");
    spell.about.is_active = false;
    let spell = setup.platform.change_spell(&setup.tenant, spell).await.expect("changed");
    assert!(matches!(setup.cast(request("x", Some("k"))).await, Err(CastError::NotActive)));
    let greedy = spell_cast::Spell { about: about(&[(Limit::Memory, 2 << 30)]), ..spell.clone() };
    assert!(setup.platform.change_spell(&setup.tenant, greedy).await.is_err(), "it asks for more than the operator allows");
    assert_eq!(setup.runs(), 0);
    setup.platform.change_spell(&setup.tenant, spell_cast::Spell { about: about(&[]), ..spell }).await.expect("changed");
    assert!(!setup.cast(request("x", Some("k"))).await.expect("cast").is_replayed, "what was refused burnt no key");
}

#[tokio::test]
async fn only_programs_that_can_be_cast_become_versions() {
    let setup = setup(true).await;
    for (program, expected) in [
        (b"no program".to_vec(), "missing magic number"),
        (wat::parse_str("(module)").expect("a program"), "it exports nothing"),
        (vec![0; spell_cast::PROGRAM_BYTES_MAX + 1], "exceeds maximum allowed size (52428800 bytes)"),
    ] {
        let error = setup.platform.upload(&setup.tenant, Upload { program: program.into(), ..upload("2.0.0", PROGRAM) }).await;
        let error = error.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let again = setup.platform.upload(&setup.tenant, upload("1.0.0", PROGRAM)).await.expect("the same is kept once");
    assert_eq!(again.version.to_string(), "1.0.0");
    let other = PROGRAM.replace("i64.const 0", "i64.const 1");
    let taken = setup.platform.upload(&setup.tenant, upload("1.0.0", &other)).await;
    assert!(matches!(taken, Err(UploadError::Registry(RegistryError::VersionTaken(_)))), "{taken:?}");
}

#[tokio::test]
async fn casts_are_forgotten_once_they_are_older_than_a_day_at_least() {
    static DAYS: AtomicUsize = AtomicUsize::new(0);
    let setup = setup_at(true, || SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * (100 + DAYS.load(Ordering::Relaxed) as u64))).await;
    let cast = setup.cast(request("hello", Some("k"))).await.expect("cast");
    assert_eq!(setup.platform.forget_old_casts().await, Ok(0));
    DAYS.store(2, Ordering::Relaxed);
    assert_eq!(setup.platform.forget_old_casts().await, Ok(1));
    assert_eq!(setup.platform.ledger.cast(&setup.tenant, &cast.record.id).await, Ok(None));
    assert!(!setup.cast(request("hello", Some("k"))).await.expect("cast").is_replayed);
}
