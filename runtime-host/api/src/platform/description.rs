//! The description of the API for machines (OpenAPI 3.1): what the routes say of themselves, and what all of them have in common.
//!
//! It knows the form of the document. It must never know a route: each is described where it is written.

use crate::platform::described;
use crate::platform::problem::Refusal;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use utoipa::openapi::{Object, ObjectBuilder, Type};

/// Where the document is.
pub(crate) const OPENAPI: &str = "/openapi.json";
const JSON: (HeaderName, HeaderValue) = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
/// What a route says that it refuses; it becomes the route's answers.
const REFUSALS: &str = "x-refusals";
/// The scope that a key needs. A route without one is open to all.
const SCOPE: &str = "x-scope";

/// What whatever needs a key can be refused for.
const ALWAYS: [Refusal; 7] = [
    Refusal::BadRequest,
    Refusal::NoCredentials,
    Refusal::UnknownKey,
    Refusal::ScopeMissing,
    Refusal::RateLimited,
    Refusal::Unavailable,
    Refusal::HostFailed,
];
/// What every body can be refused for.
const WITH_BODY: [Refusal; 3] = [Refusal::MediaType, Refusal::Invalid, Refusal::BodyTooSlow];

/// As it is sent, and as it is in docs/openapi.json.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let described = serde_json::to_value(described().into_openapi()).unwrap_or_default();
    Bytes::from(format!("{:#}\n", document(described)))
});

/// This description
///
/// An OpenAPI document. It is the same for everybody.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "describe", tag = "About",
    responses((status = 200, description = "The document", body = Object, content_type = "application/json"))
)]
pub(crate) async fn show() -> Response {
    ([JSON], DOCUMENT.clone()).into_response()
}

/// The codes of what a route refuses, for its description.
pub(crate) fn codes(refusals: &[Refusal]) -> Vec<&'static str> {
    refusals.iter().map(|refusal| refusal.row().1).collect()
}

/// A text that is one of these.
pub(crate) fn choice(names: &[&str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied())).build()
}

fn document(mut described: Value) -> Value {
    let mut responses = Map::new();
    if let Some(paths) = described["paths"].as_object_mut() {
        // What is a whole rest of a path to the router is a name like any other here.
        *paths = std::mem::take(paths).into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    }
    let paths = described["paths"].as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut);
    for (method, operation) in paths.flatten() {
        complete(method, operation, &mut responses);
    }
    described["info"] = json!({
        "title": "Spell",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Keeps WebAssembly programs as versions of spells, and casts them",
        "description": "What belongs to another tenant is answered exactly as what does not exist. A refusal is a problem document \
            (RFC 9457), whose `code` never changes; `/errors` says what to do about each.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    described["servers"] = json!([{ "url": "/", "description": "The host that this document comes from" }]);
    described["tags"] = json!([
        { "name": "Spells", "description": "Programs by their names, and their versions" },
        { "name": "Casts", "description": "Programs that run" },
        { "name": "Numbers", "description": "What casts took, and what came of them" },
        { "name": "Webhooks", "description": "Who is told how casts end" },
        { "name": "Keys", "description": "Who may do what" },
        { "name": "Money", "description": "What casts may cost" },
        { "name": "About", "description": "What there is to know about this API" },
    ]);
    described["security"] = json!([{ "key": [] }]);
    // Unlike JSON, a form cannot say by itself that it has no fields but its own.
    described["components"]["schemas"]["UploadForm"]["additionalProperties"] = json!(false);
    described["components"]["responses"] = Value::Object(responses);
    described["components"]["schemas"]["Problem"] = problem();
    described["components"]["securitySchemes"] = json!({
        "key": { "type": "http", "scheme": "bearer", "description": "An API key, such as `spell keys create` prints: `sk_…`" }
    });
    described
}

/// Adds to an operation what follows from what it says.
fn complete(method: &str, operation: &mut Value, responses: &mut Map<String, Value>) {
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        // What is left out is not there; nothing of a URL or a head is null.
        let kind = parameter["schema"]["type"].as_array().and_then(|kinds| kinds.iter().find(|kind| *kind != "null")).cloned();
        if let Some(kind) = kind {
            parameter["schema"]["type"] = kind;
        }
    }
    if operation[SCOPE].is_null() {
        operation["security"] = json!([]);
    }
    for (status, codes) in refused(method, operation) {
        let name = codes.iter().copied().collect::<Vec<_>>().join(".");
        operation["responses"][status.as_str()] = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(name).or_insert_with(|| refusal(&codes));
    }
    // Reading what is not there has put it there.
    if let Some(members) = operation.as_object_mut() {
        members.remove(REFUSALS);
        members.retain(|_, value| !value.is_null());
    }
}

