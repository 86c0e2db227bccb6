//! `/tmp` of casts: the real binary, with programs that write as much as they can.
//!
//! It knows the API by the byte, and where the host keeps what casts write. It must never know how it is counted.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Answer, Platform, Tracer, guest, wait_until};
use std::fs;
use tempfile::TempDir;

/// Room for sixteen blocks of 4 KiB.
const ROOM: &str = "[cast]\ntmp = \"64KiB\"\n";

/// Makes the file `note`, which must not be there, writes its input to it, and answers with what it reads from it; without the file, with
/// nothing.
const KEEP: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread" (func $read (param i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 4)
    (data (i32.const 16) "note")
    (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param $at i32) (param $length i32) (result i64)
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 5) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 32))
            (then (return (i64.const 0))))
        (i32.store (i32.const 40) (local.get $at))
        (i32.store (i32.const 44) (local.get $length))
        (if (call $write (i32.load (i32.const 32)) (i32.const 40) (i32.const 1) (i32.const 48)) (then (unreachable)))
        (i32.store (i32.const 40) (i32.const 131072))
        (if (call $read (i32.load (i32.const 32)) (i32.const 40) (i32.const 1) (i64.const 0) (i32.const 48)) (then (unreachable)))
        (i64.or (i64.shl (i64.const 131072) (i64.const 32)) (i64.extend_i32_u (i32.load (i32.const 48))))))"#;

/// Makes files until it cannot, and answers with one byte for each.
const MANY: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 4)
    (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64) (local $count i32)
        (loop $next
            (i32.store8 (i32.const 16) (i32.add (i32.const 97) (i32.rem_u (local.get $count) (i32.const 26))))
            (i32.store8 (i32.const 17) (i32.add (i32.const 97) (i32.div_u (local.get $count) (i32.const 26))))
            (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 2) (i32.const 5) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 32)))
                (then
                    (drop (call $close (i32.load (i32.const 32))))
                    (i32.store8 (i32.add (i32.const 131072) (local.get $count)) (i32.const 120))
                    (local.set $count (i32.add (local.get $count) (i32.const 1)))
                    (br_if $next (i32.lt_u (local.get $count) (i32.const 600))))))
        (i64.or (i64.shl (i64.const 131072) (i64.const 32)) (i64.extend_i32_u (local.get $count)))))"#;

/// Makes a file as large as nothing is, and answers with nothing if it can, and with one byte if it cannot.
const SPARSE: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $resize (param i32 i64) (result i32)))
    (memory (export "memory") 1)
    (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64)
        (i32.store8 (i32.const 16) (i32.const 120))
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 5) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 32))
            (then (unreachable)))
        (i64.or (i64.shl (i64.const 16) (i64.const 32))
            (i64.extend_i32_u (i32.ne (call $resize (i32.load (i32.const 32)) (i64.const 0x10000000000)) (i32.const 0))))))"#;

/// Makes a directory, another in it, and so on until it cannot, and answers with one byte for each.
const DEEP: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_create_directory" (func $create (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 4)
    (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64) (local $count i32) (local $directory i32)
        (i32.store8 (i32.const 16) (i32.const 100))
        (local.set $directory (i32.const 3))
        (loop $next
            (if (i32.eqz (call $create (local.get $directory) (i32.const 16) (i32.const 1)))
                (then
                    (if (call $open (local.get $directory) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 2) (i64.const -65) (i64.const -65) (i32.const 0) (i32.const 32))
                        (then (unreachable)))
                    (if (i32.ne (local.get $directory) (i32.const 3)) (then (drop (call $close (local.get $directory)))))
                    (local.set $directory (i32.load (i32.const 32)))
                    (i32.store8 (i32.add (i32.const 131072) (local.get $count)) (i32.const 120))
                    (local.set $count (i32.add (local.get $count) (i32.const 1)))
                    (br $next))))
        (i64.or (i64.shl (i64.const 131072) (i64.const 32)) (i64.extend_i32_u (local.get $count)))))"#;

