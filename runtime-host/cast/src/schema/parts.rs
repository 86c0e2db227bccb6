//! How much a schema takes to check: its keywords, each as often as it is applied to the same place.
//!
//! It knows which keywords lead to further schemas. It must never know a content.
//!
//! A schema that leads back to itself can take any time: two references to itself on each level double it with each level of a content. So
//! none may, and references count as what they lead to. What is left takes at most its parts for each value of a content.

use super::{SCHEMA_PARTS_MAX, SCHEMA_PATTERNS_MAX, SchemaError, invalid};
use serde_json::Value;

/// Where `$schema` may lead.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
/// What changes where references lead, looks at a value once more for each of its members, or belongs to earlier drafts.
const UNSUPPORTED: [&str; 11] = [
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveAnchor",
    "$recursiveRef",
    "$vocabulary",
    "additionalItems",
    "dependencies",
    "id",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// What a schema takes.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) count: usize,
    pub(super) has_unique: bool,
    patterns: usize,
}

struct Counting<'a> {
    root: &'a Value,
    /// The references that led here.
    within: Vec<&'a str>,
    parts: Parts,
}

impl Parts {
    pub(super) fn of(schema: &Value) -> Result<Parts, SchemaError> {
        let mut counting = Counting { root: schema, within: vec!["#"], parts: Parts::default() };
        counting.schema(schema)?;
        Ok(counting.parts)
    }
}

impl<'a> Counting<'a> {
    fn schema(&mut self, schema: &'a Value) -> Result<(), SchemaError> {
        let Value::Object(keywords) = schema else { return self.count(1) };
        let is_root = std::ptr::eq(schema, self.root);
        for (keyword, value) in keywords {
            self.count(1)?;
            self.keyword(keyword, value, is_root)?;
        }
        Ok(())
    }

    fn keyword(&mut self, keyword: &str, value: &'a Value, is_root: bool) -> Result<(), SchemaError> {
        match keyword {
            "$ref" => self.reference(value),
            "$schema" if is_root && value.as_str().is_some_and(|draft| draft.trim_end_matches('#') == DRAFT) => Ok(()),
            "$id" if is_root => Ok(()),
            "$schema" | "$id" => Err(SchemaError::Unsupported(keyword.to_owned())),
            keyword if UNSUPPORTED.contains(&keyword) => Err(SchemaError::Unsupported(keyword.to_owned())),
            "properties" | "patternProperties" | "dependentSchemas" => {
                let members = value.as_object().into_iter().flatten();
                if keyword == "patternProperties" {
                    self.patterns(value.as_object().map_or(0, serde_json::Map::len))?;
                }
                members.map(|(_, schema)| schema).try_for_each(|schema| self.count(1).and_then(|()| self.schema(schema)))
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                value.as_array().into_iter().flatten().try_for_each(|schema| self.schema(schema))
            }
            "items" | "contains" | "additionalProperties" | "propertyNames" | "not" | "if" | "then" | "else" => self.schema(value),
            "enum" | "const" | "required" | "dependentRequired" => self.listed(value),
            "pattern" => self.patterns(1),
            "uniqueItems" => {
                self.parts.has_unique |= value != &Value::Bool(false);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Each reference counts as what it leads to.
    fn reference(&mut self, value: &'a Value) -> Result<(), SchemaError> {
        let Value::String(to) = value else { return Err(invalid("/$ref".to_owned(), "it must be a string".to_owned())) };
        let pointer = to.strip_prefix('#').filter(|pointer| !pointer.contains('%'));
        let target = pointer.and_then(|pointer| self.root.pointer(pointer)).ok_or_else(|| SchemaError::NotInside(to.clone()))?;
        if self.within.contains(&to.as_str()) {
            return Err(SchemaError::Recursive(to.clone()));
        }
        self.within.push(to);
        self.schema(target)?;
        self.within.pop();
        Ok(())
    }

    /// Values that are compared with count one by one, and texts by their length.
    fn listed(&mut self, value: &Value) -> Result<(), SchemaError> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.listed(item)),
            Value::Object(members) => {
                members.iter().try_for_each(|(name, member)| self.count(1 + name.len() / 64).and_then(|()| self.listed(member)))
            }
            Value::String(text) => self.count(1 + text.len() / 64),
            _ => self.count(1),
        }
    }

    fn patterns(&mut self, count: usize) -> Result<(), SchemaError> {
        self.parts.patterns += count;
        if self.parts.patterns > SCHEMA_PATTERNS_MAX { Err(SchemaError::TooManyPatterns) } else { Ok(()) }
    }

    fn count(&mut self, count: usize) -> Result<(), SchemaError> {
        self.parts.count += count;
        if self.parts.count > SCHEMA_PARTS_MAX { Err(SchemaError::TooManyParts) } else { Ok(()) }
    }
}
