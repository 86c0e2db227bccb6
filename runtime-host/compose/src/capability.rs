//! The parts of a component's configuration, and the interfaces through which each is used.
//!
//! It is a table. It must never know what a dependency is.

use crate::name::Interface;

/// A part of a component's configuration that a dependency may inherit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// `ai_models`.
    AiModels,
    /// `allowed_outbound_hosts`.
    AllowedOutboundHosts,
    /// `environment`.
    Environment,
    /// `files`.
    Files,
    /// `key_value_stores`.
    KeyValueStores,
    /// `sqlite_databases`.
    SqliteDatabases,
    /// `variables`.
    Variables,
}

/// What a dependency may do with an interface that it imports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Use it: nothing can be reached through it that was not handed over.
    Harmless,
    /// Use it if it inherits this.
    Of(Capability),
    /// Nobody knows what can be reached through it.
    Unknown,
}

/// A whole package, or an interface of one; of every version.
type Names = &'static [&'static str];

const TABLE: [(Capability, Names); 7] = [
    (Capability::AiModels, &["fermyon:spin/llm", "spin:llm"]),
    (
        Capability::AllowedOutboundHosts,
        &[
            "wasi:http/outgoing-handler",
            "wasi:http/client",
            "wasi:sockets",
            "fermyon:spin/http",
            "fermyon:spin/mqtt",
            "fermyon:spin/mysql",
            "fermyon:spin/postgres",
            "fermyon:spin/redis",
            "spin:mqtt",
            "spin:mysql",
            "spin:postgres",
            "spin:redis",
        ],
    ),
    (Capability::Environment, &["wasi:cli/environment"]),
    (Capability::Files, &["wasi:filesystem/preopens"]),
    (Capability::KeyValueStores, &["fermyon:spin/key-value", "spin:key-value", "wasi:keyvalue"]),
    (Capability::SqliteDatabases, &["fermyon:spin/sqlite", "spin:sqlite"]),
    (Capability::Variables, &["fermyon:spin/config", "fermyon:spin/variables", "spin:variables", "wasi:config"]),
];

/// Types alone, or what every component has.
const HARMLESS: Names = &[
    "fermyon:spin/http-types",
    "fermyon:spin/mqtt-types",
    "fermyon:spin/mysql-types",
    "fermyon:spin/postgres-types",
    "fermyon:spin/rdbms-types",
    "fermyon:spin/redis-types",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/types",
    "wasi:clocks",
    "wasi:filesystem/types",
    "wasi:http/types",
    "wasi:io",
    // Like standard output: it leads to the operator alone, and nothing comes back but the id of the request.
    "wasi:otel",
    "wasi:random",
];

impl Capability {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::AiModels,
        Self::AllowedOutboundHosts,
        Self::Environment,
        Self::Files,
        Self::KeyValueStores,
        Self::SqliteDatabases,
        Self::Variables,
    ];

    /// The key of a manifest that it stands under.
    pub fn key(self) -> &'static str {
        match self {
            Self::AiModels => "ai_models",
            Self::AllowedOutboundHosts => "allowed_outbound_hosts",
            Self::Environment => "environment",
            Self::Files => "files",
            Self::KeyValueStores => "key_value_stores",
            Self::SqliteDatabases => "sqlite_databases",
            Self::Variables => "variables",
        }
    }

    /// The one that stands under a key.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.key() == key)
    }
}

/// What can be reached through an import.
pub(crate) fn standing(import: &str) -> Standing {
    let Some(interface) = Interface::parse(import) else { return Standing::Unknown };
    let names = |names: Names| names.iter().any(|name| interface.is_named(name));
    if names(HARMLESS) {
        return Standing::Harmless;
    }
    TABLE.into_iter().find(|(_, named)| names(named)).map_or(Standing::Unknown, |(capability, _)| Standing::Of(capability))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_belongs_to_one_part_of_the_configuration() {
        for (import, expected) in [
            ("wasi:http/types@0.2.6", Standing::Harmless),
            ("wasi:io/streams@0.2.0", Standing::Harmless),
            ("wasi:http/outgoing-handler@0.2.12", Standing::Of(Capability::AllowedOutboundHosts)),
            ("wasi:http/client@0.3.0", Standing::Of(Capability::AllowedOutboundHosts)),
            ("wasi:sockets/tcp@0.2.6", Standing::Of(Capability::AllowedOutboundHosts)),
            ("wasi:cli/environment@0.3.0", Standing::Of(Capability::Environment)),
            ("wasi:filesystem/preopens@0.2.6", Standing::Of(Capability::Files)),
            ("fermyon:spin/key-value", Standing::Of(Capability::KeyValueStores)),
            ("wasi:keyvalue/store@0.2.0-draft2", Standing::Of(Capability::KeyValueStores)),
            ("spin:sqlite/sqlite@3.1.0", Standing::Of(Capability::SqliteDatabases)),
            ("spin:variables/variables@3.0.0", Standing::Of(Capability::Variables)),
            ("fermyon:spin/llm@2.0.0", Standing::Of(Capability::AiModels)),
            ("wasi:otel/tracing@0.2.0-rc.2", Standing::Harmless),
            // The request itself, and what nobody has heard of, is not handed on without being asked for.
            ("wasi:http/handler@0.3.0", Standing::Unknown),
            ("wasi:httpx/types", Standing::Unknown),
            ("wasi:iot/streams", Standing::Unknown),
            ("fermyon:spin/new-thing@2.0.0", Standing::Unknown),
            ("streams", Standing::Unknown),
            ("", Standing::Unknown),
        ] {
            assert_eq!(standing(import), expected, "{import}");
        }
    }

    /// Whoever lets the host implement another interface is sent here.
    #[test]
    fn every_interface_that_the_host_implements_is_in_the_table() {
        let world = include_str!("../../../wit/world.wit");
        let spin1 = include_str!("../../../wit/spin1/world.wit");
        let imports = world.lines().chain(spin1.lines()).filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';'));
        let unknown: Vec<&str> = imports.clone().filter(|import| standing(import) == Standing::Unknown).collect();
        assert!(imports.count() > 10);
        assert_eq!(unknown, Vec::<&str>::new());
    }

    #[test]
    fn keys_are_found_again() {
        for capability in Capability::ALL {
            assert_eq!(Capability::of_key(capability.key()), Some(capability));
        }
        assert_eq!(Capability::of_key("everything"), None);
    }
}
