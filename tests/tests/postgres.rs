//! Components that speak to a real PostgreSQL, and servers that only claim to be one (cards H6 to H8).

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, RealServer, Setup, both, encode};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const PASSWORD: &str = "hunter2secret";
const GRANT_LOOPBACK: &str = "[outbound]\nallow_networks = [\"127.0.0.0/8\", \"::1/128\"]\nconnect_time = \"1s\"\nquery_time = \"500ms\"\n";
/// The generations: a revision of the guest, and which of its interfaces.
const GENERATIONS: [(&str, u64); 3] = [("p2", 2), ("p2", 3), ("p3", 4)];

fn host(allowed: &[String], operator: &str) -> Host {
    Setup::new(&both(&format!("allowed_outbound_hosts = {allowed:?}"))).operator(operator).start()
}

fn address(port: u16) -> String {
    format!("host=localhost port={port} user=spell password={PASSWORD} dbname=postgres sslmode=disable")
}

fn talk(host: &Host, (revision, version): (&str, u64), address: &str, lines: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    let path = format!("/{revision}/pg?v={version}&address={}&do={}", encode(address), encode(&lines.join("\n")));
    let answer = host.app.get(&path);
    serde_json::from_str(&answer.text()).unwrap_or_else(|_| vec![json!(format!("{} {}", answer.status, answer.text()))])
}

/// A type in SQL, a parameter, the column's type and the value in each generation; `-` where it is unsupported.
#[rustfmt::skip]
fn values() -> Vec<(&'static str, Value, [&'static str; 3], [&'static str; 3])> {
    vec![
        ("boolean", json!(["boolean", true]), ["Boolean"; 3], ["Boolean(true)"; 3]),
        ("int2", json!(["int16", -3]), ["Int16"; 3], ["Int16(-3)"; 3]),
        ("int4", json!(["int32", 70000]), ["Int32"; 3], ["Int32(70000)"; 3]),
        ("int8", json!(["int64", 5_000_000_000_i64]), ["Int64"; 3], ["Int64(5000000000)"; 3]),
        ("int8", json!(["int8", 5]), ["Int64"; 3], ["Int64(5)"; 3]),
        ("float4", json!(["floating32", 1.5]), ["Floating32"; 3], ["Floating32(1.5)"; 3]),
        ("float8", json!(["floating64", -0.1]), ["Floating64"; 3], ["Floating64(-0.1)"; 3]),
        ("text", json!(["str", "'; DROP TABLE x; -- é"]), ["Str"; 3], ["Str(\"'; DROP TABLE x; -- é\")"; 3]),
        ("varchar", json!(["str", ""]), ["Str"; 3], ["Str(\"\")"; 3]),
        ("bytea", json!(["binary", "ab"]), ["Binary"; 3], ["Binary([97, 98])"; 3]),
        ("text", json!(["null"]), ["Str"; 3], ["DbNull"; 3]),
        ("date", json!(["date", [2024, 2, 29]]), ["-", "Date", "Date"], ["-", "Date((2024, 2, 29))", "Date((2024, 2, 29))"]),
        ("timestamptz", json!(["timestamp", 86_399]), ["-", "Datetime", "Datetime"],
            ["-", "Datetime((1970, 1, 1, 23, 59, 59, 0))", "Datetime((1970, 1, 1, 23, 59, 59, 0))"]),
        ("time", json!(["time", [23, 59, 58, 123_456_000]]), ["-", "-", "Time"], ["-", "-", "Time((23, 59, 58, 123456000))"]),
        ("timestamp", json!(["datetime", [1999, 12, 31, 23, 59, 59, 5000]]), ["-", "-", "Datetime"], ["-", "-", "Datetime((1999, 12, 31, 23, 59, 59, 5000))"]),
        ("uuid", json!(["uuid", "00112233-4455-6677-8899-aabbccddeeff"]), ["-", "-", "Uuid"], ["-", "-", "Uuid(\"00112233-4455-6677-8899-aabbccddeeff\")"]),
        ("jsonb", json!(["jsonb", "[1]"]), ["-", "-", "Jsonb"], ["-", "-", "Jsonb([91, 49, 93])"]),
        ("json", json!(["jsonb", "[1]"]), ["-", "-", "Jsonb"], ["-", "-", "Jsonb([91, 49, 93])"]),
        ("numeric", json!(["decimal", "-12345678901234567890.000123"]), ["-", "-", "Decimal"], ["-", "-", "Decimal(\"-12345678901234567890.000123\")"]),
        ("int4range", json!(["range-int32", [1, 5]]), ["-", "-", "RangeInt32"], ["-", "-", "RangeInt32((Some((1, RangeBoundKind::Inclusive)), Some((5, RangeBoundKind::Exclusive))))"]),
        ("int8range", json!(["range-int64", [null, 5]]), ["-", "-", "RangeInt64"], ["-", "-", "RangeInt64((None, Some((5, RangeBoundKind::Exclusive))))"]),
        ("numrange", json!(["range-decimal", ["0.5", null]]), ["-", "-", "RangeDecimal"], ["-", "-", "RangeDecimal((Some((\"0.5\", RangeBoundKind::Inclusive)), None))"]),
        ("int4[]", json!(["array-int32", [1, null]]), ["-", "-", "ArrayInt32"], ["-", "-", "ArrayInt32([Some(1), None])"]),
        ("int8[]", json!(["array-int64", []]), ["-", "-", "ArrayInt64"], ["-", "-", "ArrayInt64([])"]),
        ("numeric[]", json!(["array-decimal", ["1.5"]]), ["-", "-", "ArrayDecimal"], ["-", "-", "ArrayDecimal([Some(\"1.5\")])"]),
        ("text[]", json!(["array-str", ["a", null]]), ["-", "-", "ArrayStr"], ["-", "-", "ArrayStr([Some(\"a\"), None])"]),
        ("interval", json!(["interval", [1, 2, 3]]), ["-", "-", "Interval"], ["-", "-", "Interval(Interval { micros: 1, days: 2, months: 3 })"]),
    ]
}

