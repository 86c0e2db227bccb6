//! Spells of the platform by plain HTTP, and versions taken along as apps: the same bytes, the same limits, and a record of each request.
//!
//! It knows `/s`, and what the test guests do. It must never know how a spell runs.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use spell_tests::{Answer, Client, Platform, REVISIONS, Request, Setup, Upstream, guest, run, spells_directory, wait_until};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("directory")
}

/// Writes `Processed: ` before what it is given.
fn processed() -> Vec<u8> {
    fs::read(spells_directory().join("assemblyscript-default-processed.wasm")).expect("run `make components`")
}

/// A platform with the test guest of each revision, each under these limits.
fn both(directory: &tempfile::TempDir, limits: &Value) -> Platform {
    let platform = Platform::start(directory);
    publish_both(&platform, limits);
    platform
}

fn publish_both(platform: &Platform, limits: &Value) {
    for revision in REVISIONS {
        let made = platform.post("/api/spells", &json!({ "key": revision, "name": revision, "limits": limits }));
        assert_eq!(made.status, 201, "{}", made.text());
        let program = fs::read(guest(&format!("tests_{revision}"))).expect("read");
        let uploaded = platform.upload(revision, "1.0.0", &program);
        assert_eq!(uploaded.status, 201, "{revision}: {}", uploaded.text());
    }
}

fn ask(platform: &Platform, method: &str, path: &str) -> Request {
    platform.request(method, &format!("/s/{path}"))
}

/// The record of the cast that an answer is of, as soon as it has ended.
fn record(platform: &Platform, answer: &Answer) -> Value {
    let path = format!("/api/v1/casts/{}", answer.header("spell-cast-id").expect("an id"));
    wait_until("the end", || platform.get(&path).json()["status"] != "running");
    platform.get(&path).json()
}

fn casts(platform: &Platform) -> Vec<Value> {
    platform.get("/api/v1/casts?limit=100").json()["casts"].as_array().cloned().unwrap_or_default()
}

#[test]
fn handlers_of_both_revisions_answer_with_the_headers_that_the_host_vouches_for_and_without_the_key() {
    let directory = directory();
    let platform = both(&directory, &json!({}));
    for revision in REVISIONS {
        let request = ask(&platform, "PUT", &format!("{revision}/a/headers?q=1"));
        let request = request.header("spin-client-addr", "6.6.6.6:6").header("spell-version", "1.0.0").header("cookie", "a=b");
        let answer = request.body("").send();
        assert_eq!(answer.status, 200, "{revision}: {}", answer.text());
        let (seen, text) = (answer.json(), answer.text());
        assert_eq!(seen["method"], "PUT");
        let url = format!("http://{}/s/{revision}/a/headers?q=1", platform.client.address);
        for (name, value) in [
            ("spin-full-url", url.as_str()),
            ("spin-path-info", "/a/headers"),
            ("spin-matched-route", &format!("/s/{revision}/...")),
            ("spin-component-route", &format!("/s/{revision}")),
            ("spin-base-path", "/"),
            ("cookie", "a=b"),
        ] {
            let header = json!([name, value]);
            assert!(seen["headers"].as_array().is_some_and(|headers| headers.contains(&header)), "{revision} {header}: {text}");
        }
        for hidden in ["authorization", &platform.key, "6.6.6.6", "spell-version", "connection"] {
            assert!(!text.contains(hidden), "{revision} {hidden}: {text}");
        }
        let cast = record(&platform, &answer);
        assert_eq!(
            (&cast["status"], &cast["cost_cents"], &cast["spell_key"]),
            (&json!("completed"), &json!(1), &json!(revision)),
            "{cast}"
        );
        assert!(cast["usage"]["fuel"].as_u64() > Some(0) && cast["output"] == "", "{cast}");
    }
    let refused = platform.cast("p2", &json!("a"), "one");
    assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("spell-answers-http")), "{}", refused.text());
}

#[test]
fn megabytes_flow_both_ways_at_the_same_time_and_a_trickle_arrives_as_it_is_sent() {
    const BYTES: usize = 8 << 20;
    let directory = directory();
    let platform = both(&directory, &json!({}));
    for revision in REVISIONS {
        let body: Vec<u8> = (0..BYTES).map(|index| (index % 251) as u8).collect();
        let answer = ask(&platform, "POST", &format!("{revision}/echo")).body(body.clone()).chunked().send();
        assert!(answer.is_success() && answer.body == body, "{revision}: {} with {} bytes", answer.status, answer.body.len());
        let usage = record(&platform, &answer)["usage"].clone();
        assert_eq!((&usage["bytes_in"], &usage["bytes_out"]), (&json!(BYTES), &json!(BYTES)), "{revision}");
        let mut stream = TcpStream::connect(platform.client.address).expect("connect");
        let head = format!(
            "POST /s/{revision}/echo HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: 300\r\nconnection: close\r\n\r\n",
            platform.key
        );
        stream.write_all(head.as_bytes()).expect("write");
        let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
        for piece in [b'a', b'b', b'c'] {
            stream.write_all(&[piece; 100]).expect("write");
            // What was sent is back before more is sent.
            while received.iter().filter(|byte| **byte == piece).count() < 100 {
                let count = stream.read(&mut buffer).expect("read");
                assert!(count > 0, "{revision}: {}", String::from_utf8_lossy(&received));
                received.extend_from_slice(&buffer[..count]);
            }
        }
    }
}

