//! Outgoing requests of wasi:http 0.3. Knows how one is made; must never follow a redirect.

use serde_json::{Value, json};
use spin_sdk::wasip3::http::client;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Request, Response, Scheme};
use spin_sdk::wasip3::wit_future;
use test_behaviour::error_name;

use crate::handler::count;

/// Gets a URL so many times, one after the other; JSON of each outcome.
pub(crate) async fn all(url: &str, times: u64) -> String {
    let mut outcomes = Vec::new();
    for _ in 0..times {
        outcomes.push(match get(url).await {
            Ok((status, bytes)) => json!({ "status": status, "bytes": bytes }),
            Err(error) => json!({ "error": error_name(&format!("{error:?}")) }),
        });
    }
    Value::Array(outcomes).to_string()
}

async fn get(url: &str) -> Result<(u16, usize), ErrorCode> {
    let response = client::send(request(url)?).await?;
    let status = response.get_status_code();
    let (_, outcome) = wit_future::new(|| Ok(()));
    let (body, trailers) = Response::consume_body(response, outcome);
    let bytes = count(body).await;
    // Whether the body was whole is known by its trailers.
    trailers.await?;
    Ok((status, bytes))
}

fn request(url: &str) -> Result<Request, ErrorCode> {
    let (scheme, rest) = url.split_once("://").ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, trailers, None);
    let invalid = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })).map_err(invalid)?;
    Ok(request)
}
