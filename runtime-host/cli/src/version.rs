//! Which versions this binary is made of.

use std::sync::OnceLock;

/// The host's version with that of its engine and its database.
pub(crate) fn line() -> &'static str {
    static LINE: OnceLock<String> = OnceLock::new();
    LINE.get_or_init(|| {
        format!("{} (wasmtime {}, SQLite {})", env!("CARGO_PKG_VERSION"), spell_engine::WASMTIME_VERSION, spell_store::sqlite_version())
    })
}