#[test]
fn failures_are_problems_and_on_record_and_the_spell_goes_on() {
    let directory = directory();
    let platform = both(&directory, &json!({ "time": 1_000, "request": 1_000, "response": 100_000, "fuel": 1_000_000_000_000_u64 }));
    for revision in REVISIONS {
        for (path, status, code, kind) in [
            ("trap", 502, "cast-trapped", "trapped"),
            ("no-response", 502, "cast-trapped", "trapped"),
            ("sleep?ms=60000", 504, "cast-timed-out", "time"),
            ("spin", 504, "cast-timed-out", "time"),
        ] {
            let answer = ask(&platform, "GET", &format!("{revision}/{path}")).send();
            let problem = answer.json();
            assert_eq!((answer.status, &problem["code"], &problem["reason"]), (status, &json!(code), &json!(kind)), "{revision} {path}");
            let cast = record(&platform, &answer);
            assert_eq!((&cast["status"], &problem["cast_id"]), (&json!("failed"), &cast["cast_id"]), "{revision} {path}: {cast}");
        }
        let too_large = ask(&platform, "POST", &format!("{revision}/count")).body(vec![b'x'; 1_001]).send();
        assert_eq!((too_large.status, &too_large.json()["code"]), (413, &json!("input-too-large")), "{}", too_large.text());
        let chunked = ask(&platform, "POST", &format!("{revision}/count")).body(vec![b'x'; 1_001]).chunked().send();
        assert_eq!((chunked.status, &chunked.json()["limit"]), (422, &json!("request")), "{}", chunked.text());
        for path in ["sleep-after-headers?ms=60000", "body?bytes=200000"] {
            let cut = ask(&platform, "GET", &format!("{revision}/{path}")).send();
            assert!(cut.status == 200 && !cut.is_whole, "{revision} {path}: {} bytes", cut.body.len());
            assert_eq!(record(&platform, &cut)["status"], "failed");
        }
        assert!(ask(&platform, "GET", &format!("{revision}/hello")).send().is_success());
    }
}

#[test]
fn a_client_that_leaves_ends_its_spell_and_is_on_record() {
    let directory = directory();
    let platform = both(&directory, &json!({}));
    for (count, revision) in REVISIONS.into_iter().enumerate() {
        let mut stream = TcpStream::connect(platform.client.address).expect("connect");
        let head = format!(
            "GET /s/{revision}/drip?chunks=1000&ms=100 HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
            platform.key
        );
        stream.write_all(head.as_bytes()).expect("write");
        let mut first = [0; 16];
        stream.read_exact(&mut first).expect("the answer begins");
        drop(stream);
        wait_until("the end", || casts(&platform).iter().filter(|cast| cast["status"] != "running").count() == count + 1);
        let cast = casts(&platform).swap_remove(0);
        assert_eq!((&cast["status"], &cast["spell_key"]), (&json!("failed"), &json!(revision)), "{cast}");
        assert!(cast["message"].as_str().is_some_and(|message| message.contains("went away")), "{cast}");
    }
}

fn changed(platform: &Platform, path: &str, change: &Value) {
    let answer = platform.request("PATCH", path).header("content-type", "application/json").body(change.to_string()).send();
    assert_eq!(answer.status, 200, "{change}: {}", answer.text());
}

