//! The arguments of `spell up`.

use super::{Format, SpinFlags};
use crate::stores::DEFAULT;
use clap::Args;
use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Serve an app
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The app: a spin.toml, a directory with one, or a .wasm file
    #[arg(short = 'f', long = "from", alias = "file", alias = "from-file", value_name = "APP", default_value = ".")]
    pub(crate) from: PathBuf,
    /// Address to serve the app on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000", env = "SPIN_HTTP_LISTEN_ADDR")]
    pub(crate) listen: String,
    /// Serve HTTPS with this certificate chain, in PEM
    #[arg(long, value_name = "FILE", env = "SPIN_TLS_CERT", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", env = "SPIN_TLS_KEY", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// If the port is taken, try the next ones
    #[arg(long)]
    pub(crate) find_free_port: bool,
    /// Address for /healthz, /metrics and the platform, or `off`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    pub(crate) control_listen: String,
    /// Do not serve the platform beside the app
    #[arg(long)]
    pub(crate) no_platform: bool,
    /// Directory for databases, logs and compiled code; empty for none that lasts [default: .spell beside the app]
    #[arg(long, value_name = "DIRECTORY", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) state_dir: Option<PathBuf>,
    /// Directory for the output of components, empty for none [default: logs in the state directory]
    #[arg(short = 'L', long, value_name = "DIRECTORY", env = "SPIN_LOG_DIR", value_parser = OsStringValueParser::new())]
    pub(crate) log_dir: Option<OsString>,
    /// The operator's file: defaults, ceilings and settings of the host
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Give a variable of the app a value
    ///
    /// NAME=@FILE takes it from a file, and @FILE all of a .json or .toml file.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variables)]
    pub(crate) variables: Vec<Variables>,
    /// Set an environment variable for all components
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) environment: Vec<(String, String)>,
    /// Set a key of the key-value store "default" before the app is served
    #[arg(long = "key-value", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) key_value: Vec<(String, String)>,
    /// Execute statements in the SQLite database "default", or LABEL, before the app is served
    #[arg(long = "sqlite", value_name = "STATEMENT|@FILE[:LABEL]", value_parser = sql_text)]
    pub(crate) sqlite: Vec<SqlText>,
    /// Show neither requests nor the output of components
    #[arg(short, long, alias = "sh", alias = "shush")]
    pub(crate) quiet: bool,
    /// Serve these components alone, and what they lead to
    #[arg(short = 'c', long = "component-id", value_name = "ID")]
    pub(crate) components: Vec<String>,
    /// Show the output of these components alone
    #[arg(long, value_name = "ID")]
    pub(crate) follow: Vec<String>,
    /// Begin with empty logs
    #[arg(long)]
    pub(crate) truncate_logs: bool,
    /// Serve the app as it is under a profile
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Build the components first
    #[arg(long, env = "SPIN_ALWAYS_BUILD", value_parser = FalseyValueParser::new(), num_args = 0, default_missing_value = "true", default_value = "false")]
    pub(crate) build: bool,
    /// How the routes are printed
    #[arg(long, value_name = "FORMAT", default_value = "plain")]
    pub(crate) format: Format,
    /// Answer failures of components as Spin does: 500, without a body
    #[arg(long)]
    pub(crate) spin_compat: bool,
    /// Threads that serve requests [default: one per processor]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) spin: SpinFlags,
}

/// Statements for a database, as they are or in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqlText {
    /// The statements, where they are not in a file.
    pub(crate) text: String,
    /// The file that they are in.
    pub(crate) file: Option<PathBuf>,
    /// The database.
    pub(crate) label: String,
}

/// Variables that one argument gives a value.
#[derive(Debug, Clone)]
pub(crate) struct Variables(pub(crate) Vec<(String, String)>);

/// Largest file of variables, in bytes.
const VARIABLES_BYTES_MAX: u64 = 1 << 20;

/// `NAME=VALUE`, `NAME=@FILE`, or `@FILE` with all of them.
fn variables(text: &str) -> Result<Variables, String> {
    if let Some(path) = text.strip_prefix('@') {
        return table(Path::new(path)).map(Variables);
    }
    let (name, value) = pair(text)?;
    match value.strip_prefix('@') {
        Some(path) => Ok(Variables(vec![(name, read(Path::new(path))?)])),
        None => Ok(Variables(vec![(name, value)])),
    }
}

/// The names and texts of a file, which is one flat table.
fn table(path: &Path) -> Result<Vec<(String, String)>, String> {
    let text = read(path)?;
    let wrong = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    if path.extension().is_some_and(|extension| extension == "json") {
        let table: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        return Ok(table.into_iter().collect());
    }
    spell_manifest::texts(&text).map_err(|error| wrong(&error))
}

fn read(path: &Path) -> Result<String, String> {
    let wrong = |reason: &dyn std::fmt::Display| format!("cannot read {}: {reason}", path.display());
    let bytes = std::fs::metadata(path).map_err(|error| wrong(&error))?.len();
    if bytes > VARIABLES_BYTES_MAX {
        return Err(wrong(&format!("it has more than {VARIABLES_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| wrong(&error))
}

fn sql_text(text: &str) -> Result<SqlText, String> {
    let Some(file) = text.strip_prefix('@') else {
        return Ok(SqlText { text: text.to_owned(), file: None, label: DEFAULT.to_owned() });
    };
    let (file, label) = file.rsplit_once(':').unwrap_or((file, DEFAULT));
    if file.is_empty() || label.is_empty() {
        return Err(format!("write @FILE or @FILE:LABEL, not \"{text}\""));
    }
    Ok(SqlText { text: String::new(), file: Some(file.into()), label: label.to_owned() })
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("write NAME=VALUE, not \"{text}\"")),
    }
}
