//! What a guest's connection may do at all. It knows SQLite's settings, limits and actions; it must never know how long anything
//! takes.

use super::{answer, functions};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use spell_types::{SqlError, SqlLimits};
use std::cell::RefCell;
use std::time::Duration;

/// Bytes of a page: SQLite's default.
const PAGE_BYTES: u64 = 4096;
/// Bytes of pages that a connection keeps in memory.
const CACHE_KIB: i64 = 1024;
/// A write-ahead log that has grown beyond this is cut back after a checkpoint.
const WAL_BYTES_KEPT: i64 = 8 << 20;
/// Nested expressions and subqueries: each level takes some stack.
const EXPRESSION_DEPTH_MAX: i32 = 500;
/// Instructions of one compiled statement; views of views of views grow without end.
const INSTRUCTIONS_MAX: i32 = 250_000;
/// Bytes of the pattern of LIKE or GLOB: matching takes time with its length times that of the text.
const PATTERN_BYTES_MAX: i32 = 1024;
/// Triggers that have set each other off.
const TRIGGER_DEPTH_MAX: i32 = 100;
/// Compiled statements kept by a connection.
const STATEMENTS_CACHED_MAX: usize = 16;

/// Pragmas that tell something, or change nothing but this connection. With an argument they name a table, or set a switch.
const PRAGMAS: [&str; 31] = [
    "table_info",
    "table_xinfo",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "foreign_keys",
    "defer_foreign_keys",
    "recursive_triggers",
    "user_version",
    "integrity_check",
    "quick_check",
    "query_only",
    "optimize",
    "page_count",
    "page_size",
    "max_page_count",
    "freelist_count",
    "schema_version",
    "data_version",
    "encoding",
    "journal_mode",
    "synchronous",
    "application_id",
    "auto_vacuum",
    "compile_options",
    "collation_list",
    "function_list",
    "pragma_list",
];
/// From this place on, the pragmas above are for reading only.
const FIRST_READ_ONLY: usize = 16;

/// Functions that reach out of the database or into the process, or take time with the product of two lengths.
const FUNCTIONS_DENIED: [&str; 5] = ["load_extension", "fts3_tokenizer", "sqlite_log", "json_patch", "jsonb_patch"];
/// Tables that are no tables: they show the pages of the file, or make an index of any text.
const TABLES_DENIED: [&str; 5] = ["dbstat", "sqlite_dbpage", "fts3tokenize", "sqlite_stmt", "bytecode"];

/// Makes a connection one for guests. From here on it can do less, never more.
pub(super) fn put_around(connection: &Connection, limits: &SqlLimits) -> rusqlite::Result<()> {
    // Whoever finds a lock does not wait on a thread for it.
    connection.busy_timeout(Duration::ZERO)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    for (config, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        connection.set_db_config(config, value)?;
    }
    let pages_max = i64::try_from(limits.database_bytes_max / PAGE_BYTES).unwrap_or(i64::MAX);
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // What does not fit into the cache goes to a file without a name, whose bytes are counted; in memory nobody would count it.
    connection.pragma_update(None, "temp_store", "FILE")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    connection.pragma_update(None, "max_page_count", pages_max.max(1))?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, to_i32(limits.value_bytes_max)),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, to_i32(limits.statement_bytes_max)),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH_MAX),
        (Limit::SQLITE_LIMIT_VDBE_OP, INSTRUCTIONS_MAX),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, TRIGGER_DEPTH_MAX),
    ] {
        connection.set_limit(limit, value)?;
    }
    functions::replace(connection, limits.value_bytes_max)?;
    connection.authorizer(Some(authorize))
}

/// Allows statements of any length that SQLite allows.
pub(super) fn lift_statement_length(connection: &Connection) -> Result<(), SqlError> {
    let lifted = connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, i32::MAX);
    lifted.map(drop).map_err(|error| answer::fault(error, &SqlLimits::default()))
}

thread_local! {
    /// What was refused last on this thread; SQLite itself only says that something was.
    static REFUSED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Takes what was refused last on this thread.
pub(super) fn refused() -> Option<String> {
    REFUSED.take()
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    match refusal(&context.action) {
        None => Authorization::Allow,
        Some(what) => {
            REFUSED.set(Some(what));
            Authorization::Deny
        }
    }
}

/// What is wrong with an action, if anything is.
fn refusal(action: &AuthAction<'_>) -> Option<String> {
    let is_in = |list: &[&str], name: &str| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    match action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Some("other databases (ATTACH, DETACH, VACUUM)".to_owned()),
        AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempTrigger { .. }
        | AuthAction::CreateTempView { .. } => Some("temporary tables, indexes, triggers and views".to_owned()),
        AuthAction::CreateVtable { .. } => Some("virtual tables".to_owned()),
        AuthAction::Function { function_name } if is_in(&FUNCTIONS_DENIED, function_name) => Some(format!("the function {function_name}")),
        AuthAction::Read { table_name, .. } if is_in(&TABLES_DENIED, table_name) => Some(format!("the table {table_name}")),
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let allowed = if pragma_value.is_some() { PRAGMAS.get(..FIRST_READ_ONLY).unwrap_or(&PRAGMAS) } else { &PRAGMAS };
            (!is_in(allowed, pragma_name)).then(|| format!("this use of PRAGMA {}", shown(pragma_name)))
        }
        AuthAction::Unknown { .. } => Some("an action that the host does not know".to_owned()),
        _ => None,
    }
}

/// Most characters of a guest's own text that are given back to it in an error.
const SHOWN_CHARACTERS_MAX: usize = 64;

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

fn to_i32(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}