#[test]
fn a_spell_reaches_by_http_what_its_casts_reach_and_what_it_prints_is_kept() {
    let (directory, upstream) = (directory(), Upstream::start("from far away"));
    let platform = Platform::start_under(&directory, "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n");
    publish_both(&platform, &json!({}));
    for revision in REVISIONS {
        let fetch = || ask(&platform, "GET", &format!("{revision}/fetch?url={}", upstream.url("/"))).send().text();
        let spell = format!("/api/spells/{revision}");
        assert!(!fetch().contains("\"status\":200"), "{revision}: it asks for nothing");
        changed(&platform, &spell, &json!({ "network": [format!("http://{}", upstream.address)], "environment": { "PLACE": "here" } }));
        let fetched = fetch();
        assert!(fetched.contains("\"status\":200"), "{revision}: {fetched}");
        let environment = ask(&platform, "GET", &format!("{revision}/env")).send().text();
        assert!(environment.contains("PLACE") && environment.contains("here"), "{revision}: {environment}");
        changed(&platform, &spell, &json!({ "network": [], "environment": {} }));
        assert!(!fetch().contains("\"status\":200"), "{revision}: it asks for nothing any more");
        let printed = ask(&platform, "GET", &format!("{revision}/stderr?bytes=80&line=80")).send();
        let cast = record(&platform, &printed);
        let log = platform.get(&format!("/api/v1/casts/{}/logs", cast["cast_id"].as_str().expect("an id")));
        assert!(log.text().contains("\"stream\":\"stderr\""), "{revision}: {}", log.text());
    }
}

#[test]
fn a_request_that_the_budget_does_not_allow_is_refused_and_one_that_is_cancelled_breaks_off() {
    let directory = directory();
    let platform = both(&directory, &json!({}));
    for revision in REVISIONS {
        let answer = thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&platform, "GET", &format!("{revision}/drip?chunks=1000&ms=100")).send());
            wait_until("a cast that runs", || casts(&platform).first().is_some_and(|cast| cast["status"] == "running"));
            let id = casts(&platform)[0]["cast_id"].as_str().expect("an id").to_owned();
            let cancelled = platform.post(&format!("/api/v1/casts/{id}/cancel"), &json!({}));
            assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("failed")), "{revision}: {}", cancelled.text());
            asking.join().expect("an answer")
        });
        // It is cut, or never began.
        assert!(!answer.is_whole || answer.status == 409, "{revision}: {}", answer.status);
        let seen = ask(&platform, "HEAD", &format!("{revision}/hello")).send();
        assert_eq!((seen.status, &record(&platform, &seen)["status"]), (200, &json!("completed")), "{revision}");
    }
    changed(&platform, "/api/budget", &json!({ "monthlyCapCents": 10 }));
    let refused = ask(&platform, "GET", "p2/hello").send();
    assert_eq!((refused.status, &refused.json()["code"]), (402, &json!("budget-exceeded")), "{}", refused.text());
    changed(&platform, "/api/budget", &json!({ "monthlyCapCents": null }));
    let budget = platform.get("/api/budget").json();
    let spent: u64 = casts(&platform).iter().filter_map(|cast| cast["cost_cents"].as_u64()).sum();
    assert_eq!((&budget["currentSpendCents"], spent > 0), (&json!(spent), true), "{budget}");
}

#[test]
fn of_a_request_under_way_when_the_host_is_killed_the_next_one_says_that_nobody_knows() {
    let directory = directory();
    let platform = both(&directory, &json!({}));
    let asked = thread::scope(|scope| {
        let path = "p2/drip?chunks=1000&ms=100";
        let asking = scope.spawn(|| ask(&platform, "GET", path).send().is_whole);
        wait_until("a cast that runs", || casts(&platform).first().is_some_and(|cast| cast["status"] == "running"));
        platform.kill();
        asking.join()
    });
    assert!(!asked.unwrap_or(false));
    let platform = platform.killed_and_started();
    let all = casts(&platform);
    assert_eq!((all.len(), &all[0]["status"]), (1, &json!("indeterminate")), "{all:?}");
}

#[test]
fn a_program_that_is_cast_answers_http_as_the_app_does_that_is_made_of_it() {
    let directory = directory();
    let platform = Platform::start(&directory);
    assert_eq!(platform.publish("shout.it", "1.2.0", &processed()).status, 201);
    let cast = platform.cast("shout.it", &json!("Hello WASM!"), "one").json()["output"].clone();
    let served = ask(&platform, "POST", "shout.it/any/path").body("Hello WASM!").send();
    assert_eq!((served.status, json!(served.text())), (200, cast.clone()));
    let refused = ask(&platform, "GET", "shout.it").send();
    assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")), "the adapter answers so: {}", refused.text());
    assert_eq!(record(&platform, &refused)["status"], "completed", "it is an answer");
    let exported = platform.get("/api/spells/shout.it/versions/1.2.0/export");
    assert_eq!((exported.status, exported.header("content-type")), (200, Some("application/gzip")), "{}", exported.text());
    let app = directory.path().join("app");
    fs::create_dir(&app).expect("a directory");
    let archive = directory.path().join("app.tar.gz");
    fs::write(&archive, &exported.body).expect("written");
    let unpacked = Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&app).status().expect("tar");
    assert!(unpacked.success(), "{unpacked}");
    let manifest = fs::read_to_string(app.join("spin.toml")).expect("a manifest");
    assert!(manifest.contains("name = \"shout-it\"\nversion = \"1.2.0\""), "{manifest}");
    let host = Setup::of_file(&app.join("spin.toml")).start();
    let answer = host.app.request("POST", "/").body("Hello WASM!").send();
    assert_eq!((answer.status, json!(answer.text())), (200, cast));
}

