//! Components that speak to a real MariaDB, and servers that only claim to be one (card H10).

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, REVISIONS, RealServer, Setup, both, encode};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

const PASSWORD: &str = "hunter2secret";
const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\"]\nconnect_time = \"1s\"\nquery_time = \"500ms\"\n";

fn host(allowed: &str, operator: &str) -> Host {
    Setup::new(&both(&format!("allowed_outbound_hosts = [\"{allowed}\"]"))).operator(operator).environment("SPELL_LOG", "debug").start()
}

fn talk(host: &Host, revision: &str, address: &str, lines: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let answer = host.app.get(&format!("/{revision}/mysql?address={}&do={}", encode(address), encode(&lines.join("\n"))));
    serde_json::from_str(&answer.text()).unwrap_or_else(|_| vec![json!(format!("{} {}", answer.status, answer.text()))])
}

/// A column, a parameter, and what comes back: type and value.
#[rustfmt::skip]
fn values() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    vec![
        ("boolean", json!(["boolean", true]), "Int8", "Int8(1)"),
        ("tinyint", json!(["int8", -5]), "Int8", "Int8(-5)"),
        ("tinyint unsigned", json!(["uint8", 200]), "Uint8", "Uint8(200)"),
        ("smallint", json!(["int16", -300]), "Int16", "Int16(-300)"),
        ("smallint unsigned", json!(["uint16", 65_535]), "Uint16", "Uint16(65535)"),
        ("mediumint", json!(["int32", -70_000]), "Int32", "Int32(-70000)"),
        ("int", json!(["int32", 70_000]), "Int32", "Int32(70000)"),
        ("int unsigned", json!(["uint32", 4_000_000_000_u32]), "Uint32", "Uint32(4000000000)"),
        ("bigint", json!(["int64", -5_000_000_000_i64]), "Int64", "Int64(-5000000000)"),
        ("bigint unsigned", json!(["uint64", u64::MAX]), "Uint64", "Uint64(18446744073709551615)"),
        ("float", json!(["floating32", 1.5]), "Floating32", "Floating32(1.5)"),
        ("double", json!(["floating64", -0.1]), "Floating64", "Floating64(-0.1)"),
        ("varchar(50)", json!(["str", "'; DROP TABLE x; -- é🔥"]), "Str", "Str(\"'; DROP TABLE x; -- é🔥\")"),
        ("text", json!(["str", ""]), "Str", "Str(\"\")"),
        ("char(3)", json!(["str", "abc"]), "Str", "Str(\"abc\")"),
        ("enum('a', 'b')", json!(["str", "b"]), "Str", "Str(\"b\")"),
        ("varbinary(50)", json!(["binary", "ab"]), "Binary", "Binary([97, 98])"),
        ("blob", json!(["binary", ""]), "Binary", "Binary([])"),
        ("decimal(10, 3)", json!(["str", "12.5"]), "Str", "Str(\"12.500\")"),
        ("int", json!(["null"]), "Int32", "DbNull"),
        ("datetime", json!(["str", "2024-02-29 01:02:03"]), "Other", "Unsupported"),
        ("time", json!(["str", "01:02:03"]), "Other", "Unsupported"),
        ("year", json!(["int16", 2024]), "Uint16", "Uint16(2024)"),
    ]
}

#[test]
fn every_type_comes_back_as_it_was_given() {
    let server = RealServer::mariadb(PASSWORD);
    let host = host(&format!("mysql://127.0.0.1:{}", server.port), GRANT_LOOPBACK);
    let address = format!("mysql://spell:{PASSWORD}@127.0.0.1:{}/test", server.port);
    for revision in REVISIONS {
        for (index, (kind, given, data_type, expected)) in values().into_iter().enumerate() {
            let table = format!("t{index}{revision}");
            let outcomes = talk(
                &host,
                revision,
                &address,
                &[
                    json!(["execute", format!("CREATE TABLE {table} (x {kind})")]),
                    json!(["execute", format!("INSERT INTO {table} VALUES (?)"), given]),
                    json!(["query", format!("SELECT x FROM {table}")]),
                ],
            );
            assert_eq!(outcomes[..3], [json!({ "ok": "open" }), json!({ "ok": null }), json!({ "ok": null })], "{revision} {kind}");
            assert_eq!(outcomes[3], json!({ "columns": [["x", data_type]], "rows": [[expected]] }), "{revision} {kind}");
        }
    }
}

