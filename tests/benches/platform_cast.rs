//! What the platform adds to a cast: the processor time of a cast that is reserved, executed and recorded on disk, less that of the same
//! call to the engine.
//!
//! It prints one JSON object: microseconds of the whole process, the thread that writes to the database included; medians of rounds that
//! alternate.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench that cannot run has nothing to clean up, and tells what it found")]

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use spell_capabilities::{Grants, Host as GuestHost};
use spell_cast::{
    Abi, About, CastRequest, Executed, Failed, FailedKind, Idempotency, Parts, Pepper, Platform, Reach, Runner, Upload, Witness,
    cast_defaults, digest_of,
};
use spell_engine::{CastSpell, Compiler, Content, Engine, EngineConfig};
use spell_store::Database;
use spell_types::{BoxFuture, Digest, Limits, TenantId};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// The host's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
/// Casts in a round, and a tenth as many one at a time; fewer are enough to see that it runs (`--quick`).
const CASTS: u64 = 20_000;
const CASTS_QUICK: u64 = 500;
const CLIENTS: u64 = 64;
const INPUT_BYTES: usize = 1_024;
const PROGRAM: &str = include_str!("../../runtime-host/engine/benches/cast/c_string.wat");
/// On the disk that holds the build, which temporary directories often are not.
const DISK: &str = env!("CARGO_TARGET_TMPDIR");

/// The engine as the host uses it, with one spell, whose code is ready.
struct OneSpell {
    engine: Engine,
    grants: Arc<Grants>,
    spell: OnceLock<Arc<CastSpell<GuestHost>>>,
}

impl OneSpell {
    fn new() -> Self {
        let instances_max = u32::try_from(CLIENTS).expect("a small number");
        let config = EngineConfig { instances_max, memory_reservation_bytes: 256 << 20, ..EngineConfig::default() };
        let engine = Engine::new(&config, None, Compiler::InProcess).expect("engine");
        Self { engine, grants: Arc::new(Grants::none("bench")), spell: OnceLock::new() }
    }

    fn load(&self, wasm: &[u8]) {
        let mut linkers = self.engine.linkers();
        spell_capabilities::add_plain_to_linker(&mut linkers.plain).expect("linker");
        spell_capabilities::add_to_linker(&mut linkers.concurrent).expect("linker");
        let _ = self.spell.set(Arc::new(CastSpell::load(&self.engine, &linkers, wasm).expect("spell")));
    }

    async fn execute(&self, input: Content, limits: &Limits) -> Executed {
        let spell = self.spell.get().expect("it was uploaded");
        let cast = spell.cast(input, self.grants.host(limits), limits, Instant::now()).await;
        let failed = |message: String| Failed { kind: FailedKind::Host, code: "bench".to_owned(), message };
        let answer = cast.answer.map_err(|failure| failed(failure.to_string()));
        Executed { result: answer.and_then(|answer| answer.map_err(|failure| failed(failure.message))), usage: cast.usage }
    }
}

impl Runner for OneSpell {
    fn check<'a>(&'a self, _: Abi, _: Digest, wasm: Bytes) -> BoxFuture<'a, Result<(), Failed>> {
        self.load(&wasm);
        Box::pin(async { Ok(()) })
    }

    fn run<'a>(&'a self, _: Digest, input: Content, limits: &'a Limits, _: &'a Reach, _: &'a Arc<Witness>) -> BoxFuture<'a, Executed> {
        Box::pin(self.execute(input, limits))
    }
}

fn main() {
    let casts = if std::env::args().any(|argument| argument == "--quick") { CASTS_QUICK } else { CASTS };
    let directory = tempfile::tempdir_in(DISK).expect("directory");
    let runtime = Builder::new_current_thread().enable_all().build().expect("runtime");
    let runner = Arc::new(OneSpell::new());
    let database = Arc::new(Database::open(directory.path()).expect("database"));
    let platform = runtime.block_on(platform(database.clone(), runner.clone()));
    let mut rounds: [Vec<f64>; 5] = Default::default();
    // The first round warms up.
    for round in 0..=ROUNDS {
        let measured = [
            per_cast(casts, || call_engine(&runtime, &runner, casts)),
            per_cast(casts / 10, || cast_all(&runtime, &platform, &format!("{round}-one"), 1, casts / 10)),
            per_cast(casts, || cast_all(&runtime, &platform, &format!("{round}-many"), CLIENTS, casts)),
        ];
        let before = database.write_counts();
        let began = Instant::now();
        cast_all(&runtime, &platform, &format!("{round}-timed"), CLIENTS, casts);
        let per_second = casts as f64 / began.elapsed().as_secs_f64();
        let after = database.write_counts();
        let per_commit = (after.jobs - before.jobs) as f64 / (after.commits - before.commits) as f64;
        if round > 0 {
            rounds.iter_mut().zip(measured.into_iter().chain([per_second, per_commit])).for_each(|(values, value)| values.push(value));
        }
    }
    let [engine, one, many, per_second, per_commit] = rounds.map(median);
    println!(
        "{{\"engine_us\": {engine:.1}, \"cast_us\": {many:.1}, \"cast_one_at_a_time_us\": {one:.1}, \"overhead_us\": {:.1}, \
         \"casts_per_second\": {per_second:.0}, \"writes_per_commit\": {per_commit:.1}}}",
        many - engine
    );
}

async fn platform(database: Arc<Database>, runner: Arc<OneSpell>) -> Arc<Platform> {
    let platform = Arc::new(Platform::new(Parts::over(&database, runner, Pepper::from_bytes([7; 32]))));
    let about = About { name: "Bench".to_owned(), ..About::default() };
    platform.create_spell(&tenant(), "bench".parse().expect("a key"), about).await.expect("made");
    let program = wat::parse_str(PROGRAM).expect("a program").into();
    let version = "1.0.0".parse().expect("a version");
    let upload = Upload { spell: "bench".to_owned(), version, file_name: None, program, activates: true };
    platform.upload(&tenant(), upload).await.expect("uploaded");
    platform
}

fn tenant() -> TenantId {
    "bench".parse().expect("a name")
}

fn input() -> Content {
    Content { bytes: Bytes::from(vec![b'a'; INPUT_BYTES]), content_type: None }
}

/// Microseconds of processor time for each of so many.
fn per_cast(count: u64, work: impl FnOnce()) -> f64 {
    let spent = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
    };
    let before = spent();
    work();
    (spent() - before) / count as f64
}

fn call_engine(runtime: &Runtime, runner: &OneSpell, count: u64) {
    let limits = cast_defaults();
    runtime.block_on(async {
        for _ in 0..count {
            runner.execute(input(), &limits).await.result.expect("an answer");
        }
    });
}

/// Each client casts under keys of its own, one after the other.
fn cast_all(runtime: &Runtime, platform: &Arc<Platform>, name: &str, clients: u64, count: u64) {
    runtime.block_on(async {
        let mut casting = JoinSet::new();
        for client in 0..clients {
            let (platform, name) = (platform.clone(), format!("{name}-{client}"));
            casting.spawn(async move {
                for number in 0..count / clients {
                    let key = format!("{name}-{number}");
                    let idempotency = Some(Idempotency { fingerprint: digest_of(key.as_bytes()).0, key });
                    let request = CastRequest { spell: "bench".to_owned(), version: None, input: input(), idempotency };
                    let answer = platform.cast(&tenant(), request).await.expect("cast");
                    assert_eq!((answer.record.state.name(), answer.is_replayed), ("completed", false));
                }
            });
        }
        casting.join_all().await;
    });
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
