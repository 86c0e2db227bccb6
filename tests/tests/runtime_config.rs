//! What the file of `--runtime-config-file` puts in place, and what the command line says over it.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use spell_tests::{Host, Plugin, REVISIONS, RealServer, Setup, Upstream, app, both, component, encode, guest, wait_until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\n";
const GRANTED: &str = "key_value_stores = [\"default\", \"cache\"]\nsqlite_databases = [\"default\", \"base\"]";

fn get(host: &Host, revision: &str, path: &str) -> (u16, String) {
    let answer = host.app.get(&format!("/{revision}/{path}"));
    (answer.status, answer.text())
}

fn fetch(host: &Host, revision: &str, url: &str) -> Value {
    host.app.get(&format!("/{revision}/fetch?url={}", encode(url))).json()
}

#[test]
fn m16_what_the_file_may_not_say_is_refused_with_its_place() {
    let table = [
        (
            "state_dirs = \"x\"\n[outbound_http]\npooling = true\n",
            vec!["`state_dirs`", ":1:1", "did you mean `state_dir`?", "`pooling`", ":3:1"],
        ),
        ("\n[key_value_store.a]\ntype = \"spin\"\nfile = \"x\"\n", vec!["`file`", "[key_value_store.a]", ":4:1"]),
        ("[[variables_provider]]\ntype = \"vault\"\n", vec!["`vault`", ":2:8", "dotenv_path"]),
        ("[[variables_provider]]\ntype = \"azure_key_vault\"\n", vec!["`azure_key_vault`", ":2:8", "dotenv_path"]),
        ("[key_value_store.a]\ntype = \"azure_cosmos\"\n", vec!["`azure_cosmos`", ":2:8", "\"redis\""]),
        ("[key_value_store.a]\ntype = \"aws_dynamo\"\n", vec!["`aws_dynamo`", ":2:8", "\"redis\""]),
        ("[sqlite_database.a]\ntype = \"libsql\"\n", vec!["`libsql`", ":2:8", "\"spin\""]),
        ("state_dir = [", vec!["not TOML", ":1:"]),
    ];
    for (config, expected) in table {
        let ended = Setup::new(&both("")).runtime_config(config).fail();
        assert!(ended.code == Some(1) && ended.stdout.is_empty(), "{config}: {ended:?}");
        for part in expected.into_iter().chain(["runtime-config.toml"]) {
            assert!(ended.stderr.contains(part), "{config}: no {part:?} in {}", ended.stderr);
        }
    }
    let setup = Setup::new(&both("")).file("other.toml", "bad = 1\n");
    let path = setup.directory().join("other.toml").to_string_lossy().into_owned();
    let ended = setup.environment("RUNTIME_CONFIG_FILE", &path).fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("other.toml:1:1"), "{}", ended.stderr);
    let ended = Setup::new(&both("")).arguments(&["--runtime-config-file", "/nonexistent.toml"]).fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("/nonexistent.toml"), "{}", ended.stderr);
    drop(Setup::new(&both("")).environment("RUNTIME_CONFIG_FILE", "").start());
}

#[test]
fn m17_a_label_needs_something_that_stands_behind_it() {
    let config = "[key_value_store.cache]\ntype = \"spin\"\n[sqlite_database.base]\ntype = \"spin\"\n";
    for (without, key) in [("key_value_store.cache", "key_value_stores"), ("sqlite_database.base", "sqlite_databases")] {
        let ended = Setup::new(&both(GRANTED)).runtime_config(&config.replace(&format!("[{without}]\ntype = \"spin\"\n"), "")).fail();
        let label = without.split_once('.').expect("label").1;
        let expected = format!("unknown {key} label \"{label}\" for component \"p2\"");
        assert!(ended.code == Some(1) && ended.stderr.contains(&expected), "{}", ended.stderr);
        assert!(ended.stderr.contains("--runtime-config-file"), "{}", ended.stderr);
    }
    let host = Setup::new(&both(GRANTED)).runtime_config(config).start();
    let expected = "Using runtime config [key_value_store.cache: spin], [sqlite_database.base: spin] from \"";
    wait_until("the lines about stores", || host.stderr().contains(expected));
}

