//! GitHub Actions as an engine: a cast is dispatched as the run of a workflow, followed until that ends, and its artifact is the answer.
//!
//! This room knows GitHub's REST API, and what may be believed of it. It must never know routes, SQL or sockets: it asks over a [`Web`] that
//! it is handed.

mod answer;
mod api;
mod artifact;
mod credentials;
mod dispatch;
mod find;
mod follow;
mod github;
mod repositories;
mod runs;
mod unzip;
mod web;
mod webhook;
mod zip;

pub use credentials::{AppKey, Credentials, NotAKey, Secret};
pub use github::{GitHub, Polling, Setup};
pub use repositories::{NotARepository, Repositories};
pub use web::{Web, WebError};

/// Characters of all inputs of a workflow together, as JSON:
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_dispatch>.
pub const INPUT_CHARACTERS_MAX: usize = 65_535;
