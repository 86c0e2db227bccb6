//! The `wasi:http/handler` export: acts out one behaviour. Knows streams; must never know paths.

use serde_json::json;
use spin_sdk::wasip3::clocks::monotonic_clock;
use spin_sdk::wasip3::exports::http::handler::Guest;
use spin_sdk::wasip3::http::types::{ErrorCode, Method, Request, Response};
use spin_sdk::wasip3::wit_bindgen::{StreamReader, StreamResult, spawn};
use spin_sdk::wasip3::wit_future;
use test_behaviour::{Behaviour, CHUNK_BYTES, Network, Server, harm, print, write_lines};

use crate::response::{fill, respond, start, whole, with_body, write};
use crate::{capabilities, fetch, flood, key_value, models, mqtt, mysql, plain, postgres, redis, sockets, sqlite};

struct Tests;

impl Guest for Tests {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let response = match Behaviour::of(&request.get_path_with_query().unwrap_or_default()) {
            Behaviour::Hello => whole(200, "text/plain", b"hello".to_vec()),
            Behaviour::Echo => with_body(200, &[], body_of(request)),
            Behaviour::Headers => whole(200, "application/json", describe(&request)),
            Behaviour::Sleep { ms } => {
                sleep(ms).await;
                whole(200, "text/plain", b"slept".to_vec())
            }
            Behaviour::Stain { mib } => {
                harm::stain(mib);
                whole(200, "text/plain", b"stained".to_vec())
            }
            Behaviour::Grow { mib } => whole(200, "text/plain", harm::grow(mib).to_string().into_bytes()),
            Behaviour::NoResponse => return Err(ErrorCode::InternalError(Some("no response".to_owned()))),
            Behaviour::Status { code } => whole(code, "text/plain", Vec::new()),
            Behaviour::Respond(answer) => respond(&answer),
            Behaviour::Body { bytes } => stream(bytes),
            Behaviour::Drip { chunks, ms } => drip(chunks, ms),
            Behaviour::ReadNone => whole(200, "text/plain", b"read none".to_vec()),
            Behaviour::Count => whole(200, "text/plain", count(body_of(request)).await.to_string().into_bytes()),
            Behaviour::Spin => harm::spin(),
            Behaviour::Trap => harm::trap(),
            Behaviour::Panic => harm::panic(),
            Behaviour::Recurse => whole(200, "text/plain", harm::recurse().to_string().into_bytes()),
            Behaviour::TrapAfterHeaders => after_headers(|| harm::trap()),
            Behaviour::SpinAfterHeaders => after_headers(|| harm::spin()),
            Behaviour::SleepAfterHeaders { ms } => sleep_after_headers(ms),
            Behaviour::Pipe { url } => fetch::pipe(&url).await,
            Behaviour::Flood(flood) => flood::act(flood).await,
            behaviour => use_capability(behaviour).await,
        };
        Ok(response)
    }
}

spin_sdk::wasip3::http::service::export!(Tests with_types_in spin_sdk::wasip3);

async fn use_capability(behaviour: Behaviour) -> Response {
    let (status, content_type, body) = match behaviour {
        Behaviour::Fetch { url, times } => (200, "application/json", fetch::all(&url, times).await.into_bytes()),
        Behaviour::ConcurrentFetch { url, times } => (200, "application/json", fetch::side_by_side(&url, times).await.into_bytes()),
        Behaviour::Request(ask) => (200, "application/json", fetch::one(ask).await.into_bytes()),
        Behaviour::Server(server) => (200, "application/json", talk(server).await.into_bytes()),
        Behaviour::Network(Network::Connect3 { address, say }) => text(sockets::connect(&address, &say).await),
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
        Behaviour::KeyValue { operation, store, key, value } => text(key_value::operate(&operation, &store, &key, value.as_bytes()).await),
        Behaviour::KeyValueLarge { bytes } => text(key_value::set_large(bytes).await),
        Behaviour::KeyValueListMany { keys } => text(key_value::list_many(keys).await),
        Behaviour::Sql(sql) if sql.via.is_empty() => text(sqlite::execute(&sql).await),
        Behaviour::Sql(sql) => text(plain::execute(&sql)),
        Behaviour::SqlOpen { connections } => text(sqlite::open_many(connections).await),
        Behaviour::Store(operation) => text(plain::operate(&operation)),
        Behaviour::Config { via, name } => text(plain::config(&via, &name)),
        Behaviour::Variable { name } => text(capabilities::variable(&name).await),
        Behaviour::Clock => (200, "application/json", capabilities::clocks().into_bytes()),
        Behaviour::Random { bytes } => (200, "text/plain", capabilities::random(bytes).into_bytes()),
        _ => (404, "text/plain", b"no such behaviour".to_vec()),
    };
    whole(status, content_type, body)
}

