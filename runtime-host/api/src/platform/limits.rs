//! Limits as requests and answers have them: three by the names and units that the API has had from its beginning, and all by their keys.
//!
//! It knows names, units and ranges. It must never know ceilings, which are the operator's.

use crate::platform::problem::{Problem, Refusal};
use serde_json::{Map, Number, Value};
use spell_types::{Limit, Limits};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use utoipa::openapi::schema::{AdditionalProperties, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, Type};

/// What is asked for by name; nothing takes a wish back.
pub(crate) type Wishes = BTreeMap<String, Option<Number>>;

struct Resource {
    name: &'static str,
    limit: Limit,
    /// How much of the limit's unit one of this is.
    factor: u64,
    range: RangeInclusive<u64>,
    words: &'static str,
}

#[rustfmt::skip]
const RESOURCES: [Resource; 3] = [
    Resource { name: "maxMemoryMB", limit: Limit::Memory, factor: 1 << 20, range: 1..=4096, words: "1 and 4096" },
    Resource { name: "maxExecutionTimeMs", limit: Limit::Time, factor: 1, range: 100..=600_000, words: "100 and 600000 (10 minutes)" },
    Resource { name: "maxOutputSizeBytes", limit: Limit::Response, factor: 1, range: 1 << 10..=1 << 30, words: "1KB and 1GB" },
];

/// Puts what is asked for in place of what was asked for before.
pub(crate) fn wish(limits: &mut Vec<(Limit, u64)>, resources: Option<Wishes>, by_key: Option<Wishes>) -> Result<(), Problem> {
    let resources = resources.unwrap_or_default().into_iter().map(|(name, number)| resource(&name, number));
    let by_key = by_key.unwrap_or_default().into_iter().map(|(key, number)| keyed(&key, number));
    let mut wished = Vec::new();
    for wish in resources.chain(by_key) {
        let (limit, value) = wish?;
        if wished.contains(&limit) {
            let detail = format!("the limit `{}` is in resourceLimits and in limits: say it once", limit.key());
            return Err(Problem::new(Refusal::Invalid, detail));
        }
        wished.push(limit);
        limits.retain(|(known, _)| *known != limit);
        limits.extend(value.map(|value| (limit, value)));
    }
    // The order of the documentation, whatever the order of the wishes.
    limits.sort_by_key(|(limit, _)| *limit as usize);
    Ok(())
}

/// The three limits as the spell has them, be they asked for or the operator's.
pub(crate) fn resources(asked: &[(Limit, u64)], defaults: &Limits, ceilings: &Limits) -> Map<String, Value> {
    let value = |limit| {
        let asked = asked.iter().find(|(known, _)| *known == limit).map(|(_, value)| *value);
        asked.unwrap_or_else(|| defaults.get(limit).min(ceilings.get(limit)))
    };
    RESOURCES.iter().map(|resource| (resource.name.to_owned(), Value::from(value(resource.limit) / resource.factor))).collect()
}

/// The limits that were asked for, by their keys and in their units.
pub(crate) fn by_key(asked: &[(Limit, u64)]) -> Map<String, Value> {
    asked.iter().map(|(limit, value)| (limit.key().to_owned(), Value::from(*value))).collect()
}

/// The form of the three limits in a request.
pub(crate) fn resources_asked() -> Object {
    form(RESOURCES.iter().map(|resource| (resource.name, Some(resource.range.clone()))), true)
}

/// Their form in an answer.
pub(crate) fn resources_shown() -> Object {
    form(RESOURCES.iter().map(|resource| (resource.name, None)), false)
}

/// The form of all limits in a request.
pub(crate) fn limits_asked() -> Object {
    form(Limit::ALL.iter().map(|limit| (limit.key(), None)), true)
}

/// Their form in an answer, which has those that were asked for.
pub(crate) fn limits_shown() -> Object {
    form(Limit::ALL.iter().map(|limit| (limit.key(), None)), false)
}

/// Whole numbers by name. In a request, null takes a wish back.
fn form(names: impl Iterator<Item = (&'static str, Option<RangeInclusive<u64>>)>, is_asked: bool) -> Object {
    let types = |plain: Type| if is_asked { vec![plain, Type::Null] } else { vec![plain] };
    let number = |range: Option<RangeInclusive<u64>>| {
        let (min, max) = range.map_or((0, None), |range| (*range.start(), Some(*range.end())));
        let number = ObjectBuilder::new().schema_type(types(Type::Integer).into_iter().collect::<SchemaType>());
        number.minimum(Some(min as usize)).maximum(max.map(|max| max as usize)).build()
    };
    let object = ObjectBuilder::new().schema_type(types(Type::Object).into_iter().collect::<SchemaType>());
    let object = names.fold(object, |object, (name, range)| object.property(name, number(range)));
    object.additional_properties(Some(AdditionalProperties::FreeForm(false))).build()
}

fn resource(name: &str, number: Option<Number>) -> Result<(Limit, Option<u64>), Problem> {
    let Some(resource) = RESOURCES.iter().find(|resource| resource.name == name) else {
        let names = RESOURCES.map(|resource| format!("`{}`", resource.name)).join(", ");
        return Err(Problem::new(Refusal::Invalid, format!("unknown field `{name}` in resourceLimits, expected one of {names}")));
    };
    let Some(number) = number else { return Ok((resource.limit, None)) };
    let value = number.as_u64().filter(|value| resource.range.contains(value));
    let value = value.ok_or_else(|| Problem::new(Refusal::Invalid, format!("{name} must be between {}", resource.words)))?;
    Ok((resource.limit, Some(value * resource.factor)))
}

fn keyed(key: &str, number: Option<Number>) -> Result<(Limit, Option<u64>), Problem> {
    let Some(limit) = Limit::from_key(key) else {
        let keys = Limit::ALL.map(|limit| format!("`{}`", limit.key())).join(", ");
        return Err(Problem::new(Refusal::Invalid, format!("unknown field `{key}` in limits, expected one of {keys}")));
    };
    let Some(number) = number else { return Ok((limit, None)) };
    let value = number.as_u64().ok_or_else(|| {
        let detail = format!("limits.{key} must be a whole number ({}), not {number}", limit.unit());
        Problem::new(Refusal::Invalid, detail)
    })?;
    Ok((limit, Some(value)))
}
