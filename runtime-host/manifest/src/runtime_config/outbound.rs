//! How components reach out: blocked networks, connections at a time, and what TLS trusts and shows.
//!
//! It knows how these are written. It must never open a connection or a certificate.

use super::{read_count, read_path, read_table};
use crate::AddressRange;
use crate::diagnostic::{Diagnostic, quote};
use crate::id;
use crate::reader::{Fields, Node, Reader};
use std::path::{Path, PathBuf};

/// `[outbound_networking]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboundNetworking {
    /// What no component may reach.
    pub block_networks: Vec<BlockedNetwork>,
    /// The most sockets that are open at a time.
    pub max_socket_connections: Option<u64>,
    /// The most outbound connections of all kinds that are open at a time.
    pub max_total_connections: Option<u64>,
}

/// What no component may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockedNetwork {
    /// Every address that is not a public one.
    Private,
    /// A range of addresses.
    Range(AddressRange),
}

/// `[outbound_http]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundHttp {
    /// Whether connections are kept for further requests.
    pub connection_pooling: bool,
    /// The most connections that are open at a time.
    pub max_connections: Option<u64>,
}

impl Default for OutboundHttp {
    fn default() -> Self {
        Self { connection_pooling: true, max_connections: None }
    }
}

/// `[outbound_pg]`, `[outbound_mysql]`, `[outbound_redis]` and `[outbound_mqtt]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboundLimits {
    /// The most connections to PostgreSQL.
    pub pg_connections_max: Option<u64>,
    /// The most connections to MySQL.
    pub mysql_connections_max: Option<u64>,
    /// The most connections to Redis.
    pub redis_connections_max: Option<u64>,
    /// The most connections to MQTT brokers.
    pub mqtt_connections_max: Option<u64>,
    /// The most bytes of an MQTT message.
    pub mqtt_payload_bytes_max: Option<u64>,
}

/// `[[client_tls]]`: what some components trust and show when they speak TLS to some hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// The components; at least one.
    pub component_ids: Vec<String>,
    /// The hosts; at least one.
    pub hosts: Vec<String>,
    /// Whether the roots of the operating system are trusted.
    pub use_platform_roots: bool,
    /// Whether the roots that browsers trust are.
    pub use_webpki_roots: bool,
    /// A file with further roots.
    pub ca_roots_file: Option<PathBuf>,
    /// The files of the certificate that is shown and of its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

pub(super) fn read_networking(reader: &mut Reader, fields: &Fields<'_>) -> OutboundNetworking {
    let Some(table) = read_table(reader, fields, "outbound_networking") else { return OutboundNetworking::default() };
    reader.check_keys(&table, &["block_networks", "max_socket_connections", "max_total_connections"]);
    OutboundNetworking {
        block_networks: table.get("block_networks").map(|node| read_blocked(reader, &node)).unwrap_or_default(),
        max_socket_connections: read_count(reader, &table, "max_socket_connections"),
        max_total_connections: read_count(reader, &table, "max_total_connections"),
    }
}

fn read_blocked(reader: &mut Reader, node: &Node<'_>) -> Vec<BlockedNetwork> {
    let mut blocked = Vec::new();
    for (node, text) in reader.strings(node) {
        match (text, text.parse()) {
            ("private", _) => blocked.push(BlockedNetwork::Private),
            (_, Ok(range)) => blocked.push(BlockedNetwork::Range(range)),
            (_, Err(_)) => {
                let message = format!("{} is not a range of addresses", quote(text));
                let help = "write a range like \"10.0.0.0/8\", a single address, or \"private\"";
                reader.report(Diagnostic::new(message, node.span.clone()).help(help.to_owned()));
            }
        }
    }
    blocked
}

