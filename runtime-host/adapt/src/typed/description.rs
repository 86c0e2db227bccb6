//! The description of functions that the interpreter reads: numbers are LEB128, texts have their length in front, and types come before
//! what is made of them.
//!
//! It knows the format, whose other side is `components/adapters/typed-json/src/descriptor.rs`. It must never know what is called.

use super::choose::{Mode, plain};
use super::functions::Found;
use std::collections::HashMap;
use wit_parser::{Resolve, Type, TypeDefKind};

/// The first byte of types that are made of others.
const LIST: u8 = 13;
const RECORD: u8 = 14;
const TUPLE: u8 = 15;
const VARIANT: u8 = 16;
const FLAGS: u8 = 17;
const OPTION: u8 = 18;
const RESULT: u8 = 19;

/// Describes functions, all of which can be called.
pub(super) fn describe(resolve: &Resolve, mode: Mode, functions: &[Found<'_>]) -> Vec<u8> {
    let mut types = Types { resolve, numbers: HashMap::new(), known: HashMap::new(), written: Vec::new(), count: 0 };
    let mut described = Vec::new();
    number(functions.len(), &mut described);
    for found in functions {
        text(found.interface.as_deref().unwrap_or_default(), &mut described);
        text(&found.function.name, &mut described);
        number(found.function.params.len(), &mut described);
        for param in &found.function.params {
            text(&param.name, &mut described);
            number(types.number(&param.ty), &mut described);
        }
        number(types.optional(found.function.result.as_ref()), &mut described);
    }
    let mut whole = vec![mode as u8];
    number(types.count, &mut whole);
    whole.extend(types.written);
    whole.extend(described);
    whole
}

struct Types<'r> {
    resolve: &'r Resolve,
    /// Numbers of types that were written.
    numbers: HashMap<Type, usize>,
    /// The same by what was written: types without names are there many times.
    known: HashMap<Vec<u8>, usize>,
    written: Vec<u8>,
    count: usize,
}

impl Types<'_> {
    /// The number of a type, which is written if it was not yet.
    fn number(&mut self, kind: &Type) -> usize {
        let kind = plain(self.resolve, kind);
        if let Some(number) = self.numbers.get(&kind) {
            return *number;
        }
        let written = self.write(&kind);
        let number = *self.known.entry(written).or_insert_with_key(|written| {
            self.written.extend(written);
            self.count += 1;
            self.count - 1
        });
        self.numbers.insert(kind, number);
        number
    }

    fn optional(&mut self, kind: Option<&Type>) -> usize {
        kind.map_or(0, |kind| self.number(kind) + 1)
    }

    fn write(&mut self, kind: &Type) -> Vec<u8> {
        let id = match kind {
            Type::Bool => return vec![0],
            Type::S8 => return vec![1],
            Type::U8 => return vec![2],
            Type::S16 => return vec![3],
            Type::U16 => return vec![4],
            Type::S32 => return vec![5],
            Type::U32 => return vec![6],
            Type::S64 => return vec![7],
            Type::U64 => return vec![8],
            Type::F32 => return vec![9],
            Type::F64 => return vec![10],
            Type::Char => return vec![11],
            Type::String => return vec![12],
            Type::ErrorContext => return Vec::new(),
            Type::Id(id) => *id,
        };
        let mut to = Vec::new();
        let Some(definition) = self.resolve.types.get(id) else { return to };
        match &definition.kind {
            TypeDefKind::List(element) => self.write_all(LIST, [element], &mut to),
            TypeDefKind::Option(some) => self.write_all(OPTION, [some], &mut to),
            TypeDefKind::Tuple(tuple) => {
                to.push(TUPLE);
                number(tuple.types.len(), &mut to);
                tuple.types.iter().for_each(|part| number(self.number(part), &mut to));
            }
            TypeDefKind::Record(record) => {
                to.push(RECORD);
                number(record.fields.len(), &mut to);
                for field in &record.fields {
                    text(&field.name, &mut to);
                    number(self.number(&field.ty), &mut to);
                }
            }
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| (case.name.as_str(), case.ty.as_ref()));
                self.write_cases(cases.collect(), &mut to);
            }
            TypeDefKind::Enum(cases) => {
                self.write_cases(cases.cases.iter().map(|case| (case.name.as_str(), None)).collect(), &mut to);
            }
            TypeDefKind::Flags(flags) => {
                to.push(FLAGS);
                number(flags.flags.len(), &mut to);
                flags.flags.iter().for_each(|flag| text(&flag.name, &mut to));
            }
            TypeDefKind::Result(result) => {
                to.push(RESULT);
                number(self.optional(result.ok.as_ref()), &mut to);
                number(self.optional(result.err.as_ref()), &mut to);
            }
            // Functions with anything else were not chosen.
            _ => {}
        }
        to
    }

    fn write_all<const N: usize>(&mut self, tag: u8, parts: [&Type; N], to: &mut Vec<u8>) {
        to.push(tag);
        for part in parts {
            number(self.number(part), to);
        }
    }

    fn write_cases(&mut self, cases: Vec<(&str, Option<&Type>)>, to: &mut Vec<u8>) {
        to.push(VARIANT);
        number(cases.len(), to);
        for (name, payload) in cases {
            text(name, to);
            number(self.optional(payload), to);
        }
    }
}

fn text(text: &str, to: &mut Vec<u8>) {
    number(text.len(), to);
    to.extend_from_slice(text.as_bytes());
}

/// Nothing here is so large that it would not fit into 32 bits.
fn number(number: usize, to: &mut Vec<u8>) {
    let mut rest = number;
    while rest >= 0x80 {
        to.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}
