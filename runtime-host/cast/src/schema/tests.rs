//! Which schemas can be used, and what is told of contents that do not match.

use super::*;
use serde_json::json;

fn content(bytes: &str, content_type: Option<&str>) -> Content {
    Content { bytes: bytes.to_owned().into(), content_type: content_type.map(str::to_owned) }
}

fn refusal(schema: &Value) -> Option<SchemaError> {
    Checker::new(&schema.to_string()).err()
}

#[test]
fn contents_are_what_a_schema_says_or_it_is_told_where_they_are_not() {
    let schema = json!({ "type": "object", "required": ["name"], "properties": { "name": { "$ref": "#/$defs/name" }, "age": { "minimum": 0 } },
        "$defs": { "name": { "type": "string", "pattern": "^\\w{1,8}$" } } });
    let checker = Checker::new(&schema.to_string()).unwrap();
    for (input, content_type, expected) in [
        (r#"{"name":"Ada"}"#, Some("application/json"), ""),
        (r#"{"name":"Ada","age":1}"#, Some("application/vnd.x+json; charset=utf-8"), ""),
        (r#"{"name":"Ada"}"#, None, ""),
        (r#"{"name":7,"age":-1}"#, None, r#"/age: value is less than the minimum of 0; /name: value is not of type "string""#),
        ("{}", None, r#""name" is a required property"#),
        ("hello", Some("text/plain"), r#"value is not of type "object""#),
        ("hello", None, r#"value is not of type "object""#),
        ("", None, r#"value is not of type "object""#),
        ("{", Some("application/json"), "it is no JSON: EOF while parsing an object at line 1 column 1"),
    ] {
        let said = checker.check(&content(input, content_type)).err().map(|mismatches| mismatches.to_string());
        assert_eq!(said.unwrap_or_default(), expected, "{input}");
    }
    let bytes = Content { bytes: vec![0xff].into(), content_type: None };
    assert_eq!(checker.check(&bytes).unwrap_err().to_string(), "it is neither JSON nor a text");
}

#[test]
fn a_text_is_a_string() {
    let checker = Checker::new(r#"{"type":"string","maxLength":5}"#).unwrap();
    assert_eq!(checker.check(&content("12345", Some("text/plain; charset=utf-8"))), Ok(()));
    assert!(checker.check(&content("123456", Some("text/plain"))).is_err());
    assert!(checker.check(&content("7", None)).is_err(), "what does not say what it is, is JSON if it can be");
}

#[test]
fn schemas_that_lead_out_or_back_or_have_no_bound_are_refused() {
    for (schema, expected) in [
        (json!({ "$ref": "https://example.com/a" }), SchemaError::NotInside("https://example.com/a".to_owned())),
        (json!({ "$ref": "file:///etc/passwd" }), SchemaError::NotInside("file:///etc/passwd".to_owned())),
        (json!({ "$ref": "#/$defs/absent" }), SchemaError::NotInside("#/$defs/absent".to_owned())),
        (json!({ "$ref": "#" }), SchemaError::Recursive("#".to_owned())),
        (json!({ "properties": { "a": { "$ref": "#" } } }), SchemaError::Recursive("#".to_owned())),
        (
            json!({ "$ref": "#/$defs/a", "$defs": { "a": { "items": { "$ref": "#/$defs/b" } }, "b": { "not": { "$ref": "#/$defs/a" } } } }),
            SchemaError::Recursive("#/$defs/a".to_owned()),
        ),
        (json!({ "$dynamicRef": "#a" }), SchemaError::Unsupported("$dynamicRef".to_owned())),
        (json!({ "unevaluatedProperties": false }), SchemaError::Unsupported("unevaluatedProperties".to_owned())),
        (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), SchemaError::Unsupported("$schema".to_owned())),
        (json!({ "properties": { "a": { "$id": "https://example.com" } } }), SchemaError::Unsupported("$id".to_owned())),
        (json!({ "enum": (0..600).collect::<Vec<_>>() }), SchemaError::TooManyParts),
        (json!({ "const": "x".repeat(40_000) }), SchemaError::TooManyParts),
        (json!({ "description": "x".repeat(SCHEMA_BYTES_MAX) }), SchemaError::TooLarge),
        (json!({ "allOf": vec![json!({ "pattern": "a" }); 17] }), SchemaError::TooManyPatterns),
    ] {
        assert_eq!(refusal(&schema), Some(expected), "{schema:.80}");
    }
    for (schema, at) in [(json!({ "type": 7 }), "/type"), (json!({ "pattern": "(" }), ""), (json!({ "pattern": "(\\w{90}){90}" }), "")] {
        let Some(SchemaError::Invalid { at: said, .. }) = refusal(&schema) else { panic!("{schema}: {:?}", refusal(&schema)) };
        assert!(said.contains(at), "{schema}: {said}");
    }
    for good in [json!(true), json!({}), json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "type": ["string", "null"] })] {
        assert_eq!(refusal(&good), None, "{good}");
    }
}

#[test]
fn references_count_as_what_they_lead_to() {
    let mut schema = json!({ "$ref": "#/$defs/0", "$defs": { "20": { "type": "string" } } });
    for level in 0..20 {
        let next = json!({ "$ref": format!("#/$defs/{}", level + 1) });
        schema["$defs"][level.to_string()] = json!({ "allOf": [next, next] });
    }
    assert_eq!(refusal(&schema), Some(SchemaError::TooManyParts));
}

#[test]
fn patterns_take_time_in_proportion_and_contents_have_a_bound() {
    let checker = Checker::new(r#"{"pattern":"^(a+)+$"}"#).unwrap();
    assert!(checker.check(&content(&format!("{}b", "a".repeat(100_000)), Some("text/plain"))).is_err());
    let largest = content(&"a".repeat(CHECKED_BYTES_MAX), Some("text/plain"));
    assert_eq!(checker.check(&largest), Ok(()));
    let larger = content(&"a".repeat(CHECKED_BYTES_MAX + 1), Some("text/plain"));
    let expected = "it has 1048577 bytes, and at most 1048576 can be checked by this schema";
    assert_eq!(checker.check(&larger).unwrap_err().to_string(), expected);
    let unique = Checker::new(r#"{"uniqueItems":true}"#).unwrap();
    assert!(unique.check(&content("[1,1.0]", None)).is_err());
    assert!(unique.check(&content(&format!("[{}1]", "1,".repeat(UNIQUE_BYTES_MAX / 2)), None)).unwrap_err().to_string().contains("65536"));
}
