//! What a component can do beyond HTTP, and what it cannot: only what its manifest asks for and the operator grants.

use serde_json::{Value, json};
use spell_tests::{Client, REVISIONS, Setup, Upstream, app, both, component};
use std::fs;

const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n";
const DENIED: &str = "HTTP-request-denied";
const PROHIBITED: &str = "destination-IP-prohibited";

fn key_value(app: Client, revision: &str, query: &str) -> (u16, String) {
    let answer = app.get(&format!("/{revision}/kv?{query}"));
    (answer.status, answer.text())
}

fn fetch(app: Client, revision: &str, url: &str) -> Value {
    app.get(&format!("/{revision}/fetch?url={url}")).json()
}

#[test]
fn what_is_stored_is_there_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let start = || Setup::new(&both(r#"key_value_stores = ["default"]"#)).state_dir(state.path()).start();
    let host = start();
    for revision in REVISIONS {
        let kv = |query: &str| key_value(host.app, revision, query);
        assert_eq!(kv(&format!("op=set&key={revision}&value=kept")).0, 200);
        assert_eq!(kv("op=set&key=gone&value=x").0, 200);
        assert_eq!(kv("op=exists&key=gone").1, "true");
        assert_eq!(kv("op=delete&key=gone").0, 200);
        assert_eq!(kv("op=exists&key=gone").1, "false");
    }
    // The host is killed, not stopped: what was acknowledged is on disk.
    drop(host);
    let host = start();
    for revision in REVISIONS {
        assert_eq!(key_value(host.app, revision, &format!("op=get&key={revision}")), (200, "kept".to_owned()));
        assert_eq!(key_value(host.app, revision, "op=keys").1, r#"["p2","p3"]"#, "components of an app share the store");
    }
}

#[test]
fn a_store_that_was_not_asked_for_is_denied() {
    let without = Setup::new(&both("")).start();
    let with = Setup::new(&both(r#"key_value_stores = ["default"]"#)).start();
    for revision in REVISIONS {
        assert_eq!(key_value(without.app, revision, "op=get"), (404, "access-denied".to_owned()), "{revision}");
        assert_eq!(key_value(with.app, revision, "op=get&store=other").0, 404, "{revision}");
    }
    let ended = Setup::new(&both(r#"key_value_stores = ["other"]"#)).fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("\"other\""), "{}", ended.stderr);
}

const VARIABLES: &str = "[variables]\nplain = { default = \"from the manifest\" }\ntoken = { required = true, secret = true }\n";
const VARIABLES_USED: &str = "variables = { plain = \"<{{ plain }}>\", token = \"{{ token }}\" }";

#[test]
fn v01_v02_variables_are_the_components_own_and_have_the_value_that_is_given_last() {
    let manifest = app(&[VARIABLES.to_owned(), REVISIONS.map(|revision| component(revision, revision, VARIABLES_USED)).concat()]);
    let host = Setup::new(&manifest).arguments(&["--variable", "token=hunter2"]).start();
    let overridden =
        Setup::new(&manifest).environment("SPIN_VARIABLE_TOKEN", "from-environment").arguments(&["--variable", "plain=given"]).start();
    for revision in REVISIONS {
        let get = |app: Client, name: &str| app.get(&format!("/{revision}/variable?name={name}")).text();
        assert_eq!((get(host.app, "plain"), get(host.app, "token")), ("<from the manifest>".into(), "hunter2".into()));
        assert_eq!((get(overridden.app, "plain"), get(overridden.app, "token")), ("<given>".into(), "from-environment".into()));
        assert!(get(host.app, "unknown").starts_with("undefined"), "{revision}");
        assert!(get(host.app, "Not_A_Name!").starts_with("invalid-name"), "{revision}");
    }
    assert!(!(host.stderr() + &host.stdout()).contains("hunter2"), "a secret is shown");
    let ended = Setup::new(&manifest).fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("token"), "{}", ended.stderr);
}

#[test]
fn a_component_inherits_nothing_of_the_environment() {
    let lines = "environment = { MODE = \"manifest\", KEPT = \"yes\" }\ntool.spell.env_passthrough = [\"LANG\", \"API_SECRET\", \"UNSET\"]";
    let host = Setup::new(&both(lines))
        .environment("LANG", "C.UTF-8")
        .environment("API_SECRET", "hunter2")
        .environment("OTHER", "not asked for")
        .arguments(&["-e", "MODE=command line"])
        .start();
    for revision in REVISIONS {
        let seen = host.app.get(&format!("/{revision}/env")).json();
        assert_eq!(seen, json!({ "LANG": "C.UTF-8", "MODE": "command line", "KEPT": "yes" }), "{revision}");
    }
    let stderr = host.stderr();
    assert!(stderr.contains("API_SECRET") && !stderr.contains("hunter2"), "{stderr}");
}

#[test]
fn c04_outbound_requests_need_the_manifest_and_the_operator() {
    let upstream = Upstream::start("{}");
    let lines = format!("allowed_outbound_hosts = [\"{}\"]", upstream.url(""));
    let granted = Setup::new(&both(&lines)).operator(GRANT_LOOPBACK).start();
    let ungranted = Setup::new(&both(&lines)).start();
    let other_port = format!("http://127.0.0.1:{}/", upstream.address.port() ^ 1);
    for revision in REVISIONS {
        assert_eq!(fetch(granted.app, revision, &upstream.url("/a")), json!([{ "status": 200, "bytes": 2 }]), "{revision}");
        assert_eq!(fetch(granted.app, revision, &other_port), json!([{ "error": DENIED }]), "{revision}");
        assert_eq!(fetch(granted.app, revision, "http://example.com/"), json!([{ "error": DENIED }]), "{revision}");
        assert_eq!(fetch(ungranted.app, revision, &upstream.url("/b")), json!([{ "error": PROHIBITED }]), "{revision}");
    }
    let requests = upstream.requests();
    assert_eq!(requests.len(), REVISIONS.len(), "only what is granted arrives: {requests:?}");
    assert!(requests.iter().all(|head| head.starts_with("GET /a HTTP/1.1") && !head.contains("spin-")), "{requests:?}");
}

#[test]
fn special_addresses_stay_out_of_reach_under_every_spelling() {
    let upstream = Upstream::start("{}");
    let port = upstream.address.port();
    let host = Setup::new(&both(r#"allowed_outbound_hosts = ["*://*:*"]"#)).start();
    let hosts = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "2130706433"];
    for revision in REVISIONS {
        for name in hosts {
            let outcome = fetch(host.app, revision, &format!("http://{name}:{port}/"));
            assert!(outcome[0]["status"].is_null() && outcome[0]["error"].is_string(), "{revision} {name}: {outcome}");
        }
        assert_eq!(fetch(host.app, revision, &format!("http://127.0.0.1:{port}/")), json!([{ "error": PROHIBITED }]));
    }
    assert_eq!(upstream.requests().len(), 0);
}

#[test]
fn files_are_copies_that_end_at_their_root() {
    let lines = "files = [\"data/*.txt\", { source = \"more\", destination = \"/mounted\" }]";
    let host = Setup::new(&both(lines)).file("data/a.txt", "first").file("more/b.txt", "second").file("private.txt", "no").start();
    // What is served was copied at the start.
    fs::write(host.directory().join("data/a.txt"), "changed").unwrap();
    for revision in REVISIONS {
        let read = |path: &str| host.app.get(&format!("/{revision}/files?path={path}"));
        assert_eq!((read("/data/a.txt").text(), read("/mounted/b.txt").text()), ("first".into(), "second".into()), "{revision}");
        let outside = ["/private.txt", "/../../../private.txt", "/data/../../../spin.toml", "/etc/passwd", "/../../../../../../etc/passwd"];
        for path in outside {
            assert_eq!(read(path).status, 404, "{revision} {path}");
        }
    }
    let outside = Setup::new(&both(r#"files = [{ source = "../", destination = "/up" }]"#)).fail();
    assert!(outside.code == Some(1) && outside.stderr.contains("\"../\""), "{}", outside.stderr);
}

#[test]
fn m20_directories_are_mounted_as_they_are_on_request() {
    let direct = |lines: &str| Setup::new(&both(lines)).file("data/a.txt", "first").arguments(&["--direct-mounts"]);
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("secret.txt"), "hunter2").unwrap();
    let setup = direct("files = [{ source = \"data\", destination = \"/mounted\" }]");
    std::os::unix::fs::symlink(secret.path().join("secret.txt"), setup.directory().join("data/link.txt")).unwrap();
    let host = setup.start();
    fs::write(host.directory().join("data/a.txt"), "changed").unwrap();
    for revision in REVISIONS {
        let read = |path: &str| host.app.get(&format!("/{revision}/files?path={path}"));
        assert_eq!(read("/mounted/a.txt").text(), "changed", "{revision}");
        for path in ["/data/a.txt", "/mounted/link.txt", "/mounted/../spin.toml", "/spin.toml"] {
            assert_eq!(read(path).status, 404, "{revision} {path}");
        }
        for operation in ["write", "remove", "truncate"] {
            assert_eq!(host.app.get(&format!("/{revision}/file?op={operation}&path=/mounted/a.txt")).status, 404, "{revision} {operation}");
        }
    }
    assert_eq!(fs::read_to_string(host.directory().join("data/a.txt")).unwrap(), "changed");
    for (lines, reason) in [
        ("files = [\"data/*\"]", "\"data/*\" is no directory with a place"),
        ("files = [{ source = \"data/a.txt\", destination = \"/a\" }]", "only directories can be mounted"),
        ("files = [{ source = \"data\", destination = \"/a\" }]\nexclude_files = [\"data/b\"]", "`exclude_files`"),
        ("files = [{ source = \"gone\", destination = \"/a\" }]", "cannot find"),
        ("files = [{ source = \"../\", destination = \"/a\" }]", "../"),
    ] {
        let ended = direct(lines).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains(reason), "{lines}: {}", ended.stderr);
    }
}

#[test]
fn a_link_out_of_the_app_is_not_followed() {
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("secret.txt"), "hunter2").unwrap();
    let setup = Setup::new(&both(r#"files = ["data/*"]"#)).file("data/a.txt", "first");
    std::os::unix::fs::symlink(secret.path().join("secret.txt"), setup.directory().join("data/link.txt")).unwrap();
    let ended = setup.fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("link.txt"), "{}", ended.stderr);
}

#[test]
fn output_goes_to_a_file_of_each_component_and_stream() {
    let host = Setup::new(&both("")).start();
    for revision in REVISIONS {
        assert!(host.app.get(&format!("/{revision}/stdout?bytes=40&line=10")).is_success());
        assert!(host.app.get(&format!("/{revision}/stderr?bytes=30&line=15")).is_success());
        host.app.get(&format!("/{revision}/panic"));
        assert_eq!(host.log(revision, "stdout", |text| text.matches('x').count() >= 36).matches('x').count(), 36, "{revision}");
        let errors = host.log(revision, "stderr", |text| text.contains("panicked"));
        assert_eq!(errors.lines().filter(|line| line.contains("xxxxxxxxxxxxxx")).count(), 2, "{revision}: {errors}");
    }
}

#[test]
fn clocks_and_random_bytes_are_real() {
    let host = Setup::new(&both("")).start();
    for revision in REVISIONS {
        let [first, second] = [(); 2].map(|()| host.app.get(&format!("/{revision}/random?bytes=32")).text());
        assert!(first.len() == 64 && first != second, "{revision}: {first} {second}");
        let now = host.app.get(&format!("/{revision}/clock")).json()["wall_ns"].as_u64().unwrap();
        let ours = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        assert!(ours.abs_diff(now.into()) < 60_000_000_000, "{revision}: {now} is not {ours}");
    }
}
