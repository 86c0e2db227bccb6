//! Which refusal each error of the platform is.
//!
//! It knows errors and the catalogue. It must never know routes.

use crate::platform::problem::{Problem, Refusal};
use spell_cast::{AdapterError, CastError, KeyError, KeyRingError, LedgerError, RegistryError, SpellError, UploadError};

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        let refusal = match error {
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
            SpellError::NoRandomness(_) => Problem::new(Refusal::HostFailed, error),
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
        Problem::new(Refusal::Unavailable, error)
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
            CastError::Ceiling(_) => problem(Refusal::CeilingExceeded),
            CastError::AnswersHttp { spell_key, .. } => problem(Refusal::SpellAnswersHttp).with("path", format!("/s/{spell_key}/")),
            CastError::RecordsBehind => problem(Refusal::Unavailable),
            CastError::OtherRequest => problem(Refusal::IdempotencyKeyReused),
            CastError::InFlight { cast_id } => problem(Refusal::CastInFlight).with("cast_id", cast_id),
            CastError::Indeterminate { cast_id } => problem(Refusal::CastIndeterminate).with("cast_id", cast_id).with("retryable", false),
            CastError::NoRandomness(_) => problem(Refusal::HostFailed),
            CastError::Ended => problem(Refusal::Unavailable),
        }
    }
}
