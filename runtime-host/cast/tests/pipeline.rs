//! The order of a cast: what is reserved, executed and recorded, whoever waits for it.
//!
//! It knows the pipeline, over a real ledger without a file. It must never know how a component is executed: here a closure is.

#![expect(clippy::expect_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use bytes::Bytes;
use spell_cast::{
    Abi, About, CastError, CastObserver, CastRecord, CastRequest, CastState, Executed, Failed, FailedKind, Idempotency, Parts, Pepper,
    Platform, Reach, RegistryError, Runner, Schemas, Stream, Upload, UploadError, Witness,
};
use spell_store::Database;
use spell_types::{BoxFuture, Content, Digest, Limit, Limits, SpellKey, TenantId, Usage};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
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

    fn run<'a>(&'a self, _: Digest, input: Content, _: &'a Limits, _: &'a Reach, witness: &'a Arc<Witness>) -> BoxFuture<'a, Executed> {
        Box::pin(async move {
            if self.runs.fetch_add(1, Ordering::Relaxed) == 0 {
                witness.loads_code();
            }
            if input.bytes.starts_with(b"print") {
                witness.prints(Stream::Stderr, &input.bytes);
            }
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

/// What an observer is told, in a word each.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn note(&self, word: &str) {
        self.0.lock().expect("a lock").push(word.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("a lock"))
    }
}

impl CastObserver for Told {
    fn ended(&self, cast: &CastRecord) {
        let CastState::Ended(ending) = &cast.state else { panic!("it has not ended: {cast:?}") };
        self.note(ending.result.as_ref().err().map_or("completed", |failed| failed.kind.name()));
    }

    fn replayed(&self, _: &CastRecord) {
        self.note("replayed");
    }

    fn loaded(&self, spell: &SpellKey) {
        self.note(&format!("loaded {spell}"));
    }
}

struct Setup {
    platform: Arc<Platform>,
    runner: Arc<Echo>,
    tenant: TenantId,
    told: Arc<Told>,
}

const PROGRAM: &str = r#"(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const 8))
    (func (export "process") (param i32 i32) (result i64) (i64.const 0)))"#;

/// A platform with the spell `echo`, whose casts may end at once if `may_end`.
async fn setup(may_end: bool) -> Setup {
    setup_at(may_end, SystemTime::now).await
}

/// The same, at times that somebody tells.
async fn setup_at(may_end: bool, now: fn() -> SystemTime) -> Setup {
    let (database, told) = (Arc::new(Database::in_memory().expect("database")), Arc::new(Told::default()));
    let runner = Arc::new(Echo { runs: AtomicUsize::new(0), may_end: Semaphore::new(usize::from(may_end)) });
    let mut ceilings = Limits::unbounded();
    ceilings.set(Limit::Memory, 1 << 30);
    let platform = Arc::new(Platform::new(Parts {
        ceilings,
        retention: Duration::ZERO,
        now,
        observer: told.clone(),
        ..Parts::over(&database, runner.clone(), Pepper::from_bytes([7; 32]))
    }));
    let tenant: TenantId = "acme".parse().expect("a name");
    platform.create_spell(&tenant, "echo".parse().expect("a name"), about(&[])).await.expect("made");
    platform.upload(&tenant, upload("1.0.0", PROGRAM)).await.expect("uploaded");
    Setup { platform, runner, tenant, told }
}

