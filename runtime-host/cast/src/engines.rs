//! What executes a cast: this host, a workflow, or one after the other.
//!
//! It knows which engine comes first, and which failures another engine could cure. It must never know how an engine executes.

use crate::Platform;
use crate::caster::CastError;
use crate::ledger::{Failed, FailedKind};
use crate::registry::{Module, RegistryError, Spell};
use crate::workflows::{Workflow, WorkflowCast, WorkflowRefused, WorkflowRun, Workflows};
use semver::Version;
use spell_types::{Content, Limit, Limits, SpellKey};
use std::sync::Arc;
use std::time::Instant;

/// What executes a spell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// This host.
    #[default]
    Wasm,
    /// A workflow of GitHub.
    GithubActions,
    /// This host, and where that fails a workflow.
    Hybrid,
}

impl EngineChoice {
    /// Every choice with its name in requests and records.
    pub const ALL: [(EngineChoice, &'static str); 3] =
        [(EngineChoice::Wasm, "wasm"), (EngineChoice::GithubActions, "github_actions"), (EngineChoice::Hybrid, "hybrid")];

    /// Its name in requests and records.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(choice, _)| *choice == self).map_or("wasm", |(_, name)| name)
    }

    /// The engine of this name.
    pub fn from_name(name: &str) -> Option<EngineChoice> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(choice, _)| *choice)
    }
}

/// A failure here after which a workflow casts instead: never what the program says itself, and never that somebody cancelled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackOn {
    /// There was no place to run.
    Busy,
    /// The host failed.
    Host,
    /// The program broke.
    Trapped,
    /// It took too long.
    TimedOut,
    /// It asked for more memory than it may have.
    Memory,
    /// It computed more than it may.
    Fuel,
}

impl FallbackOn {
    /// Every failure with its name in requests.
    pub const ALL: [(FallbackOn, &'static str); 6] = [
        (FallbackOn::Busy, "busy"),
        (FallbackOn::Host, "host"),
        (FallbackOn::Trapped, "trapped"),
        (FallbackOn::TimedOut, "timed-out"),
        (FallbackOn::Memory, "memory"),
        (FallbackOn::Fuel, "fuel"),
    ];

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("host", |(_, name)| name)
    }

    /// The failure of this name.
    pub fn from_name(name: &str) -> Option<FallbackOn> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(failure, _)| *failure)
    }

    /// What a failure is, if a workflow could do better.
    pub(crate) fn of(failed: &Failed) -> Option<FallbackOn> {
        match failed.kind {
            FailedKind::Busy => Some(FallbackOn::Busy),
            // A program that was damaged on this disk is whole elsewhere.
            FailedKind::Host | FailedKind::Corrupt => Some(FallbackOn::Host),
            FailedKind::Trapped => Some(FallbackOn::Trapped),
            FailedKind::TimedOut => Some(FallbackOn::TimedOut),
            FailedKind::Limit if failed.code == Limit::Memory.key() => Some(FallbackOn::Memory),
            FailedKind::Limit if failed.code == Limit::Fuel.key() => Some(FallbackOn::Fuel),
            FailedKind::Limit | FailedKind::Refused | FailedKind::OutputInvalid | FailedKind::Cancelled | FailedKind::Full => None,
        }
    }
}

/// Why the engine of a spell is the one it is, as the API has said it from its beginning.
pub const CONFIGURED_FOR_WASM: &str = "Spell configured for WASM execution";
const CONFIGURED_FOR_GITHUB: &str = "Spell configured for GitHub Actions execution";
const HYBRID_WITH_MODULE: &str = "Hybrid mode with WASM module available";
const HYBRID_WITHOUT_MODULE: &str = "Hybrid mode but no WASM module available";

/// What is going to execute a cast.
pub(crate) struct Plan {
    /// The program, if this host executes one.
    pub(crate) module: Option<Module>,
    /// The workflow, if one executes, now or after a failure here.
    pub(crate) workflow: Option<(Arc<dyn Workflows>, Workflow)>,
    /// After which failures here it does.
    pub(crate) fallback_on: Vec<FallbackOn>,
    /// Why, in the words of the API.
    pub(crate) reason: &'static str,
}

impl Plan {
    /// This host alone, whatever else the spell could be cast by.
    pub(crate) fn here(module: Module) -> Plan {
        Plan { module: Some(module), workflow: None, fallback_on: Vec::new(), reason: CONFIGURED_FOR_WASM }
    }

