//! A platform on a disk that is full or read-only: nothing is acknowledged that is not kept, and what is there is still read.
//!
//! It knows how to fill a disk. It must never know which file holds what. Each test runs in a namespace of mounts, where a disk of memory is
//! made for it.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::json;
use spell_tests::programs::{echo, large, slow};
use spell_tests::{Answer, Platform, run, wait_until};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

fn shell(line: &str) {
    let status = Command::new("sh").args(["-c", line]).status().expect("sh");
    assert!(status.success(), "{line}");
}

/// Runs a test of this file among mounts of its own.
fn run_apart(test: &str) {
    let program = std::env::current_exe().expect("this test");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount"]).arg(program).args(["--ignored", "--exact", test, "--nocapture"]);
    let status = command.status().expect("unshare, of util-linux");
    assert!(status.success(), "{test} failed on its disk");
}

/// Makes a directory a disk of its own, in memory.
fn mount(directory: &Path, size: &str) {
    shell(&format!("mount -t tmpfs -o size={size} tmpfs {}", directory.display()));
}

/// A file that takes all the room there is.
struct Ballast<'a>(&'a Path);

impl<'a> Ballast<'a> {
    fn fill(path: &'a Path) -> Self {
        let mut file = File::options().create(true).append(true).open(path).expect("open");
        for piece in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![b'x'; piece]).is_ok() {}
        }
        Self(path)
    }

    /// Gives some of it back.
    fn shrink(&self, bytes: u64) {
        let file = File::options().write(true).open(self.0).expect("open");
        let length = file.metadata().expect("length").len();
        file.set_len(length - bytes).expect("shrink");
    }
}

fn refuses(answer: &Answer, status: u16, code: &str) -> bool {
    answer.status == status && answer.json()["code"] == code
}

/// Casts until there is no room for a cast, also not where the database has some left; tells the keys of those for which there was.
fn cast_until_full(platform: &Platform, name: &str) -> Vec<String> {
    let mut kept = Vec::new();
    for number in 0..2_000 {
        let key = format!("{name}-{number}");
        let answer = platform.cast("small", &json!("x"), &key);
        if answer.status != 201 {
            assert!(refuses(&answer, 507, "storage-full"), "{answer:?}");
            return kept;
        }
        kept.push(key);
    }
    unreachable!("the disk is never full");
}

#[test]
fn a_full_disk_is_told_and_takes_nothing_and_ends_without_a_restart() {
    run_apart("casts_and_uploads_on_a_disk_that_fills_up");
}

#[test]
#[ignore = "runs among mounts of its own, see above"]
fn casts_and_uploads_on_a_disk_that_fills_up() {
    let directory = tempfile::tempdir().expect("directory");
    mount(directory.path(), "24m");
    let platform = Platform::start_in(&directory.path().join("state"));
    assert_eq!(platform.publish("small", "1.0.0", &echo(0)).status, 201);
    assert_eq!(platform.publish("large", "1.0.0", &large(16 << 20)).status, 201);
    let first = platform.cast("small", &json!("x"), "before");
    assert_eq!(first.status, 201, "{}", first.text());

    let path = directory.path().join("ballast");
    let ballast = Ballast::fill(&path);
    let kept = cast_until_full(&platform, "full");
    assert!(refuses(&platform.upload("small", "2.0.0", &echo(2)), 507, "storage-full"));
    for key in kept.iter().chain([&"before".to_owned()]) {
        let again = platform.cast("small", &json!("x"), key);
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")), "{key}: {}", again.text());
    }
    for path in ["/api/v1/casts?limit=100", "/api/spells/small", "/api/v1/spells/small/trends", "/api/spells/upload-wasm?spellId=small"] {
        assert_eq!(platform.get(path).status, 200, "{path}");
    }

    // There is room to begin, and none for what is answered.
    ballast.shrink(512 << 10);
    let cast = || platform.cast("large", &json!(null), "long");
    let lost = cast();
    assert!(refuses(&lost, 507, "storage-full") && lost.json()["cast_id"].is_string(), "{lost:?}");
    let again = cast();
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (507, &lost.body, Some("true")));

    fs::remove_file(&path).expect("remove");
    // It was refused before it ran, or is recorded a moment later.
    wait_until("what was refused to be cast", || platform.cast("small", &json!("x"), &format!("full-{}", kept.len())).status == 201);
    assert_eq!(platform.upload("small", "2.0.0", &echo(2)).status, 201);
    let platform = platform.killed_and_started();
    let again = platform.cast("small", &json!("x"), "before");
    assert_eq!((again.status, &again.body), (201, &first.body));
}

#[test]
fn a_cast_that_ends_on_a_full_disk_is_recorded_once_there_is_room() {
    run_apart("a_cast_that_ends_while_the_disk_is_full");
}

#[test]
#[ignore = "runs among mounts of its own, see above"]
fn a_cast_that_ends_while_the_disk_is_full() {
    let directory = tempfile::tempdir().expect("directory");
    mount(directory.path(), "24m");
    let platform = Platform::start_in(&directory.path().join("state"));
    assert_eq!(platform.publish("small", "1.0.0", &echo(0)).status, 201);
    let made = platform.post("/api/spells", &json!({ "key": "slow", "name": "Slow", "limits": { "fuel": u64::MAX / 2 } }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(platform.upload("slow", "1.0.0", &slow(3_000_000_000)).status, 201);
    // It takes more room than it takes to begin a cast.
    let input = json!("x".repeat(60_000));
    let pending = platform.begin_cast("slow", &input, "late").begin();
    wait_until("the cast to run", || platform.get("/api/v1/casts").json()["casts"][0]["status"] == "running");
    let path = directory.path().join("ballast");
    let _ballast = Ballast::fill(&path);
    cast_until_full(&platform, "full");
    let answer = pending.answer();
    assert!(refuses(&answer, 507, "storage-full"), "{answer:?}");
    assert!(refuses(&platform.cast("slow", &input, "late"), 409, "cast-in-flight"), "it has not ended before it is recorded");
    fs::remove_file(&path).expect("remove");
    let mut recorded = None;
    wait_until("the cast to be recorded", || {
        recorded = Some(platform.cast("slow", &input, "late")).filter(|answer| answer.status == 201);
        recorded.is_some()
    });
    let recorded = recorded.expect("recorded");
    assert_eq!((recorded.header("idempotent-replayed"), &recorded.json()["output"]), (Some("true"), &input));
}

#[test]
fn a_read_only_disk_is_told_at_the_start() {
    run_apart("a_start_on_a_read_only_disk");
}

#[test]
#[ignore = "runs among mounts of its own, see above"]
fn a_start_on_a_read_only_disk() {
    let directory = tempfile::tempdir().expect("directory");
    mount(directory.path(), "24m");
    let state_dir = directory.path().join("state");
    for is_used in [false, true] {
        if is_used {
            drop(Platform::start_in(&state_dir));
        }
        shell(&format!("mount -o remount,ro {}", directory.path().display()));
        let ended = run(&["serve", "--listen", "127.0.0.1:0", "--state-dir", &state_dir.to_string_lossy()]);
        let is_told = ended.stderr.contains(&*state_dir.to_string_lossy()) && !ended.stderr.contains("panicked");
        assert!(ended.code == Some(1) && is_told, "{ended:?}");
        shell(&format!("mount -o remount,rw {}", directory.path().display()));
    }
}
