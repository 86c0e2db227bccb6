//! The engine of a host, with its cache of compiled code, and the compiler beside it.
//!
//! It knows settings and the state directory. It must never know what is executed.

use crate::compiling;
use anyhow::{Context, Result};
use spell_engine::{CodeCache, Engine, EngineConfig};
use spell_manifest::{Setting, Settings};
use std::path::Path;

/// Opens an engine that has places for all of these together; compiled code is kept, if it is, in the state directory.
pub(crate) fn open(settings: &Settings, places: &[Setting], state_dir: Option<&Path>) -> Result<Engine> {
    let places = places.iter().map(|setting| settings.get(*setting)).fold(0, u64::saturating_add);
    let engine = EngineConfig {
        instances_max: u32::try_from(places).unwrap_or(u32::MAX),
        stack_bytes: usize::try_from(settings.get(Setting::StackBytes))?,
        ..EngineConfig::default()
    };
    let cache = state_dir.map(cache).transpose()?;
    Ok(Engine::new(&engine, cache, compiling::compiler(settings, &engine))?)
}

fn cache(state_dir: &Path) -> Result<CodeCache> {
    let directory = state_dir.join("code");
    CodeCache::open(&directory, &state_dir.join("code.key"))
        .with_context(|| format!("cannot open the cache of compiled code {}", directory.display()))
}