#[test]
fn every_type_comes_back_as_it_was_given() {
    let (server, _) = RealServer::postgres(PASSWORD);
    let host = host(&[format!("postgres://localhost:{}", server.port)], GRANT_LOOPBACK);
    for (index, generation) in GENERATIONS.into_iter().enumerate() {
        for (kind, given, types, expected) in values().into_iter().filter(|(_, _, _, expected)| expected[index] != "-") {
            let line = json!(["query", format!("SELECT $1::{kind} AS x"), given]);
            let outcome = &talk(&host, generation, &address(server.port), &[line])[1];
            assert_eq!(outcome, &json!({ "columns": [["x", types[index]]], "rows": [[expected[index]]] }), "{generation:?} {kind}");
        }
        let odd = "SELECT '1.2.3.4'::inet, '{{1,2},{3,4}}'::int4[], 'empty'::int4range, 'infinity'::date";
        let outcome = &talk(&host, generation, &address(server.port), &[json!(["query", odd])])[1];
        let cells = outcome["rows"][0].as_array().expect("a row");
        assert!(
            cells.len() == 4 && cells.iter().all(|cell| cell.as_str().is_some_and(|cell| cell.starts_with("Unsupported"))),
            "{outcome}"
        );
    }
}

#[test]
fn statements_change_and_answer_and_fail() {
    let (server, _) = RealServer::postgres(PASSWORD);
    let host = host(&[format!("postgres://127.0.0.1:{}", server.port)], GRANT_LOOPBACK);
    let address = format!("postgres://spell:{PASSWORD}@127.0.0.1:{}/postgres?sslmode=disable", server.port);
    for generation in GENERATIONS {
        let table = format!("t{}", generation.1);
        let outcomes = talk(
            &host,
            generation,
            &address,
            &[
                json!(["execute", format!("CREATE TYPE mood{table} AS ENUM ('good', 'bad')")]),
                json!(["execute", format!("CREATE TABLE {table} (id int PRIMARY KEY, name text, mood mood{table})")]),
                json!([
                    "execute",
                    format!("INSERT INTO {table} VALUES ($1, $2, $3), (2, 'two', NULL)"),
                    ["int64", 1],
                    ["str", "one"],
                    ["str", "good"]
                ]),
                json!(["query", format!("SELECT name FROM {table} ORDER BY id")]),
                json!(["execute", format!("UPDATE {table} SET name = 'x'")]),
                json!(["execute", format!("INSERT INTO {table} VALUES (1)")]),
                json!(["query", "SELECT $1::int4", ["str", "x"]]),
                json!(["query", "SELECT $1::int2", ["int32", 70000]]),
                json!(["query", "SELECT 1", ["int32", 1]]),
                json!(["query", "SELEC"]),
                json!(["query", "SELECT 1; SELECT 2"]),
                json!(["query", ""]),
                json!(["query", format!("SELECT id FROM {table} WHERE false")]),
                json!(["execute", format!("COPY {table} TO STDOUT")]),
                json!(["query", "SELECT 1"]),
            ],
        );
        let text: Vec<String> = outcomes.iter().map(Value::to_string).collect();
        assert_eq!(
            outcomes[..4].iter().map(|outcome| outcome["ok"].clone()).collect::<Vec<_>>(),
            [json!("open"), json!(0), json!(0), json!(2)],
            "{text:#?}"
        );
        assert_eq!(outcomes[4]["rows"], json!([["Str(\"one\")"], ["Str(\"two\")"]]), "{generation:?}");
        assert_eq!(outcomes[5], json!({ "ok": 2 }), "{generation:?}");
        assert!(text[6].contains("QueryFailed") && text[6].contains("duplicate key"), "{}", text[6]);
        assert_eq!(generation.1 == 4, text[6].contains("23505") && text[6].contains("constraint"), "{}", text[6]);
        assert!(text[7..10].iter().all(|text| text.contains("BadParameter")), "{:?}", &text[7..10]);
        assert!(text[10..12].iter().all(|text| text.contains("QueryFailed")), "{:?}", &text[10..12]);
        assert_eq!(outcomes[12], json!({ "columns": [], "rows": [] }), "{generation:?}");
        assert_eq!(outcomes[13], json!({ "columns": [["id", "Int32"]], "rows": [] }), "{generation:?}");
        assert!(text[14].contains("COPY is not supported") && text[15].contains("the connection is closed"), "{:?}", &text[14..]);
    }
}