#[test]
fn statements_change_and_answer_and_fail() {
    let server = RealServer::mariadb(PASSWORD);
    let host = host(&format!("mysql://127.0.0.1:{}", server.port), GRANT_LOOPBACK);
    let address = format!("mysql://spell:{PASSWORD}@127.0.0.1:{}/test?ssl-mode=DISABLED", server.port);
    for revision in REVISIONS {
        let outcomes = talk(
            &host,
            revision,
            &address,
            &[
                json!([
                    "execute",
                    format!(
                        "CREATE TABLE {revision} (id int PRIMARY KEY, a text, b text, c text, d text, e text, f text, g text, h text, i text)"
                    )
                ]),
                json!([
                    "execute",
                    format!("INSERT INTO {revision} (id, a, h) VALUES (?, ?, ?), (2, 'two', NULL)"),
                    ["int64", 1],
                    ["str", "one"],
                    ["null"]
                ]),
                json!(["query", format!("SELECT id, a, b, c, d, e, f, g, h, i, 9 FROM {revision} ORDER BY id")]),
                json!(["execute", format!("INSERT INTO {revision} (id) VALUES (1)")]),
                json!(["query", "SELECT ?", ["str", "x"], ["str", "y"]]),
                json!(["query", "SELEC"]),
                json!(["query", "SELECT 1; SELECT 2"]),
                json!(["query", format!("SELECT a FROM {revision} WHERE id = ?"), ["str", "1 OR 1=1"]]),
                json!(["query", "SELECT 1 FROM nowhere.at_all"]),
                json!(["query", "SET @x = 1"]),
                json!(["execute", "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE p2"]),
                json!(["query", "SELECT 7 AS n"]),
            ],
        );
        let text: Vec<String> = outcomes.iter().map(Value::to_string).collect();
        assert_eq!(outcomes[..3], [json!({ "ok": "open" }), json!({ "ok": null }), json!({ "ok": null })], "{revision}");
        let row = |id: &str, name: &str| json!([&[id, name][..], &["DbNull"; 8], &["Int32(9)"]].concat());
        assert_eq!(outcomes[3]["rows"], json!([row("Int32(1)", "Str(\"one\")"), row("Int32(2)", "Str(\"two\")")]), "{revision}");
        assert!(text[4].contains("QueryFailed") && text[4].contains("1062"), "{}", text[4]);
        assert!(text[5].contains("BadParameter"), "{}", text[5]);
        assert!(text[6..8].iter().all(|text| text.contains("QueryFailed")), "{:?}", &text[6..8]);
        assert_eq!(outcomes[8]["rows"].as_array().map(Vec::len), Some(1), "a parameter is a value: {}", text[8]);
        assert!(text[9].contains("QueryFailed"), "{}", text[9]);
        assert_eq!(outcomes[10], json!({ "columns": [], "rows": [] }), "{revision}");
        assert!(text[11].contains("error"), "{}", text[11]);
        assert_eq!(outcomes[12], json!({ "columns": [["n", "Int32"]], "rows": [["Int32(7)"]] }), "{revision}");
    }
}