pub(super) fn read_http(reader: &mut Reader, fields: &Fields<'_>) -> OutboundHttp {
    let Some(table) = read_table(reader, fields, "outbound_http") else { return OutboundHttp::default() };
    // The last is what `max_connections` was called before.
    reader.check_keys(&table, &["connection_pooling", "max_connections", "max_concurrent_requests"]);
    let old = read_count(reader, &table, "max_concurrent_requests");
    if let (Some(_), Some(node)) = (table.get("max_connections"), table.get("max_concurrent_requests")) {
        let message = "`max_concurrent_requests` is the old name of `max_connections`, which is there as well";
        reader.report(Diagnostic::new(message, node.key_span).help("remove it".to_owned()));
    }
    OutboundHttp {
        connection_pooling: table.get("connection_pooling").and_then(|node| reader.boolean(&node)).unwrap_or(true),
        max_connections: read_count(reader, &table, "max_connections").or(old),
    }
}

pub(super) fn read_limits(reader: &mut Reader, fields: &Fields<'_>) -> OutboundLimits {
    let mut read = |table: &str, keys: &[&'static str]| {
        let Some(table) = read_table(reader, fields, table) else { return Vec::new() };
        reader.check_keys(&table, keys);
        keys.iter().map(|key| read_count(reader, &table, key)).collect()
    };
    let first = |counts: &[Option<u64>]| counts.first().copied().flatten();
    let mqtt = read("outbound_mqtt", &["max_connections", "max_payload_size_bytes"]);
    OutboundLimits {
        pg_connections_max: first(&read("outbound_pg", &["max_connections"])),
        mysql_connections_max: first(&read("outbound_mysql", &["max_connections"])),
        redis_connections_max: first(&read("outbound_redis", &["max_connections"])),
        mqtt_connections_max: first(&mqtt),
        mqtt_payload_bytes_max: mqtt.get(1).copied().flatten(),
    }
}

pub(super) fn read_tls(reader: &mut Reader, fields: &Fields<'_>, directory: &Path) -> Vec<ClientTls> {
    let entries = fields.get("client_tls").map(|node| reader.entries(&node)).unwrap_or_default();
    entries.iter().filter_map(|entry| read_client_tls(reader, entry, directory)).collect()
}

const TLS_KEYS: [&str; 7] = [
    "component_ids",
    "hosts",
    "ca_use_platform_roots",
    "ca_use_webpki_roots",
    "ca_roots_file",
    "client_cert_file",
    "client_private_key_file",
];

fn read_client_tls(reader: &mut Reader, entry: &Node<'_>, directory: &Path) -> Option<ClientTls> {
    let table = reader.fields(entry, "[[client_tls]]")?;
    reader.check_keys(&table, &TLS_KEYS);
    let component_ids = read_some(reader, &table, "component_ids", id::is_kebab, "a component id");
    let hosts = read_some(reader, &table, "hosts", is_host, "the name of a host");
    let mut flag = |key| table.get(key).and_then(|node| reader.boolean(&node));
    let (platform, webpki) = (flag("ca_use_platform_roots"), flag("ca_use_webpki_roots"));
    let ca_roots_file = read_path(reader, &table, "ca_roots_file", directory);
    let certificate = read_path(reader, &table, "client_cert_file", directory);
    let key = read_path(reader, &table, "client_private_key_file", directory);
    if certificate.is_some() != key.is_some() {
        let message = "`client_cert_file` and `client_private_key_file` belong together, but one is missing";
        reader.report(Diagnostic::new(message, table.span.clone()));
    }
    // Whoever names some roots does not mean others as well.
    let use_platform_roots = platform.unwrap_or(webpki.is_none() && ca_roots_file.is_none());
    let use_webpki_roots = webpki.unwrap_or(false);
    Some(ClientTls { component_ids, hosts, use_platform_roots, use_webpki_roots, ca_roots_file, certificate: certificate.zip(key) })
}

/// Reads an array that must be there and must have something in it.
fn read_some(reader: &mut Reader, table: &Fields<'_>, key: &str, is_valid: fn(&str) -> bool, what: &str) -> Vec<String> {
    let Some(node) = reader.required(table, key) else { return Vec::new() };
    if node.is_empty() {
        reader.report(Diagnostic::new(format!("`{key}` is empty"), node.span.clone()));
    }
    let mut texts = Vec::new();
    for (node, text) in reader.strings(&node) {
        if !is_valid(text) {
            reader.report(Diagnostic::new(format!("{} is not {what}", quote(text)), node.span.clone()));
        }
        texts.push(text.to_owned());
    }
    texts
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]*".contains(&byte))
}
