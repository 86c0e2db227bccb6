//! The arguments of `spell inspect`, `spell adapt` and `spell export`, and of what the host calls to adapt.

use clap::Args;
use spell_adapt::{Abi, Choice};
use std::path::PathBuf;

/// A program, and how it is called where that cannot be told
#[derive(Debug, Args)]
pub(crate) struct Program {
    /// The program: a module or a component; `-` for standard input
    pub(crate) file: PathBuf,
    /// How it is called, as in `c-string` or `assemblyscript`; it is recognised without this
    #[arg(long, value_name = "NAME", value_parser = abi)]
    abi: Option<Abi>,
    /// The function to call
    #[arg(long, value_name = "FUNCTION")]
    entry: Option<String>,
}

impl Program {
    pub(crate) fn choice(&self) -> Choice<'_> {
        Choice { abi: self.abi, entry: self.entry.as_deref() }
    }
}

fn abi(text: &str) -> Result<Abi, String> {
    text.parse().map_err(|error: spell_adapt::NotAnAbi| error.to_string())
}

/// Say what a program is, how it is called and what it needs
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    #[command(flatten)]
    pub(crate) program: Program,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the JSON Schema of what a component's functions take and give
    #[arg(long, conflicts_with = "json")]
    pub(crate) schema: bool,
}

/// Make any program a component that can be cast
#[derive(Debug, Args)]
pub(crate) struct Adapt {
    #[command(flatten)]
    pub(crate) program: Program,
    /// Where the component goes; `-` for standard output
    #[arg(short = 'o', long, value_name = "OUT.wasm")]
    pub(crate) output: PathBuf,
}

/// Make any program a Spin app
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) program: Program,
    /// The directory for spin.toml and the component; it is made if it is missing
    #[arg(short = 'o', long, value_name = "DIRECTORY")]
    pub(crate) output: PathBuf,
    /// The name of the app and its component; that of the file without this
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Write over an app that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// The name under which the host calls itself to adapt.
pub(crate) const ADAPT_WORKER: &str = "adapt-worker";

/// Make one program a component
#[derive(Debug, Args)]
pub(crate) struct AdaptWorker {
    /// The name of an app that is to be made of a component, instead of a component
    #[arg(long, requires = "app_version")]
    pub(crate) app: Option<String>,
    /// The version of the app
    #[arg(long, requires = "app")]
    pub(crate) app_version: Option<String>,
    /// Address space that may be taken, in bytes
    pub(crate) memory_bytes_max: u64,
    /// CPU time that may be taken, in seconds
    pub(crate) cpu_seconds_max: u64,
}
