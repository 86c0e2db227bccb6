//! Engines, workflows and their runs, as they stand in requests and answers.
//!
//! It knows forms. It must never know what the operator allows.

use crate::platform::problem::{Problem, Refusal};
use serde::{Deserialize, Serialize};
use spell_cast::{EngineChoice, FallbackOn, Workflow, WorkflowRun};
use utoipa::ToSchema;

/// Where a workflow is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(as = Workflow)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowWire {
    repository: String,
    file: String,
    #[serde(rename = "ref")]
    reference: String,
}

impl WorkflowWire {
    pub(crate) fn shown(workflow: &Workflow) -> Self {
        let Workflow { repository, file, reference } = workflow.clone();
        Self { repository, file, reference }
    }

    pub(crate) fn read(self) -> Workflow {
        Workflow { repository: self.repository, file: self.file, reference: self.reference }
    }
}

/// The run of a workflow.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkflowRun)]
pub(crate) struct RunShown<'a> {
    #[serde(flatten)]
    workflow: WorkflowWire,
    id: Option<u64>,
    url: Option<&'a str>,
}

impl<'a> RunShown<'a> {
    pub(crate) fn of(run: &'a WorkflowRun) -> Self {
        Self { workflow: WorkflowWire::shown(&run.workflow), id: run.id, url: run.url.as_deref() }
    }
}

/// The engine of this name.
pub(crate) fn engine(name: &str) -> Result<EngineChoice, Problem> {
    let known = || EngineChoice::ALL.map(|(_, name)| name).join(", ");
    let unknown = || Problem::new(Refusal::Invalid, format!("executionEngine must be one of: {}", known()));
    EngineChoice::from_name(name).ok_or_else(unknown)
}

/// The failures of these names, each once, in the order of the documentation.
pub(crate) fn fallback_on(names: &[String]) -> Result<Vec<FallbackOn>, Problem> {
    let known = || FallbackOn::ALL.map(|(_, name)| name).join(", ");
    if names.iter().any(|name| FallbackOn::from_name(name).is_none()) {
        return Err(Problem::new(Refusal::Invalid, format!("fallbackOn must be a list of these: {}", known())));
    }
    let named = FallbackOn::ALL.into_iter().filter(|(_, name)| names.iter().any(|known| known == name));
    Ok(named.map(|(failure, _)| failure).collect())
}

/// Names of failures.
pub(crate) fn names(failures: &[FallbackOn]) -> Vec<&'static str> {
    failures.iter().map(|failure| failure.name()).collect()
}