    /// What may execute it, in order.
    pub(crate) fn engines(&self) -> Vec<EngineChoice> {
        let here = self.module.is_some().then_some(EngineChoice::Wasm);
        here.into_iter().chain(self.workflow.is_some().then_some(EngineChoice::GithubActions)).collect()
    }

    /// What executes first.
    pub(crate) fn engine(&self) -> EngineChoice {
        if self.module.is_some() { EngineChoice::Wasm } else { EngineChoice::GithubActions }
    }

    /// The run that the cast becomes at once.
    pub(crate) fn first_run(&self) -> Option<WorkflowRun> {
        let workflow = self.workflow.as_ref().filter(|_| self.module.is_none());
        workflow.map(|(_, workflow)| WorkflowRun { workflow: workflow.clone(), id: None, url: None })
    }
}

impl Platform {
    /// Refuses what a spell asks of workflows, if the operator does.
    pub(crate) fn allows(&self, spell: &Spell) -> Result<(), WorkflowRefused> {
        match &spell.about.workflow {
            Some(workflow) => self.workflows()?.allows(workflow),
            None if spell.about.engine == EngineChoice::Wasm => Ok(()),
            None => self.workflows().and(Err(WorkflowRefused::NoWorkflow(spell.about.engine.name()))),
        }
    }

    /// Whether a workflow can be handed what is to be cast, if one comes first.
    pub(crate) fn hands_over(&self, plan: &Plan, key: &SpellKey, input: &Content, limits: &Limits) -> Result<(), WorkflowRefused> {
        let Some((workflows, workflow)) = plan.workflow.as_ref().filter(|_| plan.module.is_none()) else { return Ok(()) };
        // Every id has as many characters as this one.
        workflows.takes(&handed(&"-".repeat(CAST_ID_CHARACTERS), key, input, workflow, limits))
    }

    /// Which engine comes first, and which after it.
    pub(crate) fn plan(&self, spell: &Spell, module: Option<Module>, version: Option<&Version>) -> Result<Plan, CastError> {
        let about = &spell.about;
        let module = match about.engine {
            EngineChoice::GithubActions if version.is_some() => return Err(WorkflowRefused::NoVersions.into()),
            EngineChoice::GithubActions => None,
            EngineChoice::Hybrid if version.is_none() && spell.active.is_none() => None,
            EngineChoice::Wasm | EngineChoice::Hybrid => Some(module.ok_or(RegistryError::NoModule)?),
        };
        if about.engine == EngineChoice::Wasm {
            return Ok(Plan { module, workflow: None, fallback_on: Vec::new(), reason: CONFIGURED_FOR_WASM });
        }
        self.allows(spell)?;
        let workflow = about.workflow.clone().ok_or(WorkflowRefused::NoWorkflow(about.engine.name()))?;
        let reason = match (about.engine, &module) {
            (EngineChoice::Hybrid, Some(_)) => HYBRID_WITH_MODULE,
            (EngineChoice::Hybrid, None) => HYBRID_WITHOUT_MODULE,
            _ => CONFIGURED_FOR_GITHUB,
        };
        let fallback_on = about.fallback_on.clone().unwrap_or_else(|| FallbackOn::ALL.map(|(failure, _)| failure).to_vec());
        Ok(Plan { module, workflow: Some((self.workflows()?.clone(), workflow)), fallback_on, reason })
    }

    fn workflows(&self) -> Result<&Arc<dyn Workflows>, WorkflowRefused> {
        self.github.as_ref().ok_or(WorkflowRefused::NotSetUp)
    }
}

/// `cast_`, and what `new_id` puts behind it.
const CAST_ID_CHARACTERS: usize = 5 + 12 + 20;

/// A cast as a workflow gets it. Its time begins now.
pub(crate) fn handed<'a>(
    cast_id: &'a str,
    spell_key: &'a SpellKey,
    input: &'a Content,
    workflow: &'a Workflow,
    limits: &Limits,
) -> WorkflowCast<'a> {
    let time_max = limits.time();
    let now = Instant::now();
    let deadline = now.checked_add(time_max).unwrap_or(now);
    WorkflowCast { cast_id, spell_key, input, workflow, output_bytes_max: limits.get(Limit::Response), deadline, time_max }
}
