//! The `wasi:http/incoming-handler` export: acts out one behaviour. Knows streams; must never know paths.

use serde_json::json;
use test_behaviour::{Behaviour, Server, harm, print, write_lines};
use wasip2::clocks::monotonic_clock;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingBody, IncomingRequest, Method, ResponseOutparam};
use wasip2::io::streams::InputStream;

use crate::response::{respond, send, start};
use crate::{capabilities, fetch, flood, key_value, models, mqtt, mysql, plain, postgres, redis, spin1, sqlite};

struct Tests;

impl Guest for Tests {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        match Behaviour::of(&request.path_with_query().unwrap_or_default()) {
            Behaviour::Hello => send(out, 200, "text/plain", b"hello"),
            Behaviour::Echo => echo(&request, out),
            Behaviour::Headers => send(out, 200, "application/json", describe(&request).as_bytes()),
            Behaviour::Sleep { ms } => {
                sleep(ms);
                send(out, 200, "text/plain", b"slept");
            }
            Behaviour::Grow { mib } => send(out, 200, "text/plain", harm::grow(mib).to_string().as_bytes()),
            Behaviour::NoResponse => drop(out),
            Behaviour::Status { code } => send(out, code, "text/plain", b""),
            Behaviour::Respond(answer) => respond(out, &answer),
            Behaviour::Body { bytes } => start(out, 200, &[]).fill(bytes),
            Behaviour::Drip { chunks, ms } => drip(out, chunks, ms),
            Behaviour::ReadNone => send(out, 200, "text/plain", b"read none"),
            Behaviour::Count => count(&request, out),
            Behaviour::Pipe { url } => fetch::pipe(&url, out),
            Behaviour::Flood(flood) => flood::act(flood, out),
            behaviour @ (Behaviour::Spin
            | Behaviour::Trap
            | Behaviour::Panic
            | Behaviour::Recurse
            | Behaviour::Stain { .. }
            | Behaviour::TrapAfterHeaders
            | Behaviour::SpinAfterHeaders
            | Behaviour::SleepAfterHeaders { .. }) => harmful(&behaviour, out),
            behaviour => use_capability(behaviour, out),
        }
    }
}

wasip2::http::proxy::export!(Tests);

fn harmful(behaviour: &Behaviour, out: ResponseOutparam) {
    match behaviour {
        Behaviour::Spin => harm::spin(),
        Behaviour::Panic => harm::panic(),
        Behaviour::Recurse => send(out, 200, "text/plain", harm::recurse().to_string().as_bytes()),
        Behaviour::Stain { mib } => {
            harm::stain(*mib);
            send(out, 200, "text/plain", b"stained");
        }
        Behaviour::TrapAfterHeaders => {
            let _body = begin(out);
            harm::trap()
        }
        Behaviour::SpinAfterHeaders => {
            let _body = begin(out);
            harm::spin()
        }
        Behaviour::SleepAfterHeaders { ms } => {
            let _body = begin(out);
            sleep(*ms);
        }
        _ => harm::trap(),
    }
}

fn use_capability(behaviour: Behaviour, out: ResponseOutparam) {
    let (status, content_type, body) = match behaviour {
        Behaviour::Fetch { url, times } => (200, "application/json", fetch::all(&url, times).into_bytes()),
        Behaviour::ConcurrentFetch { url, times } => (200, "application/json", fetch::side_by_side(&url, times).into_bytes()),
        Behaviour::Request(ask) => (200, "application/json", fetch::one(&ask).into_bytes()),
        Behaviour::Server(server) => (200, "application/json", talk(server).into_bytes()),
        Behaviour::First(ask) => (200, "application/json", spin1::fetch(&ask).into_bytes()),
        Behaviour::Network(network) => text(network.run()),
        Behaviour::Scan { mib } => text(harm::scan(mib).map(|found| found.to_string().into_bytes()).ok_or("memory did not grow")),
        Behaviour::Env => (200, "application/json", capabilities::environment().into_bytes()),
        Behaviour::Stdout { bytes, line } => {
            write_lines(&mut std::io::stdout(), bytes, line);
            (200, "text/plain", b"written".to_vec())
        }
        Behaviour::Stderr { bytes, line } => {
            write_lines(&mut std::io::stderr(), bytes, line);
            (200, "text/plain", b"written".to_vec())
        }
        Behaviour::Print { text, times } => {
            print(&mut std::io::stdout(), &text, times);
            (200, "text/plain", b"written".to_vec())
        }
        Behaviour::Files { path } => text(std::fs::read(path)),
        Behaviour::File(operation) => text(operation.run()),
        Behaviour::KeyValue { operation, store, key, value } => text(key_value::operate(&operation, &store, &key, value.as_bytes())),
        Behaviour::KeyValueLarge { bytes } => text(key_value::set_large(bytes)),
        Behaviour::KeyValueListMany { keys } => text(key_value::list_many(keys)),
        Behaviour::Sql(sql) if sql.via.is_empty() => text(sqlite::execute(&sql)),
        Behaviour::Sql(sql) => text(plain::execute(&sql)),
        Behaviour::SqlOpen { connections } => text(sqlite::open_many(connections)),
        Behaviour::Store(operation) => text(plain::operate(&operation)),
        Behaviour::Config { via, name } => text(plain::config(&via, &name)),
        Behaviour::Variable { name } => text(capabilities::variable(&name)),
        Behaviour::Clock => (200, "application/json", capabilities::clocks().into_bytes()),
        Behaviour::Random { bytes } => (200, "text/plain", capabilities::random(bytes).into_bytes()),
        _ => (404, "text/plain", b"no such behaviour".to_vec()),
    };
    send(out, status, content_type, &body);
}

