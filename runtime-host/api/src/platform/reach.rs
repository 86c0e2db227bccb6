//! What a spell may reach, and what its input and output look like, as requests and answers have it.
//!
//! It knows names and forms. It must never know what is refused.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use spell_cast::About;
use std::collections::BTreeMap;

/// A schema, or `null`, as it was written.
pub(crate) type SchemaAsked = Option<Box<RawValue>>;

/// What may be said of it; what is not said stays.
pub(crate) struct ReachAsked {
    pub(crate) network: Option<Vec<String>>,
    pub(crate) environment: Option<BTreeMap<String, String>>,
    pub(crate) input_schema: SchemaAsked,
    pub(crate) output_schema: SchemaAsked,
}

/// Also `null` says something: that there is no schema any more.
pub(crate) fn said<'de, D: Deserializer<'de>>(from: D) -> Result<SchemaAsked, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

impl ReachAsked {
    pub(crate) fn apply(self, about: &mut About) {
        let (reach, schemas) = (&mut about.reach, &mut about.schemas);
        reach.network = self.network.unwrap_or(std::mem::take(&mut reach.network));
        reach.environment = self.environment.unwrap_or(std::mem::take(&mut reach.environment));
        for (schema, asked) in [(&mut schemas.input, self.input_schema), (&mut schemas.output, self.output_schema)] {
            if let Some(asked) = asked {
                *schema = (asked.get() != "null").then(|| asked.get().to_owned());
            }
        }
    }
}

/// All of it, in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReachShown {
    network: Vec<String>,
    environment: BTreeMap<String, String>,
    input_schema: SchemaAsked,
    output_schema: SchemaAsked,
}

impl ReachShown {
    pub(crate) fn of(about: &About) -> Self {
        let schema = |schema: &Option<String>| schema.clone().and_then(|schema| RawValue::from_string(schema).ok());
        Self {
            network: about.reach.network.clone(),
            environment: about.reach.environment.clone(),
            input_schema: schema(&about.schemas.input),
            output_schema: schema(&about.schemas.output),
        }
    }
}
