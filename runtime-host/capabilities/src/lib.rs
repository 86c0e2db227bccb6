//! The host side of each interface that a spell can import: WASI 0.2 and 0.3, outbound HTTP, databases and brokers, stores,
//! variables, the logs that standard output and standard error go to, and what components tell of themselves.
//!
//! This room knows what one component was granted ([`Grants`]) and what one request of it holds ([`Host`]). It must never know who
//! called, which route led here, or what anything costs.

mod audit;
mod bindings;
mod clocks;
mod depth;
mod grants;
mod host;
mod key_value;
mod link;
mod llm;
mod logs;
mod mqtt;
mod mysql;
mod otel;
mod outbound;
mod postgres;
mod program;
mod redis;
mod spin1;
mod spin1_http;
mod sqlite;
mod tmp;
mod variables;
mod wasi_keyvalue;

pub use audit::{Audit, Rule};
pub use depth::depth;
pub use grants::{GrantedStore, Grants, Mount};
pub use host::Host;
pub use key_value::OpenStore;
pub use link::{add_plain_to_linker, add_telemetry_to_linker, add_to_linker};
pub use llm::{ModelService, ModelServiceError, ModelServiceSettings};
pub use logs::{LogError, LogFile, LogWriter, Rotation, Sink};
pub use mqtt::MqttConnection;
pub use mysql::MysqlConnection;
pub use otel::{Dropped, Telemetry, TelemetryError, TelemetrySettings, TelemetrySource};
pub use outbound::{
    Ask, ConnectionPlaces, Enforcement, FetchError, FetchFailure, FetchRules, FetchSink, Fetcher, HostTrust, Neighbour, NeighbourAnswer,
    Neighbours, Outbound, OutboundRules, PlacesMax, TlsRoots, TrustError,
};
pub use postgres::{PostgresBuilder, PostgresConnection};
pub use program::{Program, ProgramOutput};
pub use redis::{RedisConnection, RedisStore, RedisStoreError};
pub use sqlite::OpenDatabase;
pub use tmp::Scratch;
pub use wasi_keyvalue::Comparison;
