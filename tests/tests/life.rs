//! A host from its start to its end: what it says, what it counts, what it keeps, and that it loses nothing on the way out.

#![expect(clippy::unwrap_used, reason = "functions beside the tests are tests as well")]

use serde_json::json;
use spell_tests::{Host, REVISIONS, Setup, both, run, wait_until};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CLIENTS: usize = 200;
const CLIENT_STACK_BYTES: usize = 256 << 10;

#[test]
fn p05_a_signal_during_many_slow_requests_loses_none_of_them() {
    stop_under_load(|host| {
        let alive = format!("spell_instances {CLIENTS}.0\n");
        wait_until("all requests to run", || host.control.get("/metrics").text().contains(&alive));
    });
}

#[test]
fn a_signal_just_as_requests_arrive_loses_none_of_them() {
    stop_under_load(|_| {});
}

#[test]
fn a_burst_of_connections_waits_its_turn() {
    let host = Setup::new(&both("")).start();
    let process = rustix::process::Pid::from_raw(i32::try_from(host.process_id()).unwrap()).unwrap();
    let signal = |signal| rustix::process::kill_process(process, signal).unwrap();
    // What nobody accepts, the kernel has wait, up to a number of connections; others would have to ask again.
    signal(rustix::process::Signal::STOP);
    let connect = |_| TcpStream::connect_timeout(&host.app.address, Duration::from_millis(900));
    let open: Vec<_> = (0..600).map_while(|number| connect(number).ok()).collect();
    signal(rustix::process::Signal::CONT);
    assert_eq!(open.len(), 600);
    assert_eq!(host.app.get("/p2/hello").status, 200);
}