#[test]
fn mysql_needs_the_manifest_and_the_operator_and_shows_no_password() {
    let server = RealServer::mariadb("another");
    let port = server.port;
    let granted = host(&format!("mysql://127.0.0.1:{port}"), GRANT_LOOPBACK);
    let ungranted = host("mysql://*:*", "");
    for revision in REVISIONS {
        let open = |host: &Host, address: &str| talk(host, revision, address, &[])[0].to_string();
        for (address, expected) in [
            (format!("mysql://spell:{PASSWORD}@127.0.0.1:{port}/test"), "the server refuses the credentials"),
            (format!("mysql://{PASSWORD}:{PASSWORD}@127.0.0.1:{port}/test"), "the server refuses the credentials"),
            (format!("mysql://spell:another@127.0.0.1:{port}/{PASSWORD}"), "the server refuses the credentials"),
            (format!("mysql://spell:{PASSWORD}@127.0.0.1:{port}/test?ssl-mode=REQUIRED"), "offers no TLS"),
            (format!("mysql://spell:{PASSWORD}@127.0.0.1:{port}/test?socket=/run/mysqld/mysqld.sock"), "ssl-mode is"),
            (format!("mysql://127.0.0.1:{port}/test"), "names no user"),
            (format!("mysql://u:{PASSWORD}@127.0.0.1:{}/x", port ^ 1), "not in allowed_outbound_hosts"),
            (format!("mysql://u:{PASSWORD}@127.0.0.2:{port}/x"), "not in allowed_outbound_hosts"),
            (format!("mysql://u:{PASSWORD}@localhost:{port}/x"), "not in allowed_outbound_hosts"),
            (format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/x"), "does not begin with a scheme"),
            (format!("mysql://u:1/{PASSWORD}@127.0.0.1:{port}"), "percent-encoded"),
        ] {
            let outcome = open(&granted, &address);
            assert!(
                outcome.contains("ConnectionFailed") && outcome.contains(expected) && !outcome.contains(PASSWORD),
                "{revision} {address}: {outcome}"
            );
        }
        for name in ["127.0.0.1", "localhost", "10.0.0.1", "[::1]"] {
            let outcome = open(&ungranted, &format!("mysql://u:{PASSWORD}@{name}:{port}/x"));
            assert!(outcome.contains("may not be reached"), "{revision} {name}: {outcome}");
        }
    }
    for host in [&granted, &ungranted] {
        let audit = std::fs::read_to_string(host.state_dir().join("logs/audit.jsonl")).expect("audit");
        let everything = format!("{}{}{}{audit}", host.stdout(), host.stderr(), host.control.get("/metrics").text());
        assert!(!everything.contains(PASSWORD), "a password is shown");
        assert!(audit.contains("outbound-host") || audit.contains("outbound-address"), "{audit}");
    }
}

#[test]
fn answers_of_mysql_end_in_rows_in_size_and_in_time() {
    let server = RealServer::mariadb(PASSWORD);
    let operator = format!("{GRANT_LOOPBACK}query_rows = 100\nquery_bytes = \"1MiB\"\n");
    let host = host(&format!("mysql://127.0.0.1:{}", server.port), &operator);
    let address = format!("mysql://spell:{PASSWORD}@127.0.0.1:{}/test", server.port);
    for revision in REVISIONS {
        for (statement, expected) in [
            ("SELECT seq FROM seq_1_to_100", "\"rows\""),
            ("SELECT seq FROM seq_1_to_101", "more than 100 rows"),
            ("SELECT seq FROM seq_1_to_100000000", "more than 100 rows"),
            ("SELECT repeat('x', 2000000)", "larger than 1048576 bytes"),
            ("SELECT repeat('x', 100000) FROM seq_1_to_90", "larger than 1048576 bytes"),
            ("SELECT sleep(20)", "within the time allowed"),
        ] {
            let started = Instant::now();
            let outcomes = talk(&host, revision, &address, &[json!(["query", statement]), json!(["query", "SELECT 1"])]);
            assert!(outcomes[1].to_string().contains(expected), "{revision} {statement}: {}", outcomes[1]);
            let closed = outcomes[2].to_string().contains("the connection is closed");
            assert_eq!(closed, expected != "\"rows\"", "{revision} {statement}: {}", outcomes[2]);
            assert!(started.elapsed() < Duration::from_secs(5), "{revision} {statement}");
        }
    }
}

/// Says the first of these at once, and one more for each message.
fn claim(packets: Vec<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let packets = packets.clone();
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                for packet in packets {
                    if stream.write_all(&packet).is_err() || !matches!(stream.read(&mut buffer), Ok(1..)) {
                        return;
                    }
                }
                while matches!(stream.read(&mut buffer), Ok(1..)) {}
            });
        }
    });
    port
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
    [&[length[0], length[1], length[2], sequence], payload].concat()
}

