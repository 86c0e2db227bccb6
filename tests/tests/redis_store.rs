//! Key-value stores that a Redis server keeps: what they do as the host's own stores do, and what a bad server cannot do.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, REVISIONS, RealServer, Setup, both, encode, wait_until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

const GRANTED: &str = "key_value_stores = [\"default\", \"far\"]";
const SECRET: &str = "hunter2secret";
const GONE: &str = "other: the key-value database is unavailable";
const SHORT: &str = "[outbound]\nconnect_time = \"500ms\"\nquery_time = \"250ms\"\n";

/// A runtime configuration whose label `far` leads to a port.
fn far(port: u16) -> String {
    format!("[key_value_store.far]\ntype = \"redis\"\nurl = \"redis://127.0.0.1:{port}\"\n")
}

fn get(host: &Host, revision: &str, path: &str) -> (u16, String) {
    let answer = host.app.get(&format!("/{revision}/{path}"));
    (answer.status, answer.text())
}

/// Says commands to a server without the host, each in one line, and gives what it answered.
fn redis(port: u16, commands: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connect");
    stream.write_all(format!("{commands}\r\nQUIT\r\n").as_bytes()).expect("write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answer");
    answer
}

#[test]
fn a_store_in_redis_answers_as_one_of_the_host() {
    let server = RealServer::redis(None);
    let host = Setup::new(&both(GRANTED)).runtime_config(&far(server.port)).start();
    let (longest, too_long) = ("k".repeat(8 << 10), "k".repeat((8 << 10) + 1));
    for revision in REVISIONS {
        let odd = encode("a\r\nb é");
        let paths = [
            "kv?op=get&key=nothing".to_owned(),
            "kv?op=exists&key=nothing".to_owned(),
            "kv?op=delete&key=nothing".to_owned(),
            "kv?op=set&key=text&value=one".to_owned(),
            "kv?op=set&key=text&value=two".to_owned(),
            "kv?op=get&key=text".to_owned(),
            "kv?op=exists&key=text".to_owned(),
            "kv?op=set&key=empty&value=".to_owned(),
            "kv?op=get&key=empty".to_owned(),
            format!("kv?op=set&key={odd}&value={odd}"),
            format!("kv?op=get&key={odd}"),
            format!("kv?op=set&key={longest}&value=x"),
            format!("kv?op=delete&key={longest}"),
            format!("kv?op=set&key={too_long}&value=x"),
            "kv?op=get&key=".to_owned(),
            "kv?op=keys".to_owned(),
            "store?op=get&key=text".to_owned(),
            "store?op=exists&key=nothing".to_owned(),
            "store?op=keys".to_owned(),
            "store?op=keys&value=empty".to_owned(),
            "store?op=set-many&key=m1,m2&value=x".to_owned(),
            "store?op=get-many&key=m1,nothing,m2".to_owned(),
            "store?op=delete-many&key=m1,nothing".to_owned(),
            "store?op=get&key=m1".to_owned(),
            "store?op=increment&key=count&value=7".to_owned(),
            "store?op=increment&key=count&value=-9".to_owned(),
            "store?op=swap&key=text&value=three".to_owned(),
            "store?op=swap&key=new&value=three".to_owned(),
            "store?op=get&key=text".to_owned(),
            "store?via=1&op=get&key=text".to_owned(),
            "store?via=1&op=get&key=nothing".to_owned(),
            "store?via=1&op=keys".to_owned(),
            "store?via=1&op=use-after-close".to_owned(),
        ];
        for path in paths {
            let near = get(&host, revision, &path);
            let far = get(&host, revision, &format!("{path}&store=far"));
            let head: String = path.chars().take(60).collect();
            assert_eq!(far, near, "{revision} {head}");
        }
        // What was there when the store was changed by others is found, as they put it there.
        assert!(redis(server.port, "GET count").starts_with("$2\r\n-2\r\n"));
        assert!(redis(server.port, "FLUSHALL").starts_with("+OK"));
        for key in ["text", "empty", "m2", "count", "new", &odd] {
            assert_eq!(get(&host, revision, &format!("kv?op=delete&key={key}")).0, 200);
        }
    }
}

