//! Which refusal each error of the platform is.
//!
//! It knows errors and the catalogue. It must never know routes.

use crate::platform::problem::{Problem, Refusal};
use serde_json::{Value, json};
use spell_cast::{
    AdapterError, BudgetError, CastError, KeyError, KeyRingError, LedgerError, Mismatch, Mismatches, OverBudget, QuotaExceeded,
    RegistryError, SpellError, UploadError, WebhookError, WebhookFailure, WorkflowRefused,
};

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let refusal = match error {
            RegistryError::Quota(exceeded) => return exceeded.into(),
            RegistryError::NoSpell => Refusal::SpellNotFound,
            RegistryError::NoModule => Refusal::ModuleNotFound,
            RegistryError::KeyTaken(_) => Refusal::SpellKeyTaken,
            RegistryError::VersionTaken(_) => Refusal::VersionTaken,
            RegistryError::Active(_) => Refusal::VersionActive,
            RegistryError::Corrupt(_) => Refusal::ModuleCorrupt,
            RegistryError::Full => Refusal::StorageFull,
            RegistryError::Unavailable => Refusal::Unavailable,
        };
        Problem::new(refusal, error)
    }
}

impl From<SpellError> for Problem {
    fn from(error: SpellError) -> Self {
        match error {
            SpellError::Registry(error) => error.into(),
            SpellError::Ceiling(_) => Problem::new(Refusal::CeilingExceeded, error),
            SpellError::Workflow(error) => error.into(),
            SpellError::NoRandomness(_) => Problem::new(Refusal::HostFailed, error),
            SpellError::Reach(_) => Problem::new(Refusal::ReachRefused, error),
            SpellError::Schema { .. } => Problem::new(Refusal::SchemaRefused, error),
            SpellError::Schemas => Problem::new(Refusal::HostFailed, error),
        }
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Registry(error) => error.into(),
            UploadError::TooLarge { .. } => Problem::new(Refusal::ProgramTooLarge, error),
            UploadError::Program(_) | UploadError::Compile(_) => Problem::new(Refusal::ProgramRefused, error),
            UploadError::Busy(_) => Problem::new(Refusal::Unavailable, error),
            UploadError::Adapter(_) | UploadError::NoRandomness(_) => Problem::new(Refusal::HostFailed, error),
        }
    }
}

impl From<AdapterError> for Problem {
    fn from(error: AdapterError) -> Self {
        let refusal = match error {
            AdapterError::Refused(_) => Refusal::ProgramRefused,
            AdapterError::Busy(_) => Refusal::Unavailable,
            AdapterError::Failed(_) => Refusal::HostFailed,
        };
        Problem::new(refusal, error)
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let refusal = match error {
            LedgerError::Full => Refusal::StorageFull,
            LedgerError::Unavailable => Refusal::Unavailable,
        };
        Problem::new(refusal, error)
    }
}

impl From<KeyRingError> for Problem {
    fn from(error: KeyRingError) -> Self {
        match error {
            KeyRingError::Quota(exceeded) => exceeded.into(),
            KeyRingError::Unavailable => Problem::new(Refusal::Unavailable, error),
        }
    }
}

impl From<QuotaExceeded> for Problem {
    fn from(exceeded: QuotaExceeded) -> Self {
        let problem = Problem::new(Refusal::QuotaExceeded, exceeded);
        problem.with("quota", exceeded.quota.name()).with("limit", exceeded.limit)
    }
}

impl From<BudgetError> for Problem {
    fn from(error: BudgetError) -> Self {
        match error {
            BudgetError::Ledger(error) => error.into(),
            BudgetError::AboveOperator { cap_cents } => Problem::new(Refusal::CeilingExceeded, error).with("cap_cents", cap_cents),
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::KeyRing(error) => error.into(),
            KeyError::NoRandomness(_) => Problem::new(Refusal::HostFailed, error),
        }
    }
}

