//! Finding the run of a cast by the cast's id, which the workflow puts into the run's name: never the newest run, which may be another's.
//!
//! It knows lists of runs. It must never know what is done with the one that is found.

use crate::answer::Said;
use crate::api::Ask;
use crate::github::Shared;
use crate::runs::{PAGE, Run, Runs, runs_path};
use spell_cast::Workflow;
use std::time::{Duration, Instant, SystemTime};
use tokio::time::sleep;

/// Pages of runs that are looked at.
const PAGES_MAX: usize = 10;
/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What was found.
pub(crate) enum Found {
    /// The runs of the cast, the oldest first: one, unless it was dispatched twice.
    Runs(Vec<Run>),
    /// None, as GitHub says.
    None,
    /// GitHub does not say.
    Unsure,
}

impl Shared {
    /// Looks for the runs of a cast until there is one, or for so long.
    pub(crate) async fn find(&self, workflow: &Workflow, cast_id: &str, within: Duration) -> Found {
        let began = Instant::now();
        loop {
            let left = within.saturating_sub(began.elapsed());
            let (found, wait) = self.look(workflow, cast_id, left).await;
            if matches!(found, Found::Runs(_)) {
                return found;
            }
            let wait = wait.max(LOOK_INTERVAL.min(self.polling.interval));
            if began.elapsed().saturating_add(wait) >= within {
                return found;
            }
            sleep(wait).await;
        }
    }

    /// Looks once, and tells how long to wait before the next look.
    async fn look(&self, workflow: &Workflow, cast_id: &str, within: Duration) -> (Found, Duration) {
        let mut found = Vec::new();
        for page in 1..=PAGES_MAX {
            let path = runs_path(workflow, SystemTime::now(), page);
            let runs = match self.api.ask(Ask::get(&path), within).await {
                Said::Done(response) => serde_json::from_slice::<Runs>(response.body()),
                Said::Limited(wait) => return (Found::Unsure, wait),
                _ => return (Found::Unsure, Duration::ZERO),
            };
            let Ok(Runs { workflow_runs }) = runs else { return (Found::Unsure, Duration::ZERO) };
            let is_last = workflow_runs.len() < PAGE;
            found.extend(workflow_runs.into_iter().filter(|run| run.is_of(cast_id)));
            if is_last || !found.is_empty() {
                break;
            }
        }
        found.sort_by_key(|run| run.id);
        (if found.is_empty() { Found::None } else { Found::Runs(found) }, Duration::ZERO)
    }
}
