//! The control plane: whether the host is well (`/healthz`), and what it has done (`/metrics`).
//!
//! This room knows wire formats, problem documents and the status codes of the control plane. It must never know SQL,
//! wasmtime, or how anything runs; it sees finished executions and numbers that it is handed.

mod executions;
mod histogram;
mod loopback;
mod metrics;
mod respond;
mod serve;

pub use metrics::Metrics;
pub use serve::{Control, ServeError, serve};
