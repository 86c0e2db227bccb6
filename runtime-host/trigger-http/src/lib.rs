//! The data plane: listens, finds the route of a Spin app, and has a spell answer in an instance of its own.
//!
//! This room knows hyper, routes, request headers and the statuses of refusals. It must never know the control plane's
//! paths, keys or any database: finished executions leave through an [`ExecutionSink`](spell_types::ExecutionSink).

mod access;
mod admission;
mod app;
mod body;
mod cgi;
mod client;
mod connection;
mod handler;
mod headers;
mod neighbours;
mod recording;
mod refusal;
mod routes;
mod server;
mod stage;
mod tls;
mod way;

pub use access::{AccessLine, AccessLog};
pub use app::{App, AppInfo, Component, StaticResponse, Target};
pub use body::{RequestSource, ResponseBody};
pub use client::Client;
pub use handler::Handler;
pub use neighbours::Neighbours;
pub use refusal::Failures;
pub use routes::{Route, RouteError, Routes};
pub use server::{Server, ServerConfig, ServerError};
pub use stage::{Doubtful, Refused, Stage, Vouched};
pub use tls::{Tls, TlsError};
