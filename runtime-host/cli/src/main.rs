//! The command `spell`: what is typed, what is shown, and the one place where the rooms are put together.
//!
//! It knows all rooms by name and does nothing that a room could do.

#![expect(clippy::print_stderr, reason = "the command line is what talks to the terminal")]

mod access;
mod adapt;
mod adapting;
mod announcement;
mod args;
mod assemble;
mod budgets;
mod build;
mod casts;
mod client;
mod compiling;
mod doctor;
mod dotenv;
mod engine;
mod fetched;
mod fetching;
mod files;
mod github;
mod grants;
mod http_spells;
mod keys;
mod listen;
mod making;
mod models;
mod not_run;
mod output;
mod packages;
mod pepper;
mod platform;
mod platform_stats;
mod plugin;
mod programs;
mod progress;
mod reach;
mod recent;
mod remote;
mod runner;
mod runtime;
mod selection;
mod serve;
mod shares;
mod sinks;
mod sources;
mod stats;
mod stores;
mod system;
mod telemetry;
mod up;
mod version;
mod watch;
mod webhooks;

use args::{Arguments, Command};
use clap::{CommandFactory, FromArgMatches};
use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// Every request makes and frees some dozens of small things on one thread, which this allocator is good at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("SPELL_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal()).with_target(false).init();
    if plugin::is_called(std::env::args_os().next().as_deref()) {
        return end(plugin::run(version::line()));
    }
    let matches = Arguments::command().version(version::line()).get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    end(match arguments.command {
        Command::Up(up) => up::run(*up),
        Command::Watch(watch) => watch::run(*watch),
        Command::Build(build) => build::run(&build),
        Command::Inspect(inspect) => adapt::inspect::run(&inspect),
        Command::Adapt(adapt) => adapt::run(&adapt),
        Command::Export(export) => adapt::export(&export),
        Command::Serve(serve) => serve::run(&serve),
        Command::Keys(keys) => keys::run(&keys),
        Command::Push(push) => remote::push(&push),
        Command::Cast(cast) => remote::cast(&cast),
        Command::Ls(list) => remote::list(&list),
        Command::Versions(spell) => remote::versions(&spell),
        Command::Rollback(rollback) => remote::rollback(&rollback),
        Command::Rm(spell) => remote::remove(&spell),
        Command::Casts(list) => casts::list(&list),
        Command::Logs(logs) => casts::logs(&logs),
        Command::Stats(stats) => stats::run(&stats),
        Command::Budgets(budgets) => budgets::run(&budgets),
        Command::Doctor(doctor) => match doctor::run(&doctor) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::CompileWorker(worker) => return compiling::serve(&worker),
        Command::AdaptWorker(worker) => return adapting::serve(&worker),
    })
}

fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
