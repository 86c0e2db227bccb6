//! What functions take and give, as JSON Schema.
//!
//! It knows how each type is written as JSON. It must never know what is called.

use super::choose::{definition, plain};
use super::functions::Functions;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use wit_parser::{Docs, Function, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of functions; those that cannot be called are left out.
pub(super) fn of(resolve: &Resolve, functions: &Functions<'_>) -> Value {
    let callable = functions.callable();
    let mut named = BTreeSet::new();
    for function in &callable {
        let types = function.function.params.iter().map(|param| &param.ty).chain(&function.function.result);
        types.for_each(|kind| find_named(resolve, kind, &mut named));
    }
    let schema = Schema { resolve, names: names(resolve, &named) };
    let functions: Map<String, Value> =
        callable.iter().map(|found| (found.full_name(), schema.function(found.function, &found.signature))).collect();
    let definitions: Map<String, Value> = schema.names.iter().map(|(id, name)| (name.clone(), schema.definition(&Type::Id(*id)))).collect();
    json!({ "$schema": DIALECT, "functions": functions, "$defs": definitions })
}

struct Schema<'r> {
    resolve: &'r Resolve,
    /// What types with names are called in `$defs`.
    names: BTreeMap<TypeId, String>,
}

/// Every type with a name that a type is made of.
fn find_named(resolve: &Resolve, kind: &Type, found: &mut BTreeSet<TypeId>) {
    let Type::Id(id) = plain(resolve, kind) else { return };
    let Some(definition) = resolve.types.get(id) else { return };
    if definition.name.is_some() && !found.insert(id) {
        return;
    }
    match &definition.kind {
        TypeDefKind::Record(record) => record.fields.iter().for_each(|field| find_named(resolve, &field.ty, found)),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(|part| find_named(resolve, part, found)),
        TypeDefKind::Variant(variant) => {
            variant.cases.iter().filter_map(|case| case.ty.as_ref()).for_each(|kind| find_named(resolve, kind, found))
        }
        TypeDefKind::Option(inner) | TypeDefKind::List(inner) => find_named(resolve, inner, found),
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).for_each(|kind| find_named(resolve, kind, found)),
        _ => {}
    }
}