#[test]
fn an_encrypted_connection_needs_a_certificate_that_is_trusted() {
    let (server, certificate) = RealServer::postgres(PASSWORD);
    let host = host(&[format!("postgres://localhost:{}", server.port), format!("postgres://127.0.0.1:{}", server.port)], GRANT_LOOPBACK);
    let open = |name: &str, mode: &str, certificate: Option<&str>| {
        let address = format!("postgres://spell:{PASSWORD}@{name}:{}/postgres?sslmode={mode}", server.port);
        let lines = encode(&json!(["query", "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"]).to_string());
        let certificate = certificate.map(|text| format!("&ca={}", encode(text))).unwrap_or_default();
        host.app.get(&format!("/p3/pg?address={}&do={lines}{certificate}", encode(&address))).json()
    };
    for mode in ["prefer", "require", "verify-full"] {
        let trusted = open("localhost", mode, Some(&certificate));
        assert_eq!(trusted[1]["rows"], json!([["Str(\"true\")"]]), "{mode}: {trusted}");
        for (name, roots) in [("localhost", None), ("127.0.0.1", Some(certificate.as_str()))] {
            let refused = open(name, mode, roots);
            assert!(refused[0]["error"].as_str().is_some_and(|error| error.contains("TLS failed")), "{mode} {name}: {refused}");
        }
    }
    assert_eq!(open("localhost", "disable", None)[1]["rows"], json!([["Str(\"false\")"]]));
    for bad in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(open("localhost", "require", Some(bad))[0]["error"].as_str().is_some_and(|error| error.contains("certificate")), "{bad}");
    }
}

