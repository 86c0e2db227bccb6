//! Several components made one, before anything runs: dependencies satisfy a component's imports, middleware stands around its HTTP
//! handler, and walls stand between a dependency and what it does not inherit.
//!
//! Bytes go in, bytes come out. It knows the component model, and which interface belongs to which part of a configuration. It must never
//! know manifests, files, the network, or how anything runs.

mod capability;
mod dependencies;
mod error;
mod graph;
mod inherit;
mod middleware;
mod name;
mod provider;
mod wall;

pub use capability::Capability;
pub use dependencies::{Dependency, with_dependencies};
pub use error::ComposeError;
pub use inherit::Inherit;
pub use middleware::{Middleware, with_middleware};
pub use name::{NotASelector, Selector};
pub use provider::with_provider;

/// The most bytes that one program has, whether it was put together or goes into another.
pub const PROGRAM_BYTES_MAX: usize = 256 << 20;
