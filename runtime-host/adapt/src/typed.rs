//! Components that export functions of their own: a bridge is put in front, which exports `spell:runtime/cast` and calls them with what
//! JSON or bytes say.
//!
//! The bridge is a core module that was built before, and that knows the canonical ABI; what is made here is a description of the
//! functions for it, and the glue that calls them. It knows WIT. It must never know what JSON a cast has.

mod bridge;
mod choose;
mod description;
mod functions;
mod schema;
mod signature;
mod trampolines;

use crate::error::AdaptError;
use crate::merge;
use choose::{Chosen, Mode};
use functions::Functions;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId};

/// The interpreter: `components/adapters/typed-json`, built by `components/build.sh adapters`.
const INTERPRETER: &[u8] = include_bytes!("../adapters/typed_json.wasm");

/// A component with a bridge in front, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedAdapted {
    /// The component.
    pub wasm: Vec<u8>,
    /// How a cast calls it.
    pub called: Called,
    /// Every function that it exports.
    pub functions: Vec<FunctionFound>,
}

/// How a cast of a component calls its functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// This one, with the content as it is.
    Bytes(String),
    /// This one, with arguments in JSON.
    One(String),
    /// The one that `{"function": …, "arguments": …}` names.
    Named,
}

/// An exported function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionFound {
    /// `interface#name`, or its name alone if it belongs to the world.
    pub name: String,
    /// What it takes and gives, in WIT's words.
    pub signature: String,
    /// Why it cannot be called with JSON; `None` if it can.
    pub obstacle: Option<String>,
}

/// Puts a bridge in front of a component, so that the whole exports `spell:runtime/cast`. `entry` is the function that is called: its name
/// if there is one alone of that name, `interface#name`, or `namespace:package/interface@version#name`.
///
/// Without it, the only function is called, or the only one of the name `process`, `execute`, `run` or `cast` that takes bytes or text and
/// gives some. If there is neither, the input names the function: `{"function": …, "arguments": …}`.
///
/// # Errors
/// If it is no component, or nothing of what it exports can be called; the functions are named.
pub fn adapt_typed(component: &[u8], entry: Option<&str>) -> Result<TypedAdapted, AdaptError> {
    guarded(|| {
        let (resolve, world) = decode(component)?;
        let found = Functions::find(&resolve, world)?;
        let chosen = choose::choose(&resolve, &found, entry)?;
        let Chosen { mode, functions } = &chosen;
        let description = description::describe(&resolve, *mode, functions);
        let glue = trampolines::glue(&resolve, functions, &description)?;
        let module = merge::merge(INTERPRETER, &glue)?;
        let bridge = bridge::component(&resolve, world, functions, module)?;
        let wasm = spell_compose::with_provider(&bridge, component)?;
        let first = || functions.first().map(|function| function.full_name()).unwrap_or_default();
        let called = match mode {
            Mode::Bytes => Called::Bytes(first()),
            Mode::One => Called::One(first()),
            Mode::Named => Called::Named,
        };
        Ok(TypedAdapted { wasm, called, functions: found.facts() })
    })
}

/// The functions that a component exports.
///
/// # Errors
/// If it is no component, or has too many of them.
pub fn functions(component: &[u8]) -> Result<Vec<FunctionFound>, AdaptError> {
    guarded(|| {
        let (resolve, world) = decode(component)?;
        Ok(Functions::find(&resolve, world)?.facts())
    })
}

/// What each function of a component takes and gives as JSON: a JSON Schema (2020-12) with the named types in `$defs`, and under
/// `functions` for each of them `arguments`, `result` and, if it can fail, `failure`.
///
/// # Errors
/// If it is no component, or has too many functions.
pub fn schema(component: &[u8]) -> Result<serde_json::Value, AdaptError> {
    guarded(|| {
        let (resolve, world) = decode(component)?;
        Ok(schema::of(&resolve, &Functions::find(&resolve, world)?))
    })
}

/// Reads what a component imports and exports.
fn decode(component: &[u8]) -> Result<(Resolve, WorldId), AdaptError> {
    if !matches!(component, [0, b'a', b's', b'm', _, _, 1, 0, ..]) {
        return Err(AdaptError::NotAComponent("it does not begin as components do".to_owned()));
    }
    if component.len() > spell_compose::PROGRAM_BYTES_MAX {
        return Err(AdaptError::TooMany { what: "bytes", function: None, max: spell_compose::PROGRAM_BYTES_MAX });
    }
    match wit_component::decode(component) {
        Ok(DecodedWasm::Component(resolve, world)) => Ok((resolve, world)),
        Ok(DecodedWasm::WitPackage(..)) => Err(AdaptError::NotAComponent("it is a package of interfaces".to_owned())),
        Err(error) => Err(AdaptError::NotAComponent(format!("{error:#}"))),
    }
}

/// The libraries give up with a panic on shapes that they do not know; components come from strangers.
fn guarded<T>(work: impl FnOnce() -> Result<T, AdaptError>) -> Result<T, AdaptError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(AdaptError::NotAComponent("it has a shape that is not known here".to_owned())))
}
