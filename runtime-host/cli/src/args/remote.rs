//! The arguments of commands that ask a server.

use clap::Args;
use std::path::PathBuf;

/// Which server, and who asks.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// The server
    #[arg(long, value_name = "URL", env = "SPELL_SERVER", default_value = "http://127.0.0.1:3001")]
    pub(crate) server: String,
    /// The key to show
    #[arg(long, value_name = "KEY", env = "SPELL_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Upload a program as a version of a spell
///
/// The spell is made if it is not there.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The program; `-` reads standard input
    pub(crate) file: PathBuf,
    /// The spell [default: the file's name]
    #[arg(long, value_name = "KEY")]
    pub(crate) spell: Option<String>,
    /// The version
    #[arg(long, value_name = "VERSION", default_value = "1.0.0")]
    pub(crate) version: semver::Version,
    /// Keep the version that is active
    #[arg(long)]
    pub(crate) inactive: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Cast a spell
#[derive(Debug, Args)]
pub(crate) struct Cast {
    /// The spell
    pub(crate) spell: String,
    /// The input: text, JSON, @FILE, or - for standard input
    #[arg(long, value_name = "INPUT", default_value = "")]
    pub(crate) input: String,
    /// The version [default: the active one]
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<semver::Version>,
    /// The key under which asking again does not cast again [default: a new one]
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// List spells
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) server: Server,
}

/// A spell on a server.
#[derive(Debug, Args)]
pub(crate) struct OneSpell {
    /// The spell
    pub(crate) spell: String,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Make another version the active one
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The spell
    pub(crate) spell: String,
    /// The version [default: the one uploaded before the active one]
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<semver::Version>,
    #[command(flatten)]
    pub(crate) server: Server,
}
