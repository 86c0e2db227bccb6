//! What can be typed.

use clap::{Args, Parser, Subcommand};
use spell_engine::Flavour;
use std::path::PathBuf;

/// Runs WebAssembly spells: Spin apps with limits, metering and records.
#[derive(Debug, Parser)]
#[command(name = "spell", arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve an app
    Up(Up),
    /// Show what spells have used
    Stats(Stats),
    /// Compile one component from standard input to standard output; what `up` calls, for itself
    #[command(hide = true, name = COMPILE_WORKER)]
    CompileWorker(CompileWorker),
}

/// The name under which the host calls itself to compile.
pub(crate) const COMPILE_WORKER: &str = "compile-worker";

/// Compile one component
#[derive(Debug, Args)]
pub(crate) struct CompileWorker {
    /// Stack of a guest, in bytes
    pub(crate) stack_bytes: usize,
    /// How much of the component model the code is made for
    #[arg(value_parser = flavour)]
    pub(crate) flavour: Flavour,
    /// Address space that may be taken, in bytes
    pub(crate) memory_bytes_max: u64,
    /// CPU time that may be taken, in seconds
    pub(crate) cpu_seconds_max: u64,
}

/// Serve an app
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The app: a spin.toml, a directory with one, or a .wasm file
    #[arg(short = 'f', long = "from", alias = "file", alias = "from-file", value_name = "APP", default_value = ".")]
    pub(crate) from: PathBuf,
    /// Address to serve the app on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000", env = "SPIN_HTTP_LISTEN_ADDR")]
    pub(crate) listen: String,
    /// If the port is taken, try the next ones
    #[arg(long)]
    pub(crate) find_free_port: bool,
    /// Address for /healthz and /metrics, or `off`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    pub(crate) control_listen: String,
    /// Directory for databases, logs and compiled code [default: .spell beside the app]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Directory for the output of components [default: logs in the state directory]
    #[arg(short = 'L', long, value_name = "DIRECTORY", env = "SPIN_LOG_DIR")]
    pub(crate) log_dir: Option<PathBuf>,
    /// The operator's file: defaults, ceilings and settings of the host
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Give a variable of the app a value
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) variables: Vec<(String, String)>,
    /// Set an environment variable for all components
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) environment: Vec<(String, String)>,
    /// Show neither requests nor the output of components
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Threads that serve requests [default: one per processor]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<usize>,
}

/// Show what spells have used
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Only this component
    pub(crate) component: Option<String>,
    /// Directory that the host keeps its records in
    #[arg(long, value_name = "DIRECTORY", default_value = ".spell")]
    pub(crate) state_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn flavour(text: &str) -> Result<Flavour, String> {
    Flavour::from_name(text).ok_or_else(|| format!("there is no flavour \"{text}\""))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("write NAME=VALUE, not \"{text}\"")),
    }
}
