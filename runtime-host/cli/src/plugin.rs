//! The same program as Spin's plugin `trigger-spell`: `spin up` starts it, with the app in a lock file.
//!
//! It knows what Spin asks a trigger for. It must never know how an app is served.

use crate::args::Up;
use crate::fetched::Fetched;
use crate::output::{print, print_bytes};
use crate::programs::Programs;
use crate::{fetching, sources, up};
use anyhow::{Context, Result, bail};
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;

/// The name that Spin calls the program by.
const NAME: &str = "trigger-spell";
/// Where Spin says that the app is.
const LOCKED_URL: &str = "SPIN_LOCKED_URL";

/// Whether the program was called as the plugin.
pub(crate) fn is_called(program: Option<&OsStr>) -> bool {
    program.is_some_and(|program| Path::new(program).file_name() == Some(OsStr::new(NAME)))
}

/// Serves Spin apps under limits, with metering and records
#[derive(Debug, Parser)]
#[command(name = NAME)]
struct Trigger {
    #[command(flatten)]
    up: Up,
    #[command(flatten)]
    questions: Questions,
}

/// What Spin wants to know instead of having an app served.
#[derive(Debug, Args)]
struct Questions {
    /// Print the options alone
    #[arg(long, hide = true)]
    help_args_only: bool,
    /// Print which options there are, for Spin, to standard error
    #[arg(long, hide = true)]
    launch_metadata_only: bool,
    /// Print a component made one with what it is composed with
    #[arg(long, hide = true)]
    precompose_only: bool,
    /// Which component
    #[arg(long, hide = true)]
    precompose_component_id: Option<String>,
}

/// Does what Spin asks for.
pub(crate) fn run(version: &'static str) -> Result<()> {
    let matches = Trigger::command().version(version).get_matches();
    let trigger = Trigger::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let questions = &trigger.questions;
    if questions.help_args_only {
        return Ok(print(&options())?);
    }
    if questions.launch_metadata_only {
        eprintln!("{}", flags(&Trigger::command()));
        return Ok(());
    }
    let url = std::env::var(LOCKED_URL).with_context(|| {
        format!("{NAME} is started by `spin up`, which sets {LOCKED_URL}; to serve an app without Spin, run `spell up`")
    })?;
    if questions.precompose_only || questions.precompose_component_id.is_some() {
        let wasm = precompose(&url, questions.precompose_component_id.as_deref(), &trigger.up)?;
        return Ok(print_bytes(&wasm)?);
    }
    up::run_locked(&url, trigger.up)
}

/// A component of the lock file made one with its dependencies and middleware, for Spin to push.
fn precompose(url: &str, id: Option<&str>, arguments: &Up) -> Result<Vec<u8>> {
    let app = spell_manifest::load_lock_at(url, up::FEATURES)?;
    let ids: Vec<&str> = app.components.iter().map(|component| component.id.as_str()).collect();
    let component = match (id, &app.components[..]) {
        (Some(id), _) => {
            let known = || format!("--precompose-component-id {id}: the app has no such component; it has {}", ids.join(", "));
            app.component(id).with_context(known)?
        }
        (None, [one]) => one,
        (None, _) => bail!("--precompose-only: name one of the app's components by --precompose-component-id: {}", ids.join(", ")),
    };
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let fetched = Fetched::of(arguments, directory.path());
    let (config, _) = up::configure(arguments, &app)?;
    let packages = fetching::fetch(&sources::of(&app, &HashSet::from([component.id.as_str()])), &fetched, &config)?;
    let programs = Programs::new(&app, directory.path().to_owned(), fetched, packages);
    let chain = programs.chains(&component.id).get(programs.chain_within(&component.id)).copied().unwrap_or_default();
    let program = programs.program(component, chain).with_context(|| format!("component \"{}\"", component.id))?;
    Ok(program.wasm)
}

/// The options as Spin shows them below its own.
fn options() -> String {
    let help = Up::augment_args(Command::new(NAME).disable_help_flag(true)).help_template("{options}").render_help();
    format!("{help}\n")
}

fn flags(command: &Command) -> Value {
    let shown = command.get_arguments().filter(|argument| argument.get_long().is_some());
    let flags = shown.flat_map(|argument| {
        let short = argument.get_short().map(|short| format!("-{short}"));
        let longs = argument.get_long_and_visible_aliases().unwrap_or_default().into_iter();
        let hidden = argument.get_all_aliases().unwrap_or_default();
        let all: std::collections::BTreeSet<String> = longs.chain(hidden).map(|long| format!("--{long}")).collect();
        all.into_iter().map(move |long| match &short {
            Some(short) => json!({ "short": short, "long": long }),
            None => json!({ "long": long }),
        })
    });
    json!({ "all_flags": flags.collect::<Vec<_>>() })
}