/// JSON of what came of each step of a conversation.
async fn talk(server: Server) -> String {
    match server {
        Server::Redis { address, lines } => redis::talk(&address, &lines).await,
        Server::Mqtt { address, user, password, lines } => mqtt::publish(&address, &user, &password, &lines).await,
        Server::Mysql { address, lines } => mysql::talk(&address, &lines).await,
        Server::Infer { model, text, tokens_max } => models::ask(&model, &text, tokens_max),
        Server::Embed { model, text } => models::embed(&model, &text),
        Server::Postgres { address, lines, certificate, .. } => postgres::fourth(&address, &lines, certificate).await,
    }
}

/// A value is 200, the name of an error is 404.
fn text(outcome: Result<Vec<u8>, impl ToString>) -> (u16, &'static str, Vec<u8>) {
    match outcome {
        Ok(value) => (200, "text/plain", value),
        Err(error) => (404, "text/plain", error.to_string().into_bytes()),
    }
}

/// Sends the head and one chunk, then does harm.
fn after_headers(harm: fn() -> !) -> Response {
    let (response, mut writer) = start(200, &[]);
    spawn(async move {
        write(&mut writer, b"begun\n".to_vec()).await;
        // A turn of the host, or the chunk would still be on its way.
        sleep(10).await;
        harm()
    });
    response
}

fn sleep_after_headers(ms: u64) -> Response {
    let (response, mut writer) = start(200, &[]);
    spawn(async move {
        write(&mut writer, b"begun\n".to_vec()).await;
        sleep(ms).await;
    });
    response
}

async fn sleep(ms: u64) {
    monotonic_clock::wait_for(ms.saturating_mul(1_000_000)).await;
}

fn stream(bytes: u64) -> Response {
    let (response, mut writer) = start(200, &[]);
    spawn(async move { fill(&mut writer, bytes).await });
    response
}

fn drip(chunks: u64, ms: u64) -> Response {
    let (response, mut writer) = start(200, &[]);
    spawn(async move {
        for number in 1..=chunks {
            sleep(ms).await;
            if !write(&mut writer, format!("{number}\n").into_bytes()).await {
                return;
            }
        }
    });
    response
}

fn body_of(request: Request) -> StreamReader<u8> {
    // The outcome of reading is nothing that the sender is told more of.
    let (_, outcome) = wit_future::new(|| Ok(()));
    let (body, _trailers) = Request::consume_body(request, outcome);
    body
}

/// The number of bytes until the end of a stream.
pub(crate) async fn count(mut body: StreamReader<u8>) -> usize {
    let mut bytes = 0;
    let mut buffer = Vec::with_capacity(CHUNK_BYTES);
    loop {
        let (outcome, mut read) = body.read(buffer).await;
        bytes += read.len();
        if !matches!(outcome, StreamResult::Complete(_)) {
            return bytes;
        }
        read.clear();
        buffer = read;
    }
}

fn describe(request: &Request) -> Vec<u8> {
    let entries = request.get_headers().copy_all().into_iter();
    let headers: Vec<_> = entries.map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned())).collect();
    let method = match request.get_method() {
        Method::Other(name) => name,
        method => format!("{method:?}").trim_start_matches("Method::").to_uppercase(),
    };
    let (authority, path_with_query) = (request.get_authority(), request.get_path_with_query());
    json!({ "method": method, "authority": authority, "path_with_query": path_with_query, "headers": headers }).to_string().into_bytes()
}
