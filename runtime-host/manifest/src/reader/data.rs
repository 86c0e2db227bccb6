//! Values as data: what is kept for whoever understands it.
//!
//! This file knows the kinds of values. It must never know where they came from or where they go.

use super::{Content, Fields, Node};
use serde_json::{Map, Number, Value as Data};
use toml_edit::{TableLike, Value};

impl Node<'_> {
    /// The value as data. What data does not have, dates and numbers that are not finite, becomes text.
    pub(crate) fn data(&self) -> Data {
        match self.content {
            Content::Value(value) => data_of(value),
            Content::Table(table) => Data::Object(data_of_table(table)),
            Content::Tables(tables) => tables.iter().map(|table| Data::Object(data_of_table(table))).collect(),
            Content::Nothing => Data::Null,
        }
    }
}

impl Fields<'_> {
    /// All keys but some, and their values as data.
    pub(crate) fn data_without(&self, without: &[&str]) -> Map<String, Data> {
        let others = self.iter().filter(|node| !without.contains(&node.key));
        others.map(|node| (node.key.to_owned(), node.data())).collect()
    }
}

fn data_of_table(table: &dyn TableLike) -> Map<String, Data> {
    let fields = Fields { place: String::new(), span: None, table };
    fields.data_without(&[])
}

fn data_of(value: &Value) -> Data {
    match value {
        Value::String(text) => Data::String(text.value().clone()),
        Value::Integer(number) => Data::from(*number.value()),
        Value::Float(number) => {
            let number = *number.value();
            Number::from_f64(number).map_or_else(|| Data::String(number.to_string()), Data::Number)
        }
        Value::Boolean(boolean) => Data::Bool(*boolean.value()),
        Value::Datetime(date) => Data::String(date.value().to_string()),
        Value::Array(array) => array.iter().map(data_of).collect(),
        Value::InlineTable(table) => Data::Object(data_of_table(table)),
    }
}
