//! The answer of a run: an artifact that is called after the cast, downloaded from wherever GitHub keeps it, and one file in it.
//!
//! It knows artifacts. It must never show this host's token to anybody but GitHub's API, and never write a file.

use crate::answer::{Said, short};
use crate::api::Ask;
use crate::github::Shared;
use crate::unzip::{Output, unzip};
use crate::web::WebError;
use bytes::Bytes;
use http::header::LOCATION;
use http::{Request, StatusCode, Uri};
use serde::Deserialize;
use spell_cast::{Failed, FailedKind, WorkflowCast};
use spell_types::Content;
use std::time::Duration;
use tokio::time::sleep;
use url::Url;

/// What an artifact may be called beside `spell-<cast_id>`.
const COMMON_NAME: &str = "spell-output";
/// Longest time of one question. All of them together have a time of their own.
const ASK_TIME_MAX: Duration = Duration::from_secs(60);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Artifacts {
    artifacts: Vec<Artifact>,
}

#[derive(Deserialize)]
struct Artifact {
    id: u64,
    name: String,
    #[serde(default)]
    size_in_bytes: u64,
    #[serde(default)]
    expired: bool,
}

/// What an attempt comes to that does not succeed.
enum Missed {
    For(Failed),
    Now(Duration, String),
}

impl Shared {
    /// The answer of a run that succeeded; nothing, if it left none. What fails in passing is tried for as long as this is polled.
    pub(crate) async fn collect(&self, run: u64, cast: &WorkflowCast<'_>) -> Result<Content, Failed> {
        loop {
            match self.collect_once(run, cast).await {
                Ok(content) => return Ok(content),
                Err(Missed::For(failed)) => return Err(failed),
                Err(Missed::Now(wait, reason)) => {
                    tracing::debug!(id = cast.cast_id, run, reason, "an artifact is asked for again");
                    sleep(wait).await;
                }
            }
        }
    }

    async fn collect_once(&self, run: u64, cast: &WorkflowCast<'_>) -> Result<Content, Missed> {
        let repository = &cast.workflow.repository;
        let path = format!("/repos/{repository}/actions/runs/{run}/artifacts?per_page=100");
        let listed = match self.api.ask(Ask::get(&path), ASK_TIME_MAX).await {
            Said::Done(response) => serde_json::from_slice::<Artifacts>(response.body()),
            other => return Err(missed(other)),
        };
        let Artifacts { artifacts } = listed.map_err(|_| Missed::For(host("GitHub's list of artifacts cannot be read".to_owned())))?;
        let Some(artifact) = chosen(&artifacts, cast.cast_id)? else { return Ok(Content::default()) };
        if artifact.size_in_bytes > self.artifact_bytes_max {
            return Err(Missed::For(self.too_large(artifact.size_in_bytes)));
        }
        let path = format!("/repos/{repository}/actions/artifacts/{}/zip", artifact.id);
        let zip = self.download(&path).await?;
        let bytes_max = cast.output_bytes_max;
        let unzipped = tokio::task::spawn_blocking(move || unzip(&zip, bytes_max)).await;
        let Output { bytes, content_type } = unzipped
            .map_err(|_| Missed::For(host("the artifact could not be read".to_owned())))?
            .map_err(|error| Missed::For(error.into_failed()))?;
        Ok(Content { bytes, content_type: content_type.map(str::to_owned) })
    }

    /// Downloads an artifact. GitHub says where it is, and that place is asked without the token.
    async fn download(&self, path: &str) -> Result<Bytes, Missed> {
        let response = match self.api.ask(Ask { bytes_max: self.artifact_bytes_max, ..Ask::get(path) }, ASK_TIME_MAX).await {
            Said::Done(response) => response,
            other => return Err(self.missed_download(other)),
        };
        if response.status() == StatusCode::OK {
            return Ok(response.into_body());
        }
        let nowhere = || Missed::For(host("GitHub does not say where the artifact is".to_owned()));
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location = location.and_then(|location| elsewhere(&self.api.url(path), location)).ok_or_else(nowhere)?;
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = location;
        // One redirect, and no further.
        match self.api.web.call(request, self.artifact_bytes_max).await {
            Ok(response) if response.status() == StatusCode::OK => Ok(response.into_body()),
            Ok(response) if matches!(response.status(), StatusCode::GONE | StatusCode::NOT_FOUND) => Err(Missed::For(expired())),
            Ok(response) if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS => {
                Err(Missed::Now(RETRY_INTERVAL, response.status().to_string()))
            }
            Ok(response) => Err(Missed::For(host(format!("where the artifact is, the answer is {}", response.status())))),
            Err(WebError::NoAnswer(reason)) => Err(Missed::Now(RETRY_INTERVAL, reason)),
            Err(WebError::TooLarge(_)) => Err(Missed::For(self.too_large(0))),
            Err(WebError::NotSent(reason)) => Err(Missed::For(host(format!("the artifact cannot be fetched: {}", short(&reason))))),
        }
    }

