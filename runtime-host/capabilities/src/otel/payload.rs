//! The body of one message to a collector, put together from what was encoded before.
//!
//! This module knows how OTLP nests things. It must never know what they say.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that something costs beside its text.
const ITEM_BYTES: usize = 128;

/// What kind of thing is told. Each kind has a place of its own to be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    pub(super) const ALL: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// The names of the three levels of a message.
    fn levels(self) -> [&'static str; 3] {
        match self {
            Signal::Traces => ["resourceSpans", "scopeSpans", "spans"],
            Signal::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
            Signal::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
        }
    }
}

/// Something told: one span, metric or log record.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) signal: Signal,
    /// As how many it counts.
    pub(super) count: usize,
    /// An object with the members that say whose it is.
    pub(super) resource: Arc<str>,
    /// An object with the members that say where it comes from.
    pub(super) scope: String,
    /// The thing itself.
    pub(super) data: String,
}

impl Item {
    pub(super) fn bytes(&self) -> usize {
        ITEM_BYTES + self.resource.len() + self.scope.len() + self.data.len()
    }
}

/// A message of all these things, which are of one kind.
pub(super) fn message<'a>(signal: Signal, items: impl Iterator<Item = &'a Item>) -> String {
    let mut resources: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for item in items {
        resources.entry(&item.resource).or_default().entry(&item.scope).or_default().push(&item.data);
    }
    let [of_resources, of_scopes, of_data] = signal.levels();
    let resources = resources.into_iter().map(|(resource, scopes)| {
        let scopes = scopes.into_iter().map(|(scope, data)| with_list(scope, of_data, data.join(",")));
        with_list(resource, of_scopes, scopes.collect::<Vec<_>>().join(","))
    });
    with_list("{}", of_resources, resources.collect::<Vec<_>>().join(","))
}

/// An object with one more member, a list.
fn with_list(object: &str, name: &str, list: String) -> String {
    let members = object.strip_suffix('}').unwrap_or(object);
    let comma = if members == "{" { "" } else { "," };
    format!("{members}{comma}\"{name}\":[{list}]}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_belongs_together_stands_together() {
        let item = |resource: &str, scope: &str, data: &str| Item {
            signal: Signal::Logs,
            count: 1,
            resource: resource.into(),
            scope: scope.to_owned(),
            data: data.to_owned(),
        };
        let items =
            [item("{\"resource\":1}", "{}", "1"), item("{\"resource\":2}", "{\"scope\":3}", "2"), item("{\"resource\":1}", "{}", "3")];
        let message: Value = serde_json::from_str(&message(Signal::Logs, items.iter())).unwrap();
        let one = json!({ "resource": 1, "scopeLogs": [{ "logRecords": [1, 3] }] });
        let other = json!({ "resource": 2, "scopeLogs": [{ "scope": 3, "logRecords": [2] }] });
        assert_eq!(message, json!({ "resourceLogs": [one, other] }));
    }
}
