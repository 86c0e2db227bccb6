//! A process that is killed at each stage of a cast, and what the next one makes of the database.
//!
//! It knows what is promised to whoever casts under a key. The process that is killed is this very test, started once more.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod platform;
mod whole;

use platform::{acme, count};
use spell_cast::{CastError, CastState, Platform, Reserved};
use spell_store::Database;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use whole::{Fate, Numbers, Stage, VICTIM, cast_under, effects, prepare, standing_for, whole};

/// Tells a child its stage, its seed and its directory.
const FATE: &str = "SPELL_FATE";
/// Processes that are killed at each stage; each takes some hundredths of a second.
const SEEDS: u64 = 100;
const SEEDS_TORTURE: u64 = 1_000;
/// Keys of casts that are made before and beside the victim.
const OTHER_KEYS: u64 = 6;

/// What became of a cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fared {
    /// Nothing of it was on record, and it was run.
    RunAnew,
    /// Nobody knows, and it is not run.
    Indeterminate,
    /// It had ended, and is answered with.
    Replayed,
}

#[test]
fn nothing_is_cast_twice_or_lost_wherever_the_process_is_killed() {
    let template = tempfile::tempdir().unwrap();
    runtime(1).block_on(prepare(template.path()));
    let seeds = if std::env::var_os("SPELL_TORTURE").is_some() { SEEDS_TORTURE } else { SEEDS };
    for stage in Stage::ALL {
        let next = AtomicU64::new(0);
        let fared: Vec<Fared> = thread::scope(|scope| {
            let work = || {
                let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds));
                seeds.map(|seed| killed_at(stage, seed, template.path())).collect::<Vec<_>>()
            };
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let expected = match stage {
            Stage::BeforeReserve => Fared::RunAnew,
            Stage::AfterReserve | Stage::InGuest | Stage::BeforeCommit => Fared::Indeterminate,
            Stage::AfterCommit | Stage::InReply => Fared::Replayed,
        };
        assert_eq!(BTreeSet::from_iter(&fared), BTreeSet::from([&expected]), "{stage:?}");
        println!("{{\"card\":\"I7\",\"variant\":\"{stage:?}\",\"kills\":{},\"verdict\":\"contained\"}}", fared.len());
    }
}

