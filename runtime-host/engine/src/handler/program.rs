//! `wasi:cli/run@0.2`: a program that is run once for a request.
//!
//! This file knows how a program ends. It must never know what it was given, or what its output means.

use crate::meter::{Guest, MeteredStore};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::CommandPre;

/// Runs it to its end. What it printed counts, not the code that it ended with.
pub(crate) async fn run<C: Send + 'static>(pre: &CommandPre<Guest<C>>, mut store: MeteredStore<C>) -> wasmtime::Result<()> {
    let store = &mut store.store;
    let program = pre.instantiate_async(&mut *store).await?;
    match program.wasi_cli_run().call_run(&mut *store).await {
        Ok(_) => Ok(()),
        Err(error) if error.downcast_ref::<I32Exit>().is_some() => Ok(()),
        Err(error) => Err(error),
    }
}