#[test]
fn what_others_put_into_redis_is_met_with_words() {
    let server = RealServer::redis(None);
    let host = Setup::new(&both(GRANTED)).runtime_config(&far(server.port)).start();
    let most = i64::MAX;
    redis(
        server.port,
        &format!("RPUSH list a\r\nSET text words\r\nSET most {most}\r\nSETRANGE large 1048576 x\r\nSETRANGE huge 9000000 x"),
    );
    for revision in REVISIONS {
        let table = [
            ("kv?op=get&key=list", "other: what is under the key is not a value"),
            ("kv?op=get&key=large", "other: value of 1048577 bytes: values have at most 1048576 bytes"),
            ("kv?op=get&key=huge", "other: the answer of the store is larger than 4194304 bytes"),
            ("store?op=increment&key=text", "the value is not a counter: counters are whole numbers in decimal here"),
            ("store?op=increment&key=most", "the counter would leave the range of 64 bits"),
            ("store?op=swap&key=list", "what is under the key is not a value"),
        ];
        for (path, expected) in table {
            let (status, text) = get(&host, revision, &format!("{path}&store=far"));
            assert!(status == 404 && text.contains(expected), "{revision} {path}: {text}");
        }
        assert_eq!(get(&host, revision, "kv?op=get&key=text&store=far"), (200, "words".to_owned()), "{revision}: the connection goes on");
    }
    assert!(redis(server.port, "GET most\r\nGET text\r\nLLEN list").contains(&most.to_string()));
}

#[test]
fn many_at_a_time_share_the_connections_and_lose_no_count() {
    let server = RealServer::redis(None);
    let host = Setup::new(&both(GRANTED)).runtime_config(&far(server.port)).start();
    thread::scope(|scope| {
        for number in 0..40 {
            let host = &host;
            scope.spawn(move || {
                let (status, text) = get(host, REVISIONS[number % 2], "store?op=increment&store=far&key=count&value=3");
                assert_eq!(status, 200, "{text}");
            });
        }
    });
    assert_eq!(get(&host, "p2", "kv?op=get&key=count&store=far"), (200, "120".to_owned()));
    let keys: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    assert_eq!(get(&host, "p2", &format!("store?op=set-many&store=far&key={}&value=x", keys.join(","))).0, 200);
    let connections = redis(server.port, "INFO clients");
    let connected: usize = connections
        .lines()
        .find_map(|line| line.strip_prefix("connected_clients:"))
        .and_then(|count| count.trim().parse().ok())
        .expect("a count");
    assert!((2..=17).contains(&connected), "{connected} connections, one of them the test's");
    let found: Vec<String> = serde_json::from_str(&get(&host, "p3", "kv?op=keys&store=far").1).expect("keys");
    assert_eq!(found.len(), 301);
}

#[test]
fn listings_have_an_end_and_pages_an_order() {
    let server = RealServer::redis(None);
    let host = Setup::new(&both(GRANTED)).runtime_config(&far(server.port)).start();
    let sets: Vec<String> = (0..10_005).map(|number| format!("SET k{number:06} v")).collect();
    redis(server.port, &sets.join("\r\n"));
    for revision in REVISIONS {
        let (status, text) = get(&host, revision, "kv?op=keys&store=far");
        assert_eq!((status, text.as_str()), (404, "other: more than 10000 keys: too many to list at once"), "{revision}");
        let page = |after: &str| -> Value {
            let text = get(&host, revision, &format!("store?op=keys&store=far&value={after}")).1;
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let first = page("");
        let keys = first["keys"].as_array().expect("keys");
        assert_eq!((keys.len(), &keys[0], &first["cursor"]), (10_000, &json!("k000000"), &json!("k009999")), "{revision}");
        let last = page("k009999");
        assert_eq!(last, json!({ "keys": ["k010000", "k010001", "k010002", "k010003", "k010004"], "cursor": null }), "{revision}");
    }
}

#[test]
fn k03_a_label_reaches_its_own_database_and_no_other() {
    let server = RealServer::redis(None);
    let url = |database: &str| format!("type = \"redis\"\nurl = \"redis://127.0.0.1:{}{database}\"\n", server.port);
    let config = format!("[key_value_store.default]\n{}[key_value_store.far]\n{}", url("/3"), url("/4"));
    let host = Setup::new(&both(GRANTED)).runtime_config(&config).start();
    let only_default = Setup::new(&both("key_value_stores = [\"default\"]")).runtime_config(&config).start();
    assert!(
        host.stderr().contains(&format!("Storing default key-value data to Redis at 127.0.0.1:{}/3", server.port)),
        "{}",
        host.stderr()
    );
    for revision in REVISIONS {
        assert_eq!(get(&host, revision, "kv?op=set&key=mine&value=x&store=far").0, 200);
        for key in ["mine", "4:mine", "../4/mine", "far:mine", "{mine}", "mine\r\nSELECT 4\r\nGET mine", "*", "m?ne"] {
            let (status, text) = get(&host, revision, &format!("kv?op=get&key={}", encode(key)));
            assert_eq!((status, text.as_str()), (404, "other: no such key"), "{revision} {key:?}");
        }
        assert_eq!(get(&host, revision, "kv?op=keys").1, "[]", "{revision}");
        for path in ["kv?op=get&key=mine&store=far", "kv?op=keys&store=far"] {
            assert_eq!(get(&only_default, revision, path), (404, "access-denied".to_owned()), "{revision} {path}");
        }
        assert!(get(&only_default, revision, "store?op=get&key=mine&store=far").1.contains("AccessDenied"), "{revision}");
    }
    for (one, other) in [("/3", "/3"), ("", "/0"), ("/3", "/03"), ("", "")] {
        let config = format!("[key_value_store.default]\n{}[key_value_store.far]\n{}", url(one), url(other));
        let ended = Setup::new(&both(GRANTED)).runtime_config(&config).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains("give each a number of its own"), "{one} {other}: {}", ended.stderr);
    }
}

