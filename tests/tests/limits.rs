//! Every limit stops what it is there to stop, in both revisions of WASI, and says which line would raise it.

use serde_json::json;
use spell_tests::{Answer, Host, REVISIONS, Setup, Upstream, app, both, component};
use std::thread;
use std::time::{Duration, Instant};

/// How far over its time a request may be answered.
const LATE_MAX: Duration = Duration::from_millis(500);

fn start(limits: &str) -> Host {
    Setup::new(&both(&format!("tool.spell.limits = {{ {limits} }}"))).start()
}

fn assert_refused(answer: &Answer, status: u16, limit: &str, value: &str, raise: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!((&problem["limit"], &problem["value"]), (&json!(limit), &json!(value)), "{problem}");
    assert!(problem["raise"].as_str().is_some_and(|line| line.ends_with(&format!("limits = {{ {raise} }}"))), "{problem}");
}

/// The head was sent, and then the answer was cut so that nobody takes it for whole.
fn assert_cut(answer: &Answer) {
    assert_eq!((answer.status, answer.is_whole), (200, false), "{} bytes", answer.body.len());
}

#[test]
fn memory_beyond_the_limit_is_refused() {
    let host = start(r#"memory = "8MiB""#);
    for revision in REVISIONS {
        assert!(host.app.get(&format!("/{revision}/grow?mib=2")).is_success());
        let answer = host.app.get(&format!("/{revision}/grow?mib=64"));
        assert_refused(&answer, 502, "memory", "8MiB", r#"memory = "16MiB""#);
    }
}

#[test]
fn tables_beyond_the_limit_are_refused() {
    let host = start("table_elements = 1");
    for revision in REVISIONS {
        assert_refused(&host.app.get(&format!("/{revision}/hello")), 502, "table_elements", "1", "table_elements = 2");
    }
}

#[test]
fn fuel_runs_out() {
    let host = start("fuel = 50_000_000");
    for revision in REVISIONS {
        assert!(host.app.get(&format!("/{revision}/hello")).is_success());
        assert_refused(&host.app.get(&format!("/{revision}/spin")), 504, "fuel", "50000000", "fuel = 100000000");
    }
}

#[test]
fn time_ends_a_guest_that_waits_or_computes() {
    let host = start(r#"time = "1s", fuel = 1_000_000_000_000"#);
    for revision in REVISIONS {
        for behaviour in ["sleep?ms=60000", "spin"] {
            let started = Instant::now();
            let answer = host.app.get(&format!("/{revision}/{behaviour}"));
            let elapsed = started.elapsed();
            assert_refused(&answer, 504, "time", "1s", r#"time = "2s""#);
            assert!(elapsed < Duration::from_secs(1) + LATE_MAX, "{revision} {behaviour} took {elapsed:?}");
        }
    }
}

#[test]
fn time_cuts_an_answer_that_has_begun() {
    let host = start(r#"time = "1s", fuel = 1_000_000_000_000"#);
    for revision in REVISIONS {
        for behaviour in ["drip?chunks=100&ms=100", "spin-after-headers"] {
            let started = Instant::now();
            let answer = host.app.get(&format!("/{revision}/{behaviour}"));
            let elapsed = started.elapsed();
            assert_cut(&answer);
            assert!(!answer.body.is_empty(), "{revision} {behaviour}");
            assert!(elapsed < Duration::from_secs(1) + LATE_MAX, "{revision} {behaviour} took {elapsed:?}");
        }
    }
}

#[test]
fn a_request_body_beyond_the_limit_is_refused_announced_or_not() {
    let host = start(r#"request = "64KiB""#);
    for revision in REVISIONS {
        let post = |bytes: usize| host.app.request("POST", &format!("/{revision}/count")).body(vec![b'x'; bytes]);
        for request in [post(65_536), post(65_536).chunked()] {
            assert_eq!(request.send().text(), "65536", "{revision}");
        }
        for request in [post(65_537), post(1 << 20), post(65_537).chunked(), post(1 << 20).chunked()] {
            assert_refused(&request.send(), 413, "request", "64KiB", r#"request = "128KiB""#);
        }
        let announced = format!("POST /{revision}/count HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 99999999999\r\n\r\n");
        assert_eq!(host.app.raw(announced.as_bytes()).status, 413, "refused before a byte of it came");
    }
}

#[test]
fn a_response_beyond_the_limit_is_refused_or_cut() {
    let host = start(r#"response = "16KiB""#);
    for revision in REVISIONS {
        let whole = host.app.get(&format!("/{revision}/body?bytes=16384"));
        assert!(whole.is_success() && whole.body.len() == 16_384, "{revision}");
        let answer = host.app.get(&format!("/{revision}/body?bytes=40000"));
        assert_refused(&answer, 502, "response", "16KiB", r#"response = "32KiB""#);
    }
    let host = start(r#"response = "1MiB""#);
    for revision in REVISIONS {
        let answer = host.app.get(&format!("/{revision}/body?bytes=3000000"));
        assert_cut(&answer);
        assert!(answer.body.len() <= 1 << 20, "{revision}: {} bytes", answer.body.len());
    }
}

#[test]
fn one_runs_one_waits_and_the_next_is_sent_away() {
    let host = start(r#"concurrency = 1, queue = 1, queue_time = "20s""#);
    for revision in REVISIONS {
        let app = host.app;
        let get = move |ms: u64| thread::spawn(move || app.get(&format!("/{revision}/sleep?ms={ms}")));
        let running = get(3_000);
        thread::sleep(Duration::from_millis(700));
        let waiting = get(1);
        thread::sleep(Duration::from_millis(700));
        let refused = app.get(&format!("/{revision}/hello"));
        assert_refused(&refused, 429, "queue", "1", "concurrency = 2");
        assert_eq!(refused.header("retry-after"), Some("1"));
        for thread in [running, waiting] {
            assert_eq!(thread.join().unwrap().text(), "slept", "{revision}");
        }
    }
}

#[test]
fn waiting_has_an_end() {
    let host = start(r#"concurrency = 1, queue = 9, queue_time = "200ms""#);
    for revision in REVISIONS {
        let app = host.app;
        let running = thread::spawn(move || app.get(&format!("/{revision}/sleep?ms=2500")));
        thread::sleep(Duration::from_millis(700));
        let refused = app.get(&format!("/{revision}/hello"));
        assert_refused(&refused, 429, "queue_time", "200ms", "concurrency = 2");
        assert!(running.join().unwrap().is_success());
    }
}

#[test]
fn a_host_that_runs_all_it_can_sends_others_away() {
    let host = Setup::new(&both("")).operator("[host]\nconcurrency = 1\n").start();
    for revision in REVISIONS {
        let app = host.app;
        let running = thread::spawn(move || app.get(&format!("/{revision}/sleep?ms=2500")));
        thread::sleep(Duration::from_millis(700));
        let refused = app.get(&format!("/{revision}/hello"));
        assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("host-busy")));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert!(running.join().unwrap().is_success());
    }
}

#[test]
fn the_operator_sets_defaults_and_no_manifest_goes_beyond_the_ceilings() {
    let host = Setup::new(&both("")).operator("[defaults]\nfuel = 50_000_000\n[ceilings]\ntime = \"700ms\"\n").start();
    for revision in REVISIONS {
        assert_refused(&host.app.get(&format!("/{revision}/spin")), 504, "fuel", "50000000", "fuel = 100000000");
        assert_refused(&host.app.get(&format!("/{revision}/sleep?ms=9000")), 504, "time", "700ms", r#"time = "1400ms""#);
    }
    let ended = Setup::new(&both(r#"tool.spell.limits = { memory = "64MiB" }"#)).operator("[ceilings]\nmemory = \"16MiB\"\n").fail();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("asks for memory = 64MiB, but the operator's ceiling is 16MiB"), "{}", ended.stderr);
}

#[test]
fn a_guest_that_fails_fails_for_itself_alone() {
    let host = start(r#"time = "20s""#);
    for revision in REVISIONS {
        for behaviour in ["recurse", "trap", "panic", "no-response"] {
            let answer = host.app.get(&format!("/{revision}/{behaviour}"));
            assert_eq!((answer.status, &answer.json()["code"]), (502, &json!("trapped")), "{revision} {behaviour}: {}", answer.text());
        }
        let answer = host.app.get(&format!("/{revision}/trap-after-headers"));
        assert!(!answer.is_success(), "{revision}: a trap is no clean end");
        assert!(host.app.get(&format!("/{revision}/hello")).is_success());
    }
}

#[test]
fn outbound_requests_are_counted() {
    let upstream = Upstream::start("{}");
    let lines = format!("allowed_outbound_hosts = [\"{}\"]\ntool.spell.limits = {{ outbound_requests = 2 }}", upstream.url(""));
    let host = Setup::new(&both(&lines)).operator("[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n").start();
    for revision in REVISIONS {
        let outcomes = host.app.get(&format!("/{revision}/fetch?n=3&url={}", upstream.url("/x"))).json();
        let (good, refused) = (json!({ "status": 200, "bytes": 2 }), json!({ "error": "HTTP-request-denied" }));
        assert_eq!(outcomes, json!([good, good, refused]), "{revision}");
    }
    assert_eq!(upstream.requests().len(), 4);
}

#[test]
fn a_request_prints_no_more_than_its_limit() {
    let host = start(r#"log = "1KiB""#);
    for revision in REVISIONS {
        assert!(host.app.get(&format!("/{revision}/stdout?bytes=100000&line=100")).is_success());
        let text = host.log(revision, "stdout", |text| text.contains("cut at"));
        let (kept, marker) = text.split_at(1024);
        assert_eq!(kept.bytes().filter(|byte| matches!(byte, b'x' | b'\n')).count(), 1024, "{revision}");
        assert_eq!(marker.trim(), "[spell: output of this request cut at 1KiB]", "{revision}");
    }
}

#[test]
fn a_busy_component_does_not_slow_its_neighbour_down() {
    for revision in REVISIONS {
        let busy = component("busy", revision, r#"tool.spell.limits = { time = "4s", fuel = 1_000_000_000_000 }"#);
        // One thread serves both: the busy one has to give way by itself.
        let host = Setup::new(&app(&[busy, component("calm", revision, "")])).arguments(&["--threads", "1"]).start();
        let app = host.app;
        let spinning = thread::spawn(move || app.get("/busy/spin"));
        thread::sleep(Duration::from_millis(300));
        let mut slowest = Duration::ZERO;
        for _ in 0..20 {
            let started = Instant::now();
            assert!(app.get("/calm/hello").is_success(), "{revision}");
            slowest = slowest.max(started.elapsed());
        }
        assert!(!spinning.is_finished(), "{revision}: the neighbour was to be busy all the while");
        assert!(slowest < Duration::from_secs(1), "{revision}: {slowest:?}");
        assert_eq!(spinning.join().unwrap().status, 504);
    }
}