/// Names that are each other's only ones: a type's own, else with its interface's in front, else with the whole of that.
fn names(resolve: &Resolve, types: &BTreeSet<TypeId>) -> BTreeMap<TypeId, String> {
    let all = |id: &TypeId| {
        let definition = resolve.types.get(*id);
        let own = definition.and_then(|definition| definition.name.clone()).unwrap_or_default();
        let interface = definition.and_then(|definition| match definition.owner {
            TypeOwner::Interface(interface) => Some(interface),
            _ => None,
        });
        let short = interface.and_then(|interface| resolve.interfaces.get(interface)?.name.clone());
        let full = interface.and_then(|interface| resolve.id_of(interface));
        let with = |interface: Option<String>| interface.map_or_else(|| own.clone(), |interface| format!("{interface}.{own}"));
        [own.clone(), with(short), with(full)]
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let candidates: Vec<(TypeId, [String; 3])> = types.iter().map(|id| (*id, all(id))).collect();
    for (_, names) in &candidates {
        let different: BTreeSet<&String> = names.iter().collect();
        different.into_iter().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
    }
    let mut chosen = BTreeMap::new();
    for (index, (id, names)) in candidates.into_iter().enumerate() {
        let [own, ..] = &names;
        let numbered = format!("{own}.{index}");
        let name = names.into_iter().find(|name| counts.get(name) == Some(&1)).unwrap_or(numbered);
        chosen.insert(id, name);
    }
    chosen
}

impl Schema<'_> {
    fn function(&self, function: &Function, signature: &str) -> Value {
        let mut schema = Map::new();
        describe(&mut schema, &function.docs);
        schema.insert("signature".to_owned(), signature.into());
        let params = function.params.iter().map(|param| (param.name.as_str(), &param.ty, None));
        schema.insert("arguments".to_owned(), self.object(params));
        let result = function.result.and_then(|result| definition(self.resolve, &result).map(|kind| (result, kind)));
        match result {
            Some((_, TypeDefKind::Result(result))) => {
                schema.insert("result".to_owned(), self.optional(result.ok.as_ref()));
                schema.insert("failure".to_owned(), self.optional(result.err.as_ref()));
            }
            _ => {
                schema.insert("result".to_owned(), self.optional(function.result.as_ref()));
            }
        }
        Value::Object(schema)
    }

    /// A value that is null if it has no type.
    fn optional(&self, kind: Option<&Type>) -> Value {
        kind.map_or_else(|| json!({ "type": "null" }), |kind| self.of(kind))
    }

    /// A type where it is used: by its name, if it has one.
    fn of(&self, kind: &Type) -> Value {
        let kind = plain(self.resolve, kind);
        let name = match &kind {
            Type::Id(id) => self.names.get(id),
            _ => None,
        };
        match name {
            Some(name) => json!({ "$ref": format!("#/$defs/{}", name.replace('~', "~0").replace('/', "~1")) }),
            None => self.definition(&kind),
        }
    }

    fn definition(&self, kind: &Type) -> Value {
        let whole = |least: i128, most: i128| json!({ "type": "integer", "minimum": number(least), "maximum": number(most) });
        let id = match kind {
            Type::Bool => return json!({ "type": "boolean" }),
            Type::S8 => return whole(i8::MIN.into(), i8::MAX.into()),
            Type::U8 => return whole(0, u8::MAX.into()),
            Type::S16 => return whole(i16::MIN.into(), i16::MAX.into()),
            Type::U16 => return whole(0, u16::MAX.into()),
            Type::S32 => return whole(i32::MIN.into(), i32::MAX.into()),
            Type::U32 => return whole(0, u32::MAX.into()),
            Type::S64 => return whole(i64::MIN.into(), i64::MAX.into()),
            Type::U64 => return whole(0, u64::MAX.into()),
            Type::F32 | Type::F64 => return json!({ "anyOf": [{ "type": "number" }, { "enum": ["NaN", "Infinity", "-Infinity"] }] }),
            Type::Char => return json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Type::String => return json!({ "type": "string" }),
            Type::ErrorContext => return json!(false),
            Type::Id(id) => *id,
        };
        let Some(definition) = self.resolve.types.get(id) else { return json!(false) };
        let mut schema = match self.made_of(&definition.kind) {
            Value::Object(schema) => schema,
            other => return other,
        };
        describe(&mut schema, &definition.docs);
        Value::Object(schema)
    }

    fn made_of(&self, kind: &TypeDefKind) -> Value {
        match kind {
            TypeDefKind::Record(record) => {
                self.object(record.fields.iter().map(|field| (field.name.as_str(), &field.ty, Some(&field.docs))))
            }
            TypeDefKind::Tuple(tuple) => {
                let (parts, count) = (tuple.types.iter().map(|part| self.of(part)).collect::<Vec<_>>(), tuple.types.len());
                json!({ "type": "array", "prefixItems": parts, "items": false, "minItems": count, "maxItems": count })
            }
            TypeDefKind::List(element) if plain(self.resolve, element) == Type::U8 => {
                json!({ "type": "string", "contentEncoding": "base64" })
            }
            TypeDefKind::List(element) => json!({ "type": "array", "items": self.of(element) }),
            TypeDefKind::Option(inner) => match definition(self.resolve, inner) {
                Some(TypeDefKind::Option(_)) => json!({ "anyOf": [self.only("some", Some(inner)), { "type": "null" }] }),
                _ => json!({ "anyOf": [self.of(inner), { "type": "null" }] }),
            },
            TypeDefKind::Result(result) => {
                json!({ "oneOf": [self.only("ok", result.ok.as_ref()), self.only("err", result.err.as_ref())] })
            }
            TypeDefKind::Enum(of) => json!({ "enum": of.cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>() }),
            TypeDefKind::Flags(flags) => {
                let names: Vec<&str> = flags.flags.iter().map(|flag| flag.name.as_str()).collect();
                json!({ "type": "array", "items": { "enum": names }, "uniqueItems": true })
            }
            TypeDefKind::Variant(variant) => {
                let case = |case: &wit_parser::Case| {
                    let schema = match &case.ty {
                        Some(payload) => self.only(&case.name, Some(payload)),
                        None => json!({ "const": case.name }),
                    };
                    described(schema, &case.docs)
                };
                json!({ "oneOf": variant.cases.iter().map(case).collect::<Vec<_>>() })
            }
            TypeDefKind::Type(inner) => self.of(inner),
            // Functions with anything else cannot be called.
            _ => json!(false),
        }
    }

    /// An object of one field.
    fn only(&self, name: &str, kind: Option<&Type>) -> Value {
        json!({ "type": "object", "properties": { name: self.optional(kind) }, "required": [name], "additionalProperties": false })
    }

    fn object<'t>(&self, fields: impl Iterator<Item = (&'t str, &'t Type, Option<&'t Docs>)>) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, kind, docs) in fields {
            let schema = self.of(kind);
            properties.insert(name.to_owned(), docs.map_or(schema.clone(), |docs| described(schema, docs)));
            if !matches!(definition(self.resolve, kind), Some(TypeDefKind::Option(_))) {
                required.push(name);
            }
        }
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    }
}

fn number(value: i128) -> Value {
    u64::try_from(value).map_or_else(|_| json!(value as i64), |value| json!(value))
}

fn described(mut schema: Value, docs: &Docs) -> Value {
    if let Value::Object(schema) = &mut schema {
        describe(schema, docs);
    }
    schema
}

fn describe(schema: &mut Map<String, Value>, docs: &Docs) {
    if let Some(text) = docs.contents.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        schema.insert("description".to_owned(), text.into());
    }
}