#[test]
fn k02_the_command_line_fills_a_default_store_in_redis() {
    let server = RealServer::redis(None);
    let config = far(server.port).replace("far", "default");
    let host = Setup::new(&both("key_value_stores = [\"default\"]")).runtime_config(&config).arguments(&["--key-value", "a=b=c"]).start();
    for revision in REVISIONS {
        assert_eq!(get(&host, revision, "kv?op=get&key=a"), (200, "b=c".to_owned()), "{revision}");
    }
    assert!(redis(server.port, "GET a").starts_with("$3\r\nb=c\r\n"));
}

#[test]
fn a_server_that_is_gone_is_an_error_until_it_is_back() {
    let mut server = RealServer::redis(None);
    let host = Setup::new(&both(GRANTED)).operator(SHORT).runtime_config(&far(server.port)).start();
    let set = |revision: &str| get(&host, revision, "kv?op=set&key=k&value=v&store=far");
    assert_eq!((set("p2").0, set("p3").0), (200, 200));
    assert!(redis(server.port, "CLIENT KILL TYPE normal SKIPME yes").starts_with(':'));
    assert_eq!((set("p2").0, set("p3").0), (200, 200), "connections that the server has closed are not used");
    server.restart(|| {
        for revision in REVISIONS {
            assert_eq!(set(revision), (404, GONE.to_owned()), "{revision}");
        }
    });
    for revision in REVISIONS {
        assert_eq!(set(revision).0, 200, "{revision}: it is back");
    }
    assert_eq!(get(&host, "p2", "kv?op=set&key=k&value=v").0, 200);
}

