//! The functions that a component exports, and whether JSON can say what they take and give.
//!
//! It knows which types there are words for. It must never know those words.

use super::FunctionFound;
use super::signature::signature;
use crate::error::AdaptError;
use std::collections::HashMap;
use wit_parser::{Function, FunctionKind, Handle, Resolve, Type, TypeDefKind, TypeId, WorldId, WorldItem, WorldKey};

/// The most functions that a component exports.
pub(super) const FUNCTIONS_MAX: usize = 1_000;
/// How deep types are within each other at most.
pub(super) const TYPE_DEPTH_MAX: usize = 64;
/// The most parts that the parameters and the result of one function have, however deep they are.
pub(super) const FUNCTION_PARTS_MAX: usize = 10_000;
/// The same for all functions of a component.
pub(super) const PARTS_MAX: usize = 100_000;

/// The functions of a component.
pub(super) struct Functions<'r> {
    pub(super) all: Vec<Found<'r>>,
    /// Names of everything that it exports.
    pub(super) exports: Vec<String>,
}

/// An exported function.
#[derive(Clone)]
pub(super) struct Found<'r> {
    /// What the world has it under.
    pub(super) key: &'r WorldKey,
    /// Its interface; `None` if it belongs to the world.
    pub(super) interface: Option<String>,
    pub(super) function: &'r Function,
    pub(super) signature: String,
    pub(super) obstacle: Option<String>,
}

impl Found<'_> {
    pub(super) fn full_name(&self) -> String {
        let name = &self.function.name;
        self.interface.as_ref().map_or_else(|| name.clone(), |interface| format!("{interface}#{name}"))
    }
}

impl<'r> Functions<'r> {
    /// Finds every function that a world exports.
    pub(super) fn find(resolve: &'r Resolve, world: WorldId) -> Result<Self, AdaptError> {
        let mut found = Vec::new();
        let exports = resolve.worlds.get(world).map(|world| &world.exports);
        for (key, item) in exports.into_iter().flatten() {
            match item {
                WorldItem::Function(function) => found.push((key, None, function)),
                WorldItem::Interface { id, .. } => {
                    let functions = resolve.interfaces.get(*id).into_iter().flat_map(|interface| interface.functions.values());
                    found.extend(functions.map(|function| (key, Some(resolve.name_world_key(key)), function)));
                }
                WorldItem::Type { .. } => {}
            }
            if found.len() > FUNCTIONS_MAX {
                return Err(AdaptError::TooMany { what: "functions", function: None, max: FUNCTIONS_MAX });
            }
        }
        let mut measure = Measure { resolve, known: HashMap::new() };
        let (mut all, mut total) = (Vec::new(), 0_usize);
        for (key, interface, function) in found {
            let measured = measure.function(function);
            let mut found = Found { key, interface, function, signature: String::new(), obstacle: None };
            match measured {
                Err(obstacle) => found.obstacle = Some(obstacle),
                Ok(Size { depth, .. }) if depth > TYPE_DEPTH_MAX => {
                    found.obstacle = Some(format!("its types are more than {TYPE_DEPTH_MAX} deep"));
                }
                Ok(Size { parts, .. }) if parts > FUNCTION_PARTS_MAX => {
                    let function = Some(found.full_name());
                    return Err(AdaptError::TooMany { what: "parts of types", function, max: FUNCTION_PARTS_MAX });
                }
                Ok(Size { parts, .. }) => total = total.saturating_add(parts),
            }
            found.signature = signature(resolve, function);
            all.push(found);
        }
        if total > PARTS_MAX {
            return Err(AdaptError::TooMany { what: "parts of types in its functions", function: None, max: PARTS_MAX });
        }
        let exports = exports.into_iter().flatten().map(|(key, _)| resolve.name_world_key(key)).collect();
        Ok(Self { all, exports })
    }

