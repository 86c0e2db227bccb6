//! Tries to get at one thing: its value, or the name of the error. The library and its caller have this very file.
//!
//! Knows the host's interfaces of WASI 0.2; must never know in whose place it tries.

use crate::bindings::fermyon::spin::{key_value, variables};
use wasip2::http::outgoing_handler;
use wasip2::http::types::{ErrorCode, Fields, OutgoingRequest, Scheme};

/// Tries it.
pub(crate) fn attempt(kind: &str, name: &str) -> Result<String, String> {
    match kind {
        "environment" => std::env::var(name).map_err(|error| error.to_string()),
        "variable" => variables::get(name).map_err(|error| format!("{error:?}")),
        "key-value" => key_value(name).map_err(|error| format!("{error:?}")),
        "file" => std::fs::read_to_string(name).map_err(|error| error.to_string()),
        "fetch" => fetch(name).map_err(|error| format!("{error:?}")),
        _ => Err("no such kind".to_owned()),
    }
}

fn key_value(store: &str) -> Result<String, key_value::Error> {
    let store = key_value::Store::open(store)?;
    store.set("key", b"kept")?;
    Ok(String::from_utf8_lossy(&store.get("key")?.unwrap_or_default()).into_owned())
}

/// The status that an address answers with.
fn fetch(authority: &str) -> Result<String, ErrorCode> {
    let request = OutgoingRequest::new(Fields::new());
    let is_set =
        request.set_scheme(Some(&Scheme::Http)).and(request.set_authority(Some(authority))).and(request.set_path_with_query(Some("/")));
    is_set.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    let response = outgoing_handler::handle(request, None)?;
    response.subscribe().block();
    match response.get() {
        Some(Ok(outcome)) => outcome.map(|response| response.status().to_string()),
        _ => Err(ErrorCode::InternalError(None)),
    }
}
