//! The `wasi:http/handler` export. Knows where values come from; must never know how they are shown.

use spin_sdk::http::{IntoResponse, Json, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::variables::{self, Error};

use crate::report::{Report, SecretSummary};

#[http_service]
async fn handle(_request: Request) -> impl IntoResponse {
    match report().await {
        Ok(report) => Json(report).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("a variable cannot be read: {error}\n")).into_response(),
    }
    .map_err(spin_sdk::http::Error::from)
}

async fn report() -> Result<Report, Error> {
    Ok(Report {
        greeting: variables::get("greeting").await?,
        api_token: SecretSummary::of(&variables::get("api_token").await?),
        environment: std::env::vars().collect(),
    })
}
