//! The catalogue of refusals, and the problem documents (RFC 9457) that carry them.
//!
//! It knows codes, statuses and titles, which never change once they were given out. It must never know why something is refused.

use crate::platform::catalogue::ERRORS;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};
use std::time::Duration;

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
/// After how long it is worth asking again where nobody knows better.
const SOON: Duration = Duration::from_secs(1);

/// Everything that a request can be refused for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    MethodNotAllowed,
    BadRequest,
    MediaType,
    Invalid,
    BodyTooLarge,
    BodyTooSlow,
    NoCredentials,
    UnknownKey,
    ScopeMissing,
    SpellNotFound,
    ModuleNotFound,
    CastNotFound,
    KeyNotFound,
    SpellKeyTaken,
    VersionTaken,
    VersionActive,
    NoEarlierVersion,
    ModuleCorrupt,
    StorageFull,
    Unavailable,
    ProgramTooLarge,
    ProgramRefused,
    IdempotencyKeyMissing,
    IdempotencyKeyInvalid,
    IdempotencyKeyReused,
    CastInFlight,
    CastIndeterminate,
    SpellNotActive,
    InputTooLarge,
    CeilingExceeded,
    CastRefused,
    CastTrapped,
    CastTimedOut,
    CastLimit,
    CastCancelled,
    CastBusy,
    CastFailed,
    HostFailed,
    ReachRefused,
    SchemaRefused,
    InputInvalid,
    OutputInvalid,
    WebhookNotFound,
    WebhooksTooMany,
    WebhookNotActive,
    BudgetExceeded,
    RateLimited,
    TooManyCasts,
    QuotaExceeded,
    GithubNotSetUp,
    RepositoryNotAllowed,
    WebhookForged,
    SpellAnswersHttp,
}

impl Refusal {
    /// The refusal of this code.
    pub(crate) fn from_code(code: &str) -> Option<Refusal> {
        Self::ALL.iter().copied().find(|refusal| refusal.row().1 == code)
    }

    /// Where to read about it.
    pub(crate) fn place(self) -> String {
        format!("{ERRORS}#{}", self.row().1)
    }