fn about(limits: &[(Limit, u64)]) -> About {
    About { name: "Echo".to_owned(), limits: limits.to_vec(), ..About::default() }
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
async fn inputs_that_do_not_match_run_nothing_and_outputs_that_do_not_match_are_paid() {
    let setup = setup(true).await;
    let mut spell = setup.platform.registry.spell(&setup.tenant, "echo").await.expect("there");
    spell.about.schemas = Schemas { input: Some(r#"{"maxLength":5}"#.to_owned()), output: Some(r#"{"maxLength":4}"#.to_owned()) };
    setup.platform.change_spell(&setup.tenant, spell.clone()).await.expect("changed");
    let refused = setup.cast(request("longer", Some("k"))).await;
    assert!(matches!(refused, Err(CastError::InputInvalid(_))), "{refused:?}");
    assert_eq!(setup.runs(), 0);
    assert_eq!(cost_and_success(&setup.cast(request("four", Some("k"))).await.expect("what was refused burnt no key")), (4, true));
    let failed = setup.cast(request("fives", None)).await.expect("cast");
    assert_eq!(cost_and_success(&failed), (4, false));
    let CastState::Ended(ending) = &failed.record.state else { panic!("{failed:?}") };
    assert_eq!(ending.result.as_ref().map_err(|failed| failed.kind), Err(FailedKind::OutputInvalid));
    spell.about.schemas.output = Some("[]".to_owned());
    assert!(setup.platform.change_spell(&setup.tenant, spell).await.is_err(), "it is no schema");
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

#[tokio::test]
async fn an_observer_is_told_of_each_cast_once_however_it_ended() {
    let setup = setup(true).await;
    assert_eq!(setup.told.take(), ["loaded echo"], "an upload loads");
    for (input, expected) in [
        ("hello", &["loaded echo", "completed"][..]),
        ("hello", &["replayed"]),
        ("trap", &["trapped"]),
        ("trap", &["replayed"]),
        ("host", &["host"]),
    ] {
        setup.cast(request(input, Some(input))).await.expect(input);
        assert_eq!(setup.told.take(), expected, "{input}");
    }
    assert!(setup.cast(request("another", Some("hello"))).await.is_err() && setup.told.take().is_empty(), "nothing was cast");
    assert_eq!(setup.platform.running_casts(), 0);
}

#[tokio::test]
async fn a_cancelled_cast_is_told_of_and_no_longer_counts_as_running_and_its_log_is_kept() {
    let setup = setup(false).await;
    let started = setup.platform.start_cast(&setup.tenant, request("print\nthis", None)).await.expect("started");
    let id = started.record.id.clone();
    while setup.runs() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((setup.platform.running_casts(), setup.told.take().len()), (1, 1));
    setup.platform.cancel_cast(&setup.tenant, &id).await.expect("cancelled");
    started.ended().await.expect("ended");
    setup.platform.idle().await;
    assert_eq!((setup.platform.running_casts(), setup.told.take()), (0, vec!["loaded echo".to_owned(), "cancelled".to_owned()]));
    let log = setup.platform.logs.log(&setup.tenant, &id).await.expect("read");
    let lines: Vec<(&str, &str)> = log.lines.iter().map(|line| (line.stream.name(), line.text.as_str())).collect();
    assert_eq!((lines, log.dropped_bytes), (vec![("stderr", "print"), ("stderr", "this")], 0));
}

#[tokio::test]
async fn what_a_cast_prints_is_kept_for_its_tenant_and_as_long_as_the_cast() {
    static DAYS: AtomicUsize = AtomicUsize::new(0);
    let setup = setup_at(true, || SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * (100 + DAYS.load(Ordering::Relaxed) as u64))).await;
    let silent = setup.cast(request("hello", None)).await.expect("cast").record.id;
    let loud = setup.cast(request("print", None)).await.expect("cast").record.id;
    let stranger: TenantId = "other".parse().expect("a name");
    for (tenant, id, expected) in [(&setup.tenant, &silent, 0), (&setup.tenant, &loud, 1), (&stranger, &loud, 0)] {
        assert_eq!(setup.platform.logs.log(tenant, id).await.expect("read").lines.len(), expected);
    }
    DAYS.store(2, Ordering::Relaxed);
    assert_eq!(setup.platform.forget_old_casts().await, Ok(2));
    assert!(setup.platform.logs.log(&setup.tenant, &loud).await.expect("read").is_empty());
}

#[tokio::test]
async fn a_cast_never_costs_more_than_was_set_aside_for_it() {
    let setup = setup(true).await;
    let spell = setup.platform.registry.spell(&setup.tenant, "echo").await.expect("there");
    let modest = spell_cast::Spell { about: about(&[(Limit::Time, 1_000), (Limit::Memory, 100 << 20)]), ..spell };
    setup.platform.change_spell(&setup.tenant, modest).await.expect("changed");
    let estimate = setup.platform.estimate(&setup.tenant, &request("hello", None)).await.expect("an estimate");
    assert_eq!((estimate.engines[0].cost_cents_min, estimate.engines[0].cost_cents_max), (1, 2));
    let answer = setup.cast(request("hello", None)).await.expect("cast");
    assert_eq!(cost_and_success(&answer), (2, true), "it took ten seconds");
}

#[tokio::test]
async fn a_budget_is_spent_by_casts_and_refuses_what_may_cost_more_than_is_left() {
    let setup = setup(true).await;
    let budget = async || setup.platform.budget(&setup.tenant).await.expect("read");
    setup.platform.set_budget(&setup.tenant, Some(39)).await.expect("set");
    let estimate = setup.platform.estimate(&setup.tenant, &request("hello", None)).await.expect("an estimate");
    assert_eq!((estimate.engines[0].cost_cents_max, estimate.engines[0].cost_cents_expected, budget().await.reserved_cents), (36, None, 0));
    for (input, spent_cents) in [("host", 0), ("hello", 4)] {
        assert!(!setup.cast(request(input, Some(input))).await.expect("cast").is_replayed);
        assert_eq!((budget().await.spent_cents, budget().await.reserved_cents), (spent_cents, 0), "{input}");
    }
    let runs = setup.runs();
    let refused = setup.cast(request("trap", Some("trap"))).await;
    let Err(CastError::OverBudget { over, retry_after }) = refused else { panic!("{refused:?}") };
    assert_eq!((over.spent_cents, over.reserved_cents, over.cap_cents, over.cost_cents_max), (4, 0, 39, 36));
    assert!(retry_after <= Duration::from_secs(31 * 86_400));
    assert!(setup.cast(request("hello", Some("hello"))).await.expect("replayed").is_replayed, "what was answered is answered");
    assert_eq!(setup.runs(), runs);
    setup.platform.set_budget(&setup.tenant, None).await.expect("set");
    assert!(!setup.cast(request("trap", Some("trap"))).await.expect("cast").is_replayed, "what was refused burnt no key");
    let estimate = setup.platform.estimate(&setup.tenant, &request("hello", None)).await.expect("an estimate");
    assert_eq!(estimate.engines[0].cost_cents_expected, Some(4), "the host's failure aside");
}
