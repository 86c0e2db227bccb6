//! What a dependency has of the component that it belongs to.
//!
//! It knows parts of a configuration. It must never know what is in them.

use crate::Capability;

/// What a dependency may do of what its component may.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Inherit {
    /// Everything.
    All,
    /// These parts; none if empty.
    Only(Vec<Capability>),
}

impl Inherit {
    pub(crate) fn includes(&self, capability: Capability) -> bool {
        match self {
            Self::All => true,
            Self::Only(capabilities) => capabilities.contains(&capability),
        }
    }
}
