//! The `wasi:http/handler` export. Knows how each failure is answered; must never know the service's JSON.

use futures_util::StreamExt;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{IntoResponse, Json, Request, StatusCode};
use spin_sdk::wasip3::http::types::ErrorCode;
use spin_sdk::{http_service, variables};

use crate::{city, forecast};

/// Longest answer that is read from the service, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    let name = request.headers().get("spin-path-match-city").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match weather(name).await {
        Ok(weather) => Json(weather).into_response(),
        Err((status, error)) => (status, Json(Refusal { error })).into_response(),
    }
    .map_err(spin_sdk::http::Error::from)
}

#[derive(serde::Serialize)]
struct Refusal {
    error: String,
}

async fn weather(name: &str) -> Result<forecast::Weather, (StatusCode, String)> {
    let city = city::find(name).ok_or_else(|| (StatusCode::NOT_FOUND, format!("the cities are {}", city::names())))?;
    let base = variables::get("weather_url").await.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let response = spin_sdk::http::get(forecast::url(&base, city)).await.map_err(refused)?;
    if response.status() != StatusCode::OK {
        return Err((StatusCode::BAD_GATEWAY, format!("the service answered {}", response.status())));
    }
    let mut body = response.into_body().stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.map_err(refused)?);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err((StatusCode::BAD_GATEWAY, format!("the service's answer is longer than {ANSWER_BYTES_MAX} bytes")));
        }
    }
    forecast::parse(city, &bytes).map_err(|reason| (StatusCode::BAD_GATEWAY, reason))
}

/// The host's policy said no, or the network did.
fn refused(error: ErrorCode) -> (StatusCode, String) {
    match error {
        ErrorCode::HttpRequestDenied => (StatusCode::FORBIDDEN, "HTTP-request-denied".to_owned()),
        ErrorCode::DestinationIpProhibited => (StatusCode::FORBIDDEN, "destination-IP-prohibited".to_owned()),
        other => (StatusCode::BAD_GATEWAY, format!("the service cannot be reached: {other}")),
    }
}
