//! `runtime-config.toml`: what stands behind the names that a manifest uses, and how apps reach out.
//!
//! It knows the file's keys, every one of them. It must never know who opens what it names.

mod labels;
mod outbound;
mod secret;
mod stores;
mod variables;

pub use labels::{UnknownLabel, UnknownLabels};
pub use outbound::{BlockedNetwork, ClientTls, OutboundHttp, OutboundLimits, OutboundNetworking};
pub use secret::Secret;
pub use stores::{KeyValueBackend, LlmApi, LlmCompute, SqliteBackend};
pub use variables::VariablesProvider;

use crate::diagnostic::ManifestError;
use crate::load;
use crate::reader::{Fields, Node, Reader};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// What the file says. Without a file, there is nothing but defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeConfig {
    /// Where the host keeps its state, if the file says so; the current directory is where a relative path starts.
    pub state_dir: Option<Directory>,
    /// Where components' output goes, if the file says so.
    pub log_dir: Option<Directory>,
    /// The most bytes of memory that an instance may have.
    pub max_instance_memory: Option<u64>,
    /// Who is asked for the values of variables, in this order, after the command line and before the environment.
    pub variables_providers: Vec<VariablesProvider>,
    /// What stands behind the labels of key-value stores. `default` need not be there.
    pub key_value_stores: BTreeMap<String, KeyValueBackend>,
    /// What stands behind the labels of SQLite databases. `default` need not be there.
    pub sqlite_databases: BTreeMap<String, SqliteBackend>,
    /// Who infers.
    pub llm_compute: Option<LlmCompute>,
    /// What no component may reach, and with how many connections at a time.
    pub outbound_networking: OutboundNetworking,
    /// How outbound HTTP requests are sent.
    pub outbound_http: OutboundHttp,
    /// Limits of connections to databases and brokers.
    pub outbound_limits: OutboundLimits,
    /// What components trust and show in TLS.
    pub client_tls: Vec<ClientTls>,
}

/// A directory, or the wish to have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directory {
    /// Written as an empty string.
    None,
    /// Written as a path.
    At(PathBuf),
}

const KEYS: [&str; 15] = [
    "state_dir",
    "log_dir",
    "max_instance_memory",
    "variables_provider",
    "config_provider",
    "key_value_store",
    "sqlite_database",
    "llm_compute",
    "outbound_networking",
    "outbound_http",
    "outbound_pg",
    "outbound_mysql",
    "outbound_redis",
    "outbound_mqtt",
    "client_tls",
];

/// Any number that counts something.
const COUNT: RangeInclusive<i64> = 1..=i64::MAX;

impl RuntimeConfig {
    /// Reads the file at a path. Relative paths in it start from its directory, but for those of `state_dir` and `log_dir`.
    pub fn load(path: &Path) -> Result<RuntimeConfig, ManifestError> {
        Self::parse(&load::read_text(path)?, path, &load::directory_of(path))
    }

    /// Reads the file's text; `file` is a name for messages, `directory` is where relative paths start.
    pub fn parse(text: &str, file: impl AsRef<Path>, directory: &Path) -> Result<RuntimeConfig, ManifestError> {
        Ok(Reader::run(text, file.as_ref(), |reader, fields| read(reader, fields, directory))?.0)
    }
}

fn read(reader: &mut Reader, fields: &Fields<'_>, directory: &Path) -> RuntimeConfig {
    reader.check_keys(fields, &KEYS);
    RuntimeConfig {
        state_dir: read_directory(reader, fields, "state_dir"),
        log_dir: read_directory(reader, fields, "log_dir"),
        max_instance_memory: read_count(reader, fields, "max_instance_memory"),
        variables_providers: variables::read_all(reader, fields, directory),
        key_value_stores: stores::read_key_value(reader, fields, directory),
        sqlite_databases: stores::read_sqlite(reader, fields, directory),
        llm_compute: stores::read_llm(reader, fields),
        outbound_networking: outbound::read_networking(reader, fields),
        outbound_http: outbound::read_http(reader, fields),
        outbound_limits: outbound::read_limits(reader, fields),
        client_tls: outbound::read_tls(reader, fields, directory),
    }
}

fn read_directory(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<Directory> {
    let path = fields.get(key).and_then(|node| reader.string(&node))?;
    Some(if path.is_empty() { Directory::None } else { Directory::At(PathBuf::from(path)) })
}

fn read_count(reader: &mut Reader, fields: &Fields<'_>, key: &str) -> Option<u64> {
    let count = fields.get(key).and_then(|node| reader.integer(&node, COUNT))?;
    u64::try_from(count).ok()
}

/// A path below the file's directory, unless it is absolute.
fn read_path(reader: &mut Reader, fields: &Fields<'_>, key: &str, directory: &Path) -> Option<PathBuf> {
    fields.get(key).and_then(|node| reader.string(&node)).map(|path| directory.join(path))
}

/// The text of a key that must be there.
fn required_string<'t>(reader: &mut Reader, fields: &Fields<'t>, key: &str) -> Option<&'t str> {
    reader.required(fields, key).and_then(|node| reader.string(&node))
}

/// A table at the top of the file.
fn read_table<'t>(reader: &mut Reader, fields: &Fields<'t>, key: &str) -> Option<Fields<'t>> {
    fields.get(key).and_then(|node: Node<'t>| reader.fields(&node, format!("[{key}]")))
}