impl From<CastError> for Problem {
    fn from(error: CastError) -> Self {
        let detail = error.to_string();
        let problem = |refusal| Problem::new(refusal, detail);
        match error {
            CastError::Registry(error) => error.into(),
            CastError::Ledger(error) => error.into(),
            CastError::NotActive => problem(Refusal::SpellNotActive),
            CastError::InputTooLarge { .. } => problem(Refusal::InputTooLarge),
            CastError::InputInvalid(mismatches) => problem(Refusal::InputInvalid).with("errors", errors(&mismatches)),
            CastError::Ceiling(_) => problem(Refusal::CeilingExceeded),
            CastError::AnswersHttp { spell_key, .. } => problem(Refusal::SpellAnswersHttp).with("path", format!("/s/{spell_key}/")),
            CastError::OtherRequest => problem(Refusal::IdempotencyKeyReused),
            CastError::InFlight { cast_id } => problem(Refusal::CastInFlight).with("cast_id", cast_id),
            CastError::Indeterminate { cast_id } => problem(Refusal::CastIndeterminate).with("cast_id", cast_id).with("retryable", false),
            CastError::NoRandomness(_) => problem(Refusal::HostFailed),
            CastError::Workflow(error) => error.into(),
            CastError::Ended => problem(Refusal::Unavailable),
            CastError::OverBudget { over, retry_after } => {
                let OverBudget { spent_cents, reserved_cents, cap_cents, cost_cents_max } = over;
                let problem = problem(Refusal::BudgetExceeded).with("spent_cents", spent_cents).with("reserved_cents", reserved_cents);
                problem.with("cap_cents", cap_cents).with("cost_cents_max", cost_cents_max).after(retry_after)
            }
            CastError::TooMany { exceeded, retry_after } => {
                let problem = problem(Refusal::TooManyCasts).with("quota", exceeded.quota.name());
                problem.with("limit", exceeded.limit).after(retry_after)
            }
        }
    }
}

/// What does not match, as RFC 9457 (3.1) has it: where in the request, and why.
fn errors(mismatches: &Mismatches) -> Value {
    let error = |Mismatch { at, reason }: &Mismatch| json!({ "pointer": format!("#/input{at}"), "detail": reason });
    mismatches.0.iter().map(error).collect()
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        let refusal = match error {
            WebhookError::TooMany => Refusal::WebhooksTooMany,
            WebhookError::TooManyWaiting | WebhookError::Unavailable => Refusal::Unavailable,
            WebhookError::Full => Refusal::StorageFull,
            WebhookError::NoRandomness(_) => Refusal::HostFailed,
        };
        Problem::new(refusal, error)
    }
}

impl From<WebhookFailure> for Problem {
    fn from(error: WebhookFailure) -> Self {
        match error {
            WebhookFailure::Webhook(error) => error.into(),
            WebhookFailure::NotFound => Problem::new(Refusal::WebhookNotFound, error),
            WebhookFailure::Url(_) => Problem::new(Refusal::Invalid, error),
            WebhookFailure::NotActive => Problem::new(Refusal::WebhookNotActive, error),
            WebhookFailure::NoRandomness(_) => Problem::new(Refusal::HostFailed, error),
        }
    }
}

impl From<WorkflowRefused> for Problem {
    fn from(error: WorkflowRefused) -> Self {
        let refusal = match error {
            WorkflowRefused::NotSetUp => Refusal::GithubNotSetUp,
            WorkflowRefused::Repository(_) => Refusal::RepositoryNotAllowed,
            WorkflowRefused::InputTooLarge { .. } => Refusal::InputTooLarge,
            WorkflowRefused::NoWorkflow(_) | WorkflowRefused::NotAWorkflow(_) | WorkflowRefused::NoVersions | WorkflowRefused::NotText => {
                Refusal::Invalid
            }
        };
        Problem::new(refusal, error)
    }
}