    /// What is told of them.
    pub(super) fn facts(&self) -> Vec<FunctionFound> {
        let fact = |found: &Found<'_>| FunctionFound {
            name: found.full_name(),
            signature: found.signature.clone(),
            obstacle: found.obstacle.clone(),
        };
        self.all.iter().map(fact).collect()
    }

    /// Those that can be called.
    pub(super) fn callable(&self) -> Vec<Found<'r>> {
        self.all.iter().filter(|found| found.obstacle.is_none()).cloned().collect()
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    depth: usize,
    parts: usize,
}

/// Sizes of types, each looked at once: what is made of the same parts many times over must not take as long as it is large.
struct Measure<'r> {
    resolve: &'r Resolve,
    known: HashMap<TypeId, Result<Size, String>>,
}

impl Measure<'_> {
    fn function(&mut self, function: &Function) -> Result<Size, String> {
        match &function.kind {
            FunctionKind::Freestanding => {}
            FunctionKind::AsyncFreestanding => return Err("it is asynchronous".to_owned()),
            _ => return Err("it belongs to a resource".to_owned()),
        }
        let params = function.params.iter().map(|param| &param.ty);
        self.all(params.chain(&function.result))
    }

    fn all<'t>(&mut self, types: impl Iterator<Item = &'t Type>) -> Result<Size, String> {
        let mut whole = Size { depth: 0, parts: 1 };
        for part in types {
            let Size { depth, parts } = self.one(part)?;
            whole = Size { depth: whole.depth.max(depth), parts: whole.parts.saturating_add(parts) };
        }
        Ok(Size { depth: whole.depth + 1, ..whole })
    }

    fn one(&mut self, kind: &Type) -> Result<Size, String> {
        let id = match kind {
            Type::ErrorContext => return Err("it takes or gives an `error-context`".to_owned()),
            Type::Id(id) => *id,
            _ => return Ok(Size { depth: 1, parts: 1 }),
        };
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let size = self.definition(id);
        self.known.insert(id, size.clone());
        size
    }

    fn definition(&mut self, id: TypeId) -> Result<Size, String> {
        let Some(definition) = self.resolve.types.get(id) else { return Err("it has a type that nobody knows".to_owned()) };
        let named = |what: &str| {
            let name = definition.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
            Err(format!("it takes or gives {what}{name}"))
        };
        match &definition.kind {
            TypeDefKind::Record(record) => self.all(record.fields.iter().map(|field| &field.ty)),
            TypeDefKind::Tuple(tuple) => self.all(tuple.types.iter()),
            TypeDefKind::Variant(variant) => {
                let size = self.all(variant.cases.iter().filter_map(|case| case.ty.as_ref()))?;
                Ok(Size { parts: size.parts.saturating_add(variant.cases.len()), ..size })
            }
            TypeDefKind::Enum(of) => Ok(Size { depth: 1, parts: of.cases.len() }),
            TypeDefKind::Flags(flags) if flags.flags.len() > 32 => named("more than 32 flags"),
            TypeDefKind::Flags(flags) => Ok(Size { depth: 1, parts: flags.flags.len() }),
            TypeDefKind::Option(inner) | TypeDefKind::List(inner) => self.all([inner].into_iter()),
            TypeDefKind::Result(result) => self.all(result.ok.iter().chain(&result.err)),
            TypeDefKind::Type(inner) => self.one(inner),
            TypeDefKind::Handle(Handle::Own(resource) | Handle::Borrow(resource)) => {
                let name = self.resolve.types.get(*resource).and_then(|resource| resource.name.as_deref()).unwrap_or_default();
                Err(format!("it takes or gives the resource `{name}`"))
            }
            TypeDefKind::Resource => named("the resource"),
            TypeDefKind::Future(_) => named("a `future`"),
            TypeDefKind::Stream(_) => named("a `stream`"),
            TypeDefKind::Map(..) => named("a `map`"),
            TypeDefKind::FixedLengthList(..) => named("a list of fixed length"),
            TypeDefKind::Unknown => named("a type that nobody knows"),
        }
    }
}