/// JSON of what came of each step of a conversation.
fn talk(server: Server) -> String {
    match server {
        Server::Redis { address, lines } => redis::talk(&address, &lines),
        Server::Mqtt { address, user, password, lines } => mqtt::publish(&address, &user, &password, &lines),
        Server::Mysql { address, lines } => mysql::talk(&address, &lines),
        Server::Infer { model, text, tokens_max } => models::ask(&model, &text, tokens_max),
        Server::Embed { model, text } => models::embed(&model, &text),
        Server::Postgres { address, lines, version: 3, .. } => postgres::third(&address, &lines),
        Server::Postgres { address, lines, .. } => postgres::second(&address, &lines),
    }
}

/// A value is 200, the name of an error is 404.
fn text(outcome: Result<Vec<u8>, impl ToString>) -> (u16, &'static str, Vec<u8>) {
    match outcome {
        Ok(value) => (200, "text/plain", value),
        Err(error) => (404, "text/plain", error.to_string().into_bytes()),
    }
}

fn begin(out: ResponseOutparam) -> crate::response::Body {
    let body = start(out, 200, &[]);
    body.write(b"begun\n");
    body
}

fn sleep(ms: u64) {
    monotonic_clock::subscribe_duration(ms.saturating_mul(1_000_000)).block();
}

fn drip(out: ResponseOutparam, chunks: u64, ms: u64) {
    let body = start(out, 200, &[]);
    for number in 1..=chunks {
        sleep(ms);
        if !body.write(format!("{number}\n").as_bytes()) {
            return;
        }
    }
}

fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let body = start(out, 200, &[]);
    with_body(request, |chunk| body.write(chunk));
}

fn count(request: &IncomingRequest, out: ResponseOutparam) {
    let mut bytes = 0;
    with_body(request, |chunk| {
        bytes += chunk.len();
        true
    });
    send(out, 200, "text/plain", bytes.to_string().as_bytes());
}

/// Hands each piece of the body to `each` until it answers false.
fn with_body(request: &IncomingRequest, each: impl FnMut(&[u8]) -> bool) {
    let Ok(body) = request.consume() else { return };
    if let Ok(stream) = body.stream() {
        read(&stream, each);
    }
    drop(IncomingBody::finish(body));
}

/// Hands each piece of a stream to `each` until it answers false; true when the stream ended by itself.
pub(crate) fn read(stream: &InputStream, mut each: impl FnMut(&[u8]) -> bool) -> bool {
    loop {
        match stream.blocking_read(test_behaviour::CHUNK_BYTES as u64) {
            Ok(chunk) if each(&chunk) => {}
            Ok(_) => return false,
            Err(error) => return matches!(error, wasip2::io::streams::StreamError::Closed),
        }
    }
}

fn describe(request: &IncomingRequest) -> String {
    let headers: Vec<_> =
        request.headers().entries().into_iter().map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect();
    let method = match request.method() {
        Method::Other(name) => name,
        method => format!("{method:?}").trim_start_matches("Method::").to_uppercase(),
    };
    json!({ "method": method, "authority": request.authority(), "path_with_query": request.path_with_query(), "headers": headers })
        .to_string()
}
