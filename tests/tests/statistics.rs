//! What was cast, from outside: sums, metrics as a scraper reads them, what programs printed, and the commands that show all that.
//!
//! It knows the API and the command line by the byte. It must never know where anything is kept.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use spell_tests::{Ended, Platform, Scrape, binary, run, wait_until};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// Prints what it is given, on both streams, and answers with it.
const LOUD: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 8)
    (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64)
        (i32.store (i32.const 0) (local.get 0))
        (i32.store (i32.const 4) (local.get 1))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

/// Never ends.
const ENDLESS: &str = r#"(module (memory (export "memory") 2) (func (export "alloc") (param i32) (result i32) (i32.const 1024))
    (func (export "process") (param i32 i32) (result i64) (loop $next (br $next)) (i64.const 0)))"#;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

/// A platform with the spells `loud` and `endless`, whose casts have half a second.
fn platform(directory: &tempfile::TempDir) -> Platform {
    let platform = Platform::start(directory);
    let limits = json!({ "maxExecutionTimeMs": 500 });
    assert_eq!(platform.post("/api/spells", &json!({ "key": "endless", "name": "Endless", "resourceLimits": limits })).status, 201);
    for (spell, program) in [("loud", LOUD), ("endless", ENDLESS)] {
        let uploaded = platform.publish(spell, "1.0.0", &wat::parse_str(program).expect("a program"));
        assert_eq!(uploaded.status, 201, "{}", uploaded.text());
    }
    platform
}

