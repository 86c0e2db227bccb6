//! Attempts at a cast: on the engine that was chosen, and on the other one if that fails in a way that another could cure.
//!
//! It knows what each attempt costs, and what is noted of it. It must never know how an engine executes.

use crate::Platform;
use crate::caster::cancelled;
use crate::engines::{EngineChoice, FallbackOn, Plan, handed};
use crate::ledger::{CastRecord, Failed, FailedKind, LedgerError};
use crate::reach::Reach;
use crate::registry::{Module, RegistryError};
use crate::runner::Executed;
use crate::running::Place;
use crate::witness::Witness;
use crate::workflows::{Dispatched, Followed, Workflow, WorkflowRun, Workflows};
use spell_types::{Content, Limits, Usage};
use std::sync::Arc;
use std::time::Instant;

/// How a program is executed in this host.
pub(crate) struct Here<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) reach: &'a Reach,
    pub(crate) witness: Arc<Witness>,
}

/// What came of a cast.
pub(crate) enum Attempted {
    /// It ended.
    Ended { executed: Executed, cost_cents: u64 },
    /// Nobody can say how.
    Unknown,
}

impl Platform {
    /// Executes a cast, also on the other engine if the first one fails in a way that another could cure. The record says what executes.
    pub(crate) async fn execute(&self, record: &mut CastRecord, place: &Place, plan: Plan, input: Content, how: &Here<'_>) -> Attempted {
        let limits = how.limits;
        let Some(module) = plan.module else {
            let Some((workflows, workflow)) = &plan.workflow else { return no_engine() };
            return self.execute_there(record, place, &**workflows, workflow, &input, limits).await;
        };
        // Bytes are shared, not copied.
        let here = self.execute_here(place, module, input.clone(), how).await;
        let (Attempted::Ended { executed, cost_cents }, Some((workflows, workflow))) = (&here, &plan.workflow) else { return here };
        let Some(failure) = executed.result.as_ref().err().and_then(FallbackOn::of) else { return here };
        if !plan.fallback_on.contains(&failure) {
            return here;
        }
        // What no workflow can be handed stays what it is: the failure of this host.
        if workflows.takes(&handed(&record.id, &record.spell_key, &input, workflow, limits)).is_err() {
            return here;
        }
        let before = record.clone();
        record.engine = EngineChoice::GithubActions;
        record.engine_reason = format!("Hybrid mode fell back to GitHub Actions: WASM execution failed with {}", failure.name());
        record.run = Some(WorkflowRun { workflow: workflow.clone(), id: None, url: None });
        if self.note(record).await.is_err() {
            // What cannot be recorded does not begin.
            *record = before;
            return here;
        }
        let there = self.execute_there(record, place, &**workflows, workflow, &input, limits).await;
        there.after(executed.usage, *cost_cents)
    }

    async fn execute_here(&self, place: &Place, module: Module, input: Content, how: &Here<'_>) -> Attempted {
        let began = Instant::now();
        let executed = tokio::select! {
            executed = self.runner.run(module.component, input, how.limits, how.reach, &how.witness) => executed,
            () = place.cancelled() => cancelled(began),
        };
        let cost_cents = self.cost_here(&executed.result, &executed.usage);
        Attempted::Ended { executed, cost_cents }
    }

    /// What an execution in this host costs.
    pub(crate) fn cost_here(&self, result: &Result<Content, Failed>, usage: &Usage) -> u64 {
        if is_ours(result) { 0 } else { self.prices.wasm_cents(usage) }
    }

    async fn execute_there(
        &self,
        record: &mut CastRecord,
        place: &Place,
        workflows: &dyn Workflows,
        workflow: &Workflow,
        input: &Content,
        limits: &Limits,
    ) -> Attempted {
        let (id, key, began) = (record.id.clone(), record.spell_key.clone(), Instant::now());
        let cast = handed(&id, &key, input, workflow, limits);
        let dispatched = tokio::select! {
            dispatched = workflows.dispatch(cast) => dispatched,
            () = place.cancelled() => return self.charged(cancelled(began)),
        };
        let run = match dispatched {
            Dispatched::Run(run) => run,
            Dispatched::Not(failed) => {
                let executed = Executed { result: Err(failed), usage: Usage { wall: began.elapsed(), ..Usage::default() } };
                return Attempted::Ended { executed, cost_cents: 0 };
            }
            Dispatched::Unknown => return Attempted::Unknown,
        };
        record.run = Some(run.clone());
        // So that people find the run, whatever becomes of this host. It is followed in any case.
        let _ = self.note(record).await;
        tokio::select! {
            followed = workflows.follow(&run, cast) => match followed {
                Followed::Ended { result, usage } => self.charged(Executed { result, usage }),
                Followed::Unknown => Attempted::Unknown,
            },
            () = place.cancelled() => self.charged(cancelled(began)),
        }
    }

    fn charged(&self, executed: Executed) -> Attempted {
        let cost_cents = if is_ours(&executed.result) { 0 } else { self.prices.github_cents(executed.usage.wall) };
        Attempted::Ended { executed, cost_cents }
    }

    async fn note(&self, record: &CastRecord) -> Result<(), LedgerError> {
        self.ledger.note_engine(&record.id, record.engine, &record.engine_reason, record.run.as_ref()).await
    }
}

impl Attempted {
    /// The same after an attempt that used and cost something as well.
    fn after(self, used: Usage, cost_cents_before: u64) -> Self {
        let Attempted::Ended { executed: Executed { result, usage }, cost_cents } = self else { return self };
        let usage = Usage {
            wall: used.wall.saturating_add(usage.wall),
            cpu: used.cpu.saturating_add(usage.cpu),
            fuel: used.fuel.saturating_add(usage.fuel),
            memory_bytes_peak: used.memory_bytes_peak.max(usage.memory_bytes_peak),
            bytes_in: used.bytes_in.saturating_add(usage.bytes_in),
            bytes_out: used.bytes_out.saturating_add(usage.bytes_out),
        };
        Attempted::Ended { executed: Executed { result, usage }, cost_cents: cost_cents_before.saturating_add(cost_cents) }
    }
}

/// What the host did wrong costs nothing.
fn is_ours(result: &Result<Content, Failed>) -> bool {
    matches!(result, Err(failed) if failed.kind.is_of_host())
}

/// A plan has a program or a workflow.
fn no_engine() -> Attempted {
    let failed = Failed { kind: FailedKind::Host, code: "host".to_owned(), message: RegistryError::NoModule.to_string() };
    Attempted::Ended { executed: Executed { result: Err(failed), usage: Usage::default() }, cost_cents: 0 }
}
