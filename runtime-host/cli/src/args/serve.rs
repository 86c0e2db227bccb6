//! The arguments of `spell serve`, `spell keys` and `spell budgets`.

use clap::{Args, Subcommand};
use spell_cast::{CAP_CENTS_MAX, OperatorCap, Scope};
use spell_types::TenantId;
use std::path::PathBuf;

/// Serve the platform: spells that are uploaded and cast
///
/// The first start on an empty state directory prints a key that may do everything.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to serve the platform on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    pub(crate) listen: String,
    /// Directory for the database and compiled code
    #[arg(long, value_name = "DIRECTORY", default_value = ".spell")]
    pub(crate) state_dir: PathBuf,
    /// The operator's file: ceilings and settings of the host
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Make, list and revoke keys
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
    /// Directory with the database
    #[arg(long, value_name = "DIRECTORY", default_value = ".spell", global = true)]
    pub(crate) state_dir: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key, which is shown this once
    Create {
        /// Whose it is
        #[arg(long, value_name = "NAME", default_value = "default", value_parser = tenant)]
        tenant: TenantId,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        /// What it allows: read, cast, upload, admin
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
    },
    /// List keys
    List {
        /// Of this tenant alone
        #[arg(long, value_name = "NAME", value_parser = tenant)]
        tenant: Option<TenantId>,
    },
    /// Make a key worth nothing
    Revoke {
        /// Its id, as `list` shows it
        id: String,
    },
}

/// Say what tenants may spend in a month, and show what they have spent
#[derive(Debug, Args)]
pub(crate) struct Budgets {
    #[command(subcommand)]
    pub(crate) command: BudgetsCommand,
    /// Directory with the database
    #[arg(long, value_name = "DIRECTORY", default_value = ".spell", global = true)]
    pub(crate) state_dir: PathBuf,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What is done with budgets.
#[derive(Debug, Subcommand)]
pub(crate) enum BudgetsCommand {
    /// Say what casts of a tenant may cost in a month
    Set {
        /// Whose
        #[arg(long, value_name = "NAME", value_parser = tenant)]
        tenant: TenantId,
        /// How much: whole cents, `none` for as much as it likes, `default` for what the operator's file says
        #[arg(long, value_name = "CENTS", value_parser = cap)]
        cents: OperatorCap,
    },
    /// List budgets, and what was spent and is reserved this month
    List,
}

fn cap(text: &str) -> Result<OperatorCap, String> {
    match text {
        "none" => Ok(OperatorCap::Uncapped),
        "default" => Ok(OperatorCap::Default),
        _ => match text.parse() {
            Ok(cents) if cents <= CAP_CENTS_MAX => Ok(OperatorCap::Cents(cents)),
            _ => Err(format!("write whole cents up to {CAP_CENTS_MAX}, \"none\" or \"default\"")),
        },
    }
}

fn tenant(text: &str) -> Result<TenantId, String> {
    text.parse().map_err(|error: spell_types::NameError| error.to_string())
}

fn scope(text: &str) -> Result<Scope, String> {
    let known = Scope::ALL.map(Scope::name).join(", ");
    Scope::from_name(text).ok_or_else(|| format!("there is no scope \"{text}\": there are {known}"))
}