fn get(platform: &Platform, path: &str) -> Value {
    let answer = platform.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// Casts `loud`, and tells the cast's id.
fn cast(platform: &Platform, text: &str, key: &str) -> String {
    let answer = platform.cast("loud", &json!(text), key);
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["cast_id"].as_str().expect("an id").to_owned()
}

/// A command that asks the platform.
fn ask(platform: &Platform, arguments: &[&str]) -> Ended {
    run(&[arguments, &["--server", &format!("http://{}", platform.client.address), "--key", &platform.key]].concat())
}

fn shown(platform: &Platform, arguments: &[&str]) -> String {
    let ended = ask(platform, arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    ended.stdout
}

#[test]
fn casts_are_summed_up_and_the_sums_survive_a_killed_host() {
    let directory = directory();
    let mut platform = platform(&directory);
    for key in ["one", "two", "three"] {
        cast(&platform, "hi", key);
    }
    assert_eq!(platform.cast("endless", &json!("x"), "four").status, 504);
    for round in 0..2 {
        let executions = get(&platform, "/api/v1/executions");
        let executions = executions["executions"].as_array().expect("executions");
        assert_eq!(executions.len(), 4, "round {round}");
        let failed: Vec<&Value> = executions.iter().filter(|execution| execution["success"] == false).collect();
        assert!(failed.len() == 1 && failed[0]["executionTimeMs"].as_f64() >= Some(500.0), "{failed:?}");
        let engines = get(&platform, "/api/v1/stats/engines");
        let none = json!({ "totalExecutions": 0, "successRate": 0.0, "avgExecutionTimeMs": 0.0, "totalCostCents": 0, "avgCostCents": 0.0 });
        assert_eq!((&engines["wasm"]["totalExecutions"], &engines["wasm"]["successRate"]), (&json!(4), &json!(75.0)), "{engines}");
        assert_eq!((&engines["wasm"]["totalCostCents"], &engines["githubActions"]), (&json!(4), &none));
        let stats = get(&platform, "/api/v1/spells/endless/stats");
        assert_eq!(stats["failures"], json!([{ "kind": "timed-out", "code": "time", "count": 1 }]), "{stats}");
        let (time, median) = (&stats["executionTimeMs"], get(&platform, "/api/v1/spells/loud/stats")["executionTimeMs"]["p50"].clone());
        assert!(time["p50"] == time["p99"] && time["p50"].as_f64() > median.as_f64(), "{stats}");
        let near = get(&platform, "/api/v1/spells/endless/thresholds");
        let kinds: Vec<&Value> = near["alerts"].as_array().expect("alerts").iter().map(|alert| &alert["type"]).collect();
        assert_eq!((&near["ok"], kinds), (&json!(false), vec![&json!("time"), &json!("success-rate")]));
        assert_eq!(get(&platform, "/api/v1/spells/loud/thresholds")["ok"], true);
        for (by, first) in [("executions", "loud"), ("time", "endless"), ("failures", "endless"), ("cost", "loud")] {
            assert_eq!(get(&platform, &format!("/api/v1/stats/top?by={by}"))["spells"][0]["spellKey"], first, "{by}");
        }
        platform = platform.killed_and_started();
    }
}

#[test]
fn a_scraper_finds_casts_uploads_and_requests() {
    let directory = directory();
    let platform = platform(&directory);
    for key in ["one", "two", "two"] {
        cast(&platform, "hi", key);
    }
    assert_eq!(platform.cast("endless", &json!("x"), "three").status, 504);
    let scrape = Scrape::parse(&platform.client.get("/metrics").text());
    let casts = |outcome| scrape.value("spell_platform_casts_total", &[("engine", "wasm"), ("outcome", outcome)]);
    assert_eq!((casts("completed"), casts("timed-out"), casts("host")), (2.0, 1.0, 0.0));
    for (name, labels, expected) in [
        ("spell_platform_replays_total", &[][..], 1.0),
        ("spell_platform_casts_running", &[], 0.0),
        ("spell_platform_places_free", &[], 64.0),
        ("spell_components_loaded", &[], 2.0),
        ("spell_platform_cast_cost_cents_total", &[("engine", "wasm")], 3.0),
        ("spell_platform_cast_duration_seconds_count", &[("engine", "wasm")], 3.0),
        ("spell_platform_cast_memory_bytes_count", &[("engine", "wasm")], 3.0),
        ("spell_platform_uploads_total", &[("outcome", "kept")], 2.0),
        ("spell_platform_requests_total", &[("method", "POST"), ("route", "/api/v1/cast"), ("status", "201")], 3.0),
        ("wasm_module_loads_total", &[("module", "loud")], 1.0),
        ("wasm_call_duration_seconds_count", &[("module", "loud"), ("function", "cast")], 2.0),
        ("wasm_memory_bytes", &[("module", "loud")], scrape.value("wasm_memory_bytes", &[("module", "loud")]).max(8.0 * 65_536.0)),
        ("wasm_errors_total", &[("module", "endless"), ("type", "timeout")], 1.0),
        ("wasm_errors_total", &[("module", "loud"), ("type", "panic")], 0.0),
    ] {
        assert_eq!(scrape.value(name, labels), expected, "{name}");
    }
    assert!(scrape.value("wasm_fuel_consumed_total", &[("module", "loud")]) > 0.0);
    assert_eq!(scrape.count("wasm_module_loads_total"), 2);
}

#[test]
fn what_a_cast_prints_is_kept_up_to_a_bound_and_shown_without_commanding_the_terminal() {
    let directory = directory();
    let platform = platform(&directory);
    let printed = "first\n\u{1b}[2J\u{9b}1mforged\r";
    let id = cast(&platform, printed, "one");
    let lines = platform.get(&format!("/api/v1/casts/{id}/logs"));
    let (is_safe, text) = (|text: &str| text.chars().all(|character| character == '\n' || !character.is_control()), lines.text());
    assert!(is_safe(&text), "{text:?}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<(&str, &str)> =
        lines.iter().map(|line| (line["stream"].as_str().expect("a stream"), line["text"].as_str().expect("a text"))).collect();
    let second = "\u{1b}[2J\u{9b}1mforged";
    assert_eq!(told, [("stdout", "first"), ("stderr", "first"), ("stdout", second), ("stderr", second)]);
    for arguments in
        [&["logs", &id][..], &["logs", &id, "--json"], &["logs"], &["logs", "--json"], &["casts", &id, "--json"], &["casts", &id]]
    {
        let text = shown(&platform, arguments);
        assert!(is_safe(&text) && text.contains("forged"), "{arguments:?}: {text:?}");
    }
    assert!(shown(&platform, &["logs", &id]).contains("stdout | first\n"));
    let long = cast(&platform, &"x".repeat(100_000), "two");
    let text = platform.get(&format!("/api/v1/casts/{long}/logs")).text();
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last, json!({ "dropped_bytes": 200_000 - 65_536 }));
    assert!(shown(&platform, &["logs", &long]).ends_with("[spell: 134464 bytes more were not kept]\n"));
    let ended = ask(&platform, &["logs", "cast_0"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("Cast not found [404]"), "{}", ended.stderr);
}

/// A command that goes on, and what it has printed.
struct Following {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Following {
    fn start(platform: &Platform, arguments: &[&str]) -> (Self, BufReader<ChildStdout>) {
        let server = format!("http://{}", platform.client.address);
        let mut command = Command::new(binary());
        command.args(arguments).args(["--server", &server]).env_clear().env("SPELL_KEY", &platform.key);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("spawn");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        (Self { child, lines: Arc::default() }, out)
    }

    fn reading(platform: &Platform, arguments: &[&str]) -> Self {
        let (following, out) = Self::start(platform, arguments);
        let lines = following.lines.clone();
        thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| lines.lock().expect("a lock").push(line)));
        following
    }

    fn wait_for(&self, text: &str) {
        wait_until(text, || self.lines.lock().expect("a lock").iter().any(|line| line.contains(text)));
    }

    fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the command to end", || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("a status")
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn logs_are_followed_until_an_interrupt_or_until_nobody_reads() {
    let directory = directory();
    let platform = platform(&directory);
    cast(&platform, "before", "zero");
    let mut all = Following::reading(&platform, &["logs", "-f"]);
    let mut endless = Following::reading(&platform, &["logs", "--follow", "--spell", "endless", "--json"]);
    all.wait_for("stdout | before");
    let begun = platform.begin_cast("endless", &json!("x"), "one").begin();
    cast(&platform, "after", "two");
    all.wait_for("stderr | after");
    all.wait_for("failed");
    endless.wait_for("\"status\":\"failed\"");
    drop(begun);
    let lines = endless.lines.lock().expect("a lock").clone();
    assert!(lines.iter().all(|line| serde_json::from_str::<Value>(line).is_ok_and(|cast| cast["logs"] == json!([]))), "{lines:?}");
    for following in [&mut all, &mut endless] {
        kill_process(Pid::from_child(&following.child), Signal::INT).expect("a signal");
        assert!(following.ended().success());
    }
    let (mut unread, mut out) = Following::start(&platform, &["logs", "-f", "--limit", "1"]);
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    drop(out);
    for number in 0.. {
        cast(&platform, "to nobody", &format!("n{number}"));
        if unread.child.try_wait().expect("wait").is_some() {
            break;
        }
        thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(unread.ended().success());
}

#[test]
fn casts_and_sums_are_shown_as_tables_and_as_json() {
    let directory = directory();
    let platform = platform(&directory);
    cast(&platform, "hi", "one");
    assert_eq!(platform.cast("endless", &json!("x"), "two").status, 504);
    let table = shown(&platform, &["casts"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((rows.len(), rows[0][0], rows[1][2], rows[2][2]), (3, "CREATED", "endless", "loud"), "{table}");
    assert!(rows[1].contains(&"failed") && rows[2].contains(&"completed"), "{table}");
    let of_loud: Value = serde_json::from_str(&shown(&platform, &["casts", "--spell", "loud", "--limit", "5", "--json"])).expect("JSON");
    assert_eq!((of_loud.as_array().map(Vec::len), &of_loud[0]["spell_key"]), (Some(1), &json!("loud")));
    let sums = shown(&platform, &["stats"]);
    for text in ["ENGINE", "wasm", "github_actions", "SPELL", "loud", "endless"] {
        assert!(sums.contains(text), "{text} is missing in\n{sums}");
    }
    let sums: Value = serde_json::from_str(&shown(&platform, &["stats", "--json", "--by", "failures"])).expect("JSON");
    assert_eq!((&sums["top"]["spells"][0]["spellKey"], &sums["engines"]["wasm"]["totalExecutions"]), (&json!("endless"), &json!(2)));
    let spell = shown(&platform, &["stats", "endless"]);
    for text in ["TIME ms p50", "timed-out", "alert: 5 of 100 casts take"] {
        assert!(spell.contains(text), "{text} is missing in\n{spell}");
    }
    let ended = ask(&platform, &["stats", "none"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("Spell not found [404]"), "{}", ended.stderr);
    let empty = directory.path().join("empty").to_string_lossy().into_owned();
    let ended = run(&["stats", "--state-dir", &empty, "--server", "http://127.0.0.1:1"]);
    assert!(
        ended.code == Some(1) && ended.stderr.contains("nothing has been recorded yet"),
        "a state directory goes first: {}",
        ended.stderr
    );
}

#[test]
fn a_program_that_is_pushed_is_sent_whole_and_without_a_terminal_its_progress_is_not_shown() {
    let directory = directory();
    let platform = platform(&directory);
    let file = directory.path().join("large.wasm");
    let zeros = "\\00".repeat(3 << 20);
    let program =
        LOUD.replace("(memory (export \"memory\") 8)", &format!("(memory (export \"memory\") 64) (data (i32.const 4096) \"{zeros}\")"));
    std::fs::write(&file, wat::parse_str(program).expect("a program")).expect("write");
    let ended = ask(&platform, &["push", &file.to_string_lossy()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("large 1.0.0 ") && !ended.stderr.contains('\r'), "{}", ended.stderr);
    assert_eq!(platform.cast("large", &json!("hi"), "one").json()["output"], "hi");
}
