//! Workflows that cast in this host's place, as the pipeline sees them.
//!
//! It knows what a workflow is handed and how it may end. It must never know whose API that is, or how one asks it.

use crate::ledger::Failed;
use spell_types::{BoxFuture, Content, SpellKey, Usage};
use std::time::{Duration, Instant};

/// Where a workflow is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// The repository, as `owner/name`.
    pub repository: String,
    /// The file in its directory of workflows.
    pub file: String,
    /// The branch or tag.
    pub reference: String,
}

/// A workflow that casts, and its run, as soon as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    /// What runs.
    pub workflow: Workflow,
    /// The run's number there.
    pub id: Option<u64>,
    /// A page about it for people.
    pub url: Option<String>,
}

/// A cast that a workflow is to make.
#[derive(Debug, Clone, Copy)]
pub struct WorkflowCast<'a> {
    /// What it is called: also the run is found by it.
    pub cast_id: &'a str,
    /// What its spell is called.
    pub spell_key: &'a SpellKey,
    /// With what.
    pub input: &'a Content,
    /// Where the workflow is.
    pub workflow: &'a Workflow,
    /// Bytes of its answer at most.
    pub output_bytes_max: u64,
    /// When it has to have ended.
    pub deadline: Instant,
    /// How long that is from its beginning.
    pub time_max: Duration,
}

/// Why no workflow can make a cast. Nothing was asked of anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkflowRefused {
    /// The operator has set nothing up.
    #[error("this host casts nothing on GitHub: its operator has to write the table `[github]` in spell.toml")]
    NotSetUp,
    /// The spell names no workflow.
    #[error("executionEngine `{0}` needs a workflow: {{\"repository\": \"owner/name\", \"file\": \"spell.yml\", \"ref\": \"main\"}}")]
    NoWorkflow(&'static str),
    /// It is in a repository that the operator does not name.
    #[error("the operator does not let spells use workflows of {0}: ask for it in `github.repositories`")]
    Repository(String),
    /// It cannot be one.
    #[error("workflow: {0}")]
    NotAWorkflow(&'static str),
    /// A workflow runs, not a program.
    #[error("the spell is a workflow and has no versions: leave the version out")]
    NoVersions,
    /// It is handed text.
    #[error("a workflow is handed text, and the input is not UTF-8")]
    NotText,
    /// It is handed less.
    #[error("the inputs of a workflow have at most {characters_max} characters in all, and these have {characters}: hand over a link")]
    InputTooLarge {
        /// How many they are, as JSON.
        characters: usize,
        /// How many they may be.
        characters_max: usize,
    },
}

/// What came of asking for a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Dispatched {
    /// There is one.
    Run(WorkflowRun),
    /// There is none.
    Not(Failed),
    /// Nobody can say whether there is one.
    Unknown,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// It has ended.
    Ended {
        /// The answer, or why there is none.
        result: Result<Content, Failed>,
        /// What it used.
        usage: Usage,
    },
    /// Nobody can say how it ended.
    Unknown,
}

/// What somebody says of runs, on a webhook. It is not believed: whoever follows the run asks.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    /// What it is about.
    pub event: &'a str,
    /// Its name, another one each time.
    pub id: &'a str,
    /// What proves who says it.
    pub signature: &'a str,
    /// What is said.
    pub body: &'a [u8],
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nobody listens here.
    NotSetUp,
    /// It is not from who it should be from.
    Forged,
    /// It was here before, and does nothing this time.
    Replayed,
    /// It was taken.
    Taken,
}

/// Makes casts as runs of workflows. Dropping what it is doing cancels the run.
pub trait Workflows: Send + Sync {
    /// Whether a spell may use this workflow.
    fn allows(&self, workflow: &Workflow) -> Result<(), WorkflowRefused>;

    /// Whether a workflow can be handed this.
    fn takes(&self, cast: &WorkflowCast<'_>) -> Result<(), WorkflowRefused>;

    /// Has a run begin, once.
    fn dispatch<'a>(&'a self, cast: WorkflowCast<'a>) -> BoxFuture<'a, Dispatched>;

    /// Waits for the end of a run, and takes its answer.
    fn follow<'a>(&'a self, run: &'a WorkflowRun, cast: WorkflowCast<'a>) -> BoxFuture<'a, Followed>;

    /// Hears what a webhook says.
    fn hear(&self, delivery: Notice<'_>) -> Heard;
}
