//! What a spell may reach, and what its input and output look like, as requests and answers have it.
//!
//! It knows names and forms. It must never know what is refused.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use spell_cast::{About, NETWORK_ENTRIES_MAX, VARIABLES_MAX};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{Array, ArrayBuilder, Object, ObjectBuilder, Type};

/// What the description of the API says of each.
const WHERE: &str = "Where it may connect to, such as `https://api.example.com`";
const VARIABLES: &str = "Variables that its program finds in its environment";
const TMP: &str = "Whether each cast has a directory `/tmp` of its own, which is gone when the cast is";
const SCHEMA: &str = "A JSON Schema (draft 2020-12) of it, or `null` for none";

/// A schema, or `null`, as it was written.
pub(crate) type SchemaAsked = Option<Box<RawValue>>;

/// What may be said of it; what is not said stays.
pub(crate) struct ReachAsked {
    pub(crate) network: Option<Vec<String>>,
    pub(crate) environment: Option<BTreeMap<String, String>>,
    pub(crate) tmp: Option<bool>,
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
        reach.tmp = self.tmp.unwrap_or(reach.tmp);
        for (schema, asked) in [(&mut schemas.input, self.input_schema), (&mut schemas.output, self.output_schema)] {
            if let Some(asked) = asked {
                *schema = (asked.get() != "null").then(|| asked.get().to_owned());
            }
        }
    }
}

/// What a spell reaches, and what goes in and comes out.
#[derive(Serialize, ToSchema)]
#[schema(as = SpellReach)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReachShown {
    network: Vec<String>,
    environment: BTreeMap<String, String>,
    tmp: bool,
    #[schema(schema_with = schema)]
    input_schema: SchemaAsked,
    #[schema(schema_with = schema)]
    output_schema: SchemaAsked,
}

impl ReachShown {
    pub(crate) fn of(about: &About) -> Self {
        let schema = |schema: &Option<String>| schema.clone().and_then(|schema| RawValue::from_string(schema).ok());
        Self {
            network: about.reach.network.clone(),
            environment: about.reach.environment.clone(),
            tmp: about.reach.tmp,
            input_schema: schema(&about.schemas.input),
            output_schema: schema(&about.schemas.output),
        }
    }
}

/// The form of destinations in a request.
pub(crate) fn network() -> Array {
    let destination = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).build();
    let kinds = SchemaType::from_iter([Type::Array, Type::Null]);
    ArrayBuilder::new().schema_type(kinds).description(Some(WHERE)).items(destination).max_items(Some(NETWORK_ENTRIES_MAX)).build()
}

/// The form of environment variables in a request.
pub(crate) fn environment() -> Object {
    let kinds = SchemaType::from_iter([Type::Object, Type::Null]);
    let value = ObjectBuilder::new().schema_type(Type::String);
    ObjectBuilder::new()
        .schema_type(kinds)
        .description(Some(VARIABLES))
        .additional_properties(Some(value))
        .max_properties(Some(VARIABLES_MAX))
        .build()
}

/// The form of the switch in a request.
pub(crate) fn tmp() -> Object {
    let kinds = SchemaType::from_iter([Type::Boolean, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).description(Some(TMP)).build()
}

/// A JSON Schema, or none.
pub(crate) fn schema() -> Object {
    let kinds = SchemaType::from_iter([Type::Object, Type::Boolean, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).description(Some(SCHEMA)).build()
}
