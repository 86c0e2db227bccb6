//! What outlives the process, in SQLite: key-value data and all that the platform keeps, which must survive a power loss, and a record
//! of executions that may lose its last moment.
//!
//! This room knows SQL, files and the threads that touch them. It must never know HTTP, wasmtime, or why a policy allows
//! something.
//!
//! Two files of the host, because their promises differ. `spell.db` has one writer thread that commits many callers' writes at once and
//! answers after the data is on disk. `metrics.db` is written from a queue that the request path never waits for.
//! Beside them lie the databases in which guests write SQL of their own, each a file for itself.

mod budgets;
mod columns;
mod database;
mod error;
mod file;
mod key_value;
mod keys;
mod ledger;
mod logs;
mod metrics;
mod percentile;
mod queue;
mod readers;
mod registry;
mod sql;
mod statistics;
mod stats;
mod webhooks;
mod worker;
mod writer;

pub use database::Database;
pub use error::StoreError;
pub use file::sqlite_version;
pub use key_value::{KEY_BYTES_MAX, KEYS_LISTED_BYTES_MAX, KEYS_LISTED_MAX, STORE_BYTES_MAX, VALUE_BYTES_MAX};
pub use metrics::{EXECUTIONS_MAX, MetricsFile, RECORDS_QUEUED_MAX, Recorder};
pub use sql::GuestDatabase;
pub use stats::{ComponentStats, Quantiles, Stats, stats};
pub use writer::WriteCounts;