#[test]
fn postgres_needs_the_manifest_and_the_operator_and_shows_no_password() {
    let (server, _) = RealServer::postgres("another");
    let port = server.port;
    let allowed = [format!("postgres://localhost:{port}"), format!("postgres://127.0.0.1:{port}"), "postgres://10.0.0.1".to_owned()];
    let granted = Setup::new(&both(&format!("allowed_outbound_hosts = {allowed:?}")))
        .operator(GRANT_LOOPBACK)
        .environment("SPELL_LOG", "debug")
        .start();
    let ungranted = host(&allowed, "");
    for generation in GENERATIONS {
        let open = |host: &Host, address: &str| talk(host, generation, address, &[])[0].to_string();
        for (address, expected) in [
            (format!("host=localhost port={port} user=spell password={PASSWORD}"), "TLS failed"),
            (format!("host=localhost port={port} user=spell password={PASSWORD} sslmode=disable"), "refuses the credentials"),
            (format!("postgres://{PASSWORD}:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable"), "refuses the credentials"),
            (format!("postgres://u:{PASSWORD}@127.0.0.1:{}/x", port ^ 1), "not in allowed_outbound_hosts"),
            (format!("postgres://u:{PASSWORD}@127.0.0.2:{port}/x"), "not in allowed_outbound_hosts"),
            (format!("mysql://u:{PASSWORD}@127.0.0.1:{port}/x"), "pairs"),
            (format!("host=127.0.0.1,10.0.0.1 port={port} user=u password={PASSWORD}"), "not a valid name"),
            (format!("host=/var/run/postgresql user=u password={PASSWORD}"), "path"),
            (format!("hostaddr=127.0.0.1 host=x user=u password={PASSWORD}"), "the only options"),
            (format!("host=127.0.0.1 port={port} {PASSWORD}=x"), "the only options"),
            (format!("postgres://u:1/{PASSWORD}@127.0.0.1:{port}"), "percent-encoded"),
        ] {
            let outcome = open(&granted, &address);
            assert!(
                outcome.contains("ConnectionFailed") && outcome.contains(expected) && !outcome.contains(PASSWORD),
                "{generation:?} {address}: {outcome}"
            );
        }
        for name in ["localhost", "127.0.0.1", "10.0.0.1"] {
            let port = if name == "10.0.0.1" { 5432 } else { port };
            let outcome = open(&ungranted, &format!("postgres://u:{PASSWORD}@{name}:{port}/x"));
            assert!(outcome.contains("may not be reached"), "{generation:?} {name}: {outcome}");
        }
    }
    let everything = format!("{}{}{}", granted.stdout(), granted.stderr(), granted.control.get("/metrics").text());
    let audit = std::fs::read_to_string(granted.state_dir().join("logs/audit.jsonl")).expect("audit");
    assert!(!everything.contains(PASSWORD) && !audit.contains(PASSWORD), "a password is shown");
    assert!(audit.contains("outbound-host") && audit.contains("outbound-request"), "{audit}");
}

