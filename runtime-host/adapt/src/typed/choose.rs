//! Which function a cast calls.
//!
//! It knows names, and which functions take bytes and give some. It must never know how any is called.

use super::functions::{Found, Functions};
use crate::error::AdaptError;
use wit_parser::{Function, Resolve, Type, TypeDefKind};

/// Names of functions that are meant to be called with bytes; one of them alone is called without being asked for.
const BYTES_ENTRIES: [&str; 4] = ["process", "execute", "run", "cast"];

/// The functions that a cast can call.
pub(super) struct Chosen<'r> {
    pub(super) mode: Mode,
    pub(super) functions: Vec<Found<'r>>,
}

/// How a cast calls them. Its numbers are what the description begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    One = 0,
    Bytes = 1,
    Named = 2,
}

/// Chooses what is called.
pub(super) fn choose<'r>(resolve: &Resolve, found: &Functions<'r>, entry: Option<&str>) -> Result<Chosen<'r>, AdaptError> {
    let one = |function: &Found<'r>| {
        let mode = if takes_bytes(resolve, function.function) { Mode::Bytes } else { Mode::One };
        Chosen { mode, functions: vec![function.clone()] }
    };
    if let Some(entry) = entry {
        return named(found, entry).map(one);
    }
    let callable = found.callable();
    let entries =
        |function: &&Found<'_>| BYTES_ENTRIES.contains(&function.function.name.as_str()) && takes_bytes(resolve, function.function);
    let entries: Vec<&Found<'_>> = callable.iter().filter(entries).collect();
    match (callable.as_slice(), entries.as_slice()) {
        ([], _) if found.all.is_empty() => Err(AdaptError::NoFunctions { exports: found.exports.clone() }),
        ([], _) => Err(AdaptError::NotCallable(found.all.iter().filter_map(obstacle).collect())),
        ([function], _) => Ok(one(function)),
        (_, [function]) => Ok(one(function)),
        _ => Ok(Chosen { mode: Mode::Named, functions: callable }),
    }
}

/// The function that is called so.
fn named<'f, 'r>(found: &'f Functions<'r>, entry: &str) -> Result<&'f Found<'r>, AdaptError> {
    let names = |functions: &mut dyn Iterator<Item = &Found<'_>>| functions.map(Found::full_name).collect();
    let fitting: Vec<&Found<'r>> = found.all.iter().filter(|function| is_named(function, entry)).collect();
    match fitting.as_slice() {
        [] => Err(AdaptError::NoSuchFunction { entry: entry.to_owned(), functions: names(&mut found.all.iter()) }),
        [function] => obstacle(function).map_or(Ok(*function), |obstacle| Err(AdaptError::NotCallable(vec![obstacle]))),
        _ => Err(AdaptError::AmbiguousFunction { entry: entry.to_owned(), functions: names(&mut fitting.iter().copied()) }),
    }
}

/// Whether a function is called so: `name`, `interface#name` or `namespace:package/interface@version#name`.
fn is_named(found: &Found<'_>, entry: &str) -> bool {
    let Some((interface, name)) = entry.rsplit_once('#') else { return found.function.name == entry };
    let Some(full) = &found.interface else { return false };
    let short = full.rsplit_once('/').map_or(full.as_str(), |(_, rest)| rest);
    let short = short.split_once('@').map_or(short, |(short, _)| short);
    found.function.name == name && (full == interface || short == interface)
}

fn obstacle(found: &Found<'_>) -> Option<String> {
    found.obstacle.as_ref().map(|obstacle| format!("`{}`: {obstacle}", found.full_name()))
}

/// Whether it takes bytes or a text and gives some, or a reason why not.
fn takes_bytes(resolve: &Resolve, function: &Function) -> bool {
    let [param] = function.params.as_slice() else { return false };
    let Some(result) = &function.result else { return false };
    let ok = match definition(resolve, result) {
        Some(TypeDefKind::Result(result)) => result.ok,
        _ => Some(*result),
    };
    is_bytes(resolve, &param.ty) && ok.is_some_and(|ok| is_bytes(resolve, &ok))
}

fn is_bytes(resolve: &Resolve, kind: &Type) -> bool {
    match definition(resolve, kind) {
        Some(TypeDefKind::List(element)) => plain(resolve, element) == Type::U8,
        _ => plain(resolve, kind) == Type::String,
    }
}

/// A type by its own name, not by another's.
pub(super) fn plain(resolve: &Resolve, kind: &Type) -> Type {
    let mut kind = *kind;
    while let Some(TypeDefKind::Type(inner)) = definition_here(resolve, &kind) {
        kind = *inner;
    }
    kind
}

/// What a type is made of.
pub(super) fn definition<'r>(resolve: &'r Resolve, kind: &Type) -> Option<&'r TypeDefKind> {
    definition_here(resolve, &plain(resolve, kind))
}

fn definition_here<'r>(resolve: &'r Resolve, kind: &Type) -> Option<&'r TypeDefKind> {
    match kind {
        Type::Id(id) => resolve.types.get(*id).map(|definition| &definition.kind),
        _ => None,
    }
}