#[test]
#[ignore = "is killed, see above"]
fn one_that_is_killed() {
    let Ok(fate) = std::env::var(FATE) else { return };
    let [stage, seed, directory] = fate.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{fate}") };
    let fate = Fate { stage: Some(Stage::of_name(stage)), seed: seed.parse().unwrap() };
    runtime(2).block_on(live(fate, Path::new(directory)));
    panic!("it was to be killed");
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

fn replies_of(state_dir: &Path) -> PathBuf {
    state_dir.join("replies")
}

/// Casts some, and then more of them at once, among them the victim.
async fn live(fate: Fate, state_dir: &Path) {
    let database = Arc::new(Database::open(state_dir).unwrap());
    database.claim_casts().await.unwrap();
    let platform = whole(&database, fate, SystemTime::now);
    let replies = Arc::new(File::options().create(true).append(true).open(replies_of(state_dir)).unwrap());
    let mut numbers = Numbers::new(fate.seed);
    for _ in 0..numbers.below(4) {
        reply(platform.clone(), format!("key {}", numbers.below(OTHER_KEYS)), fate, replies.clone()).await;
    }
    let mut casting = JoinSet::new();
    for _ in 0..numbers.below(6) {
        let key = if numbers.below(4) == 0 { VICTIM.to_owned() } else { format!("key {}", numbers.below(OTHER_KEYS)) };
        casting.spawn(reply(platform.clone(), key, fate, replies.clone()));
    }
    tokio::time::sleep(Duration::from_micros(numbers.below(3_000))).await;
    casting.spawn(reply(platform, VICTIM.to_owned(), fate, replies));
    casting.join_all().await;
}

/// Casts under a key and writes what came of it: a line that is whole was acknowledged.
async fn reply(platform: Arc<Platform>, key: String, fate: Fate, replies: Arc<File>) {
    let answer = match cast_under(&platform, &key).await {
        Ok(answer) => answer,
        Err(CastError::InFlight { .. }) => return,
        Err(error) => panic!("{key}: {error}"),
    };
    let line = format!("{key}\t{:?}\n", answer.record);
    if key == VICTIM && fate.stage == Some(Stage::InReply) {
        let cut = fate.seed as usize % line.len();
        io::stdout().write_all(&line.as_bytes()[..cut]).unwrap();
        fate.meet(Stage::InReply);
    }
    // One write: other replies are not mixed into it.
    (&*replies).write_all(line.as_bytes()).unwrap();
}

/// Has a process be killed, looks at what it left, and tells how the victim fared.
fn killed_at(stage: Stage, seed: u64, template: &Path) -> Fared {
    let directory = TempDir::new().unwrap();
    fs::copy(template.join("spell.db"), directory.path().join("spell.db")).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "one_that_is_killed", "--nocapture"])
        .env(FATE, format!("{stage:?} {seed} {}", directory.path().display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let what = format!("{stage:?} {seed}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.signal(), Some(9), "{what}");
    runtime(1).block_on(look(stage, directory.path(), &what))
}

async fn look(stage: Stage, state_dir: &Path, what: &str) -> Fared {
    assert_eq!(whole_file(state_dir), "ok", "{what}");
    let replied = replied(state_dir);
    let database = Arc::new(Database::open(state_dir).unwrap());
    database.claim_casts().await.unwrap();
    let platform = whole(&database, Fate::NONE, SystemTime::now);
    let keys = (0..OTHER_KEYS).map(|number| format!("key {number}"));
    for key in keys {
        ask_again(&platform, &database, &key, &replied, what).await;
    }
    let before = effects(&database, VICTIM).await;
    let fared = ask_again(&platform, &database, VICTIM, &replied, what).await;
    let is_right = match stage {
        Stage::BeforeReserve | Stage::AfterReserve => before == 0,
        Stage::InGuest => before <= 1,
        Stage::BeforeCommit | Stage::AfterCommit | Stage::InReply => before == 1,
    };
    assert!(is_right, "{what}: {before} effects");
    assert!(!cast_under(&platform, "new").await.unwrap().is_replayed, "{what}: it goes on");
    drop((platform, database));
    let casts = count(state_dir, "SELECT count(*) FROM casts");
    assert_eq!(casts, count(state_dir, "SELECT count(DISTINCT cast_id) FROM idempotency"), "{what}: a key for each cast");
    assert_eq!((casts, count(state_dir, "SELECT count(*) FROM casts WHERE state = 'running'")), (OTHER_KEYS as i64 + 2, 0), "{what}");
    fared
}

/// What SQLite says of the file, the write-ahead log included.
fn whole_file(state_dir: &Path) -> String {
    let connection = rusqlite::Connection::open(state_dir.join("spell.db")).unwrap();
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

/// The records that were told whole, by their keys.
fn replied(state_dir: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(replies_of(state_dir)).unwrap_or_default();
    let mut replied = BTreeMap::<String, BTreeSet<String>>::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let (key, record) = line.split_once('\t').unwrap();
        replied.entry(key.to_owned()).or_default().insert(record.to_owned());
    }
    replied
}

/// Casts under a key twice more, and tells how its cast fared.
async fn ask_again(
    platform: &Arc<Platform>,
    database: &Database,
    key: &str,
    replied: &BTreeMap<String, BTreeSet<String>>,
    what: &str,
) -> Fared {
    let known = platform.ledger.known(&acme(), &standing_for(key)).await.unwrap();
    let before = effects(database, key).await;
    let mut fared = BTreeSet::new();
    for round in 0..2 {
        let answer = cast_under(platform, key).await;
        let now = effects(database, key).await;
        fared.insert(match (&known, &answer) {
            (None, Ok(answer)) => {
                assert_eq!((before, now, answer.is_replayed), (0, 1, round > 0), "{what}: {key}");
                assert!(!replied.contains_key(key), "{what}: {key} was acknowledged and is lost");
                Fared::RunAnew
            }
            (Some(Reserved::Known(record)), Err(CastError::Indeterminate { cast_id })) => {
                assert_eq!((&record.id, &record.state), (cast_id, &CastState::Indeterminate), "{what}: {key}");
                assert!(before <= 1 && now == before && !replied.contains_key(key), "{what}: {key}: {before}, {now}");
                Fared::Indeterminate
            }
            (Some(Reserved::Known(record)), Ok(answer)) => {
                assert_eq!((&answer.record, answer.is_replayed, before, now), (&**record, true, 1, 1), "{what}: {key}");
                let told = replied.get(key).into_iter().flatten();
                assert!(told.clone().all(|told| *told == format!("{record:?}")), "{what}: {key}: {told:?}");
                Fared::Replayed
            }
            other => panic!("{what}: {key}: {other:?}"),
        });
    }
    assert_eq!(fared.len(), 1, "{what}: {key}: {fared:?}");
    fared.pop_first().unwrap()
}
