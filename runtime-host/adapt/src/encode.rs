//! A core module that has the functions of a world made a component of it.
//!
//! It knows which worlds there are, and what WASI's preview 1 is in components. It must never know what the module does.

mod memories;

use crate::error::AdaptError;
use crate::http::with_extism_http;
use crate::imports::EXTISM;
use crate::module::ModuleFacts;
use wasi_preview1_component_adapter_provider::{WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

/// The interface that adapted programs export.
pub const CAST_INTERFACE: &str = "spell:runtime/cast@0.1.0";
/// The interface that its sibling exports which streams.
pub(crate) const CAST_STREAMING_INTERFACE: &str = "spell:runtime/cast-streaming@0.1.0";
pub(crate) const CAST: &str = include_str!("../../../wit/spell-runtime/cast.wit");
const EXTISM_HTTP: &str = include_str!("../../../wit/spell-runtime/extism-http.wit");

/// Makes a component of a module that exports the functions of [`CAST_INTERFACE`].
pub(crate) fn component(module: &[u8], facts: &ModuleFacts) -> Result<Vec<u8>, AdaptError> {
    let makes_requests = facts.imports.iter().any(|import| import.module == EXTISM && import.name.starts_with("http_"));
    let world = if makes_requests { "extism-plugin" } else { "spell" };
    let component = encode(module, world).map_err(|error| AdaptError::Encode(chain(error.as_ref())))?;
    let component = memories::of_their_own(&component).map_err(|error| AdaptError::Encode(chain(&error)))?;
    if makes_requests { with_extism_http(&component) } else { Ok(component) }
}

/// An error, and what it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn encode(module: &[u8], world: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut resolve = Resolve::default();
    let mut sources = SourceMap::default();
    sources.push_str("cast.wit", CAST);
    sources.push_str("extism-http.wit", EXTISM_HTTP);
    let package = resolve.push_group(sources.parse().map_err(|(_, error)| error.to_string())?)?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let encoder = ComponentEncoder::default().validate(true).module(&module)?;
    let mut encoder = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?;
    Ok(encoder.encode()?)
}
