//! The control plane: whether the host is well (`/healthz`), what it has done (`/metrics`), and the API of the platform (`/api`).
//!
//! This room knows wire formats, problem documents and the status codes of the control plane. It must never know SQL,
//! wasmtime, or how anything runs; it sees finished executions, numbers that it is handed, and [`spell_cast::Platform`].

mod cast_metrics;
mod executions;
mod histogram;
mod loopback;
mod metrics;
mod module_metrics;
mod named;
mod patience;
mod platform;
mod programs;
mod respond;
mod serve;

pub use cast_metrics::CastMetrics;
pub use metrics::Metrics;
pub use platform::{Rates, Unwritable, WEBHOOK_ANSWER_BYTES_MAX, webhook_answered, webhook_request};
pub use programs::{NotAnswered, ProgramBody, Programs};
pub use serve::{Control, ServeError, serve};
