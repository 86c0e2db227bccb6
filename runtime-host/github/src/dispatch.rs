//! Has a run begin for a cast, at most once: where an answer is missing, the run is looked for before anything is sent again.
//!
//! It knows what a dispatch may come to:
//! <https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event>. It must never know how a run ends.

use crate::answer::Said;
use crate::api::Ask;
use crate::find::Found;
use crate::github::{Shared, left, text};
use crate::runs::{Details, Run, dispatch, dispatches_path};
use http::StatusCode;
use spell_cast::{Dispatched, Failed, FailedKind, WorkflowCast, WorkflowRun};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::time::sleep;

/// What servers that do not know it name when they refuse it.
const DETAILS: &str = "return_run_details";

impl Shared {
    pub(crate) async fn dispatch(&self, cast: &WorkflowCast<'_>) -> Dispatched {
        let Ok(input) = text(cast) else { return not("input", "the input is not text".to_owned()) };
        let path = dispatches_path(cast.workflow);
        let mut is_first = true;
        loop {
            let asks_details = self.tells_details.load(Relaxed);
            let body = dispatch(cast, input, asks_details);
            match self.api.ask(Ask::post(&path, &body), left(cast)).await {
                Said::Done(response) => {
                    let details = serde_json::from_slice::<Details>(response.body()).ok();
                    return match details {
                        Some(details) => begun(cast, details.workflow_run_id, details.html_url),
                        None => self.taken(cast).await,
                    };
                }
                Said::Limited(wait) if wait < left(cast) => sleep(wait).await,
                Said::Limited(_) => return Dispatched::Not(limited()),
                // Servers that do not know the member refuse the request whole: nothing began.
                Said::Refused { status, message } if asks_details && is_about_details(status, &message) => {
                    self.tells_details.store(false, Relaxed);
                }
                Said::Refused { status, message } => return refused(status, &message),
                Said::Unsendable(reason) => return not("github-unreachable", reason),
                unclear => {
                    let failed = matches!(unclear, Said::Failed(_));
                    match self.begun_after_all(cast, &unclear).await {
                        // GitHub has answered that it failed, and lists no such run: that is asked once more.
                        Dispatched::Not(_) if failed && is_first => is_first = false,
                        other => return other,
                    }
                }
            }
        }
    }

    /// The run of a dispatch that was taken, by its name.
    async fn taken(&self, cast: &WorkflowCast<'_>) -> Dispatched {
        match self.find(cast.workflow, cast.cast_id, self.find_time(cast)).await {
            Found::Runs(runs) => self.one_of(cast, runs).await,
            Found::None | Found::Unsure => {
                let (id, workflow) = (cast.cast_id, &cast.workflow.file);
                tracing::warn!(
                    id,
                    workflow,
                    "no run is called by the id of its cast: give the workflow `run-name: ${{{{ inputs.cast_id }}}}`"
                );
                Dispatched::Unknown
            }
        }
    }

    /// The run of a dispatch that nobody has said was taken. `Not` only if GitHub has answered, and lists none.
    async fn begun_after_all(&self, cast: &WorkflowCast<'_>, unclear: &Said) -> Dispatched {
        tracing::warn!(id = cast.cast_id, reason = %unclear.reason(), "a dispatch may have been taken: its run is looked for");
        match self.find(cast.workflow, cast.cast_id, self.find_time(cast)).await {
            Found::Runs(runs) => self.one_of(cast, runs).await,
            Found::None if matches!(unclear, Said::Failed(_)) => not("github-failed", unclear.reason()),
            // What is still on its way may arrive yet.
            Found::None | Found::Unsure => Dispatched::Unknown,
        }
    }

    /// The first run, and no other.
    async fn one_of(&self, cast: &WorkflowCast<'_>, runs: Vec<Run>) -> Dispatched {
        let mut runs = runs.into_iter();
        let Some(first) = runs.next() else { return Dispatched::Unknown };
        for other in runs {
            tracing::warn!(id = cast.cast_id, run = other.id, "a cast has more than one run: all but the first are cancelled");
            self.cancel(&cast.workflow.repository, other.id).await;
        }
        begun(cast, first.id, first.html_url)
    }

    fn find_time(&self, cast: &WorkflowCast<'_>) -> Duration {
        self.polling.find_time_max.min(left(cast))
    }
}

/// There is no place for another run.
pub(crate) fn busy() -> Failed {
    failed(FailedKind::Busy, "busy", "as many runs are followed as `github.runs` allows".to_owned())
}

fn limited() -> Failed {
    failed(FailedKind::Busy, "github-limited", "GitHub's limit of requests is reached for longer than the cast may take".to_owned())
}

/// What begins with a page elsewhere is not shown as one.
fn begun(cast: &WorkflowCast<'_>, id: u64, url: Option<String>) -> Dispatched {
    let url = url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    Dispatched::Run(WorkflowRun { workflow: cast.workflow.clone(), id: Some(id), url })
}

fn is_about_details(status: StatusCode, message: &str) -> bool {
    status == StatusCode::BAD_REQUEST || (status == StatusCode::UNPROCESSABLE_ENTITY && message.contains(DETAILS))
}

fn refused(status: StatusCode, message: &str) -> Dispatched {
    let (code, what) = match status {
        StatusCode::UNAUTHORIZED => ("github-unauthorized", "GitHub does not take this host's token"),
        StatusCode::FORBIDDEN => ("github-forbidden", "this host's token may not dispatch the workflow"),
        StatusCode::NOT_FOUND => ("workflow-not-found", "there is no such workflow, or this host's token does not see it"),
        _ => ("workflow-refused", "GitHub does not take the dispatch"),
    };
    not(code, format!("{what}: {message}"))
}

fn not(code: &str, message: String) -> Dispatched {
    Dispatched::Not(failed(FailedKind::Host, code, message))
}

fn failed(kind: FailedKind, code: &str, message: String) -> Failed {
    Failed { kind, code: code.to_owned(), message }
}
