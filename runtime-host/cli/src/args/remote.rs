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

/// List casts, the newest first, or show one
#[derive(Debug, Args)]
pub(crate) struct Casts {
    /// Show this cast, with its output
    #[arg(conflicts_with_all = ["spell", "limit"])]
    pub(crate) cast_id: Option<String>,
    /// Casts of this spell alone
    #[arg(long, value_name = "SPELL")]
    pub(crate) spell: Option<String>,
    /// How many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Show how casts ended, and what they printed
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// What this cast printed
    #[arg(conflicts_with_all = ["spell", "limit", "follow"])]
    pub(crate) cast_id: Option<String>,
    /// Casts of this spell alone
    #[arg(long, value_name = "SPELL")]
    pub(crate) spell: Option<String>,
    /// How many of the newest casts
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(crate) limit: u16,
    /// Go on with each cast that ends
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Show what spells have used
///
/// Of an app, out of its state directory; of a platform, if a server is named.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Only this component of the app, or this spell of the platform
    #[arg(value_name = "COMPONENT|SPELL")]
    pub(crate) name: Option<String>,
    /// Directory that the host of an app keeps its records in [default: .spell]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) state_dir: Option<PathBuf>,
    /// The server of the platform; a state directory goes before it
    #[arg(long, value_name = "URL", env = "SPELL_SERVER")]
    pub(crate) server: Option<String>,
    /// The key to show it
    #[arg(long, value_name = "KEY", env = "SPELL_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// Days of the platform that are summed up
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub(crate) days: u16,
    /// By what spells of the platform come first: executions, cost, time or failures
    #[arg(long, value_name = "WHAT", default_value = "executions", value_parser = ["executions", "cost", "time", "failures"])]
    pub(crate) by: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
