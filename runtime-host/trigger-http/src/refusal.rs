//! What a client is told when it gets no answer of a guest's: which limit, its value, and the line that would raise it.
//! The only place of the data plane that knows the statuses of refusals.

use crate::admission::NoPlace;
use crate::app::Component;
use crate::body::{ResponseBody, failure_outcome};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use spell_engine::Failure;
use spell_types::{Limit, Outcome};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Seconds after which a refused client may try again: the time in which most requests have ended.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// What a client is told of a request that a spell failed to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Failures {
    /// Whose failure it is, by a status of its own, and a document that says why.
    #[default]
    Explained,
    /// What Spin says: 500 without a body, whatever the reason. Refusals that Spin does not know are explained all the same.
    AsSpin,
}

/// A refusal on its way to a client, and how it is recorded.
pub(crate) struct Refusal {
    pub(crate) outcome: Outcome,
    pub(crate) detail: String,
}

impl From<&Failure> for Refusal {
    fn from(failure: &Failure) -> Self {
        let detail = match failure {
            Failure::Host(reason) => {
                tracing::error!(reason, "a spell could not be run");
                "the host failed; the reason is in its log".to_owned()
            }
            other => other.to_string(),
        };
        Self { outcome: failure_outcome(failure), detail }
    }
}

impl From<NoPlace> for Refusal {
    fn from(reason: NoPlace) -> Self {
        match reason {
            NoPlace::QueueFull => Self::limit(Limit::Queue, "all places to run are taken and the queue is full"),
            NoPlace::WaitedTooLong => Self::limit(Limit::QueueTime, "all places to run stayed taken for as long as a request may wait"),
            NoPlace::HostBusy => Self { outcome: Outcome::HostBusy, detail: "the host runs as many requests as it can".to_owned() },
        }
    }
}

impl Refusal {
    pub(crate) fn limit(limit: Limit, detail: &str) -> Self {
        Self { outcome: Outcome::LimitExceeded(limit), detail: detail.to_owned() }
    }

    pub(crate) fn bad_response(detail: &str) -> Self {
        Self { outcome: Outcome::BadResponse, detail: detail.to_owned() }
    }

    /// A refusal for an outcome that needs no further words.
    pub(crate) fn of(outcome: Outcome) -> Self {
        let detail = match outcome {
            Outcome::LimitExceeded(Limit::Response) => "the spell's answer is larger than it may be",
            Outcome::LimitExceeded(Limit::Request) => "the request body is larger than the spell takes",
            Outcome::LimitExceeded(Limit::Depth) => "too many spells have called each other until this request came about",
            Outcome::LimitExceeded(_) => "the spell met a limit",
            Outcome::BadResponse => "the spell's answer broke off",
            _ => "the spell failed",
        };
        Self { outcome, detail: detail.to_owned() }
    }

    fn status(&self) -> StatusCode {
        match self.outcome {
            Outcome::LimitExceeded(limit) => match limit {
                Limit::Request => StatusCode::PAYLOAD_TOO_LARGE,
                Limit::Time | Limit::Fuel => StatusCode::GATEWAY_TIMEOUT,
                Limit::Concurrency | Limit::Queue | Limit::QueueTime => StatusCode::TOO_MANY_REQUESTS,
                Limit::Depth => StatusCode::LOOP_DETECTED,
                Limit::Memory | Limit::TableElements | Limit::Response | Limit::OutboundRequests | Limit::Log => StatusCode::BAD_GATEWAY,
            },
            Outcome::HostBusy => StatusCode::SERVICE_UNAVAILABLE,
            Outcome::Trapped | Outcome::BadResponse => StatusCode::BAD_GATEWAY,
            Outcome::HostFailed | Outcome::Completed | Outcome::Cancelled => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The response for a component's client.
    pub(crate) fn response(&self, component: &Component, failures: Failures) -> Response<ResponseBody> {
        let status = self.status();
        if failures == Failures::AsSpin && status.is_server_error() && status != StatusCode::LOOP_DETECTED {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let mut problem = serde_json::json!({
            "title": status.canonical_reason().unwrap_or("Refused"),
            "status": status.as_u16(),
            "code": self.outcome.name(),
            "detail": self.detail,
            "component": &*component.id,
        });
        if let (Outcome::LimitExceeded(limit), Some(members)) = (self.outcome, problem.as_object_mut()) {
            // The places to run are what a full queue or a long wait is short of.
            let raised = if matches!(limit, Limit::Queue | Limit::QueueTime) { Limit::Concurrency } else { limit };
            let value = component.limits.get(raised);
            members.insert("limit".to_owned(), limit.key().into());
            members.insert("value".to_owned(), limit.unit().format(component.limits.get(limit)).into());
            members.insert("raise".to_owned(), raise_line(&component.id, raised, value).into());
        }
        let mut response = problem_response(status, &problem);
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }
}

/// The manifest line that would double a limit.
fn raise_line(component: &str, limit: Limit, value: u64) -> String {
    let doubled = limit.unit().format(value.saturating_mul(2).max(1));
    let doubled = if limit.unit() == spell_types::Unit::Count { doubled } else { format!("\"{doubled}\"") };
    format!("[component.{component}.tool.spell] limits = {{ {} = {doubled} }}", limit.key())
}

/// A refusal that no component is to blame for.
pub(crate) fn plain(status: StatusCode, code: &str, detail: &str) -> Response<ResponseBody> {
    let problem = serde_json::json!({
        "title": status.canonical_reason().unwrap_or("Refused"),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    problem_response(status, &problem)
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
}

fn problem_response(status: StatusCode, problem: &serde_json::Value) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(problem.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_raises_a_limit_reads_as_toml() {
        assert_eq!(raise_line("hello", Limit::Memory, 64 << 20), r#"[component.hello.tool.spell] limits = { memory = "128MiB" }"#);
        assert_eq!(raise_line("hello", Limit::Fuel, 1_000), "[component.hello.tool.spell] limits = { fuel = 2000 }");
    }
}
