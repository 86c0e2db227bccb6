//! Adapting in a child: how the host calls itself to have a stranger's program made a component, and what it does when it is called so.
//!
//! It knows the pipe between the two. It must never know how a program is adapted.

use crate::args::{ADAPT_WORKER, AdaptWorker};
use crate::compiling;
use bytes::Bytes;
use spell_adapt::{App, Choice, PROGRAM_BYTES_MAX};
use spell_cast::{AdaptedProgram, Adapter, AdapterError};
use spell_engine::{BoundedChild, ChildError, ExceededLimit, serve_bounded};
use spell_manifest::{Setting, Settings};
use spell_types::BoxFuture;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmparser::Parser;

/// The longest text that comes with a component.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// Most bytes that are taken from a child.
const OUTPUT_BYTES_MAX: u64 = (PROGRAM_BYTES_MAX + TEXT_BYTES_MAX) as u64;

/// Adapts programs in a process for each, under the limits of compiling.
pub(crate) struct ChildAdapter {
    child: BoundedChild,
    turns: Arc<Semaphore>,
    turn_time_max: Duration,
}

impl ChildAdapter {
    pub(crate) fn new(settings: &Settings) -> Self {
        let child = BoundedChild {
            program: compiling::OWN_PROGRAM.into(),
            arguments: vec![ADAPT_WORKER.to_owned()],
            limits: compiling::limits(settings),
        };
        let turns = Arc::new(Semaphore::new(compiling::at_once_max()));
        Self { child, turns, turn_time_max: settings.time(Setting::CompileTime) }
    }

    /// What a child makes of an input: a text, and a component.
    async fn work(&self, arguments: Vec<String>, input: Bytes) -> Result<(String, Bytes), AdapterError> {
        let busy = || AdapterError::Busy("as many programs are adapted as the host can".to_owned());
        let turn = tokio::time::timeout(self.turn_time_max, self.turns.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or_else(busy)?;
        let child = self.child.clone();
        let work = move || {
            // Given back when the child is gone, also if nobody waits for it any more.
            let _turn = turn;
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            child.work(&arguments, &input, OUTPUT_BYTES_MAX)
        };
        let made = tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.to_string()))?;
        apart(made.map_err(to_error)?.into()).ok_or_else(|| failed("it said what nobody understands".to_owned()))
    }
}

impl Adapter for ChildAdapter {
    fn adapt<'a>(&'a self, program: Bytes) -> BoxFuture<'a, Result<AdaptedProgram, AdapterError>> {
        Box::pin(async move {
            let (abi, component) = self.work(Vec::new(), program).await?;
            let abi = abi.parse().map_err(|_| failed("it named no ABI".to_owned()))?;
            Ok(AdaptedProgram { abi, component })
        })
    }

    fn app<'a>(&'a self, component: Bytes, name: String, version: String) -> BoxFuture<'a, Result<App, AdapterError>> {
        Box::pin(async move {
            let (manifest, component) = self.work(vec![format!("--app={name}"), format!("--app-version={version}")], component).await?;
            Ok(App { manifest, component: component.into() })
        })
    }
}

fn to_error(error: ChildError) -> AdapterError {
    match error {
        ChildError::Refused(reason) => AdapterError::Refused(reason),
        ChildError::Limit(killed @ ExceededLimit::Killed) => AdapterError::Busy(format!("making a component of it {killed}")),
        ChildError::Limit(exceeded) => AdapterError::Refused(format!("adapt-limit: making a component of it {exceeded}")),
        ChildError::Failed(reason) => failed(reason),
    }
}

fn failed(reason: String) -> AdapterError {
    tracing::error!(reason, "a program could not be adapted");
    AdapterError::Failed("the host failed to make a component of it; the reason is in its log".to_owned())
}

/// The other side of [`ChildAdapter`].
pub(crate) fn serve(worker: &AdaptWorker) -> ExitCode {
    let refused = |error: spell_adapt::AdaptError| ChildError::Refused(error.to_string());
    let code = serve_bounded(worker.memory_bytes_max, worker.cpu_seconds_max, |program| {
        if let (Some(name), Some(version)) = (&worker.app, &worker.app_version) {
            let App { manifest, component } = spell_adapt::app(program, name, version).map_err(refused)?;
            return Ok(together(&manifest, component));
        }
        let adapted = spell_adapt::adapt(program, &Choice::default()).map_err(refused)?;
        Ok(together(adapted.recognised.abi.name(), adapted.wasm))
    });
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// A component with a text behind it, and how long that is in four bytes at the end.
fn together(text: &str, mut component: Vec<u8>) -> Vec<u8> {
    component.extend_from_slice(text.as_bytes());
    component.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    component
}

/// The two parts of what a child said, if it said such a thing: it read a stranger's bytes, and is believed no more than they are.
fn apart(mut output: Bytes) -> Option<(String, Bytes)> {
    let length = output.split_off(output.len().checked_sub(4)?);
    let length = u32::from_le_bytes(length.as_ref().try_into().ok()?) as usize;
    if length > TEXT_BYTES_MAX {
        return None;
    }
    let text = output.split_off(output.len().checked_sub(length)?);
    let text = String::from_utf8(text.into()).ok()?;
    Parser::is_component(&output).then_some((text, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn what_a_child_says_is_taken_apart_and_nothing_else_is_believed() {
        let said = together("cast", COMPONENT.to_vec());
        assert_eq!(apart(said.clone().into()), Some(("cast".to_owned(), Bytes::from_static(COMPONENT))));
        let module = together("cast", b"\0asm\x01\0\0\0".to_vec());
        let long = [COMPONENT, &u32::MAX.to_le_bytes()].concat();
        let not_text = [COMPONENT, b"\xff", &1_u32.to_le_bytes()].concat();
        for bad in [Vec::new(), b"abc".to_vec(), module, long, not_text, said[..said.len() - 1].to_vec()] {
            assert_eq!(apart(bad.clone().into()), None, "{bad:?}");
        }
    }

    #[test]
    fn a_child_that_is_killed_may_do_better_the_next_time_and_one_that_met_a_limit_may_not() {
        assert!(matches!(to_error(ChildError::Limit(ExceededLimit::Killed)), AdapterError::Busy(_)));
        assert!(matches!(to_error(ChildError::Limit(ExceededLimit::Memory(1 << 20))), AdapterError::Refused(_)));
    }
}