#[test]
fn servers_that_only_claim_to_be_mysql_do_no_harm() {
    let greeting =
        [b"\x0a5.7.0\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xdf\x15".as_slice(), &[0; 10], b"ijklmnopqrst\0mysql_native_password\0"]
            .concat();
    let greeting = packet(0, &greeting);
    let ok = packet(2, &[0, 0, 0, 2, 0, 0, 0]);
    let prepared = |columns: u16| packet(1, &[&[0, 1, 0, 0, 0][..], &columns.to_le_bytes(), &[0, 0, 0, 0, 0]].concat());
    let definition = packet(2, b"\x03def\0\0\0\x01x\0\x0c\x3f\0\x0b\0\0\0\x03\0\0\0\0\0");
    let late = "no whole answer within the time allowed";
    let servers = [
        ("says-nothing", claim(vec![Vec::new()]), 0, "no connection within the time allowed"),
        ("http", claim(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]), 0, "larger than"),
        ("older-than-time", claim(vec![packet(0, b"\x095.0\0")]), 0, "does not speak"),
        ("full-at-once", claim(vec![packet(0, b"\xff\x10\x04#08004Too many connections")]), 0, "Too many connections"),
        ("wants-the-password", claim(vec![greeting.clone(), packet(2, b"\xfemysql_clear_password\0")]), 0, "not supported"),
        (
            "wants-it-by-another-name",
            claim(vec![greeting.clone(), packet(2, b"\xfecaching_sha2_password\0abcdefghijklmnopqrst\0"), packet(4, &[1, 4])]),
            0,
            "over TLS only",
        ),
        (
            "asks-for-ever",
            claim([vec![greeting.clone()], vec![packet(2, b"\xfemysql_native_password\0abcdefghijklmnopqrst\0"); 20]].concat()),
            0,
            "not supported",
        ),
        ("wants-a-file", claim(vec![greeting.clone(), ok.clone(), prepared(0), packet(1, b"\xfb/etc/passwd")]), 1, "does not speak"),
        (
            "endless-columns",
            claim(vec![
                greeting.clone(),
                ok.clone(),
                [prepared(65_535), definition.repeat(65_535)].concat(),
                packet(1, &[0xfd, 0xff, 0xff, 0xff]),
            ]),
            1,
            late,
        ),
        ("sixteen-megabytes", claim(vec![greeting.clone(), ok.clone(), vec![0xff, 0xff, 0xff, 1]]), 1, "larger than"),
        ("half-an-answer", claim(vec![greeting.clone(), ok.clone(), vec![5, 0, 0, 1, 0]]), 1, late),
    ];
    let host = host("mysql://127.0.0.1:*", GRANT_LOOPBACK);
    for revision in REVISIONS {
        for (name, port, step, expected) in &servers {
            let started = Instant::now();
            let address = format!("mysql://u:{PASSWORD}@127.0.0.1:{port}/x");
            let outcomes = talk(&host, revision, &address, &[json!(["query", "SELECT 1"]), json!(["query", "SELECT 1"])]);
            let outcome = outcomes.get(*step).map(Value::to_string).unwrap_or_default();
            assert!(outcome.contains(expected), "{revision} {name}: {outcomes:?}");
            assert!(*step == 0 || outcomes[2].to_string().contains("the connection is closed"), "{revision} {name}: {outcomes:?}");
            assert!(started.elapsed() < Duration::from_secs(5), "{revision} {name} took {:?}", started.elapsed());
        }
    }
    assert_eq!(host.control.get("/healthz").status, 200);
}