#[test]
fn answers_of_postgres_end_in_rows_in_size_and_in_time() {
    let (server, _) = RealServer::postgres(PASSWORD);
    let operator = format!("{GRANT_LOOPBACK}query_rows = 100\nquery_bytes = \"1MiB\"\n");
    let host = host(&[format!("postgres://localhost:{}", server.port)], &operator);
    for generation in GENERATIONS {
        for (statement, expected) in [
            ("SELECT generate_series(1, 100)", "\"rows\""),
            ("SELECT generate_series(1, 101)", "more than 100 rows"),
            ("SELECT generate_series(1, 1000000000)", "more than 100 rows"),
            ("SELECT repeat('x', 2000000)", "larger than 1048576 bytes"),
            ("SELECT repeat('x', 100000) FROM generate_series(1, 100)", "larger than 1048576 bytes"),
            ("SELECT 10::numeric ^ 130000 FROM generate_series(1, 90)", "cannot be read"),
            ("SELECT pg_sleep(20)", "within the time allowed"),
        ] {
            let started = Instant::now();
            let outcomes = talk(&host, generation, &address(server.port), &[json!(["query", statement]), json!(["query", "SELECT 1"])]);
            assert!(outcomes[1].to_string().contains(expected), "{generation:?} {statement}: {}", outcomes[1]);
            let closed = outcomes[2].to_string().contains("the connection is closed");
            assert_eq!(closed, expected != "\"rows\"", "{generation:?} {statement}: {}", outcomes[2]);
            assert!(started.elapsed() < Duration::from_secs(5), "{generation:?} {statement}");
        }
    }
}

/// Answers the first message with these bytes, and then says nothing more.
fn claim(bytes: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let bytes = bytes.clone();
            thread::spawn(move || answer(stream, &bytes));
        }
    });
    port
}

fn answer(mut stream: TcpStream, bytes: &[u8]) {
    let mut buffer = [0; 4096];
    let _ = stream.read(&mut buffer);
    let _ = stream.write_all(bytes);
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}

#[test]
fn servers_that_only_claim_to_be_postgres_do_no_harm() {
    let message = |tag: u8, body: &[u8]| [&[tag][..], &u32::try_from(body.len() + 4).expect("short").to_be_bytes(), body].concat();
    let sasl = [message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"), message(b'R', b"\0\0\0\x0br=x,s=AAAA,i=4000000000")].concat();
    let servers = [
        ("says-nothing", claim(Vec::new()), "no connection within the time allowed"),
        ("http", claim(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), "ConnectionFailed"),
        ("four-gigabytes", claim([b'R', 0xff, 0xff, 0xff, 0xff].to_vec()), "does not speak"),
        ("one-gigabyte", claim([b'E', 0x3f, 0xff, 0xff, 0xff].to_vec()), "larger than"),
        ("endless-hashing", claim(sasl), "refuses the credentials"),
        ("no-login-at-all", claim(message(b'Z', b"I")), "\"ok\""),
        ("kerberos", claim(message(b'R', &[0, 0, 0, 7])), "refuses the credentials"),
        ("broken-error", claim(message(b'E', b"Sx")), "ConnectionFailed"),
        ("notices", claim(message(b'N', b"SNOTICE\0\0").repeat(500_000)), "larger than"),
    ];
    let host = host(&["postgres://127.0.0.1:*".to_owned()], GRANT_LOOPBACK);
    for generation in GENERATIONS {
        for (name, port, expected) in &servers {
            let started = Instant::now();
            let address = format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/x?sslmode=disable");
            let outcome = talk(&host, generation, &address, &[json!(["query", "SELECT 1"])]);
            assert!(outcome[0].to_string().contains(expected), "{generation:?} {name}: {}", outcome[0]);
            assert!(started.elapsed() < Duration::from_secs(5), "{generation:?} {name} took {:?}", started.elapsed());
        }
        // Asked for TLS, it injects what would be read as if it came encrypted.
        let injecting = claim(b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I".to_vec());
        let outcome = talk(&host, generation, &format!("postgres://u@127.0.0.1:{injecting}/x"), &[]);
        assert!(outcome[0].to_string().contains("TLS failed") || outcome[0].to_string().contains("time allowed"), "{}", outcome[0]);
    }
    assert_eq!(host.control.get("/healthz").status, 200);
}
