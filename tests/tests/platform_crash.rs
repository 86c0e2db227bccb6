//! A platform that is killed again and again while clients cast and upload: what they were told is so ever after.
//!
//! It knows the API by the byte, and what SQLite says of its file. It must never know at which stage a cast was.

#![expect(clippy::expect_used, clippy::panic, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::programs::{echo, large};
use spell_tests::{Answer, NO_RATES, Platform};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Times that the host is killed.
const ROUNDS: u64 = 30;
const ROUNDS_TORTURE: u64 = 200;
const CLIENTS: u64 = 6;
/// The longest that clients cast before the host is killed.
const LIFE_MS_MAX: u64 = 250;

fn is_torture() -> bool {
    std::env::var_os("SPELL_TORTURE").is_some()
}

/// A number below a bound that looks like chance, the same one for the same seed.
fn draw(seed: u64, bound: u64) -> u64 {
    let mut number = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^= number >> 29;
    (number.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) % bound
}

/// What clients were told in one life of the host.
#[derive(Default)]
struct Told {
    /// Bodies of casts by their keys.
    casts: BTreeMap<String, Vec<u8>>,
    /// Keys whose casts were sent and not answered.
    unanswered: BTreeSet<String>,
    /// Versions that were uploaded.
    versions: BTreeSet<String>,
}

impl Told {
    fn join(mut self, other: Told) -> Told {
        for (key, body) in other.casts {
            let known = self.casts.entry(key).or_insert_with(|| body.clone());
            assert_eq!(*known, body, "two who asked with one key were told the same");
        }
        self.unanswered.extend(other.unanswered);
        self.versions.extend(other.versions);
        self
    }
}

/// Casts until the host is gone; some keys are those of all clients.
fn cast_until_killed(platform: &Platform, round: u64, client: u64) -> Told {
    let mut told = Told::default();
    for number in 0.. {
        let whose = if number % 4 == 0 { "all".to_owned() } else { client.to_string() };
        let key = format!("{round}-{whose}-{number}");
        let Some(answer) = platform.begin_cast("echo", &json!(key), &key).send_if_taken() else { break };
        match answer {
            Answer { status: 201, is_whole: true, body, .. } => drop(told.casts.insert(key, body)),
            Answer { status: 409, is_whole: true, .. } => {}
            Answer { status: 0, .. } | Answer { is_whole: false, .. } => drop(told.unanswered.insert(key)),
            other => panic!("{key}: {other:?}"),
        }
    }
    told
}

fn upload_until_killed(platform: &Platform, round: u64) -> Told {
    let mut told = Told::default();
    for number in 0.. {
        let version = format!("{}.{number}.0", round + 2);
        let program = echo(round * 1_000 + number);
        let Some(answer) = platform.begin_upload("versions", &version, &program).send_if_taken() else { break };
        if answer.status == 201 && answer.is_whole {
            told.versions.insert(version);
        }
    }
    told
}

/// What is in the file is what SQLite says a file is, and each cast has its key.
fn look(state_dir: &Path) {
    let connection = rusqlite::Connection::open(state_dir.join("spell.db")).expect("open");
    let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).expect(sql);
    assert_eq!(ask("PRAGMA integrity_check"), "ok".to_owned().into());
    assert_eq!(ask("SELECT count(*) FROM pragma_foreign_key_check"), 0.into());
    assert_eq!(ask("SELECT count(*) FROM casts"), ask("SELECT count(DISTINCT cast_id) FROM idempotency"));
}

/// What is answered under a key now is what is answered from then on; tells which of the three it was.
fn ask_again(platform: &Platform, key: &str) -> &'static str {
    let ask = || platform.cast("echo", &json!(key), key);
    let (first, second) = (ask(), ask());
    assert_eq!((first.status, &first.body), (second.status, &second.body), "{key}");
    match (first.status, first.header("idempotent-replayed")) {
        (201, None) => "cast",
        (201, Some(_)) => "replayed",
        (409, _) if first.json()["code"] == "cast-indeterminate" => "indeterminate",
        _ => panic!("{key}: {first:?}"),
    }
}