/// The codes of everything that an operation can be refused for, by status.
fn refused(method: &str, operation: &Value) -> BTreeMap<String, BTreeSet<&'static str>> {
    let own = operation[REFUSALS].as_array().into_iter().flatten().filter_map(Value::as_str).filter_map(Refusal::from_code);
    let mut all: Vec<Refusal> = own.collect();
    if !operation[SCOPE].is_null() {
        all.extend(ALWAYS);
        all.extend((method != "get").then_some(Refusal::StorageFull));
    }
    if !operation["requestBody"].is_null() {
        all.extend(WITH_BODY);
    }
    let mut refused = BTreeMap::<String, BTreeSet<&'static str>>::new();
    for refusal in all {
        let (status, code, _) = refusal.row();
        refused.entry(status.as_str().to_owned()).or_default().insert(code);
    }
    refused
}

/// The answer that carries one of these codes, which have one status.
fn refusal(codes: &BTreeSet<&'static str>) -> Value {
    let refusals: Vec<Refusal> = codes.iter().filter_map(|code| Refusal::from_code(code)).collect();
    let titles: Vec<String> = refusals.iter().map(|refusal| format!("`{}`: {}.", refusal.row().1, refusal.row().2)).collect();
    let status = refusals.first().map_or(StatusCode::INTERNAL_SERVER_ERROR, |refusal| refusal.row().0);
    let example = |refusal: &Refusal| {
        let (status, code, title) = refusal.row();
        let problem = json!({
            "type": refusal.place(), "title": title, "status": status.as_u16(), "code": code, "detail": refusal.explanation().0,
        });
        (code.to_owned(), json!({ "value": problem }))
    };
    let mut headers = Map::new();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert("WWW-Authenticate".to_owned(), header("string", "How to show a key: `Bearer`"));
    }
    if refusals.iter().any(|refusal| refusal.is_timed()) {
        headers.insert("Retry-After".to_owned(), header("integer", "Seconds after which it is worth asking again"));
    }
    let exact = json!({ "properties": { "status": { "const": status.as_u16() }, "code": { "enum": codes } } });
    json!({
        "description": titles.join(" "),
        "headers": headers,
        "content": { "application/problem+json": {
            "schema": { "allOf": [{ "$ref": "#/components/schemas/Problem" }, exact] },
            "examples": refusals.iter().map(example).collect::<Map<String, Value>>(),
        } },
    })
}

fn header(kind: &str, description: &str) -> Value {
    json!({ "description": description, "schema": { "type": kind } })
}

fn problem() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let cents = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    json!({
        "type": "object",
        "description": "A refusal (RFC 9457)",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": text("Where to read about it"),
            "title": text("What it is, the same for each of its code"),
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "code": text("What it is, for programs; it never changes"),
            "detail": text("What it is this time, for people"),
            "scope": text("The scope that the key lacks"),
            "cast_id": text("The cast that it is about"),
            "cost_cents": cents("What the cast costs"),
            "usage": { "$ref": "#/components/schemas/Usage" },
            "reason": text("Why a cast failed, more exactly than the code has it"),
            "limit": { "type": ["string", "integer"], "description": "The limit that was met, by its key; of a `quota`, how much it is" },
            "quota": text("The quota that was met"),
            "errors": {
                "type": "array",
                "description": "What of an input does not match",
                "items": { "type": "object", "required": ["pointer", "detail"], "properties": {
                    "pointer": text("Where it is in the request, as a JSON Pointer in a fragment"), "detail": text("What is wrong there"),
                } },
            },
            "spent_cents": cents("What was spent this month"),
            "reserved_cents": cents("What is set aside for casts that run"),
            "cap_cents": cents("What may be spent in a month"),
            "cost_cents_max": cents("What the cast may cost"),
            "retryable": { "type": "boolean", "description": "Whether the same request can come to anything" },
        },
    })
}
