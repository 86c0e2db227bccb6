//! The platform over a real socket, as its clients see it: every status, every scope, and what one tenant sees of another.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod casts;
mod client;
mod clock;
mod connections;
mod description;
mod events;
mod memory;
mod metrics;
mod modules;
mod money;
mod rates;
mod scopes;
mod served;
mod spells;
mod statistics;
mod sums;
mod webhooks;
mod without_waiting;
