//! What makes programs components, as the pipeline sees it.
//!
//! It knows what goes in and what comes out. It must never know how a program is adapted, or in which process.

use bytes::Bytes;
use spell_adapt::{Abi, AdaptError, App, Choice};
use spell_types::BoxFuture;

/// A component that a program was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptedProgram {
    /// How the program wants to be called.
    pub abi: Abi,
    /// The component.
    pub component: Bytes,
}

/// Why no component is made of a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdapterError {
    /// It does not go, or not within the bounds of uploads.
    #[error("{0}")]
    Refused(String),
    /// It does not go now: the same program may do in a moment.
    #[error("{0}")]
    Busy(String),
    /// The host failed.
    #[error("{0}")]
    Failed(String),
}

/// Makes programs components. The same bytes always become the same.
pub trait Adapter: Send + Sync {
    /// Makes a program a component that is cast, or answers HTTP.
    fn adapt<'a>(&'a self, program: Bytes) -> BoxFuture<'a, Result<AdaptedProgram, AdapterError>>;

    /// Makes such a component an app of this name and version, whose component answers HTTP.
    fn app<'a>(&'a self, component: Bytes, name: String, version: String) -> BoxFuture<'a, Result<App, AdapterError>>;
}

/// Makes programs components in this very process, without bounds: only for those that are trusted.
#[derive(Debug, Clone, Copy)]
pub struct AdaptHere;

impl Adapter for AdaptHere {
    fn adapt<'a>(&'a self, program: Bytes) -> BoxFuture<'a, Result<AdaptedProgram, AdapterError>> {
        let adapt = move || {
            let adapted = spell_adapt::adapt(&program, &Choice::default())?;
            Ok(AdaptedProgram { abi: adapted.recognised.abi, component: adapted.wasm.into() })
        };
        Box::pin(aside(adapt))
    }

    fn app<'a>(&'a self, component: Bytes, name: String, version: String) -> BoxFuture<'a, Result<App, AdapterError>> {
        Box::pin(aside(move || spell_adapt::app(&component, &name, &version)))
    }
}

/// Does what takes its time where nobody waits for the thread.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, AdaptError> + Send + 'static) -> Result<T, AdapterError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| AdapterError::Failed(error.to_string()))?;
    done.map_err(|error| AdapterError::Refused(error.to_string()))
}
