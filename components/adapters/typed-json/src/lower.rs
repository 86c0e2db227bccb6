//! JSON made values in memory. The type says what is expected, so nothing is read that does not fit, and no tree is built: numbers go to
//! their places, and texts without escapes stay where the input has them.
//!
//! It knows how each type is written. It must never know what the values are for.

mod parts;
mod plain;

use crate::expected::expected;
use crate::fault::{Step, cut, is_name, listed};
use crate::machine::Machine;
use crate::types::{Choice, Field, Kind, Style, Types};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What is known while JSON is read.
pub(crate) struct Lowering<'d, 'm> {
    pub(crate) types: &'m Types<'d>,
    pub(crate) machine: &'m mut dyn Machine,
    /// Where it is; after a fault, where that is.
    pub(crate) path: Vec<Step<'d>>,
    /// What is wrong there.
    pub(crate) fault: Option<String>,
}

impl<'d> Lowering<'d, '_> {
    /// Notes a fault; the error only ends the reading.
    pub(crate) fn wrong<E: Error>(&mut self, fault: String) -> E {
        self.fault.get_or_insert(fault);
        E::custom("")
    }

    fn unexpected<E: Error>(&mut self, kind: usize, found: &str) -> E {
        let fault = format!("expected {}, found {found}", expected(self.types, kind));
        self.wrong(fault)
    }

    /// Reads the fields of an object to where they belong. `noun` is what messages call a field.
    pub(crate) fn fields<'de, A: MapAccess<'de>>(
        &mut self,
        mut map: A,
        fields: &[Field<'d>],
        to: &mut [u8],
        noun: &str,
    ) -> Result<(), A::Error> {
        let known = || listed(fields.iter().map(|field| field.name));
        let mut seen = vec![false; fields.len()];
        while let Some(name) = map.next_key::<String>()? {
            let found = fields.iter().zip(&mut seen).find(|(field, _)| is_name(field.name, &name));
            let Some((field, seen)) = found else {
                return Err(self.wrong(format!("unknown {noun} `{}`, known: {}", cut(&name), known())));
            };
            if core::mem::replace(seen, true) {
                return Err(self.wrong(format!("the {noun} `{}` is given twice", field.name)));
            }
            self.path.push(Step::Field(if name == field.name { Cow::Borrowed(field.name) } else { Cow::Owned(name) }));
            map.next_value_seed(Value { kind: field.kind, to: from(to, field.offset), lowering: self })?;
            self.path.pop();
        }
        self.all_given(fields, &seen, noun)
    }

    /// Whether everything is there that cannot be left out.
    pub(crate) fn all_given<E: Error>(&mut self, fields: &[Field<'d>], seen: &[bool], noun: &str) -> Result<(), E> {
        let given = seen.iter().copied().chain(core::iter::repeat(false));
        let missing = fields.iter().zip(given).filter(|(field, seen)| !seen && !self.types.is_optional(field.kind));
        let missing: Vec<&str> = missing.map(|(field, _)| field.name).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let known = listed(fields.iter().map(|field| field.name));
        Err(self.wrong(format!("missing {noun} {}, known: {known}", listed(missing.into_iter()))))
    }
}

/// What begins at an offset.
pub(crate) fn from(to: &mut [u8], offset: u32) -> &mut [u8] {
    to.get_mut(offset as usize..).unwrap_or_default()
}

fn write(to: &mut [u8], bytes: &[u8]) {
    if let Some(to) = to.get_mut(..bytes.len()) {
        to.copy_from_slice(bytes);
    }
}

/// Where a text or a list is, and how long it is.
fn write_place(to: &mut [u8], address: u32, length: usize) {
    write(to, &address.to_le_bytes());
    write(from(to, 4), &(length as u32).to_le_bytes());
}

/// A value that is expected, and where it goes; all is zero there.
pub(crate) struct Value<'s, 'd, 'm> {
    pub(crate) lowering: &'s mut Lowering<'d, 'm>,
    pub(crate) kind: usize,
    pub(crate) to: &'s mut [u8],
}

impl<'s, 'd, 'm> Value<'s, 'd, 'm> {
    /// What is expected, if it is not null.
    fn some(mut self) -> (Self, Option<&'m Kind<'d>>) {
        let types = self.lowering.types;
        if let Some(Kind::Choice(choice @ Choice { style: Style::Option, .. })) = types.get(self.kind).map(|of| &of.kind) {
            write(self.to, &[1]);
            self.kind = choice.cases.iter().find_map(|case| case.kind).unwrap_or(usize::MAX);
            self.to = from(self.to, choice.payload);
        }
        let kind = types.get(self.kind).map(|of| &of.kind);
        (self, kind)
    }

    fn unexpected<E: Error>(self, found: &str) -> E {
        self.lowering.unexpected(self.kind, found)
    }
}

impl<'d> Lowering<'d, '_> {
    /// Reads arguments or elements of a tuple in their order, and says how many there were.
    pub(crate) fn elements<'de, A: SeqAccess<'de>>(
        &mut self,
        mut array: A,
        fields: &[Field<'d>],
        to: &mut [u8],
    ) -> Result<usize, A::Error> {
        for (index, field) in fields.iter().enumerate() {
            self.path.push(Step::Index(index));
            let found = array.next_element_seed(Value { kind: field.kind, to: from(to, field.offset), lowering: self })?;
            self.path.pop();
            if found.is_none() {
                return Ok(index);
            }
        }
        let mut count = fields.len();
        while array.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Notes which case it is, and says what that carries.
    fn choose<E: Error>(&mut self, choice: &Choice<'d>, given: &str, to: &mut [u8]) -> Result<Option<usize>, E> {
        let is_it = |name: &str| is_name(name, given) && (choice.style != Style::WrappedOption || name == "some");
        let Some(index) = choice.cases.iter().position(|case| is_it(case.name)) else {
            let known = listed(choice.cases.iter().map(|case| case.name));
            return Err(self.wrong(format!("unknown case `{}`, known: {known}", cut(given))));
        };
        write(to, (index as u32).to_le_bytes().get(..choice.discriminant as usize).unwrap_or_default());
        Ok(choice.cases.get(index).and_then(|case| case.kind))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&expected(self.lowering.types, self.kind))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.some() {
            (this, Some(Kind::Bool)) => write(this.to, &[value.into()]),
            (this, _) => return Err(this.unexpected("a boolean")),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.whole(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.whole(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.real(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.text(value, false)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<(), E> {
        self.text(value, true)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.lowering.types.is_optional(self.kind) { Ok(()) } else { Err(self.unexpected("null")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<(), A::Error> {
        match self.some() {
            (this, Some(Kind::List(element))) => this.list(array, *element),
            (this, Some(Kind::Flags(names))) => this.flags(array, names),
            (this, Some(Kind::Tuple(fields))) => match this.lowering.elements(array, fields, this.to)? {
                count if count == fields.len() => Ok(()),
                count => Err(this.unexpected(&format!("one of {count}"))),
            },
            (this, _) => Err(this.unexpected("an array")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match self.some() {
            (this, Some(Kind::Record(fields))) => this.lowering.fields(map, fields, this.to, "field"),
            (this, Some(Kind::Choice(choice))) => this.chosen(map, choice),
            (this, _) => Err(this.unexpected("an object")),
        }
    }
}
