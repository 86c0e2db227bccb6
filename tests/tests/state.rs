//! What components store: key-value stores, SQLite databases and variables, through every interface that leads to them.

use serde_json::{Value, json};
use spell_tests::{Answer, Client, REVISIONS, Setup, both, encode};
use std::path::Path;

const GRANTED: &str = "key_value_stores = [\"default\"]\nsqlite_databases = [\"default\"]";

fn get(app: Client, revision: &str, path: &str) -> (u16, String) {
    let answer = app.get(&format!("/{revision}/{path}"));
    (answer.status, answer.text())
}

/// Executes statements on one connection.
fn sql(app: Client, revision: &str, via: &str, statements: &[&str]) -> Answer {
    app.get(&format!("/{revision}/sql?via={via}&sql={}", encode(&statements.join("\n"))))
}

#[test]
fn k01_stores_last_in_a_state_directory_and_do_not_without_one() {
    let state = tempfile::tempdir().unwrap();
    for (directory, is_kept) in [(state.path(), true), (Path::new(""), false)] {
        let start = || Setup::new(&both(GRANTED)).state_dir(directory).start();
        let host = start();
        for revision in REVISIONS {
            assert_eq!(get(host.app, revision, &format!("kv?op=set&key={revision}&value=kept")).0, 200);
            let statements = ["CREATE TABLE IF NOT EXISTS t (a)", &format!("INSERT INTO t VALUES ('{revision}')")];
            assert_eq!(sql(host.app, revision, "", &statements).status, 200);
            assert_eq!(get(host.app, revision, "kv?op=keys").0, 200);
        }
        // Components of an app share them.
        let rows = json!([["p2"], ["p3"]]);
        assert_eq!(sql(host.app, "p2", "", &["SELECT a FROM t ORDER BY a"]).json()["rows"], rows);
        drop(host);
        let host = start();
        for revision in REVISIONS {
            let (status, keys) = get(host.app, revision, "kv?op=keys");
            assert_eq!((status, keys.as_str()), (200, if is_kept { r#"["p2","p3"]"# } else { "[]" }), "{directory:?}");
            let found = sql(host.app, revision, "", &["SELECT a FROM t ORDER BY a"]);
            if is_kept {
                assert_eq!(found.json()["rows"], rows);
            } else {
                assert!(found.status == 404 && found.text().contains("no such table"), "{}", found.text());
            }
        }
    }
}

#[test]
fn k02_stores_are_filled_from_the_command_line() {
    let setup = Setup::new(&both(GRANTED)).file("data.sql", "CREATE TABLE t (a);\nINSERT INTO t VALUES (1), (2);\n-- done");
    let file = setup.directory().join("data.sql");
    let file = format!("@{}", file.display());
    let arguments = ["--key-value", "a=b=c", "--key-value", "empty=", "--sqlite", &file, "--sqlite", "INSERT INTO t VALUES (3)"];
    let labelled = format!("{file}:default");
    let host = setup.arguments(&arguments).start();
    for revision in REVISIONS {
        assert_eq!(get(host.app, revision, "kv?op=get&key=a"), (200, "b=c".to_owned()));
        assert_eq!(get(host.app, revision, "kv?op=get&key=empty"), (200, String::new()));
        assert_eq!(sql(host.app, revision, "", &["SELECT sum(a) AS s FROM t"]).json(), json!({ "columns": ["s"], "rows": [[6]] }));
    }
    drop(host);
    let refusals = [
        (vec!["--sqlite", "OOPS"], "syntax error"),
        (vec!["--sqlite", "ATTACH 'x' AS y"], "not allowed"),
        (vec!["--sqlite", "@/nonexistent.sql"], "/nonexistent.sql"),
        (vec!["--sqlite", "@x.sql:other"], "\"other\""),
        (vec!["--sqlite", "@"], "@FILE"),
        (vec!["--key-value", "novalue"], "NAME=VALUE"),
    ];
    for (arguments, expected) in refusals {
        let ended = Setup::new(&both(GRANTED)).arguments(&arguments).fail();
        assert!(ended.code != Some(0) && ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
    let setup = Setup::new(&both(GRANTED)).file("data.sql", "CREATE TABLE t (a)");
    let labelled = labelled.replace(&file, &format!("@{}", setup.directory().join("data.sql").display()));
    let host = setup.arguments(&["--sqlite", &labelled]).start();
    assert_eq!(sql(host.app, "p2", "", &["SELECT count(*) FROM t"]).json()["rows"], json!([[0]]));
}

#[test]
fn k03_what_was_not_granted_is_denied() {
    let without = Setup::new(&both("")).start();
    let with = Setup::new(&both(GRANTED)).start();
    for revision in REVISIONS {
        for (host, label) in [(&without, "default"), (&with, "other"), (&with, ""), (&with, "../default"), (&with, "DEFAULT")] {
            let label = encode(label);
            assert_eq!(get(host.app, revision, &format!("kv?op=get&store={label}")), (404, "access-denied".to_owned()));
            assert_eq!(get(host.app, revision, &format!("sql?db={label}")), (404, "access-denied".to_owned()));
            for path in [format!("sql?via=3.0&db={label}"), format!("sql?via=1&db={label}")] {
                assert_eq!(get(host.app, revision, &path), (404, "Error::AccessDenied".to_owned()), "{path}");
            }
            for path in [format!("store?via=wasi&store={label}"), format!("store?via=1&store={label}")] {
                assert_eq!(get(host.app, revision, &path), (404, "Error::AccessDenied".to_owned()), "{path}");
            }
        }
    }
    let metrics = with.control.get("/metrics").text();
    assert!(metrics.contains("spell_refusals_total{rule=\"sqlite-database\"} 24"), "{metrics}");
    for lines in ["sqlite_databases = [\"other\"]", "key_value_stores = [\"other\"]"] {
        let ended = Setup::new(&both(lines)).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains("\"other\""), "{}", ended.stderr);
    }
}

#[test]
fn sql_is_the_same_through_every_interface() {
    let host = Setup::new(&both(GRANTED)).start();
    for revision in REVISIONS {
        for (via, table) in [("", "newest"), ("3.0", "older"), ("1", "oldest")] {
            let table = format!("{table}_{revision}");
            let create = format!("CREATE TABLE {table} (i INTEGER PRIMARY KEY, r, t, b)");
            let insert = format!("INSERT INTO {table} (r, t, b) VALUES (0.5, 'text', x'00ff'), (NULL, NULL, NULL)");
            assert_eq!(sql(host.app, revision, via, &[&create, "BEGIN", &insert, "COMMIT"]).status, 200, "{revision} {via}");
            let answer = sql(host.app, revision, via, &[&insert, &format!("SELECT i, r, t, b FROM {table} ORDER BY i LIMIT 2")]);
            assert_eq!(answer.status, 200, "{revision} {via}: {}", answer.text());
            let answer = answer.json();
            let expected = match via {
                "" => json!({ "columns": ["i", "r", "t", "b"], "rows": [[1, 0.5, "text", { "blob": 2 }], [2, null, null, null]] }),
                _ => {
                    let rows = [
                        ["Value::Integer(1)", "Value::Real(0.5)", "Value::Text(\"text\")", "Value::Blob([0, 255])"],
                        ["Value::Integer(2)", "Value::Null", "Value::Null", "Value::Null"],
                    ];
                    match via {
                        "3.0" => json!({ "rows": rows, "changes": 2, "rowid": 4 }),
                        _ => json!({ "rows": rows, "after_close": "Error::InvalidConnection" }),
                    }
                }
            };
            assert_eq!(answer, expected, "{revision} {via}");
            let parameter = host.app.get(&format!("/{revision}/sql?via={via}&sql={}&p={}", encode("SELECT length(?)"), encode("äöü")));
            assert!(parameter.text().contains('3'), "{}", parameter.text());
            let wrong = sql(host.app, revision, via, &["SELECT * FROM missing"]);
            assert!(wrong.status == 404 && wrong.text().contains("no such table: missing"), "{}", wrong.text());
        }
    }
}

#[test]
fn keys_are_the_same_through_every_interface() {
    let host = Setup::new(&both(GRANTED)).start();
    for revision in REVISIONS {
        let store = |query: &str| get(host.app, revision, &format!("store?{query}"));
        let json = |query: &str| -> Value { serde_json::from_str(&store(query).1).unwrap_or_default() };
        assert_eq!(store("via=wasi&op=set&key=a&value=one"), (200, String::new()));
        assert_eq!(store("via=1&op=get&key=a"), (200, "one".to_owned()));
        assert_eq!(get(host.app, revision, "kv?op=get&key=a"), (200, "one".to_owned()));
        assert_eq!(store("via=1&op=set&key=b&value=two"), (200, String::new()));
        assert_eq!(store("via=wasi&op=exists&key=b"), (200, "true".to_owned()));
        assert_eq!(json("via=wasi&op=keys"), json!({ "keys": ["a", "b"], "cursor": null }));
        assert_eq!(json("via=wasi&op=keys&value=a"), json!({ "keys": ["b"], "cursor": null }));
        assert_eq!(json("via=1&op=keys"), json!(["a", "b"]));
        assert_eq!(json("via=wasi&op=get-many&key=b,missing,a"), json!([["b", "two"], ["missing", null], ["a", "one"]]));
        assert_eq!(store("via=wasi&op=set-many&key=c,d,e&value=three"), (200, String::new()));
        assert_eq!(store("via=wasi&op=delete-many&key=a,b,c,d,missing"), (200, String::new()));
        assert_eq!(json("via=wasi&op=keys"), json!({ "keys": ["e"], "cursor": null }));
        assert_eq!(store("via=1&op=get&key=a"), (404, "Error::NoSuchKey".to_owned()));
        assert_eq!(store("via=1&op=use-after-close&key=e"), (404, "Error::InvalidStore".to_owned()));
        assert_eq!(store("via=wasi&op=increment&key=n&value=5").1, "5");
        assert_eq!(store("via=wasi&op=increment&key=n&value=-7").1, "-2");
        let refused = store("via=wasi&op=increment&key=e");
        assert!(refused.0 == 404 && refused.1.contains("not a counter"), "{}", refused.1);
        assert_eq!(json("via=wasi&op=swap&key=e&value=four"), json!({ "before": "three", "found": "in between", "swapped": true }));
        assert_eq!(store("via=1&op=get&key=e").1, "four");
        assert_eq!(store("via=1&op=delete&key=e").0, 200);
        assert_eq!(store("via=wasi&op=get&key=e").1, "none");
        assert_eq!(store("via=wasi&op=delete&key=n").0, 200);
    }
}

#[test]
fn variables_are_the_same_through_every_interface() {
    let host = Setup::new(&both("variables = { a = \"one\", b = \"two\" }")).start();
    for revision in REVISIONS {
        let config = |query: &str| get(host.app, revision, &format!("config?{query}"));
        assert_eq!(config("via=wasi&name=a"), (200, "\"one\"".to_owned()));
        assert_eq!(config("via=wasi&name=missing"), (200, "null".to_owned()));
        assert_eq!(config("via=wasi&name=Not-A-Name"), (200, "null".to_owned()));
        assert_eq!(config("via=wasi"), (200, r#"[["a","one"],["b","two"]]"#.to_owned()));
        assert_eq!(config("via=1&name=b"), (200, "two".to_owned()));
        assert!(config("via=1&name=missing").1.contains("Provider"));
        assert!(config("via=1&name=Not-A-Name").1.contains("InvalidKey"));
    }
}
