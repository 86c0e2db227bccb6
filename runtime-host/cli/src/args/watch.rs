//! The arguments of `spell watch`.

use super::Up;
use clap::Args;
use std::time::Duration;

/// Serve an app, and build and replace what changes
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Clear the terminal when something has changed
    #[arg(long)]
    pub(crate) clear: bool,
    /// Build nothing: wait for somebody else to
    #[arg(long)]
    pub(crate) skip_build: bool,
    /// How long nothing may change before it is looked at what has, in milliseconds
    #[arg(long = "debounce", value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=DEBOUNCE_MS_MAX))]
    debounce_ms: u64,
    #[command(flatten)]
    pub(crate) up: Up,
}

const DEBOUNCE_MS_MAX: u64 = 60_000;

impl Watch {
    pub(crate) fn debounce(&self) -> Duration {
        Duration::from_millis(self.debounce_ms)
    }
}
