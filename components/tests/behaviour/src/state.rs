//! What a guest does with stores and databases, through which interface. Knows arguments; must never know an interface.

use crate::query::Query;

/// Statements for one connection, one after the other, and how long it stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sql {
    /// The version of the interface: empty for the newest that the guest has, `3.0` or `1`.
    pub via: String,
    /// The database.
    pub database: String,
    /// The statements.
    pub statements: Vec<String>,
    /// The parameter of each of them, if they have one.
    pub parameter: Option<String>,
    /// How long the connection is held open afterwards, in milliseconds.
    pub hold_ms: u64,
}

/// One operation on a store of keys, through another interface than the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOperation {
    /// The interface: `wasi` or `1`.
    pub via: String,
    /// What is done.
    pub operation: String,
    /// The store.
    pub store: String,
    /// The key, or keys joined by commas.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Sql {
    pub(crate) fn of(query: &Query) -> Self {
        let statements = query.text("sql", "SELECT 1");
        Self {
            via: query.text("via", ""),
            database: query.text("db", "default"),
            statements: statements.lines().map(str::to_owned).collect(),
            parameter: query.given("p"),
            hold_ms: query.number("ms", 0),
        }
    }
}

impl StoreOperation {
    pub(crate) fn of(query: &Query) -> Self {
        Self {
            via: query.text("via", "wasi"),
            operation: query.text("op", "get"),
            store: query.text("store", "default"),
            key: query.text("key", "key"),
            value: query.text("value", ""),
        }
    }
}
