//! Components that ask language models, of a service on loopback that speaks the protocol of OpenAI.

#![expect(clippy::expect_used, reason = "functions beside the tests are tests as well")]

use serde_json::{Value, json};
use spell_tests::{Host, REVISIONS, Setup, both, encode};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const TOKEN: &str = "hunter2token";
const MODELS: &str = "ai_models = [\"small\", \"places\", \"gone\", \"broken\", \"large\", \"stuck\", \"moved\"]";

/// The heads and bodies of requests that came.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A service that answers as its model is called.
fn service() -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let (port, asked) = (listener.local_addr().expect("address").port(), Asked::default());
    let shared = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = shared.clone();
            thread::spawn(move || answer(stream, &shared));
        }
    });
    (port, asked)
}

fn answer(stream: TcpStream, asked: &Asked) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|bytes| *bytes > 0)?;
    }
    let length = head.to_lowercase().split("content-length: ").nth(1)?.split('\r').next()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).ok()?;
    asked.lock().expect("lock").push((head.clone(), body.clone()));
    let (status, text) = match body["model"].as_str()? {
        "gone" => ("404 Not Found", json!({ "error": { "message": "no such model" } }).to_string()),
        "broken" => ("200 OK", "{\"choices\": [".to_owned()),
        "large" => ("200 OK", "x".repeat(200 << 10)),
        "moved" => ("302 Found\r\nlocation: http://127.0.0.1:1/", String::new()),
        "stuck" => {
            thread::park();
            return None;
        }
        "places" => {
            let place = |index: usize| json!({ "index": index, "embedding": [index, 0.5] });
            let places: Vec<_> = (0..body["input"].as_array()?.len()).rev().map(place).collect();
            ("200 OK", json!({ "data": places, "usage": { "prompt_tokens": 3 } }).to_string())
        }
        _ => {
            let said = body["messages"][0]["content"].as_str().unwrap_or_default().to_uppercase();
            let message = json!({ "message": { "role": "assistant", "content": said } });
            ("200 OK", json!({ "choices": [message], "usage": { "prompt_tokens": 2, "completion_tokens": 5 } }).to_string())
        }
    };
    let mut stream = stream;
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len());
    stream.write_all(answer.as_bytes()).ok()
}

fn start(port: u16) -> Host {
    let config = format!(
        "[llm_compute]\ntype = \"remote_http\"\nurl = \"http://127.0.0.1:{port}\"\nauth_token = \"{TOKEN}\"\napi_type = \"open_ai\"\n"
    );
    let operator = "[outbound]\nfirst_byte_time = \"500ms\"\nquery_bytes = \"64KiB\"\n";
    Setup::new(&both(MODELS)).operator(operator).runtime_config(&config).start()
}

fn ask(host: &Host, revision: &str, what: &str, model: &str, text: &str) -> Value {
    host.app.get(&format!("/{revision}/{what}model={model}&text={}", encode(text))).json()
}

#[test]
fn models_are_asked_of_the_service_that_the_operator_names() {
    let (port, asked) = service();
    let host = start(port);
    for revision in REVISIONS {
        assert_eq!(ask(&host, revision, "infer?", "small", "hé \"you\"\n"), json!({ "ok": ["HÉ \"YOU\"\n", 2, 5] }), "{revision}");
        assert_eq!(ask(&host, revision, "infer?max=9&", "small", "a"), json!({ "ok": ["A", 2, 5] }), "{revision}");
        let places = json!({ "ok": [[[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]], 3] });
        assert_eq!(ask(&host, revision, "embed?", "places", "a\nb\nc"), places, "{revision}: in the order of the lines");
    }
    let asked = asked.lock().expect("lock");
    for (index, (path, body)) in [
        ("/v1/chat/completions", json!({ "model": "small", "messages": [{ "role": "user", "content": "hé \"you\"\n" }] })),
        (
            "/v1/chat/completions",
            json!({ "model": "small", "messages": [{ "role": "user", "content": "a" }], "max_tokens": 9, "temperature": 0.8, "top_p": 0.9 }),
        ),
        ("/v1/embeddings", json!({ "model": "places", "input": ["a", "b", "c"] })),
    ]
    .into_iter()
    .enumerate()
    {
        let (head, sent) = &asked[index];
        assert!(head.starts_with(&format!("POST {path} HTTP/1.1")) && head.contains(&format!("authorization: Bearer {TOKEN}")), "{head}");
        assert_eq!(*sent, body, "{path}");
    }
}

#[test]
fn what_a_service_does_wrong_is_an_error_for_the_guest_and_ends_in_time() {
    let (port, _) = service();
    let host = start(port);
    for revision in REVISIONS {
        for (what, model, expected) in [
            ("infer?", "gone", "model-not-supported"),
            ("infer?", "broken", "its answer cannot be read"),
            ("embed?", "small", "its answer cannot be read"),
            ("infer?", "large", "too large"),
            ("infer?", "moved", "it answered 302"),
            ("infer?", "stuck", "it cannot be reached"),
            ("infer?", "other", "invalid-input: the model \"other\" is not in the component's ai_models"),
        ] {
            let answer = ask(&host, revision, what, model, "a");
            assert!(answer["error"].as_str().is_some_and(|error| error.contains(expected)), "{revision} {what} {model}: {answer}");
        }
        assert_eq!(ask(&host, revision, "infer?", "small", "a"), json!({ "ok": ["A", 2, 5] }), "{revision} goes on");
    }
    let audit = std::fs::read_to_string(host.state_dir().join("logs/audit.jsonl")).expect("audit");
    assert!(audit.contains("\"ai-model\""), "{audit}");
    assert!(!(audit + &host.stderr() + &host.stdout()).contains(TOKEN), "the token is shown");
}

#[test]
fn models_need_the_manifest_and_the_operator() {
    let (port, asked) = service();
    let ended = Setup::new(&both(MODELS)).fail();
    assert!(ended.code == Some(1) && ended.stderr.contains("[llm_compute]"), "{}", ended.stderr);
    let config = |lines: &str| format!("[llm_compute]\ntype = \"remote_http\"\nauth_token = \"\"\n{lines}\n");
    for (lines, expected) in [
        (format!("url = \"http://127.0.0.1:{port}\""), "api_type = \"open_ai\""),
        ("url = \"ftp://a\"\napi_type = \"open_ai\"".to_owned(), "an http or https URL"),
        ("url = \"http://user:word@a\"\napi_type = \"open_ai\"".to_owned(), "without user"),
    ] {
        let ended = Setup::new(&both(MODELS)).runtime_config(&config(&lines)).fail();
        assert!(ended.code == Some(1) && ended.stderr.contains(expected), "{lines}: {}", ended.stderr);
        assert!(!ended.stderr.contains("word@"), "{}", ended.stderr);
    }
    // The rules for a component's own requests are not widened by it.
    let config = config(&format!("url = \"http://127.0.0.1:{port}\"\napi_type = \"open_ai\""));
    let lines = format!("allowed_outbound_hosts = [\"http://127.0.0.1:{port}\"]");
    let host = Setup::new(&both(&lines)).runtime_config(&config).start();
    for revision in REVISIONS {
        let answer = ask(&host, revision, "infer?", "small", "a");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains("ai_models")), "{revision}: {answer}");
        let fetched = host.app.get(&format!("/{revision}/fetch?url={}", encode(&format!("http://127.0.0.1:{port}/")))).json();
        assert!(fetched[0]["error"].is_string(), "{revision}: {fetched}");
    }
    assert!(asked.lock().expect("lock").is_empty());
}