#[test]
fn what_is_another_tenants_looks_absent_and_a_key_without_the_scope_reaches_nothing() {
    let directory = directory();
    let platform = Platform::start(&directory);
    assert_eq!(platform.publish("shout", "1.0.0", &processed()).status, 201);
    let state_dir = platform.state_dir().to_string_lossy().into_owned();
    let key = |tenant: &str, scope: &str| {
        let made = run(&["keys", "create", "--tenant", tenant, "--scope", scope, "--state-dir", &state_dir]);
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        made.stdout.trim().to_owned()
    };
    let ask =
        |key: &str, path: &str| platform.client.request("POST", path).header("authorization", &format!("Bearer {key}")).body("a").send();
    let stranger = key("stranger", "cast");
    let (foreign, absent) = (ask(&stranger, "/s/shout"), ask(&stranger, "/s/absent"));
    assert_eq!((foreign.status, &foreign.body), (404, &absent.body));
    assert_eq!(ask(&key("default", "read"), "/s/shout").status, 403);
    assert_eq!(platform.client.request("POST", "/s/shout").body("a").send().status, 401);
    assert_eq!(ask(&key("default", "cast"), "/s/shout").status, 200);
    let page = Client { address: platform.client.address };
    let rebound = page.raw(b"POST /s/shout HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert_eq!(rebound.status, 421);
}

/// A valid program of many bytes, whose making takes more memory than there is: its memory begins with all of them.
fn heavy() -> Vec<u8> {
    let bytes = "\\00\\01".repeat(20 << 20);
    let text = format!(
        r#"(module (memory (export "memory") 1024) (func (export "alloc") (param i32) (result i32) (i32.const 8))
            (func (export "process") (param i32 i32) (result i64) (i64.const 0)) (data (i32.const 0) "{bytes}"))"#
    );
    wat::parse_str(text).expect("a program")
}

/// A valid program of one function that never ends to be looked at.
fn long() -> Vec<u8> {
    let code = "(drop (i32.const 1))".repeat(2_000_000);
    let text = format!(
        r#"(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const 8))
            (func (export "process") (param i32 i32) (result i64) {code} (i64.const 0)))"#
    );
    wat::parse_str(text).expect("a program")
}

#[test]
fn a_program_that_is_expensive_to_adapt_is_refused_in_time_and_the_host_lives() {
    let directory = directory();
    let operator = "[compile]\nmemory = \"256MiB\"\ncpu_time = \"1s\"\ntime = \"10s\"\n";
    let platform = Platform::start_under(&directory, operator);
    for (name, program) in [("heavy", heavy()), ("long", long())] {
        let started = Instant::now();
        let refused = platform.publish(name, "1.0.0", &program);
        let text = refused.text();
        assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("program-refused")), "{name}: {text}");
        assert!(text.contains("adapt-limit") || text.contains("compile-limit"), "{name}: {text}");
        // A child for each flavour of the engine may have its time.
        assert!(started.elapsed() < Duration::from_secs(60), "{name} took {:?}", started.elapsed());
    }
    assert_eq!(platform.client.get("/healthz").status, 200);
}

/// The process that a platform has for making components, while there is one.
fn adapting(platform: &Platform) -> Option<Pid> {
    let parent = platform.process_id().to_string();
    let processes = fs::read_dir("/proc").expect("processes").flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_it = |id: &i32| {
        let read = |name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
        let stat = read("stat");
        let is_child = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(parent.as_str());
        is_child && read("cmdline").contains("adapt-worker")
    };
    processes.into_iter().find(is_it).and_then(Pid::from_raw)
}

#[test]
fn a_program_whose_making_is_ended_from_outside_may_be_uploaded_again() {
    let directory = directory();
    let platform = Platform::start(&directory);
    assert_eq!(platform.post("/api/spells", &json!({ "key": "long", "name": "Long" })).status, 201);
    let program = long();
    let ended = thread::scope(|scope| {
        let uploading = scope.spawn(|| platform.upload("long", "1.0.0", &program));
        let mut child = None;
        wait_until("the child", || {
            child = adapting(&platform);
            child.is_some()
        });
        child.map(|child| kill_process(child, Signal::KILL));
        uploading.join().expect("an answer")
    });
    assert_eq!((ended.status, ended.header("retry-after")), (503, Some("1")), "{}", ended.text());
    assert_eq!(platform.publish("shout", "1.0.0", &processed()).status, 201);
}
