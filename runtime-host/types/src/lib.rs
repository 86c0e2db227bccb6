//! The words that every room shares: limits, usage, outcomes, records, and the traits by which rooms that must not know
//! each other meet.
//!
//! This room knows names and numbers. It must never know I/O, clocks, wasmtime, HTTP or SQL.

mod content;
mod execution;
mod key_value;
mod limits;
mod names;
mod quantity;
mod sqlite;

pub use content::Content;
pub use execution::{ExecutionRecord, ExecutionSink, Outcome, Usage};
pub use key_value::{
    BoxFuture, KEY_BYTES_MAX, KEYS_LISTED_BYTES_MAX, KEYS_LISTED_MAX, KeyPage, KeyValueError, KeyValueStore, VALUE_BYTES_MAX,
};
pub use limits::{CeilingExceeded, Limit, Limits};
pub use names::{Digest, NAME_CHARACTERS_MAX, NameError, NotADigest, SpellKey, TenantId};
pub use quantity::{QuantityError, Unit};
pub use sqlite::{SqlAnswer, SqlConnection, SqlDatabase, SqlError, SqlLimits, SqlValue};