    /// Status, code and title.
    #[rustfmt::skip]
    pub(crate) fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Refusal::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Refusal::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Refusal::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read"),
            Refusal::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body is of another media type"),
            Refusal::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request says something that does not go"),
            Refusal::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
            Refusal::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "body-too-slow", "The body comes too slowly"),
            Refusal::NoCredentials => (StatusCode::UNAUTHORIZED, "no-credentials", "There is no API key"),
            Refusal::UnknownKey => (StatusCode::UNAUTHORIZED, "unknown-key", "The API key is worth nothing"),
            Refusal::ScopeMissing => (StatusCode::FORBIDDEN, "scope-missing", "The API key does not allow it"),
            Refusal::SpellNotFound => (StatusCode::NOT_FOUND, "spell-not-found", "There is no such spell"),
            Refusal::ModuleNotFound => (StatusCode::NOT_FOUND, "module-not-found", "There is no such version"),
            Refusal::CastNotFound => (StatusCode::NOT_FOUND, "cast-not-found", "There is no such cast"),
            Refusal::KeyNotFound => (StatusCode::NOT_FOUND, "key-not-found", "There is no such API key"),
            Refusal::SpellKeyTaken => (StatusCode::CONFLICT, "spell-key-taken", "Another spell has this key"),
            Refusal::VersionTaken => (StatusCode::CONFLICT, "version-taken", "Another program has this version"),
            Refusal::VersionActive => (StatusCode::CONFLICT, "version-active", "The version is active"),
            Refusal::NoEarlierVersion => (StatusCode::CONFLICT, "no-earlier-version", "There is no earlier version"),
            Refusal::ModuleCorrupt => (StatusCode::INTERNAL_SERVER_ERROR, "module-corrupt", "The program is damaged"),
            Refusal::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "storage-full", "The disk is full"),
            Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The host cannot do it now"),
            Refusal::ProgramTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "program-too-large", "The program is too large"),
            Refusal::ProgramRefused => (StatusCode::UNPROCESSABLE_ENTITY, "program-refused", "The program cannot be cast"),
            Refusal::IdempotencyKeyMissing => (StatusCode::BAD_REQUEST, "idempotency-key-missing", "There is no idempotency key"),
            Refusal::IdempotencyKeyInvalid => (StatusCode::BAD_REQUEST, "idempotency-key-invalid", "This is no idempotency key"),
            Refusal::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The key stands for another request"),
            Refusal::CastInFlight => (StatusCode::CONFLICT, "cast-in-flight", "The cast has not ended yet"),
            Refusal::CastIndeterminate => (StatusCode::CONFLICT, "cast-indeterminate", "Nobody knows what the cast did"),
            Refusal::SpellNotActive => (StatusCode::UNPROCESSABLE_ENTITY, "spell-not-active", "The spell is switched off"),
            Refusal::InputTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "input-too-large", "The input is too large"),
            Refusal::CeilingExceeded => (StatusCode::UNPROCESSABLE_ENTITY, "ceiling-exceeded", "The operator allows less"),
            Refusal::CastRefused => (StatusCode::UNPROCESSABLE_ENTITY, "cast-refused", "The program refused"),
            Refusal::CastTrapped => (StatusCode::BAD_GATEWAY, "cast-trapped", "The program broke"),
            Refusal::CastTimedOut => (StatusCode::GATEWAY_TIMEOUT, "cast-timed-out", "The program took too long"),
            Refusal::CastLimit => (StatusCode::UNPROCESSABLE_ENTITY, "cast-limit", "The program met a limit"),
            Refusal::CastCancelled => (StatusCode::CONFLICT, "cast-cancelled", "The cast was cancelled"),
            Refusal::CastBusy => (StatusCode::SERVICE_UNAVAILABLE, "cast-busy", "There was no place to run"),
            Refusal::CastFailed => (StatusCode::INTERNAL_SERVER_ERROR, "cast-failed", "The host failed to run the program"),
            Refusal::SpellAnswersHttp => (StatusCode::UNPROCESSABLE_ENTITY, "spell-answers-http", "The spell answers HTTP and is not cast"),
            Refusal::HostFailed => (StatusCode::INTERNAL_SERVER_ERROR, "host-failed", "The host failed"),
            Refusal::ReachRefused => (StatusCode::UNPROCESSABLE_ENTITY, "reach-refused", "The spell may not reach it"),
            Refusal::SchemaRefused => (StatusCode::UNPROCESSABLE_ENTITY, "schema-refused", "The schema cannot be used"),
            Refusal::InputInvalid => (StatusCode::UNPROCESSABLE_ENTITY, "input-invalid", "The input is not what the spell takes"),
            Refusal::OutputInvalid => (StatusCode::BAD_GATEWAY, "output-invalid", "The program answered with what its schema does not allow"),
            Refusal::WebhookNotFound => (StatusCode::NOT_FOUND, "webhook-not-found", "There is no such webhook"),
            Refusal::WebhooksTooMany => (StatusCode::CONFLICT, "webhooks-too-many", "There are too many webhooks"),
            Refusal::WebhookNotActive => (StatusCode::UNPROCESSABLE_ENTITY, "webhook-not-active", "The webhook is switched off"),
            Refusal::BudgetExceeded => (StatusCode::PAYMENT_REQUIRED, "budget-exceeded", "The budget of the month is spent"),
            Refusal::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate-limited", "There are too many requests"),
            Refusal::TooManyCasts => (StatusCode::TOO_MANY_REQUESTS, "too-many-casts", "There are too many casts"),
            Refusal::QuotaExceeded => (StatusCode::FORBIDDEN, "quota-exceeded", "There is as much as there can be"),
            Refusal::GithubNotSetUp => (StatusCode::UNPROCESSABLE_ENTITY, "github-not-set-up", "This host casts nothing on GitHub"),
            Refusal::RepositoryNotAllowed => (StatusCode::FORBIDDEN, "repository-not-allowed", "The operator does not allow the repository"),
            Refusal::WebhookForged => (StatusCode::UNAUTHORIZED, "webhook-forged", "The signature is wrong"),
        }
    }

    /// Whether the same request may well succeed in a moment.
    pub(crate) fn passes(self) -> bool {
        self == Refusal::CastInFlight || self.row().0 == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Whether it comes with the time after which it is worth asking again.
    pub(crate) fn is_timed(self) -> bool {
        self.passes() || matches!(self.row().0, StatusCode::PAYMENT_REQUIRED | StatusCode::TOO_MANY_REQUESTS)
    }
}

/// A refusal with what there is to say about it.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    refusal: Refusal,
    detail: String,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    pub(crate) fn new(refusal: Refusal, detail: impl ToString) -> Self {
        Self { refusal, detail: detail.to_string(), members: Map::new(), retry_after: refusal.passes().then_some(SOON) }
    }

    /// Its word for programs.
    pub(crate) fn code(&self) -> &'static str {
        self.refusal.row().1
    }

    /// Says one thing more, in a member of its own.
    pub(crate) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// Says after how long it is worth asking again.
    pub(crate) fn after(mut self, time: Duration) -> Self {
        self.retry_after = Some(time);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, title) = self.refusal.row();
        let mut members = self.members;
        let own = [
            ("type", json!(self.refusal.place())),
            ("title", json!(title)),
            ("status", json!(status.as_u16())),
            ("code", json!(code)),
            ("detail", json!(self.detail)),
        ];
        members.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let mut response = (status, Value::Object(members).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(time) = self.retry_after {
            let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