/// Writes a byte to a file, and a hundred times asks that it be on disk. Answers with one byte for each time that this failed.
const SYNC: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_sync" (func $sync (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_datasync" (func $sync_data (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64) (local $times i32) (local $failed i32)
        (i32.store8 (i32.const 16) (i32.const 120))
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 5) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 32))
            (then (unreachable)))
        (i32.store (i32.const 40) (i32.const 16))
        (i32.store (i32.const 44) (i32.const 1))
        (if (call $write (i32.load (i32.const 32)) (i32.const 40) (i32.const 1) (i32.const 48)) (then (unreachable)))
        (loop $next
            (if (call $sync (i32.load (i32.const 32))) (then (local.set $failed (i32.add (local.get $failed) (i32.const 1)))))
            (if (call $sync_data (i32.load (i32.const 32))) (then (local.set $failed (i32.add (local.get $failed) (i32.const 1)))))
            (local.set $times (i32.add (local.get $times) (i32.const 2)))
            (br_if $next (i32.lt_u (local.get $times) (i32.const 100))))
        (i64.or (i64.shl (i64.const 1024) (i64.const 32)) (i64.extend_i32_u (local.get $failed)))))"#;

fn publish(platform: &Platform, spell: &str, wasm: &[u8]) {
    let uploaded = platform.publish(spell, "1.0.0", wasm);
    assert_eq!(uploaded.status, 201, "{}", uploaded.text());
}

fn publish_text(platform: &Platform, spell: &str, program: &str) {
    publish(platform, spell, &wat::parse_str(program).expect("a program"));
}

fn change(platform: &Platform, spell: &str, is_asked: bool) -> Answer {
    let request = platform.request("PATCH", &format!("/api/spells/{spell}")).header("content-type", "application/json");
    request.body(json!({ "tmp": is_asked }).to_string()).send()
}

fn switch(platform: &Platform, spell: &str, is_asked: bool) {
    let answer = change(platform, spell, is_asked);
    assert_eq!((answer.status, &answer.json()["tmp"]), (200, &json!(is_asked)), "{}", answer.text());
}

fn output(platform: &Platform, spell: &str, input: &Value, key: &str) -> Value {
    let answer = platform.cast(spell, input, key);
    assert_eq!(answer.status, 201, "{spell} {key}: {}", answer.text());
    answer.json()["output"].clone()
}

fn wait_until_nothing_is_left(directory: &TempDir) {
    let entries = || fs::read_dir(directory.path().join("state/spell-tmp")).map(Iterator::count);
    wait_until("what was written to be gone", || entries().is_ok_and(|count| count == 0));
}

#[test]
fn a_cast_writes_to_a_tmp_of_its_own_which_is_gone_when_the_cast_is() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start(&directory);
    publish_text(&platform, "keep", KEEP);
    assert_eq!(output(&platform, "keep", &json!("kept"), "not-asked-for"), "");
    switch(&platform, "keep", true);
    // Each makes a file of the same name that must not be there.
    for number in 0..3 {
        let text = format!("kept-{number}");
        assert_eq!(output(&platform, "keep", &json!(text), &text), json!(text));
    }
    switch(&platform, "keep", false);
    assert_eq!(output(&platform, "keep", &json!("kept"), "not-asked-for-any-more"), "");
    wait_until_nothing_is_left(&directory);
}

