//! What can be typed.

mod adapt;
mod remote;
mod serve;
mod spin;
mod up;
mod watch;

pub(crate) use adapt::{ADAPT_WORKER, Adapt, AdaptWorker, Export, Inspect, Program};
pub(crate) use remote::{Cast, Casts, List, Logs, OneSpell, Push, Rollback, Server, Stats};
pub(crate) use serve::{Budgets, BudgetsCommand, Keys, KeysCommand, Serve};
pub(crate) use spin::{Format, SpinFlags};
pub(crate) use up::{SqlText, Up};
pub(crate) use watch::Watch;

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
    Up(Box<Up>),
    /// Serve an app, and build and replace what changes
    Watch(Box<Watch>),
    /// Build the components of an app
    Build(Build),
    /// Say what is wrong with an app, and mend it
    Doctor(Doctor),
    /// Say what a program is, how it is called and what it needs
    Inspect(Inspect),
    /// Make any program a component that can be cast
    Adapt(Adapt),
    /// Make any program a Spin app
    Export(Export),
    /// Serve the platform: spells that are uploaded and cast
    Serve(Serve),
    /// Make, list and revoke keys of the platform
    Keys(Keys),
    /// Upload a program as a version of a spell
    Push(Push),
    /// Cast a spell
    Cast(Cast),
    /// List spells
    Ls(List),
    /// List the versions of a spell
    Versions(OneSpell),
    /// Make another version of a spell the active one
    Rollback(Rollback),
    /// Delete a spell and its versions
    Rm(OneSpell),
    /// List casts, the newest first, or show one
    Casts(Casts),
    /// Show how casts ended, and what they printed
    Logs(Logs),
    /// Show what spells have used
    Stats(Stats),
    /// Say what tenants may spend in a month, and show what they have spent
    Budgets(Budgets),
    /// Compile one component from standard input to standard output; what `up` calls, for itself
    #[command(hide = true, name = COMPILE_WORKER)]
    CompileWorker(CompileWorker),
    /// Make one program a component, from standard input to standard output; what `serve` calls, for itself
    #[command(hide = true, name = ADAPT_WORKER)]
    AdaptWorker(AdaptWorker),
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

/// Build the components of an app
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The app: a spin.toml, or a directory with one
    #[arg(short = 'f', long = "from", alias = "file", alias = "from-file", value_name = "APP", default_value = ".")]
    pub(crate) from: PathBuf,
    /// Only these components
    #[arg(short = 'c', long = "component-id", value_name = "ID")]
    pub(crate) components: Vec<String>,
}

/// Say what is wrong with an app, and mend it
///
/// On a terminal, each fix is asked for. The exit code is 1 if something is wrong in the end.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The app: a spin.toml, or a directory with one
    #[arg(short = 'f', long = "from", alias = "file", alias = "from-file", value_name = "APP", default_value = ".")]
    pub(crate) from: PathBuf,
    /// Make all fixes without asking
    #[arg(long)]
    pub(crate) fix: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn flavour(text: &str) -> Result<Flavour, String> {
    Flavour::from_name(text).ok_or_else(|| format!("there is no flavour \"{text}\""))
}