const VARIABLES: &str = "[variables]\na = { default = \"default\" }\nb = { default = \"default\" }\nc = { default = \"default\" }\n\
    d = { default = \"default\" }\ne = { default = \"default\" }\nf = { default = \"default\" }\ng = { default = \"default\" }\n";
const VARIABLES_USED: &str =
    "variables = { a = \"{{ a }}\", b = \"{{ b }}\", c = \"{{ c }}\", d = \"{{ d }}\", e = \"{{ e }}\", f = \"{{ f }}\", g = \"{{ g }}\" }";

#[test]
fn v01_the_line_wins_over_the_file_that_over_the_environment_and_that_over_the_default() {
    let manifest = app(&[VARIABLES.to_owned(), REVISIONS.map(|revision| component(revision, revision, VARIABLES_USED)).concat()]);
    let config = "[[variables_provider]]\ntype = \"static\"\nvalues = { a = \"static\", b = \"static\" }\n\
                  [[variables_provider]]\ntype = \"env\"\nprefix = \"APP\"\ndotenv_path = \"conf/app.env\"\n";
    let host = Setup::new(&manifest)
        .runtime_config(config)
        .file("conf/app.env", "APP_A=file\nAPP_B=file\nexport APP_C='file'\nAPP_D=file # its own\nSPIN_VARIABLE_E=elsewhere\n")
        .file(".env", "SPIN_VARIABLE_D=dotenv\nSPIN_VARIABLE_E=dotenv\nSPIN_VARIABLE_F=dotenv\nAPP_G=elsewhere\n")
        .environment("APP_C", "prefixed")
        .environment("SPIN_VARIABLE_A", "environment")
        .environment("SPIN_VARIABLE_E", "environment")
        .arguments(&["--variable", "a=line"])
        .in_directory()
        .start();
    let expected = ["line", "static", "prefixed", "file", "environment", "dotenv", "default"];
    for revision in REVISIONS {
        let values = ["a", "b", "c", "d", "e", "f", "g"].map(|name| get(&host, revision, &format!("variable?name={name}")).1);
        assert_eq!(values, expected, "{revision}");
    }
    for (content, expected) in [(None, "app.env"), (Some("hunter2 hunter2\n"), "entry 1 is not NAME=VALUE")] {
        let setup = Setup::new(&manifest).runtime_config(config);
        let ended = content.into_iter().fold(setup, |setup, content| setup.file("conf/app.env", content)).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains(expected), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn k01_labels_lead_to_files_of_their_own_that_last() {
    let place = tempfile::tempdir().expect("directory");
    let base = place.path().join("deep/base.db");
    let config = format!(
        "[key_value_store.default]\ntype = \"spin\"\npath = \"own/default.db\"\n[key_value_store.cache]\ntype = \"spin\"\n\
         [sqlite_database.base]\ntype = \"spin\"\npath = \"{}\"\nallow_attach_file = true\n",
        base.display()
    );
    let state = place.path().join("state");
    let start = |state: &std::path::Path| Setup::new(&both(GRANTED)).runtime_config(&config).state_dir(state).start();
    let statements = ["CREATE TABLE IF NOT EXISTS t (a)", "INSERT INTO t VALUES (1)"];
    let path = |database: &str, statements: &[&str]| format!("sql?db={database}&sql={}", encode(&statements.join("\n")));
    let host = start(&state);
    let own = host.directory().join("own/default.db");
    assert!(
        own.exists() && host.stderr().contains(&format!("Storing default key-value data to \"{}\"", own.display())),
        "{}",
        host.stderr()
    );
    assert!(host.stderr().contains("allow_attach_file changes nothing"), "{}", host.stderr());
    for revision in REVISIONS {
        for label in ["default", "cache"] {
            assert_eq!(get(&host, revision, &format!("kv?op=set&key={revision}&value={label}&store={label}")).0, 200);
        }
        assert_eq!(get(&host, revision, &path("base", &statements)).0, 200);
        assert_eq!(get(&host, revision, &path("default", &["SELECT * FROM t"])).0, 404, "another database");
    }
    drop(host);
    // The files of the first label and of the database lie elsewhere; the second one is in memory where there is no state directory.
    for (state, cache) in [(state.as_path(), r#"["p2","p3"]"#), (std::path::Path::new(""), "[]")] {
        let host = start(state);
        assert_eq!(get(&host, "p2", "kv?op=keys&store=cache").1, cache, "{state:?}");
        let rows: Value = serde_json::from_str(&get(&host, "p3", &path("base", &["SELECT count(*) FROM t"])).1).expect("rows");
        assert_eq!(rows["rows"], json!([[2]]), "{state:?}");
    }
    assert!(state.join("spell.db").exists() && base.exists());
}

#[test]
fn k02_the_command_line_fills_databases_by_label() {
    let config = "[key_value_store.cache]\ntype = \"spin\"\n[sqlite_database.base]\ntype = \"spin\"\n";
    let setup = Setup::new(&both(GRANTED)).runtime_config(config).file("fill.sql", "CREATE TABLE t (a); INSERT INTO t VALUES (7)");
    let file = format!("@{}:base", setup.directory().join("fill.sql").display());
    let host = setup.arguments(&["--sqlite", &file, "--key-value", "a=b"]).start();
    for revision in REVISIONS {
        assert_eq!(host.app.get(&format!("/{revision}/sql?db=base&sql=SELECT%20a%20FROM%20t")).json()["rows"], json!([[7]]));
        assert_eq!(get(&host, revision, "kv?op=get&key=a"), (200, "b".to_owned()));
        assert_eq!(get(&host, revision, "kv?op=exists&key=a&store=cache"), (200, "false".to_owned()));
    }
}

#[test]
fn k03_a_label_of_the_file_is_denied_to_who_did_not_ask() {
    let server = RealServer::redis(None);
    let config = format!(
        "[key_value_store.cache]\ntype = \"spin\"\n[key_value_store.far]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:{}\"\n[sqlite_database.base]\ntype = \"spin\"\n",
        server.port
    );
    let host = Setup::new(&both("key_value_stores = [\"default\"]\nsqlite_databases = [\"default\"]")).runtime_config(&config).start();
    for revision in REVISIONS {
        for path in ["kv?op=get&store=cache", "kv?op=get&store=far", "kv?op=keys&store=redis", "sql?db=base"] {
            assert_eq!(get(&host, revision, path), (404, "access-denied".to_owned()), "{revision} {path}");
        }
        // What the operator gave the host is nothing that a component may connect to.
        let address = encode(&format!("redis://127.0.0.1:{}", server.port));
        let outcomes = host.app.get(&format!("/{revision}/redis?address={address}&do=get%20x")).json();
        assert_eq!(outcomes[0], json!({ "error": "invalid-address" }), "{revision}");
    }
}

#[test]
fn directories_and_memory_are_those_of_the_line_or_else_of_the_file() {
    let place = tempfile::tempdir().expect("directory");
    let [state, logs, other] = ["state", "logs", "other"].map(|name| place.path().join(name));
    let config = format!("state_dir = \"{}\"\nlog_dir = \"{}\"\nmax_instance_memory = 8388608\n", state.display(), logs.display());
    let host = Setup::new(&both("")).runtime_config(&config).state_dir_unsaid(&state).start();
    for revision in REVISIONS {
        assert_eq!(get(&host, revision, "stdout?bytes=10").0, 200);
        assert_eq!(get(&host, revision, "grow?mib=16").0, 502, "{revision}");
        wait_until("the output", || std::fs::metadata(logs.join(format!("{revision}_stdout.txt"))).is_ok_and(|file| file.len() > 0));
    }
    assert!(state.join("metrics.db").exists() && !state.join("logs").exists());
    drop(host);
    let given = ["--log-dir", &other.to_string_lossy(), "--max-instance-memory", "67108864"];
    let host = Setup::new(&both("")).runtime_config(&config).state_dir(&other).arguments(&given).start();
    for revision in REVISIONS {
        assert_eq!(get(&host, revision, "grow?mib=16").0, 200, "{revision}");
    }
    assert!(other.join("metrics.db").exists() && other.join("p2_stdout.txt").exists());
    drop(host);
    let host = Setup::new(&both("")).runtime_config("state_dir = \"\"\nlog_dir = \"\"\n").state_dir_unsaid(&state).start();
    assert!(host.stderr().contains("in memory") && !host.stderr().contains("Logging component stdio"), "{}", host.stderr());
    assert!(!host.directory().join(".spell").exists());
}

#[test]
fn p02_routes_as_json_are_as_they_were() {
    let config = "[key_value_store.cache]\ntype = \"spin\"\n[llm_compute]\ntype = \"remote_http\"\nurl = \"https://example.com\"\nauth_token = \"hush\"\n";
    let host = Setup::new(&both("")).runtime_config(config).arguments(&["--format", "json"]).start();
    let expected = "Using runtime config [key_value_store.cache: spin], [llm_compute: remote_http] from \"";
    wait_until("the lines about stores", || host.stderr().contains(expected));
    let told: Value = serde_json::from_str(&host.stdout()).expect("JSON");
    assert_eq!(told["routes"].as_array().map(Vec::len), Some(2));
    assert!(!host.stderr().contains("hush"), "{}", host.stderr());
}

#[test]
fn g01_the_plugin_takes_the_file_as_well() {
    let lock = json!({
        "spin_lock_version": 0,
        "metadata": { "name": "locked", "origin": "file:///nowhere/spin.toml", "trigger": { "type": "spell" } },
        "variables": { "greeting": { "default": "hi" } },
        "triggers": [{ "id": "trigger-a", "trigger_type": "spell", "trigger_config": { "component": "a", "route": "/..." } }],
        "components": [{
            "id": "a",
            "metadata": { "key_value_stores": ["cache"] },
            "source": { "content_type": "application/wasm", "source": format!("file://{}", guest("tests_p2").display()) },
            "config": { "said": "{{ greeting }}" }
        }]
    });
    let plugin = Plugin::new();
    let config = "[key_value_store.cache]\ntype = \"spin\"\n[[config_provider]]\ntype = \"static\"\nvalues = { greeting = \"hello\" }\n";
    let file = plugin.file("runtime-config.toml", config);
    let host = plugin.start(&lock, &["--runtime-config-file", &file.to_string_lossy()]);
    assert_eq!(host.app.get("/variable?name=said").text(), "hello");
    assert_eq!(host.app.get("/kv?op=exists&store=cache").text(), "false");
}

#[test]
fn networks_of_the_file_are_blocked_whatever_the_operator_allows() {
    let upstream = Upstream::start("{}");
    let lines = format!("allowed_outbound_hosts = [\"{}\"]", upstream.url(""));
    for (blocked, is_reached) in [("10.0.0.0/8", true), ("private", false), ("127.0.0.0/24", false), ("127.0.0.1", false)] {
        let config = format!("[outbound_networking]\nblock_networks = [\"{blocked}\"]\n");
        let host = Setup::new(&both(&lines)).operator(GRANT_LOOPBACK).runtime_config(&config).start();
        for revision in REVISIONS {
            let found = fetch(&host, revision, &upstream.url("/"));
            let is_good = found[0]["status"] == 200;
            assert_eq!(is_good, is_reached, "{revision} {blocked}: {found}");
        }
    }
}

#[test]
fn connections_of_all_components_together_are_as_many_as_the_file_says() {
    let server = RealServer::redis(None);
    let address = format!("redis://127.0.0.1:{}", server.port);
    let lines = format!("allowed_outbound_hosts = [\"{address}\"]");
    let operator = format!("{GRANT_LOOPBACK}connect_time = \"500ms\"\n");
    for (config, expected) in [
        ("", 3),
        ("[outbound_redis]\nmax_connections = 2\n", 2),
        ("[outbound_networking]\nmax_total_connections = 1\nmax_socket_connections = 5\n", 1),
        ("[outbound_pg]\nmax_connections = 1\n[outbound_http]\nmax_connections = 1\n", 3),
    ] {
        let host = Setup::new(&both(&lines)).operator(&operator).runtime_config(config).start();
        for revision in REVISIONS {
            let path = format!("/{revision}/redis?address={}&do={}", encode(&address), encode("open\nopen"));
            let outcomes = host.app.get(&path).json();
            let outcomes = outcomes.as_array().expect("outcomes");
            // Without a first connection, nothing further is tried.
            let open = outcomes.iter().filter(|outcome| outcome["ok"] == "open").count();
            assert_eq!(open, expected, "{revision} {config}: {outcomes:?}");
            let late = json!({ "error": "too-many-connections" });
            assert!(outcomes[expected..].iter().all(|outcome| *outcome == late), "{revision} {config}: {outcomes:?}");
        }
    }
}

/// What a server has seen.
#[derive(Default)]
struct Seen {
    connections: usize,
    under_way: usize,
    at_once: usize,
}

/// Answers every request on a connection after a while.
fn slow_upstream() -> (String, Arc<Mutex<Seen>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("http://{}/", listener.local_addr().expect("address"));
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = seen.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            shared.lock().expect("lock").connections += 1;
            let shared = shared.clone();
            thread::spawn(move || {
                while let Ok(1..) = stream.read(&mut [0; 4096]) {
                    {
                        let mut seen = shared.lock().expect("lock");
                        seen.under_way += 1;
                        seen.at_once = seen.at_once.max(seen.under_way);
                    }
                    thread::sleep(Duration::from_millis(100));
                    shared.lock().expect("lock").under_way -= 1;
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, seen)
}

#[test]
fn requests_share_places_and_keep_connections_as_the_file_says() {
    for (config, at_once_max, is_kept) in [
        ("", 4, true),
        ("[outbound_http]\nmax_connections = 2\n", 2, true),
        ("[outbound_http]\nmax_concurrent_requests = 1\nconnection_pooling = false\n", 1, false),
    ] {
        let (url, seen) = slow_upstream();
        let lines = "allowed_outbound_hosts = [\"http://127.0.0.1:*\"]";
        let host = Setup::new(&both(lines)).operator(GRANT_LOOPBACK).runtime_config(config).start();
        for revision in REVISIONS {
            let answers = host.app.get(&format!("/{revision}/concurrent-fetch?n=4&url={}", encode(&url))).json();
            let answers = answers.as_array().expect("answers").clone();
            assert!(answers.len() == 4 && answers.iter().all(|answer| answer["status"] == 200), "{revision} {config}: {answers:?}");
            assert_eq!(host.app.get(&format!("/{revision}/fetch?n=4&url={}", encode(&url))).json().as_array().map(Vec::len), Some(4));
        }
        let Seen { connections, at_once, .. } = *seen.lock().expect("lock");
        assert!(at_once <= at_once_max, "{config}: {at_once} at once");
        let is_expected = if is_kept { connections <= 8 } else { connections == 16 };
        assert!(is_expected, "{config}: {connections} connections for 16 requests, of which 4 of a component are under way at once");
    }
}

/// An authority, and certificates that it signed: of `localhost`, and of a client.
struct Authority {
    root: String,
    server: (String, String),
    client: (String, String),
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("params");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key")).expect("root");
    let signed = |name: &str| {
        let key = KeyPair::generate().expect("key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("params");
        (params.signed_by(&key, &issuer).expect("certificate").pem(), key.serialize_pem())
    };
    Authority { root: issuer.pem(), server: signed("localhost"), client: signed("client") }
}

/// An HTTPS server for `localhost` that answers whether it was shown a certificate.
fn https(authority: &Authority) -> u16 {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("certificate");
    let mut roots = RootCertStore::empty();
    roots.add(der(&authority.root)).expect("root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).allow_unauthenticated().build();
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let key = PrivateKeyDer::from_pem_slice(authority.server.1.as_bytes()).expect("key");
    let config = builder.with_client_cert_verifier(verifier.expect("verifier")).with_single_cert(vec![der(&authority.server.0)], key);
    let config = Arc::new(config.expect("config"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, config.clone());
        }
    });
    port
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    if stream.read(&mut [0; 4096])? == 0 {
        return Ok(());
    }
    let body = if stream.conn.peer_certificates().is_some() { "known" } else { "anonymous" };
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[test]
fn components_trust_and_show_at_a_host_what_the_file_says() {
    let authority = authority();
    let (port, other) = (https(&authority), self::authority());
    let url = format!("https://localhost:{port}/");
    let manifest = both("allowed_outbound_hosts = [\"https://localhost:*\", \"https://127.0.0.1:*\"]");
    let setup = |config: &str| {
        let setup = Setup::new(&manifest).operator(GRANT_LOOPBACK).runtime_config(config);
        let setup = setup.file("tls/root.pem", &authority.root).file("tls/other.pem", &other.root);
        setup.file("tls/client.pem", &authority.client.0).file("tls/client.key", &authority.client.1)
    };
    let roots = "[[client_tls]]\ncomponent_ids = [\"p2\"]\nhosts = [\"LOCALHOST\"]\nca_roots_file = \"tls/root.pem\"\n";
    let shown = "client_cert_file = \"tls/client.pem\"\nclient_private_key_file = \"tls/client.key\"\n";
    for (config, bytes) in [
        (String::new(), None),
        (roots.to_owned(), Some("anonymous".len())),
        (format!("{roots}{shown}"), Some("known".len())),
        (roots.replace("root.pem", "other.pem"), None),
        (roots.replace("LOCALHOST", "127.0.0.1"), None),
        (format!("{}{roots}", roots.replace("LOCALHOST", "elsewhere").replace("root.pem", "other.pem")), Some("anonymous".len())),
    ] {
        let host = setup(&config).start();
        let found = fetch(&host, "p2", &url);
        match bytes {
            Some(bytes) => assert_eq!(found, json!([{ "status": 200, "bytes": bytes }]), "{config}"),
            None => assert!(found[0]["status"].is_null(), "{config}: {found}"),
        }
        // It is the other component's trust, not this one's.
        assert!(fetch(&host, "p3", &url)[0]["status"].is_null(), "{config}");
    }
    let host = setup(&roots.replace("p2", "p4")).start();
    assert!(host.stderr().contains("changes nothing for \"p4\": there is no such component"), "{}", host.stderr());
    for (config, expected) in [
        (roots.replace("root.pem", "missing.pem"), "missing.pem"),
        (roots.replace("root.pem", "client.key"), "no certificate authority is trusted"),
        (roots.replace("LOCALHOST", "*.example.com"), "\"*.example.com\" is no host"),
        (format!("{roots}{roots}"), "is named twice"),
        (format!("{roots}{}", shown.replace("client.key", "root.pem")), "the key cannot be read as PEM"),
    ] {
        let ended = setup(&config).fail();
        assert!(
            ended.code == Some(1) && ended.stderr.contains(expected) && ended.stderr.contains("client_tls"),
            "{config}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_start_with_a_silent_store_is_not_held_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let config = format!("[key_value_store.cache]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:{port}\"\n");
    let started = Instant::now();
    let host = Setup::new(&both("key_value_stores = [\"cache\"]")).runtime_config(&config).start();
    assert!(started.elapsed() < Duration::from_secs(30) && host.control.get("/healthz").status == 200);
}
