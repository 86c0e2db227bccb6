//! What stands behind labels: key-value stores, SQLite databases, and who infers.
//!
//! It knows types of stores by name. It must never open one.

use super::{Secret, read_path, read_table, required_string};
use crate::diagnostic::{Diagnostic, printable, quote};
use crate::id;
use crate::reader::{Fields, Node, Reader};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What stands behind a label of a key-value store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyValueBackend {
    /// The host's own store.
    Spin {
        /// Its file; `None` for one that is chosen by the label.
        path: Option<PathBuf>,
    },
    /// A Redis server.
    Redis {
        /// Where it is, and who asks.
        url: Secret,
    },
}

/// What stands behind a label of an SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteBackend {
    /// A file of the host.
    Spin {
        /// The file; `None` for one that is chosen by the label.
        path: Option<PathBuf>,
        /// Whether statements may attach further files.
        allow_attach_file: bool,
    },
}

/// Who infers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LlmCompute {
    /// A server that is asked over HTTP.
    RemoteHttp {
        /// Where it is.
        url: String,
        /// What is shown to it.
        auth_token: Secret,
        /// How it is spoken to.
        api: LlmApi,
    },
}

/// How a server that infers is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LlmApi {
    /// As Spin's own servers are.
    #[default]
    Default,
    /// As OpenAI's are.
    OpenAi,
}

pub(super) fn read_key_value(reader: &mut Reader, fields: &Fields<'_>, directory: &Path) -> BTreeMap<String, KeyValueBackend> {
    read_labelled(reader, fields, "key_value_store", |reader, table, kind| match kind.as_str()? {
        "spin" => {
            reader.check_keys(table, &["type", "path"]);
            Some(KeyValueBackend::Spin { path: read_path(reader, table, "path", directory) })
        }
        "redis" => {
            reader.check_keys(table, &["type", "url"]);
            Some(KeyValueBackend::Redis { url: Secret::new(required_string(reader, table, "url")?) })
        }
        other => {
            refuse_type(reader, kind, other, "key-value stores", &["azure_cosmos", "aws_dynamo"], &["spin", "redis"]);
            None
        }
    })
}

pub(super) fn read_sqlite(reader: &mut Reader, fields: &Fields<'_>, directory: &Path) -> BTreeMap<String, SqliteBackend> {
    read_labelled(reader, fields, "sqlite_database", |reader, table, kind| match kind.as_str()? {
        "spin" => {
            reader.check_keys(table, &["type", "path", "allow_attach_file"]);
            let allow_attach_file = table.get("allow_attach_file").and_then(|node| reader.boolean(&node)).unwrap_or(false);
            Some(SqliteBackend::Spin { path: read_path(reader, table, "path", directory), allow_attach_file })
        }
        other => {
            refuse_type(reader, kind, other, "SQLite databases", &["libsql"], &["spin"]);
            None
        }
    })
}

pub(super) fn read_llm(reader: &mut Reader, fields: &Fields<'_>) -> Option<LlmCompute> {
    let table = read_table(reader, fields, "llm_compute")?;
    let kind = reader.required(&table, "type")?;
    match reader.string(&kind)? {
        "remote_http" => {
            reader.check_keys(&table, &["type", "url", "auth_token", "api_type"]);
            let (url, auth_token) = (required_string(reader, &table, "url"), required_string(reader, &table, "auth_token"));
            let api = table.get("api_type").map(|node| read_api(reader, &node)).unwrap_or_default();
            Some(LlmCompute::RemoteHttp { url: url?.to_owned(), auth_token: Secret::new(auth_token?), api })
        }
        other => {
            refuse_type(reader, &kind, other, "inference servers", &["spin"], &["remote_http"]);
            None
        }
    }
}

fn read_api(reader: &mut Reader, node: &Node<'_>) -> LlmApi {
    match reader.string(node) {
        Some("open_ai") => LlmApi::OpenAi,
        Some("default") | None => LlmApi::Default,
        Some(other) => {
            let message = format!("{} is not a way to speak to a model", quote(other));
            reader.report(Diagnostic::new(message, node.span.clone()).help("write \"open_ai\" or \"default\"".to_owned()));
            LlmApi::Default
        }
    }
}

/// Reads the tables `[key.<label>]`, each by its type.
fn read_labelled<T>(
    reader: &mut Reader,
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&mut Reader, &Fields<'_>, &Node<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut stores = BTreeMap::new();
    for node in read_table(reader, fields, key).iter().flat_map(|fields| fields.iter()) {
        if !id::is_label(node.key) {
            let message = format!("{} is not a label; write words joined by `-` or by `_`", quote(node.key));
            reader.report(Diagnostic::new(message, node.key_span.clone()));
        }
        let Some(table) = reader.fields(&node, format!("[{key}.{}]", printable(node.key))) else { continue };
        let Some(kind) = reader.required(&table, "type") else { continue };
        if reader.string(&kind).is_some()
            && let Some(store) = read(reader, &table, &kind)
        {
            stores.insert(node.key.to_owned(), store);
        }
    }
    stores
}

/// Reports a type that other hosts have, or that nobody has.
pub(super) fn refuse_type(reader: &mut Reader, node: &Node<'_>, kind: &str, of_what: &str, elsewhere: &[&str], here: &[&str]) {
    let instead = here.iter().map(|kind| format!("\"{kind}\"")).collect::<Vec<_>>().join(" or ");
    let what = format!("{of_what} of type {}", quote(kind));
    let message = if elsewhere.contains(&kind) { format!("not supported yet: {what}") } else { format!("there are no {what}") };
    let help = reader.did_you_mean(kind, here.iter().copied()).unwrap_or_else(|| format!("write {instead}"));
    reader.report(Diagnostic::new(message, node.span.clone()).help(help));
}