#[test]
fn whatever_a_cast_does_to_its_tmp_takes_no_more_than_the_operator_gives() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start_under(&directory, ROOM);
    publish(&platform, "files", &fs::read(guest("tests_p2")).expect("read"));
    publish_text(&platform, "many", MANY);
    publish_text(&platform, "sparse", SPARSE);
    for spell in ["files", "many", "sparse"] {
        switch(&platform, spell, true);
    }
    assert_eq!(output(&platform, "sparse", &json!(""), "size"), "x", "its size counts, whatever the disk has of it");
    assert_eq!(output(&platform, "many", &json!(""), "files"), "x".repeat(16), "each file counts a block");
    for (operation, expected) in [
        // A block for the file, and fifteen for its content.
        ("op=write&path=/tmp/a&n=61440", "ok"),
        ("op=write&path=/tmp/a&n=61441", "os error"),
        ("op=append&path=/tmp/a&n=61440", "ok"),
        ("op=append&path=/tmp/a&n=61441", "os error"),
        ("op=create-dir&path=/tmp/a", "ok"),
        ("op=symlink&path=b&to=/tmp/a", "ok"),
        ("op=symlink&path=/etc/passwd&to=/tmp/a", "os error"),
        ("op=list&path=/tmp", ""),
        ("op=open-many&path=/tmp&n=250", "ok"),
        ("op=open-many&path=/tmp&n=260", "resource table"),
        ("op=read&path=/tmp/../etc/passwd", "os error"),
        ("op=write&path=/tmp/../a&n=1", "os error"),
        ("op=list&path=/", "os error"),
        ("op=rename&path=/tmp&to=/b", "os error"),
    ] {
        let answer = platform.request("GET", &format!("/s/files/file?{operation}")).send();
        assert!(answer.text().contains(expected), "{operation}: {}, and not {expected}", answer.text());
        assert_eq!(answer.status == 200, expected == "ok" || operation.contains("op=list&path=/tmp"), "{operation}: {}", answer.text());
    }
    wait_until_nothing_is_left(&directory);
}

#[test]
fn directories_that_lie_deep_in_each_other_are_removed_as_well() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start(&directory);
    publish_text(&platform, "deep", DEEP);
    switch(&platform, "deep", true);
    for number in 0..2 {
        // More than a process may have open, or a path can name.
        assert_eq!(output(&platform, "deep", &json!(""), &number.to_string()), "x".repeat(4096));
    }
    wait_until_nothing_is_left(&directory);
}

/// Others wait for the same disk, and what is written is gone with the cast.
#[test]
fn a_cast_cannot_have_the_disk_wait_for_its_tmp() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start(&directory);
    publish_text(&platform, "sync", SYNC);
    switch(&platform, "sync", true);
    let tracer = Tracer::noting(platform.process_id(), "fdatasync,fsync,sync_file_range,syncfs", directory.path());
    assert_eq!(output(&platform, "sync", &json!(""), "cast"), "", "each answers that it is done");
    let calls = tracer.ended();
    // The host keeps the cast itself: that it was begun, how it ended.
    assert!((1..=10).contains(&calls.matches("sync").count()), "{calls}");
}

#[test]
fn programs_of_wasi_0_3_see_no_tmp_since_nothing_would_bound_it() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start(&directory);
    publish(&platform, "files", &fs::read(guest("tests_p3")).expect("read"));
    switch(&platform, "files", true);
    let answer = platform.request("GET", "/s/files/file?op=list&path=/tmp").send();
    assert_eq!(answer.status, 404, "{}", answer.text());
}

#[test]
fn an_operator_without_room_has_no_tmp_for_any_spell() {
    let directory = tempfile::tempdir().expect("directory");
    let platform = Platform::start_under(&directory, ROOM);
    publish_text(&platform, "keep", KEEP);
    switch(&platform, "keep", true);
    let operator = directory.path().join("spell.toml");
    let platform = platform.killed_and_started_after(|_| fs::write(operator, "[cast]\ntmp = 0\n").expect("write"));
    assert_eq!(output(&platform, "keep", &json!("kept"), "asked-before"), "");
    let refused = change(&platform, "keep", true);
    let said = refused.json();
    assert_eq!(
        (refused.status, &said["code"], &said["detail"]),
        (422, &json!("reach-refused"), &json!("tmp: the operator has no /tmp for spells"))
    );
}

#[test]
fn what_a_host_left_that_was_killed_is_swept_at_the_next_start() {
    let directory = tempfile::tempdir().expect("directory");
    let left = directory.path().join("state/spell-tmp/left");
    fs::create_dir_all(&left).expect("directory");
    fs::write(left.join("file"), "text").expect("write");
    let platform = Platform::start(&directory);
    assert!(!left.exists());
    drop(platform);
}
