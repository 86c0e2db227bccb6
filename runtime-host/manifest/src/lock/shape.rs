//! The shape of the JSON. Keys that are not known are not looked at: those that matter are named in `must_understand`.
//!
//! It knows keys and kinds. It must never know what fits together.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct Lock {
    pub(super) spin_lock_version: u64,
    #[serde(default)]
    pub(super) must_understand: Vec<String>,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
    #[serde(default)]
    pub(super) host_requirements: Map<String, Value>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) triggers: Vec<Trigger>,
    pub(super) components: Vec<Component>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Variable {
    pub(super) description: Option<String>,
    pub(super) default: Option<String>,
    #[serde(default)]
    pub(super) secret: bool,
}

#[derive(Deserialize)]
pub(super) struct Trigger {
    pub(super) id: String,
    pub(super) trigger_type: String,
    pub(super) trigger_config: Map<String, Value>,
    #[serde(default)]
    pub(super) trigger_dependencies: BTreeMap<String, Vec<Dependency>>,
}

#[derive(Deserialize)]
pub(super) struct Component {
    pub(super) id: String,
    #[serde(default)]
    pub(super) metadata: ComponentMetadata,
    pub(super) source: Content,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) files: Vec<ContentPath>,
    #[serde(default)]
    pub(super) config: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) dependencies: BTreeMap<String, Dependency>,
    #[serde(default)]
    pub(super) trigger_dependencies: BTreeMap<String, Vec<Dependency>>,
    #[serde(default)]
    pub(super) host_requirements: Map<String, Value>,
}

#[derive(Default, Deserialize)]
pub(super) struct ComponentMetadata {
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub(super) allowed_http_hosts: Vec<String>,
    #[serde(default)]
    pub(super) key_value_stores: Vec<String>,
    #[serde(default)]
    pub(super) databases: Vec<String>,
    #[serde(default)]
    pub(super) ai_models: Vec<String>,
    pub(super) build: Option<Build>,
}

#[derive(Clone, Deserialize)]
pub(super) struct Build {
    pub(super) command: Commands,
    pub(super) workdir: Option<String>,
    #[serde(default)]
    pub(super) watch: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Commands {
    One(String),
    Many(Vec<String>),
}

/// Some bytes: where they are, what they are, or their digest.
#[derive(Deserialize)]
pub(super) struct Content {
    pub(super) source: Option<String>,
    pub(super) inline: Option<String>,
    pub(super) digest: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ContentPath {
    #[serde(flatten)]
    pub(super) content: Content,
    pub(super) path: String,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) source: Content,
    pub(super) export: Option<String>,
    pub(super) inherit: Option<Inherit>,
}

#[derive(Clone, Deserialize)]
pub(super) enum Inherit {
    All,
    Some(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpConfig {
    pub(super) component: Option<String>,
    pub(super) route: Route,
    pub(super) executor: Option<Executor>,
    pub(super) static_response: Option<StaticResponse>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Route {
    Public(String),
    Private { private: bool },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Executor {
    #[serde(alias = "spin")]
    Http,
    Wagi {
        argv: Option<String>,
        entrypoint: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaticResponse {
    pub(super) status_code: Option<u16>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<String>,
}
