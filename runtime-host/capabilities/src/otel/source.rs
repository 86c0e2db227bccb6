//! One component as those see it who read what it tells: the resource of OTLP.
//!
//! This module knows names that the host vouches for. It must never let a guest give others to itself.

use super::exporter::Telemetry;
use super::otlp::{ATTRIBUTES_MAX, Attributes, Scope, TooLarge, encode, name};
use super::payload::{Item, Signal};
use crate::bindings::otel::types::{InstrumentationScope, KeyValue, Resource};
use serde::Serialize;
use std::sync::Arc;

/// What begins with these is what the host says of a component.
const OWN_NAMES: [&str; 2] = ["service.", "spell."];

/// Something that a guest tells.
pub(super) struct Told<'a, T> {
    pub(super) signal: Signal,
    /// As how many it counts.
    pub(super) count: usize,
    pub(super) resource: Option<&'a Resource>,
    pub(super) scope: Option<&'a InstrumentationScope>,
    pub(super) data: &'a T,
}

/// A component that may tell something of itself.
pub struct TelemetrySource {
    pub(super) telemetry: Arc<Telemetry>,
    attributes: Vec<KeyValue>,
    /// The resource of whatever brings none along.
    resource: Arc<str>,
}

impl TelemetrySource {
    /// A component of a service.
    pub fn new(telemetry: &Arc<Telemetry>, service: &str, component: &str) -> TelemetrySource {
        let text = |key: &str, value: &str| KeyValue { key: key.to_owned(), value: serde_json::Value::from(value).to_string() };
        let attributes = vec![text("service.name", service), text("spell.component_id", component)];
        let resource = encode(&ResourceMembers::new(&attributes, 0, None), usize::MAX).unwrap_or_else(|_| "{}".to_owned());
        TelemetrySource { telemetry: Arc::clone(telemetry), attributes, resource: resource.into() }
    }

    /// Something told, as it is sent.
    pub(super) fn item<T: Serialize>(&self, told: Told<'_, T>, bytes_max: usize) -> Result<Item, TooLarge> {
        let resource = told.resource.map_or_else(|| Ok(Arc::clone(&self.resource)), |resource| self.merge(resource, bytes_max))?;
        let scope = encode(&ScopeMembers::new(told.scope), bytes_max)?;
        Ok(Item { signal: told.signal, count: told.count, resource, scope, data: encode(told.data, bytes_max)? })
    }

    /// What a guest says of itself, beside what the host says of it.
    fn merge(&self, resource: &Resource, bytes_max: usize) -> Result<Arc<str>, TooLarge> {
        let mut attributes = self.attributes.clone();
        let others = || resource.attributes.iter().filter(|attribute| !OWN_NAMES.iter().any(|own| attribute.key.starts_with(own)));
        attributes.extend(others().take(ATTRIBUTES_MAX - attributes.len()).cloned());
        let dropped = others().count() + self.attributes.len() - attributes.len();
        encode(&ResourceMembers::new(&attributes, dropped, resource.schema_url.as_deref()), bytes_max).map(Arc::from)
    }
}

/// The members of `ResourceSpans` and its kin that say whose they are.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMembers<'a> {
    resource: Described<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    schema_url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Described<'a> {
    attributes: Attributes<'a>,
    dropped_attributes_count: u32,
}

impl<'a> ResourceMembers<'a> {
    fn new(attributes: &'a [KeyValue], dropped: usize, schema_url: Option<&'a str>) -> ResourceMembers<'a> {
        let attributes = Attributes(attributes);
        let dropped_attributes_count = attributes.dropped(super::otlp::count(dropped));
        ResourceMembers { resource: Described { attributes, dropped_attributes_count }, schema_url: name(schema_url.unwrap_or_default()) }
    }
}

/// The members of `ScopeSpans` and its kin that say what part of a program they come from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    schema_url: &'a str,
}

impl<'a> ScopeMembers<'a> {
    fn new(scope: Option<&'a InstrumentationScope>) -> ScopeMembers<'a> {
        let schema_url = scope.and_then(|scope| scope.schema_url.as_deref()).unwrap_or_default();
        ScopeMembers { scope: scope.map(Scope::new), schema_url: name(schema_url) }
    }
}
