//! Runs of workflows as GitHub's API tells of them. It knows forms and paths; it must never know what becomes of a run.

use serde::Deserialize;
use serde_json::{Value, json};
use spell_cast::{Workflow, WorkflowCast};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Runs of a page of a list.
pub(crate) const PAGE: usize = 100;
/// How far back runs are looked for, for clocks that differ.
const SINCE: Duration = Duration::from_secs(60 * 60);

/// What is known of a run.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    display_title: Option<String>,
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) conclusion: Option<String>,
    #[serde(default)]
    pub(crate) html_url: Option<String>,
    #[serde(default)]
    run_started_at: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

impl Run {
    /// Whether it is the run of a cast. Ids are random, so whoever has one in its name was told it.
    pub(crate) fn is_of(&self, cast_id: &str) -> bool {
        [&self.display_title, &self.name].into_iter().flatten().any(|name| name.split_whitespace().any(|word| word == cast_id))
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.status.as_deref() == Some("completed")
    }

    /// How long it took, if it has ended.
    pub(crate) fn time(&self) -> Option<Duration> {
        let at = |text: &Option<String>| OffsetDateTime::parse(text.as_deref()?, &Rfc3339).ok();
        Duration::try_from(at(&self.updated_at)? - at(&self.run_started_at)?).ok()
    }
}

/// A page of a list of runs.
#[derive(Debug, Deserialize)]
pub(crate) struct Runs {
    pub(crate) workflow_runs: Vec<Run>,
}

/// What tells of the run that was dispatched.
#[derive(Debug, Deserialize)]
pub(crate) struct Details {
    pub(crate) workflow_run_id: u64,
    #[serde(default)]
    pub(crate) html_url: Option<String>,
}

/// What is dispatched. The details of the run are asked for where the server knows how to tell them.
pub(crate) fn dispatch(cast: &WorkflowCast<'_>, input: &str, asks_details: bool) -> Value {
    let mut body = json!({ "ref": cast.workflow.reference, "inputs": inputs(cast, input) });
    if asks_details {
        body["return_run_details"] = Value::Bool(true);
    }
    body
}

/// What a workflow is handed.
pub(crate) fn inputs(cast: &WorkflowCast<'_>, input: &str) -> Value {
    json!({ "cast_id": cast.cast_id, "spell_key": cast.spell_key.as_str(), "input": input })
}

pub(crate) fn dispatches_path(workflow: &Workflow) -> String {
    format!("/repos/{}/actions/workflows/{}/dispatches", workflow.repository, workflow.file)
}

/// A page of the runs of a workflow that were dispatched a while ago, or later, the newest first.
pub(crate) fn runs_path(workflow: &Workflow, now: SystemTime, page: usize) -> String {
    let since = OffsetDateTime::from(now.checked_sub(SINCE).unwrap_or(now));
    // Whole seconds; a moment that cannot be written asks for all.
    let since = since.replace_nanosecond(0).ok().and_then(|since| since.format(&Rfc3339).ok());
    let created = since.map(|since| format!("&created=%3E%3D{}", since.replace(':', "%3A").replace('+', "%2B"))).unwrap_or_default();
    let Workflow { repository, file, .. } = workflow;
    format!("/repos/{repository}/actions/workflows/{file}/runs?event=workflow_dispatch&per_page={PAGE}&page={page}{created}")
}

pub(crate) fn run_path(repository: &str, id: u64) -> String {
    format!("/repos/{repository}/actions/runs/{id}")
}

pub(crate) fn cancel_path(repository: &str, id: u64) -> String {
    format!("/repos/{repository}/actions/runs/{id}/cancel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_that_of_a_cast_if_its_name_has_the_id_as_a_word() {
        for (title, expected) in [("cast_1", true), ("Cast a spell: cast_1", true), ("cast_12", false), ("", false)] {
            let run: Run = serde_json::from_value(json!({ "id": 1, "name": "Spell", "display_title": title })).unwrap();
            assert_eq!(run.is_of("cast_1"), expected, "{title}");
        }
    }

    #[test]
    fn a_run_took_from_its_start_to_its_last_change() {
        let run = |started: &str, updated: &str| {
            let run: Run = serde_json::from_value(json!({ "id": 1, "run_started_at": started, "updated_at": updated })).unwrap();
            run.time()
        };
        assert_eq!(run("2026-01-01T00:00:00Z", "2026-01-01T00:01:05Z"), Some(Duration::from_secs(65)));
        assert_eq!(run("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"), None);
        assert_eq!(run("yesterday", "today"), None);
    }

    #[test]
    fn runs_are_looked_for_from_an_hour_ago_on() {
        let workflow = Workflow { repository: "acme/spells".into(), file: "spell.yml".into(), reference: "main".into() };
        let path = runs_path(&workflow, SystemTime::UNIX_EPOCH + Duration::from_millis(7_200_500), 2);
        assert!(
            path.ends_with("/spell.yml/runs?event=workflow_dispatch&per_page=100&page=2&created=%3E%3D1970-01-01T01%3A00%3A00Z"),
            "{path}"
        );
    }
}
