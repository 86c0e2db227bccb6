//! Which part of the input is which argument: an object names them, an array lists them in order, and anything else is the only one.
//!
//! It knows parameters. It must never know where a value goes from there.

use crate::descriptor::Function;
use crate::fault::{Failure, Step, at, listed};
use crate::lower::{Lowering, Value, from};
use crate::machine::Machine;
use crate::types::{Field, Types};
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

const NOUN: &str = "argument";

/// The arguments of a function, laid out as a record. `path` is where the input is in what was sent.
pub(crate) fn arguments<'d>(
    types: &Types<'d>,
    machine: &mut dyn Machine,
    function: &Function<'d>,
    input: &[u8],
    path: Vec<Step<'d>>,
) -> Result<Vec<u8>, Failure> {
    let size = types.size_of(&function.params).map_or(0, |(size, ..)| size);
    let mut to = vec![0; size as usize];
    let mut lowering = Lowering { types, machine, path, fault: None };
    let read = if input.trim_ascii().is_empty() {
        lowering.all_given::<serde_json::Error>(&function.params, &[], NOUN)
    } else {
        let mut json = serde_json::Deserializer::from_slice(input);
        let arguments = Arguments { lowering: &mut lowering, params: &function.params, to: &mut to };
        arguments.deserialize(&mut json).and_then(|()| json.end())
    };
    match (read, &lowering.fault) {
        (Ok(()), _) => Ok(to),
        (Err(_), Some(fault)) => Err(Failure::invalid_input(at(&lowering.path, fault))),
        (Err(error), None) => Err(Failure::invalid_input(at(&lowering.path, &not_json(&error)))),
    }
}

/// What is wrong with a text that is no JSON.
pub(crate) fn not_json(error: &serde_json::Error) -> alloc::string::String {
    format!("this is not JSON as it should be: {error}")
}

struct Arguments<'s, 'd, 'm> {
    lowering: &'s mut Lowering<'d, 'm>,
    params: &'s [Field<'d>],
    to: &'s mut [u8],
}

impl<'s, 'd, 'm> Arguments<'s, 'd, 'm> {
    /// The only argument.
    fn only<E: Error>(self, found: &str) -> Result<Value<'s, 'd, 'm>, E> {
        let [param] = self.params else {
            let names = listed(self.params.iter().map(|param| param.name));
            return Err(self.lowering.wrong(format!("expected an object of the arguments ({names}), found {found}")));
        };
        Ok(Value { kind: param.kind, to: from(self.to, param.offset), lowering: self.lowering })
    }
}

impl<'de> DeserializeSeed<'de> for Arguments<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Arguments<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("arguments")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.only("a boolean")?.visit_bool(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.only("a number")?.visit_u64(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.only("a number")?.visit_i64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.only("a number")?.visit_f64(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.only("a string")?.visit_str(value)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<(), E> {
        self.only("a string")?.visit_borrowed_str(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.only("null")?.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<(), A::Error> {
        let count = self.lowering.elements(array, self.params, self.to)?;
        if count > self.params.len() {
            let most = self.params.len().to_string();
            return Err(self
                .lowering
                .wrong(format!("expected an array of {most} arguments, found {count}; a list as the only argument is named")));
        }
        self.lowering.all_given(self.params, &vec![true; count], NOUN)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.lowering.fields(map, self.params, self.to, NOUN)
    }
}
