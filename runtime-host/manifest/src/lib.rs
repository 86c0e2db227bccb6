//! Reads what people write: the manifest of an app (`spin.toml`, versions 2 and 1, with Spell's own `tool.spell` tables), what
//! stands behind the names in it (`runtime-config.toml`), and the operator's file (`spell.toml`). What is wrong is reported all at
//! once, each with its place and what to do about it. Locks, which tools write, become the same [`App`].
//!
//! This room knows TOML, JSON, spans and the app's directory. It must never know wasmtime, the network or a database.
//!
//! ```
//! let text = r#"
//! spin_manifest_version = 2
//! application = { name = "greeter" }
//! [[trigger.http]]
//! route = "/..."
//! component = "hello"
//! [component.hello]
//! source = "hello.wasm"
//! "#;
//! let app = spell_manifest::parse(text, "spin.toml", "app".as_ref()).unwrap();
//! assert_eq!(app.triggers[0].id, "hello-http-trigger");
//!
//! let error = spell_manifest::parse(&text.replace("source", "souce"), "spin.toml", "app".as_ref()).unwrap_err();
//! assert!(error.to_string().contains("did you mean `source`?"));
//! ```

mod app;
mod diagnostic;
pub mod doctor;
mod files;
mod id;
mod limits;
mod load;
mod lock;
mod manifest;
mod operator;
mod package_config;
mod reader;
mod render;
mod runtime_config;
mod suggest;
mod template;
mod variables;

pub use app::{
    App, Build, Component, Dependency, DependencyName, DependencySource, Executor, FileEntry, HttpTrigger, INHERITABLE, Inherit,
    Middleware, NotADependencyName, OtherTrigger, PackageName, Profile, Source, StaticResponse, Target, TriggerRoute, TriggerTarget,
    UndefinedProfile, Variable, WAGI_ARGV, WAGI_ENTRYPOINT,
};
pub use diagnostic::{DIAGNOSTICS_MAX, Diagnostic, InvalidFile, ManifestError};
pub use files::{FILES_MAX, FilesError, MappedFile};
pub use load::{FILE_BYTES_MAX, load, parse};
pub use lock::{LOCK_BYTES_MAX, LockError, load_lock, load_lock_at, parse_lock};
pub use manifest::DEPENDENCIES_MAX;
pub use operator::{AddressRange, GithubLogin, GithubTable, NotARange, OperatorConfig, Refusals, Setting, Settings};
pub use package_config::{PackageConfig, PackagePlaceError, REGISTRY_METADATA_PATH, RegistryMetadata, RegistryPlace};
pub use runtime_config::{
    BlockedNetwork, ClientTls, Directory, KeyValueBackend, LlmApi, LlmCompute, OutboundHttp, OutboundLimits, OutboundNetworking,
    RuntimeConfig, Secret, SqliteBackend, UnknownLabel, UnknownLabels, VariablesProvider,
};
pub use template::{Template, TemplateError};
pub use variables::{VariablesError, environment_name, texts};
