//! What the two test guests can do, told once: which behaviour a request asks for, and the harmful ones themselves.
//!
//! Knows paths, queries and harm; must never know which WASI the guest speaks.

mod answer;
mod ask;
mod behaviour;
mod files;
mod flood;
pub mod harm;
mod name;
mod network;
mod output;
mod query;
mod server;
mod state;

pub use answer::Answer;
pub use ask::Ask;
pub use behaviour::Behaviour;
pub use files::FileOperation;
pub use flood::{FieldKind, Flood, ResourceKind, Sink, fields};
pub use name::error_name;
pub use network::{ANSWER_BYTES_MAX, Network};
pub use output::{CHUNK_BYTES, FILL, chunks, hexadecimal, print, write_lines};
pub use query::Field;
pub use server::{Server, parameter, said, shown, shown_debug};
pub use state::{Sql, StoreOperation};