#[test]
fn what_was_told_is_so_however_often_the_host_is_killed() {
    let directory = tempfile::tempdir().expect("directory");
    let mut platform = Platform::start(&directory);
    for spell in ["echo", "versions"] {
        assert_eq!(platform.publish(spell, "1.0.0", &echo(0)).status, 201);
    }
    let rounds = if is_torture() { ROUNDS_TORTURE } else { ROUNDS };
    let (mut acknowledged, mut fared, mut ready_max) = (0, BTreeMap::<_, u64>::new(), Duration::ZERO);
    let mut before: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for round in 0..rounds {
        let told = thread::scope(|scope| {
            let platform = &platform;
            let casting: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || cast_until_killed(platform, round, client))).collect();
            let uploading = scope.spawn(move || upload_until_killed(platform, round));
            thread::sleep(Duration::from_micros(draw(round, LIFE_MS_MAX * 1_000)));
            platform.kill();
            let told = uploading.join().expect("told");
            casting.into_iter().map(|client| client.join().expect("told")).fold(told, Told::join)
        });
        let killed = Instant::now();
        platform = platform.killed_and_started_after(look);
        ready_max = ready_max.max(killed.elapsed());
        acknowledged += told.casts.len();
        for (key, body) in told.casts.iter().chain(&before) {
            let again = platform.cast("echo", &json!(key), key);
            assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (201, body, Some("true")), "{key}");
        }
        for key in &told.unanswered {
            if !told.casts.contains_key(key) {
                *fared.entry(ask_again(&platform, key)).or_default() += 1;
            }
        }
        let modules = platform.get("/api/spells/upload-wasm?spellId=versions").json();
        let kept: BTreeSet<&str> =
            modules["modules"].as_array().expect("modules").iter().filter_map(|module| module["version"].as_str()).collect();
        assert!(told.versions.iter().all(|version| kept.contains(version.as_str())), "{:?} of {kept:?}", told.versions);
        // Some are asked for once more after the next round.
        before = told.casts.into_iter().take(3).collect();
    }
    println!(
        "{{\"card\":\"J5\",\"variant\":\"under load\",\"kills\":{rounds},\"acknowledged\":{acknowledged},\"unanswered\":{},\
         \"ready_ms_max\":{},\"verdict\":\"contained\"}}",
        json!(fared),
        ready_max.as_millis()
    );
}

#[test]
fn an_answer_that_was_cut_is_given_whole_to_whoever_asks_again() {
    let directory = tempfile::tempdir().expect("directory");
    let mut platform = Platform::start(&directory);
    assert_eq!(platform.publish("large", "1.0.0", &large(12 << 20)).status, 201);
    for (round, host_is_killed) in [true, false].into_iter().cycle().enumerate().take(if is_torture() { 100 } else { 8 }) {
        let key = format!("key-{round}");
        let mut pending = platform.begin_cast("large", &Value::Null, &key).begin();
        // What is answered at all is on record.
        let bytes = 1 + draw(round as u64, 1 << 20);
        assert_eq!(pending.read_some(bytes) as u64, bytes, "{key}");
        if host_is_killed {
            platform = platform.killed_and_started_after(look);
        }
        drop(pending);
        let again = platform.cast("large", &Value::Null, &key);
        assert_eq!((again.status, again.is_whole, again.header("idempotent-replayed")), (201, true, Some("true")), "{key}");
        let output = again.json()["output"].as_str().map(|output| (output.len(), output.bytes().all(|byte| byte == b'a')));
        assert_eq!(output, Some((12 << 20, true)), "{key}");
    }
}

#[test]
fn a_hundred_clients_with_each_of_some_keys_are_told_the_same() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start_under(&directory, NO_RATES);
    assert_eq!(platform.publish("echo", "1.0.0", &echo(0)).status, 201);
    let keys = if is_torture() { 200 } else { 10 };
    for number in 0..keys {
        let key = format!("key-{number}");
        let answers: Vec<Answer> = thread::scope(|scope| {
            let clients: Vec<_> = (0..100).map(|_| scope.spawn(|| platform.cast("echo", &json!(key), &key))).collect();
            clients.into_iter().map(|client| client.join().expect("an answer")).collect()
        });
        let (answered, others): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 201);
        assert!(others.iter().all(|answer| (answer.status, &answer.json()["code"]) == (409, &json!("cast-in-flight"))), "{others:?}");
        assert!(answered.iter().all(|answer| answer.body == answered[0].body), "{key}");
        let first = answered.iter().filter(|answer| answer.header("idempotent-replayed").is_none());
        assert_eq!(first.count(), 1, "{key}: one was answered first");
    }
    let casts = rusqlite::Connection::open(platform.state_dir().join("spell.db")).expect("open");
    let count: i64 = casts.query_row("SELECT count(*) FROM casts", [], |row| row.get(0)).expect("count");
    assert_eq!(count, keys);
}