/// Answers whatever is asked with these bytes, again and again; with none, it holds its tongue.
fn torment(greeting: &'static [u8], repeat: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let repeat = repeat.clone();
            thread::spawn(move || {
                let started = Instant::now();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(greeting);
                while started.elapsed() < Duration::from_secs(20) {
                    if repeat.is_empty() {
                        thread::sleep(Duration::from_millis(50));
                    } else if stream.write_all(&repeat).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn a_server_that_torments_costs_time_and_memory_within_limits() {
    let large = "other: the answer of the store is larger than 4194304 bytes";
    let servers = [
        ("one-long-value", torment(b"$1000000000\r\n", vec![b'x'; 65_536]), large),
        ("endless-list", torment(b"*1000000000\r\n", b":0\r\n".repeat(10_000)), large),
        ("endless-nesting", torment(b"", b"*1\r\n".repeat(10_000)), large),
        ("endless-line", torment(b"+", vec![b'x'; 65_536]), GONE),
        ("never-answers", torment(b"", Vec::new()), GONE),
        ("half-an-answer", torment(b"$5\r\nab", Vec::new()), GONE),
        ("http", torment(b"HTTP/1.1 200 OK\r\n\r\n", Vec::new()), GONE),
        ("endless-scan", torment(b"", b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n".repeat(100)), GONE),
    ];
    let config: String = servers.iter().map(|(name, port, _)| far(*port).replace(".far", &format!(".{name}"))).collect();
    let labels: Vec<String> = servers.iter().map(|(name, _, _)| format!("\"{name}\"")).collect();
    let lines = format!("key_value_stores = [\"default\", {}]", labels.join(", "));
    let host = Setup::new(&both(&lines)).operator(SHORT).runtime_config(&config).start();
    for revision in REVISIONS {
        for (name, _, expected) in &servers {
            for operation in ["get", "keys", "exists", "set"] {
                let started = Instant::now();
                let (status, text) = get(&host, revision, &format!("kv?op={operation}&store={name}"));
                // A list of a list is nothing that `get` could be told; of some answers `set` needs no more than that there was one.
                if operation == "get" && *name != "endless-scan" {
                    assert_eq!((status, text.as_str()), (404, *expected), "{revision} {name}");
                }
                assert!(started.elapsed() < Duration::from_secs(5), "{revision} {name} {operation} took {:?}", started.elapsed());
            }
        }
        assert_eq!(get(&host, revision, "kv?op=set&key=k&value=v").0, 200, "{revision}: the host's own store goes on");
    }
    assert_eq!(host.control.get("/healthz").status, 200);
}

/// Everything that a host has written.
fn contents(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("folder").flatten() {
        let path = entry.path();
        text += &if path.is_dir() { contents(&path) } else { String::from_utf8_lossy(&std::fs::read(&path).expect("file")).into_owned() };
    }
    text
}

#[test]
fn credentials_of_a_store_are_used_and_nowhere_to_be_read() {
    let server = RealServer::redis(Some(SECRET));
    let other = RealServer::redis(Some("another"));
    let (tls, certificate) = RealServer::redis_tls(SECRET);
    let label = |label: &str, url: String| format!("[key_value_store.{label}]\ntype = \"redis\"\nurl = \"{url}\"\n");
    let config = [
        label("far", format!("redis://:{SECRET}@127.0.0.1:{}", server.port)),
        label("wrong", format!("redis://{SECRET}:{SECRET}@127.0.0.1:{}", other.port)),
        label("closed", format!("redis://:{SECRET}@127.0.0.1:1")),
        label("secure", format!("rediss://default:{SECRET}@localhost:{}", tls.port)),
        label("misnamed", format!("rediss://:{SECRET}@127.0.0.1:{}", tls.port)),
        label("plain", format!("redis://:{SECRET}@localhost:{}/1", tls.port)),
    ];
    let lines = "key_value_stores = [\"default\", \"far\", \"wrong\", \"closed\", \"secure\", \"misnamed\", \"plain\"]";
    let host = Setup::new(&both(lines))
        .operator(SHORT)
        .runtime_config(&config.concat())
        .environment("SPELL_LOG", "debug")
        .environment("SSL_CERT_FILE", &certificate.to_string_lossy())
        .start();
    for revision in REVISIONS {
        for (label, is_good) in
            [("far", true), ("secure", true), ("wrong", false), ("closed", false), ("misnamed", false), ("plain", false)]
        {
            let (status, text) = get(&host, revision, &format!("kv?op=set&key=k&value=v&store={label}"));
            assert_eq!((status, text.as_str()), if is_good { (200, "") } else { (404, GONE) }, "{revision} {label}");
        }
    }
    wait_until("the reasons to be told", || host.stderr().contains("the server refuses the credentials"));
    let everything = format!("{}{}{}{}", host.stdout(), host.stderr(), host.control.get("/metrics").text(), contents(host.state_dir()));
    assert!(!everything.contains(SECRET), "a password is shown");
    for url in
        [format!("redis://:{SECRET}@h/{SECRET}"), format!("redis://{SECRET}@@h"), format!("{SECRET}://h"), format!("redis://h?{SECRET}=1")]
    {
        let ended = Setup::new(&both(GRANTED)).runtime_config(&label("far", url.clone())).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains("[key_value_store.far]"), "{url}: {}", ended.stderr);
        assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
    }
}