    fn missed_download(&self, said: Said) -> Missed {
        match said {
            Said::Refused { status: StatusCode::GONE, .. } => Missed::For(expired()),
            Said::TooLarge(_) => Missed::For(self.too_large(0)),
            other => missed(other),
        }
    }

    fn too_large(&self, size_bytes: u64) -> Failed {
        let said = if size_bytes > 0 { format!(", and has {size_bytes}") } else { String::new() };
        let message = format!("the artifact may have {} bytes, as `github.artifact` says{said}", self.artifact_bytes_max);
        Failed { kind: FailedKind::Limit, code: "artifact".to_owned(), message }
    }
}

/// The artifact of a cast, if there is one that has not expired.
fn chosen<'a>(artifacts: &'a [Artifact], cast_id: &str) -> Result<Option<&'a Artifact>, Missed> {
    let own = format!("spell-{cast_id}");
    for name in [own.as_str(), COMMON_NAME] {
        let mut called = artifacts.iter().filter(|artifact| artifact.name == name).peekable();
        if called.peek().is_none() {
            continue;
        }
        return called.find(|artifact| !artifact.expired).map(Some).ok_or_else(|| Missed::For(expired()));
    }
    Ok(None)
}

/// Where an answer leads: over HTTPS, if the API is asked so.
fn elsewhere(from: &str, location: &str) -> Option<Uri> {
    let from = Url::parse(from).ok()?;
    let to = from.join(location).ok()?;
    let is_as_safe = to.scheme() == from.scheme() || to.scheme() == "https";
    is_as_safe.then(|| to.as_str().parse().ok()).flatten()
}

fn missed(said: Said) -> Missed {
    match said {
        Said::Limited(wait) => Missed::Now(wait, said.reason()),
        Said::Failed(reason) | Said::Nothing(reason) => Missed::Now(RETRY_INTERVAL, reason),
        other => Missed::For(host(format!("the artifact cannot be fetched: {}", other.reason()))),
    }
}

fn expired() -> Failed {
    let message = "the artifact has expired, or was deleted".to_owned();
    Failed { kind: FailedKind::Trapped, code: "artifact-expired".to_owned(), message }
}

fn host(message: String) -> Failed {
    Failed { kind: FailedKind::Host, code: "artifact".to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_is_never_fetched_less_safely_than_the_api_is_asked() {
        for (from, location, expected) in [
            ("https://api.github.com/x", "https://blob.example/a?b=c", Some("https://blob.example/a?b=c")),
            ("https://api.github.com/x", "http://blob.example/a", None),
            ("http://127.0.0.1:1/x", "http://127.0.0.1:2/a", Some("http://127.0.0.1:2/a")),
            ("http://127.0.0.1:1/x", "/a", Some("http://127.0.0.1:1/a")),
            ("https://api.github.com/x", "file:///etc/passwd", None),
        ] {
            assert_eq!(elsewhere(from, location).map(|uri| uri.to_string()).as_deref(), expected, "{location}");
        }
    }

    #[test]
    fn the_artifact_of_the_cast_comes_before_the_common_one_and_an_expired_one_is_none() {
        let artifact = |id, name: &str, expired| Artifact { id, name: name.to_owned(), size_in_bytes: 1, expired };
        let all = [
            artifact(1, "logs", false),
            artifact(2, "spell-output", false),
            artifact(3, "spell-cast_1", true),
            artifact(4, "spell-cast_1", false),
        ];
        assert!(matches!(chosen(&all, "cast_1"), Ok(Some(Artifact { id: 4, .. }))));
        assert!(matches!(chosen(&all, "cast_2"), Ok(Some(Artifact { id: 2, .. }))));
        assert!(matches!(chosen(&all[..1], "cast_1"), Ok(None)));
        assert!(matches!(chosen(&all[2..3], "cast_1"), Err(Missed::For(failed)) if failed.code == "artifact-expired"));
    }
}
