//! Waits for the end of a run: asks how it is, more and more seldom, at once when somebody says that it changed, and never more often than
//! GitHub likes.
//!
//! It knows states of runs. It must never know what an artifact is.

use crate::answer::{Said, short};
use crate::api::Ask;
use crate::github::{Shared, left};
use crate::runs::{Run, run_path};
use http::header::ETAG;
use http::{HeaderValue, StatusCode};
use spell_cast::{Failed, FailedKind, Followed, WorkflowCast};
use spell_types::Usage;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Shortest time between two questions about a run, whatever webhooks say.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest time to fetch the answer of a run, also after the time of the cast.
const COLLECT_TIME_MAX: Duration = Duration::from_secs(120);

/// How a run is.
enum Seen {
    Ended(Run),
    /// It runs, and is to be asked about again after a while, or so long if that is said.
    Runs(Option<Duration>),
    /// There is no such run.
    Gone,
    /// GitHub does not say.
    Unsure(Option<Duration>),
}

impl Shared {
    pub(crate) async fn follow(&self, id: u64, cast: &WorkflowCast<'_>, wake: &Notify) -> Followed {
        let began = Instant::now();
        let (mut etag, mut interval, mut is_sure) = (None, self.polling.interval, false);
        loop {
            let wait = match self.see(id, cast, &mut etag).await {
                Seen::Ended(run) => return self.ended(&run, cast, began).await,
                Seen::Runs(wait) => (is_sure = true, wait).1,
                Seen::Unsure(wait) => (is_sure = false, wait).1,
                // What was dispatched a moment ago may not be everywhere yet.
                Seen::Gone if began.elapsed() < self.polling.find_time_max => None,
                Seen::Gone => {
                    tracing::warn!(id = cast.cast_id, run = id, "a run is gone before it was seen to end");
                    return Followed::Unknown;
                }
            };
            let asked_to_wait = wait.is_some();
            if left(cast).is_zero() {
                self.cancel(&cast.workflow.repository, id).await;
                return if is_sure { timed_out(cast, began) } else { Followed::Unknown };
            }
            let pause = wait.unwrap_or(interval).min(left(cast));
            interval = interval.saturating_mul(3).checked_div(2).unwrap_or(interval).min(self.polling.interval_max);
            if asked_to_wait {
                sleep(pause).await;
            } else {
                sleep(PAUSE_MIN.min(pause)).await;
                // Nobody woke it: it is time.
                let _ = timeout(pause.saturating_sub(PAUSE_MIN), wake.notified()).await;
            }
        }
    }

    /// Asks once. What has not changed counts for no limit of GitHub's.
    async fn see(&self, id: u64, cast: &WorkflowCast<'_>, etag: &mut Option<HeaderValue>) -> Seen {
        let path = run_path(&cast.workflow.repository, id);
        let within = left(cast).max(Duration::from_secs(5));
        match self.api.ask(Ask { etag: etag.as_ref(), ..Ask::get(&path) }, within).await {
            Said::Done(response) if response.status() == StatusCode::NOT_MODIFIED => Seen::Runs(None),
            Said::Done(response) => match serde_json::from_slice::<Run>(response.body()) {
                Ok(run) if run.id != id => Seen::Unsure(None),
                Ok(run) if run.has_ended() => Seen::Ended(run),
                Ok(_) => {
                    *etag = response.headers().get(ETAG).cloned();
                    Seen::Runs(None)
                }
                Err(_) => Seen::Unsure(None),
            },
            Said::Limited(wait) => Seen::Unsure(Some(wait)),
            Said::Refused { status: StatusCode::NOT_FOUND, .. } => Seen::Gone,
            other => {
                tracing::debug!(id = cast.cast_id, run = id, reason = %other.reason(), "GitHub does not say how a run is");
                Seen::Unsure(None)
            }
        }
    }

    async fn ended(&self, run: &Run, cast: &WorkflowCast<'_>, began: Instant) -> Followed {
        let conclusion = run.conclusion.as_deref().unwrap_or("unknown");
        let mut usage = used(cast, run.time().unwrap_or_else(|| began.elapsed()));
        let result = match conclusion {
            "success" => {
                let within = left(cast).clamp(COLLECT_TIME_MAX / 2, COLLECT_TIME_MAX);
                let collected = timeout(within, self.collect(run.id, cast)).await;
                collected.unwrap_or_else(|_| {
                    let message = "the workflow succeeded, and GitHub does not hand out its artifact in time".to_owned();
                    Err(Failed { kind: FailedKind::Host, code: "artifact".to_owned(), message })
                })
            }
            _ => Err(concluded(conclusion)),
        };
        usage.bytes_out = result.as_ref().map_or(0, |content| content.bytes.len() as u64);
        Followed::Ended { result, usage }
    }
}

/// A run that did not succeed.
fn concluded(conclusion: &str) -> Failed {
    let conclusion = short(conclusion);
    let kind = match conclusion.as_str() {
        "timed_out" => FailedKind::TimedOut,
        "cancelled" => FailedKind::Cancelled,
        _ => FailedKind::Trapped,
    };
    let code = format!("workflow-{}", conclusion.replace('_', "-"));
    Failed { kind, code, message: format!("Workflow concluded with: {conclusion}") }
}

fn timed_out(cast: &WorkflowCast<'_>, began: Instant) -> Followed {
    let message = format!("the workflow did not end within {:?}, and its run is cancelled", cast.time_max);
    let failed = Failed { kind: FailedKind::TimedOut, code: "time".to_owned(), message };
    Followed::Ended { result: Err(failed), usage: used(cast, began.elapsed()) }
}

fn used(cast: &WorkflowCast<'_>, wall: Duration) -> Usage {
    Usage { wall, bytes_in: cast.input.bytes.len() as u64, ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_workflow_concluded_with_says_whose_fault_it_is() {
        for (conclusion, kind, code) in [
            ("failure", FailedKind::Trapped, "workflow-failure"),
            ("startup_failure", FailedKind::Trapped, "workflow-startup-failure"),
            ("timed_out", FailedKind::TimedOut, "workflow-timed-out"),
            ("cancelled", FailedKind::Cancelled, "workflow-cancelled"),
        ] {
            let message = format!("Workflow concluded with: {conclusion}");
            assert_eq!(concluded(conclusion), Failed { kind, code: code.to_owned(), message });
        }
    }
}