/// Sends slow requests, waits for what the caller waits for, and stops the host: every request has to be answered and recorded.
fn stop_under_load(before_signal: impl FnOnce(&Host)) {
    let limits = format!(r#"tool.spell.limits = {{ concurrency = {CLIENTS} }}"#);
    let mut host = Setup::new(&both(&limits)).arguments(&["--quiet"]).start();
    let (app, control, sent) = (host.app, host.control, AtomicUsize::new(0));
    let started = Instant::now();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let client = |index: usize| {
            let (sent, revision) = (&sent, REVISIONS[index % REVISIONS.len()]);
            let ask = move || {
                let pending = app.request("GET", &format!("/{revision}/sleep?ms=4000")).begin();
                sent.fetch_add(1, Ordering::Relaxed);
                let answer = pending.answer();
                if answer.is_whole { answer.status } else { 0 }
            };
            thread::Builder::new().stack_size(CLIENT_STACK_BYTES).spawn_scoped(scope, ask).unwrap()
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        wait_until("all requests to be sent", || sent.load(Ordering::Relaxed) == CLIENTS);
        before_signal(&host);
        host.terminate();
        wait_until("the host to drain", || control.is_refused() || control.get("/healthz").status == 503);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let lost = statuses.iter().filter(|status| **status != 200).count();
    assert_eq!(lost, 0, "{statuses:?}");
    let ended = host.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(app.is_refused());
    assert_eq!(host.stats()["count"], json!(CLIENTS), "each of them is on record");
}

#[test]
fn p05_a_signal_ends_the_host_as_soon_as_the_requests_under_way_have_ended() {
    let mut host = Setup::new(&both("")).start();
    let app = host.app;
    let slow = thread::spawn(move || app.get("/p3/sleep?ms=1500").text());
    thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    host.terminate();
    let ended = host.wait();
    assert_eq!((ended.code, slow.join().unwrap().as_str()), (Some(0), "slept"), "{}", ended.stderr);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_second_signal_ends_the_host_at_once() {
    let mut host = Setup::new(&both("")).start();
    let app = host.app;
    let slow = thread::spawn(move || app.get("/p2/sleep?ms=20000"));
    thread::sleep(Duration::from_millis(300));
    host.terminate();
    wait_until("the host to stop accepting", || app.is_refused());
    let started = Instant::now();
    host.terminate();
    let ended = host.wait();
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(ended.stderr.contains("stopped before all requests had ended"), "{}", ended.stderr);
    assert!(!slow.join().unwrap().is_success());
}

#[test]
fn every_request_is_on_record_with_how_it_ended() {
    let host = Setup::new(&both(r#"tool.spell.limits = { memory = "8MiB", time = "1s", request = "1KiB" }"#)).start();
    let requests = [("hello", 5), ("status?code=404", 1), ("grow?mib=64", 2), ("sleep?ms=9000", 1), ("trap", 3), ("trap-after-headers", 1)];
    let total: usize = requests.iter().map(|(_, times)| times).sum::<usize>() + 1;
    for revision in REVISIONS {
        for (behaviour, times) in requests {
            for _ in 0..times {
                host.app.get(&format!("/{revision}/{behaviour}"));
            }
        }
        host.app.request("POST", &format!("/{revision}/count")).body(vec![b'x'; 2048]).send();
    }
    wait_until("all records", || host.stats()["count"] == json!(2 * total));
    let stats = host.stats();
    assert_eq!(stats["dropped"], json!(0));
    let expected = json!({ "completed": 6, "limit-memory": 2, "limit-time": 1, "trapped": 4, "limit-request": 1 });
    let metrics = host.control.get("/metrics").text();
    for (index, revision) in REVISIONS.into_iter().enumerate() {
        let component = &stats["components"][index];
        assert_eq!((&component["component"], &component["outcomes"]), (&json!(revision), &expected));
        assert!(component["fuel_total"].as_u64() > Some(0) && component["memory_bytes_peak"]["max"].as_u64() > Some(65_536));
        for (outcome, count) in expected.as_object().unwrap() {
            let line = format!(r#"spell_casts_total{{component="{revision}",outcome="{outcome}"}} {count}"#);
            assert!(metrics.contains(&line), "{line} is not in {metrics}");
        }
    }
}

#[test]
fn a_client_that_leaves_ends_its_guest_and_is_on_record() {
    let host = Setup::new(&both("")).start();
    for revision in REVISIONS {
        let pending = host.app.request("GET", &format!("/{revision}/sleep?ms=20000")).begin();
        // A client that leaves before its request is looked at starts no guest, and leaves no record.
        thread::sleep(Duration::from_millis(500));
        drop(pending);
    }
    let cancelled = |index: usize| host.stats()["components"][index]["outcomes"]["cancelled"] == json!(1);
    wait_until("both records", || cancelled(0) && cancelled(1));
}

#[test]
fn the_control_plane_tells_health_and_metrics_and_nothing_else() {
    let host = Setup::new(&both("")).start();
    assert!(host.control.get("/healthz").is_success());
    let metrics = host.control.get("/metrics");
    assert!(metrics.is_success() && metrics.text().trim_end().ends_with("# EOF"), "{}", metrics.text());
    assert_eq!(host.control.get("/").status, 404);
    assert_eq!(host.control.request("POST", "/healthz").send().status, 405);
    let foreign = host.control.raw(b"GET /metrics HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
    assert_eq!(foreign.status, 421, "a page in a browser cannot ask under another name");
    assert_eq!(host.app.get("/metrics").status, 404, "clients of the app do not see it");
}

#[test]
fn p03_p04_a_port_that_is_taken_is_named_and_the_next_one_found_on_request() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = Setup::new(&both("")).listen(&address).fail();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("{address} is already in use")), "{}", ended.stderr);
    assert!(ended.stderr.contains("--find-free-port"), "{}", ended.stderr);
    let host = Setup::new(&both("")).listen(&address).arguments(&["--find-free-port"]).start();
    assert_ne!(host.app.address.to_string(), address);
    assert!(host.app.get("/p3/hello").is_success());
}

#[test]
fn a_mistake_in_the_manifest_is_pointed_at_and_a_word_suggested() {
    let ended = Setup::new(&both(r#"allowed_outbound_host = ["*://*:*"]"#)).fail();
    assert_eq!(ended.code, Some(1));
    for part in ["spin.toml", "allowed_outbound_host = [", "^^^^^", "`allowed_outbound_hosts`"] {
        assert!(ended.stderr.contains(part), "{part} is not in {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn a_component_that_is_not_there_or_is_none_is_named() {
    let manifest = |source: &str| {
        format!(
            "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\nroute = \"/\"\ncomponent = \"broken\"\n\
             [component.broken]\nsource = \"{source}\"\n"
        )
    };
    for source in ["missing.wasm", "text.wasm"] {
        let ended = Setup::new(&manifest(source)).file("text.wasm", "this is no program").fail();
        assert_eq!(ended.code, Some(1), "{source}");
        assert!(ended.stderr.contains("broken") && ended.stderr.contains(source), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[test]
fn the_version_names_the_engine_and_the_database() {
    let ended = run(&["--version"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("wasmtime 48.") && ended.stdout.contains("SQLite 3."), "{}", ended.stdout);
}

#[test]
fn compiled_code_is_used_again_and_made_anew_when_touched() {
    let state = tempfile::tempdir().unwrap();
    let start = || Setup::new(&both("")).state_dir(state.path()).start();
    start().stop();
    let before = compiled(state.path());
    assert_eq!(before.len(), 2);
    assert!(start().app.get("/p2/hello").is_success());
    assert_eq!(compiled(state.path()), before, "the second start compiles nothing");

    for (path, ..) in &before {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let touched = compiled(state.path());
    let host = start();
    for revision in REVISIONS {
        assert!(host.app.get(&format!("/{revision}/hello")).is_success());
    }
    assert!(host.stderr().contains("does not match its hash"), "{}", host.stderr());
    for (after, touched) in compiled(state.path()).iter().zip(&touched) {
        assert_eq!(after.0, touched.0);
        assert_ne!(after, touched, "what was touched is replaced");
    }
}

/// Files of compiled code, with their bytes and when they were written.
fn compiled(state: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let paths = fs::read_dir(state.join("code")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
        .map(|path| (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap(), path))
        .map(|(bytes, time, path)| (path, bytes, time))
        .collect();
    files.sort();
    files
}
