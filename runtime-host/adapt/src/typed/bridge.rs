//! The world of a bridge: it imports what a component exports, and exports `spell:runtime/cast`.
//!
//! It knows worlds. It must never know what is in a module.

use super::functions::Found;
use crate::encode::CAST;
use crate::error::AdaptError;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

/// What the world is called.
const NAME: &str = "spell-bridge";

/// Makes a component of a core module that calls functions of a world.
pub(super) fn component(resolve: &Resolve, world: WorldId, functions: &[Found<'_>], mut module: Vec<u8>) -> Result<Vec<u8>, AdaptError> {
    let mut resolve = resolve.clone();
    turn_around(&mut resolve, world, functions)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(|error| failed(&error))?;
    let encoder = ComponentEncoder::default().validate(true).module(&module).map_err(|error| failed(&error))?;
    { encoder }.encode().map_err(|error| failed(&error))
}

/// Lets a world import what it exports, as far as it is called, and export a cast.
fn turn_around(resolve: &mut Resolve, world: WorldId, functions: &[Found<'_>]) -> Result<(), AdaptError> {
    resolve.worlds[world].exports.retain(|key, _| functions.iter().any(|found| found.key == key));
    resolve.importize(world, Some(NAME.to_owned())).map_err(|error| failed(&error))?;
    let mut casts = Resolve::default();
    let package = casts.push_source("cast.wit", CAST).map_err(|error| failed(&error))?;
    let spell = casts.select_world(&[package], Some("spell")).map_err(|error| failed(&error))?;
    let casts = resolve.merge(casts).map_err(|error| failed(&error))?;
    if let Some(spell) = casts.worlds.get(spell.index()).copied().flatten() {
        let exports = resolve.worlds[spell].exports.clone();
        resolve.worlds[world].exports.extend(exports);
    }
    Ok(())
}

fn failed(error: &dyn std::fmt::Display) -> AdaptError {
    AdaptError::Encode(format!("{error:#}"))
}
