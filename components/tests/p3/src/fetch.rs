//! Outgoing requests of wasi:http 0.3. Knows how one is made; must never follow a redirect.

use std::future::poll_fn;
use std::task::Poll;

use serde_json::{Value, json};
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{ErrorCode, Method, Request, RequestOptions, Response, Scheme};
use spin_sdk::wasip3::wit_bindgen::{StreamReader, spawn};
use spin_sdk::wasip3::{wit_future, wit_stream};
use test_behaviour::{Ask, error_name};

use crate::handler::count;
use crate::response::{fields, fill, whole, with_body};

/// The status and the length of the body, or the error's name.
type Outcome = Result<(u16, usize), String>;

/// Gets a URL so many times, one after the other; JSON of each outcome.
pub(crate) async fn all(url: &str, times: u64) -> String {
    let mut outcomes = Vec::new();
    for _ in 0..times {
        outcomes.push(exchange(Ask::get(url)).await);
    }
    list(outcomes)
}

/// Gets a URL so many times, side by side; JSON of each outcome.
pub(crate) async fn side_by_side(url: &str, times: u64) -> String {
    list(join((0..times).map(|_| exchange(Ask::get(url)))).await)
}

/// Makes one request; JSON of its outcome.
pub(crate) async fn one(ask: Ask) -> String {
    describe(exchange(ask).await).to_string()
}

/// Passes on the status and the body of a URL: the very stream, which never enters this component's memory.
pub(crate) async fn pipe(url: &str) -> Response {
    match send(Ask::get(url)).await {
        Ok(response) => {
            let status = response.get_status_code();
            let (_, outcome) = wit_future::new(|| Ok(()));
            let (body, _trailers) = Response::consume_body(response, outcome);
            with_body(status, &[], body)
        }
        Err(error) => whole(502, "text/plain", error.into_bytes()),
    }
}

fn list(outcomes: Vec<Outcome>) -> String {
    Value::Array(outcomes.into_iter().map(describe).collect()).to_string()
}

fn describe(outcome: Outcome) -> Value {
    match outcome {
        Ok((status, bytes)) => json!({ "status": status, "bytes": bytes }),
        Err(error) => json!({ "error": error }),
    }
}

async fn exchange(ask: Ask) -> Outcome {
    let response = send(ask).await?;
    let status = response.get_status_code();
    let (_, outcome) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, outcome);
    let bytes = count(body).await;
    // Whether the body was whole is known by its trailers.
    trailers.await.map_err(name)?;
    Ok((status, bytes))
}

async fn send(ask: Ask) -> Result<Response, String> {
    client::send(request(&ask)?).await.map_err(name)
}

fn request(ask: &Ask) -> Result<Request, String> {
    let headers = fields(&ask.headers).map_err(|_| refused("header"))?;
    let options = options(ask)?;
    let body = (ask.body > 0).then(|| body(ask.body));
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(headers, body, trailers, options);
    request.set_method(&method(&ask.method)).map_err(|()| refused("method"))?;
    request.set_scheme(ask.scheme.as_deref().map(scheme).as_ref()).map_err(|()| refused("scheme"))?;
    request.set_authority(ask.authority.as_deref()).map_err(|()| refused("authority"))?;
    request.set_path_with_query(ask.path.as_deref()).map_err(|()| refused("path"))?;
    Ok(request)
}

fn body(bytes: u64) -> StreamReader<u8> {
    let (mut writer, reader) = wit_stream::new();
    spawn(async move { fill(&mut writer, bytes).await });
    reader
}

fn options(ask: &Ask) -> Result<Option<RequestOptions>, String> {
    if !ask.has_timeouts() {
        return Ok(None);
    }
    let options = RequestOptions::new();
    options.set_connect_timeout(ask.connect_ns).map_err(|_| refused("timeout"))?;
    options.set_first_byte_timeout(ask.first_byte_ns).map_err(|_| refused("timeout"))?;
    options.set_between_bytes_timeout(ask.between_bytes_ns).map_err(|_| refused("timeout"))?;
    Ok(Some(options))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

fn scheme(name: &str) -> Scheme {
    match name {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    }
}

fn refused(part: &str) -> String {
    format!("refused-{part}")
}

fn name(error: ErrorCode) -> String {
    error_name(&format!("{error:?}"))
}

/// Waits for all of them, side by side.
pub(crate) async fn join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, outcome) in &mut running {
            if outcome.is_none()
                && let Poll::Ready(value) = future.as_mut().poll(context)
            {
                *outcome = Some(value);
            }
        }
        if running.iter().all(|(_, outcome)| outcome.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, outcome)| outcome).collect()
}
