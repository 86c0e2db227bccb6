//! Black-box tests of the `spell` binary: it is started as a user starts it and spoken to over sockets.
//!
//! This crate knows the command line, the manifest format and HTTP/1.1 by the byte. It must never know a room of the host.

#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test that cannot go on says so and ends")]

mod answer;
mod client;
pub mod described;
mod github;
mod host;
pub mod hostile;
mod manifest;
mod openmetrics;
pub mod page;
mod platform;
mod plugin;
pub mod programs;
mod receiver;
mod servers;
mod setup;
mod spells;
mod tracer;
mod upstream;
mod zip;

pub use answer::Answer;
pub use client::{Client, Pending, Request, encode};
pub use github::{APP_TOKEN, Behaviour, FakeGitHub, Fault, GITHUB_TOKEN, Seen, secret, signature};
use host::{Captured, PATIENCE};
pub use host::{Host, wait_until};
pub use manifest::{REVISIONS, app, both, component, guest, workspace};
pub use openmetrics::Scrape;
pub use platform::{Caller, NO_RATES, Platform};
pub use plugin::Plugin;
pub use receiver::{Received, Receiver};
pub use servers::RealServer;
pub use setup::{Ended, Setup, binary, run, run_with_input};
pub use spells::{ChosenBy, Expected, Spell, Takes, directory as spells_directory, slow, spells};
pub use tracer::Tracer;
pub use upstream::Upstream;
