//! Walls: in place of each interface that a dependency imports and does not inherit stands one of the same shape behind which there is
//! nothing. Its functions answer with an error, or with nothing at all; those that can do neither trap.
//!
//! It knows what must not be reached. It must never know what would have been there.

mod answer;
mod module;

use crate::capability::{Standing, standing};
use crate::error::{ComposeError, printable};
use crate::graph::{Graph, Part};
use crate::{Capability, Inherit, graph};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding};
use wit_parser::{Resolve, World, WorldId, WorldItem};

/// Puts an instance of a component into a graph, with walls in front of what it does not inherit. `given` tells imports that it is handed
/// in any case.
pub(crate) fn add_walled(
    graph: &mut Graph,
    label: &str,
    wasm: &[u8],
    inherit: &Inherit,
    given: Option<fn(&str) -> bool>,
) -> Result<Part, ComposeError> {
    let part = graph.add(label, wasm)?;
    let denied = denied(&part, inherit, given)?;
    if !denied.is_empty() {
        let wall = build(label, wasm, &denied)?;
        let wall = graph.add(&format!("the wall around {label}"), &wall)?;
        for (import, _) in &denied {
            graph.connect(&wall, import, &part, import)?;
        }
    }
    Ok(part)
}

/// The imports that must not be reached.
fn denied(part: &Part, inherit: &Inherit, given: Option<fn(&str) -> bool>) -> Result<Vec<(String, Capability)>, ComposeError> {
    if *inherit == Inherit::All {
        return Ok(Vec::new());
    }
    let (mut denied, mut unknown) = (Vec::new(), Vec::new());
    for import in part.imports.iter().filter(|import| !given.is_some_and(|given| given(import))) {
        match standing(import) {
            Standing::Harmless => {}
            Standing::Of(capability) if inherit.includes(capability) => {}
            Standing::Of(capability) => denied.push((import.clone(), capability)),
            Standing::Unknown => unknown.push(import.clone()),
        }
    }
    if unknown.is_empty() { Ok(denied) } else { Err(ComposeError::NotInheritable { part: part.label.clone(), imports: unknown }) }
}

/// A component that exports these imports of another, with nothing behind them.
fn build(label: &str, wasm: &[u8], denied: &[(String, Capability)]) -> Result<Vec<u8>, ComposeError> {
    graph::check(label, wasm)?;
    let invalid = |reason: String| ComposeError::Invalid { part: label.to_owned(), reason: printable(&reason) };
    let (mut resolve, world) = match wit_component::decode(wasm).map_err(|error| invalid(format!("{error:#}")))? {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => return Err(invalid("it is a package of interfaces".to_owned())),
    };
    let world = turn_around(&mut resolve, world, denied);
    let unfit = |reason: String| ComposeError::Unfit { reason: printable(&format!("no wall can stand around {label}: {reason}")) };
    let mut module = module::build(&resolve, world, label, denied).map_err(unfit)?;
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .map_err(|error| unfit(format!("{error:#}")))?;
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).map_err(|error| unfit(format!("{error:#}")))?;
    encoder.encode().map_err(|error| unfit(format!("{error:#}")))
}

/// A world that exports what is denied, and may import the rest for its types.
fn turn_around(resolve: &mut Resolve, world: WorldId, denied: &[(String, Capability)]) -> WorldId {
    let mut turned: World = resolve.worlds[world].clone();
    turned.name = "wall".to_owned();
    turned.exports.clear();
    for (key, item) in std::mem::take(&mut turned.imports) {
        let name = resolve.name_world_key(&key);
        let is_denied = denied.iter().any(|(import, _)| *import == name);
        match (&item, is_denied) {
            (WorldItem::Interface { .. }, true) => drop(turned.exports.insert(key, item)),
            (WorldItem::Interface { .. }, false) => drop(turned.imports.insert(key, item)),
            // What stands in the world itself is not what interfaces are made of.
            _ => {}
        }
    }
    resolve.worlds.alloc(turned)
}
