//! `spell watch`: what has changed is built and served, and nobody who asks meanwhile notices.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper that cannot go on fails its test")]

use spell_tests::{Client, Host, REVISIONS, Setup, app, both, component, encode, guest, wait_until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const SWAPS: u64 = 20;

/// An app whose components are told a version.
fn versioned(version: u64) -> String {
    both(&format!("environment = {{ VERSION = \"v{version}.\" }}"))
}

/// Replaces a file of the app in one step, as editors do.
fn put(host: &Host, name: &str, content: impl AsRef<[u8]>) {
    let (path, new) = (host.directory().join(name), host.directory().join(format!("{name}.new")));
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, path).unwrap();
}

/// Changes the manifest, and waits until the app that it describes answers.
fn put_manifest(host: &Host, manifest: &str) {
    let before = swaps(host);
    put(host, "spin.toml", manifest);
    wait_until("the app to be replaced", || swaps(host) > before);
}

fn swaps(host: &Host) -> usize {
    host.stderr().matches("as it is now").count()
}

/// One request after the other on one connection.
struct KeptAlive(BufReader<TcpStream>);

impl KeptAlive {
    fn open(client: Client) -> Self {
        let stream = TcpStream::connect(client.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(BufReader::new(stream))
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let (mut head, mut line) = (String::new(), String::new());
        while self.0.read_line(&mut line).unwrap() > 2 {
            head.push_str(&line.to_lowercase());
            line.clear();
        }
        let status = head.split(' ').nth(1).unwrap_or_else(|| panic!("the connection was closed")).parse().unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let mut body = vec![0; length.trim().parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}

/// Which version an answer is of.
fn version((status, text): &(u16, String)) -> u64 {
    assert_eq!(*status, 200, "{text}");
    let (_, rest) = text.split_once(":\"v").or_else(|| text.split_once(",\"v")).or_else(|| text.split_once("\"v")).expect(text);
    rest.split('.').next().unwrap().parse().expect(text)
}

#[test]
fn no_request_is_lost_while_the_app_is_replaced_and_connections_stay_open() {
    let host = Setup::new(&versioned(0)).arguments(&["--quiet", "--debounce", "20"]).watched().start();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let ask = |revision: &'static str, is_kept: bool| {
            let (app, done) = (host.app, &done);
            scope.spawn(move || {
                let (mut kept, path) = (KeptAlive::open(app), format!("/{revision}/env"));
                let (mut last, mut requests, mut seen) = (0, 0_u64, std::collections::BTreeSet::new());
                while !done.load(Ordering::Relaxed) || last < SWAPS {
                    if !is_kept {
                        kept = KeptAlive::open(app);
                    }
                    let now = version(&kept.get(&path));
                    assert!(now >= last, "{now} came after {last}");
                    (last, requests) = (now, requests + 1);
                    seen.insert(now);
                }
                (requests, seen.len())
            })
        };
        let clients: Vec<_> = REVISIONS.into_iter().flat_map(|revision| [ask(revision, true), ask(revision, false)]).collect();
        let mut kept = KeptAlive::open(host.app);
        for number in 1..=SWAPS {
            put(&host, "spin.toml", versioned(number));
            wait_until("the new version", || version(&kept.get("/p2/env")) == number);
        }
        done.store(true, Ordering::Relaxed);
        for client in clients {
            let (requests, seen) = client.join().unwrap();
            assert!(requests > SWAPS && seen > 2, "{requests} requests saw {seen} versions");
        }
    });
    assert!(!host.stderr().contains("as it is now"), "it was told to be quiet: {}", host.stderr());
    let ended = host.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn a_request_that_is_under_way_ends_on_the_app_that_it_began_on() {
    let asking = r#"allowed_outbound_hosts = ["http://*.spin.internal", "http://self"]"#;
    let parts = [component("p2", "p2", asking), component("p3", "p3", asking)];
    let host = Setup::new(&app(&parts)).watched().start();
    let slow: Vec<_> = REVISIONS.iter().map(|revision| host.app.request("GET", &format!("/{revision}/sleep?ms=3000")).begin()).collect();
    // Each waits, and asks the other one by its name or its route only when the app is another one already.
    let drip = |url: &str| format!("/p2/pipe?url={}", encode(url));
    let chained =
        ["http://p3.spin.internal/sleep?ms=3000", "http://self/p3/sleep?ms=3000"].map(|url| host.app.request("GET", &drip(url)).begin());
    thread::sleep(Duration::from_millis(500));
    put_manifest(&host, &app(&[component("other", "p2", "")]));
    assert_eq!((host.app.get("/other/hello").status, host.app.get("/p2/hello").status), (200, 404));
    for answer in slow.into_iter().chain(chained) {
        let answer = answer.answer();
        assert!(answer.status == 200 && answer.is_whole, "{} {}", answer.status, answer.text());
    }
}

#[test]
fn a_manifest_that_cannot_be_served_leaves_the_app_as_it_is() {
    let host = Setup::new(&versioned(1)).watched().start();
    let of_nothing = app(&[component("p2", "p2", "").replace("tests_p2.wasm", "gone.wasm")]);
    let unknown_store = versioned(2).replacen("[component.p2]", "[component.p2]\nkey_value_stores = [\"nowhere\"]", 1);
    for (manifest, reason) in [
        ("spin_manifest_version = 2\n[application", "spin.toml"),
        (&versioned(2).replace("environment", "enviroment"), "did you mean `environment`"),
        (&of_nothing, "gone.wasm"),
        (&unknown_store, "nowhere"),
    ] {
        put(&host, "spin.toml", manifest);
        wait_until(reason, || host.stderr().contains(reason) && host.stderr().ends_with("the app from before goes on\n"));
        assert_eq!(version(&KeptAlive::open(host.app).get("/p2/env")), 1, "{reason}");
    }
    put_manifest(&host, &versioned(3));
    assert_eq!(version(&KeptAlive::open(host.app).get("/p2/env")), 3);
}

#[test]
fn a_manifest_with_another_route_is_served_under_it() {
    let host = Setup::new(&versioned(1)).watched().start();
    assert_eq!(host.app.get("/fixed").status, 404);
    let fixed = "[[trigger.http]]\nroute = \"/fixed\"\nstatic_response = { status_code = 203, body = \"fixed\" }\n";
    put_manifest(&host, &format!("{}{fixed}{}", versioned(1), component("added", "p3", "")));
    assert_eq!((host.app.get("/fixed").status, host.app.get("/fixed").text()), (203, "fixed".to_owned()));
    assert_eq!(host.app.get("/added/hello").status, 200);
    let metrics = host.control.get("/metrics").text();
    assert!(metrics.contains("component=\"added\"") && !metrics.contains("component=\"_other\""), "{metrics}");
}

#[test]
fn a_changed_file_is_read_by_new_requests() {
    let setup = Setup::new(&both("files = [{ source = \"assets\", destination = \"/\" }, \"*.txt\"]"));
    let host = setup.file("assets/page.html", "first").file("note.txt", "first").watched().start();
    let read = |path: &str| REVISIONS.map(|revision| host.app.get(&format!("/{revision}/files?path={path}")).text());
    assert_eq!((read("page.html"), read("note.txt")), (["first", "first"].map(str::to_owned), ["first", "first"].map(str::to_owned)));
    for (name, path) in [("assets/page.html", "page.html"), ("note.txt", "note.txt"), ("assets/deep/new.html", "deep/new.html")] {
        std::fs::create_dir_all(host.directory().join("assets/deep")).unwrap();
        put(&host, name, "second");
        wait_until("the changed file", || read(path) == ["second", "second"].map(str::to_owned));
    }
    wait_until("copies of files to be removed", || copies(&host) == 1);
}

/// How many apps have copies of their files.
fn copies(host: &Host) -> usize {
    std::fs::read_dir(host.state_dir().join("assets")).unwrap().count()
}

/// A component that is built by copying the file whose name stands in its source.
fn built(id: &str) -> String {
    let build =
        format!("build = {{ command = 'echo {id} >> ../built && cp $(cat name.txt) {id}.wasm', workdir = \"{id}\", watch = [\"*.txt\"] }}");
    let part = component(id, "p2", &build);
    part.replace(&guest("tests_p2").display().to_string(), &format!("{id}/{id}.wasm"))
}

fn start_built(arguments: &[&str]) -> Host {
    let name = guest("tests_p2").display().to_string();
    let setup = Setup::new(&app(&[built("one"), built("two")])).arguments(arguments);
    setup.file("one/name.txt", &name).file("two/name.txt", &name).watched().start()
}

fn builds(host: &Host) -> Vec<String> {
    let mut builds: Vec<String> =
        std::fs::read_to_string(host.directory().join("built")).unwrap_or_default().lines().map(str::to_owned).collect();
    builds.sort();
    builds
}

#[test]
fn only_what_has_changed_is_built_and_what_cannot_be_built_leaves_the_app_as_it_is() {
    let host = start_built(&[]);
    assert_eq!(builds(&host), ["one", "two"]);
    assert_eq!(host.app.get("/one/hello").status, 200);
    put(&host, "one/name.txt", "gone.wasm");
    wait_until("the build to fail", || host.stderr().ends_with("the app from before goes on\n"));
    assert!(host.stderr().contains("failed one") && host.stderr().contains("could not be built"), "{}", host.stderr());
    assert_eq!((host.app.get("/one/hello").status, builds(&host)), (200, ["one", "one", "two"].map(str::to_owned).to_vec()));
    put(&host, "one/name.txt", guest("hello_p2").display().to_string());
    wait_until("the new program", || host.app.get("/one/unheard-of").status == 200);
    assert_eq!(builds(&host), ["one", "one", "one", "two"]);
    assert_eq!(host.app.get("/two/hello").status, 200);
    put(&host, "two/two.wasm", "no program");
    wait_until("the program to be refused", || host.stderr().matches("goes on\n").count() == 2);
    assert_eq!(host.app.get("/two/hello").status, 200);
}

#[test]
fn a_program_that_somebody_else_builds_is_served() {
    let host = start_built(&["--build"]);
    assert_eq!(host.app.get("/one/sleep").status, 200);
    drop(host);
    let setup = Setup::new(&app(&[built("one")])).arguments(&["--skip-build"]).file("one/name.txt", "anything");
    std::fs::copy(guest("tests_p2"), setup.directory().join("one/one.wasm")).unwrap();
    let host = setup.watched().start();
    put(&host, "one/name.txt", "something else");
    put(&host, "one/one.wasm", std::fs::read(guest("hello_p2")).unwrap());
    wait_until("the new program", || host.app.get("/one/unheard-of").status == 200);
    assert_eq!(builds(&host), Vec::<String>::new());
}

#[test]
fn what_is_stored_and_what_is_counted_goes_on() {
    let lines = |version: u64, more: &str| {
        both(&format!(
            "key_value_stores = [\"default\"]\nenvironment = {{ VERSION = \"v{version}.\" }}\ntool.spell.limits = {{ concurrency = 1, queue = 0 }}\n{more}"
        ))
    };
    let host = Setup::new(&lines(1, "")).arguments(&["--sqlite", "CREATE TABLE t (a); INSERT INTO t VALUES (7)"]).watched().start();
    assert_eq!(host.app.get("/p2/kv?op=set&key=a&value=kept").status, 200);
    let slow = host.app.request("GET", "/p2/sleep?ms=4000").begin();
    thread::sleep(Duration::from_millis(500));
    put_manifest(&host, &lines(2, "sqlite_databases = [\"default\"]"));
    // The place that the old app's request holds is one of the new app's.
    let refused = host.app.get("/p2/env");
    assert_eq!((refused.status, slow.answer().status), (429, 200));
    assert_eq!(version(&KeptAlive::open(host.app).get("/p2/env")), 2);
    assert!(host.app.get("/p2/kv?op=get&key=a").text().contains("kept"));
    let rows = host.app.get(&format!("/p2/sql?sql={}", encode("SELECT a FROM t"))).text();
    assert!(rows.contains('7'), "{rows}");
}

/// A program with something in it that nobody looks at, so that it is another one.
fn distinct(program: &Path, number: u8) -> Vec<u8> {
    let custom_section = [0, 3, 1, b'n', number];
    [std::fs::read(program).unwrap(), custom_section.to_vec()].concat()
}

#[test]
fn nothing_piles_up_over_many_swaps() {
    let setup = Setup::new("");
    std::fs::write(setup.directory().join("it.wasm"), distinct(&guest("hello_p2"), 0)).unwrap();
    let part = component("p2", "p2", "files = [\"page\"]").replace(&guest("tests_p2").display().to_string(), "it.wasm");
    let host = setup.manifest(&app(&[part])).file("page", "0").arguments(&["--debounce", "10"]).watched().start();
    let of_process = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", host.process_id())).unwrap();
    let mapped = || of_process("maps").lines().filter(|line| line.contains(".cwasm")).count();
    let memory_kib = || -> u64 {
        let line = of_process("status").lines().find_map(|line| line.strip_prefix("VmRSS:").map(str::to_owned)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let files = || std::fs::read_dir(format!("/proc/{}/fd", host.process_id())).unwrap().count();
    let swap = |number: u8| {
        let before = swaps(&host);
        put(&host, "it.wasm", distinct(&guest("hello_p2"), number));
        wait_until("the app to be replaced", || swaps(&host) > before);
        assert_eq!(host.app.get("/p2/x").status, 200);
    };
    (1..=5).for_each(&swap);
    let (mapped_before, memory_before_kib, files_before) = (mapped(), memory_kib(), files());
    assert!(mapped_before > 0);
    (6..=55).for_each(&swap);
    let gauge = |line: &str| host.control.get("/metrics").text().lines().any(|told| told == line);
    wait_until("old apps to be let go of", || {
        gauge("spell_components_loaded 1.0") && gauge("spell_instances 0.0") && copies(&host) == 1 && mapped() <= mapped_before
    });
    let (memory_kib, files) = (memory_kib(), files());
    assert!(memory_kib < memory_before_kib + (16 << 10), "{memory_before_kib} KiB of memory became {memory_kib}");
    assert!(files < files_before + 25, "{files_before} open files became {files}");
}
