//! Triggers: what leads to a component.
//!
//! It knows names and patterns as they are written. It must never know how a pattern matches.

use super::Middleware;
use serde_json::{Map, Value};

/// What answers a kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpTrigger {
    /// Its name in the app.
    pub id: String,
    /// Which requests it answers.
    pub route: TriggerRoute,
    /// What answers them.
    pub target: TriggerTarget,
    /// How the component is spoken to.
    pub executor: Executor,
    /// What stands around the component, outermost first.
    pub middleware: Vec<Middleware>,
    /// Components that are named beside the one that answers, by the role they were given. HTTP knows no role.
    pub components: Vec<(String, Vec<String>)>,
}

/// Which requests a trigger answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerRoute {
    /// Those whose path matches this pattern, which is as written: its syntax is not checked here.
    Public(String),
    /// None that come from outside.
    Private,
}

/// What answers the requests of a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TriggerTarget {
    /// The component with this id.
    Component(String),
    /// Always the same answer, without running anything.
    Static(StaticResponse),
}

/// How a component is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Executor {
    /// By the HTTP interface that it exports.
    #[default]
    Http,
    /// As a program of its own for each request, as CGI does it.
    Wagi {
        /// Its arguments, with `${SCRIPT_NAME}` and `${ARGS}` still in them.
        argv: String,
        /// The function that is called; always [`WAGI_ENTRYPOINT`].
        entrypoint: String,
    },
}

/// The arguments of a Wagi program that names none.
pub const WAGI_ARGV: &str = "${SCRIPT_NAME} ${ARGS}";

/// The function that a Wagi program is entered by.
pub const WAGI_ENTRYPOINT: &str = "_start";

/// An answer written in the manifest. Status and headers are valid in HTTP and do not interfere with its framing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticResponse {
    /// From 200 to 999.
    pub status_code: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The text of the answer.
    pub body: Option<String>,
}

/// A trigger of a type that is not HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherTrigger {
    /// Its name in the app.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// The component that it leads to, if it names one.
    pub component: Option<String>,
    /// Further components, by the role they were given.
    pub components: Vec<(String, Vec<String>)>,
    /// Everything else, as written.
    pub settings: Map<String, Value>,
}
