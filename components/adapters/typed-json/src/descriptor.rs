//! The description of the functions, as the generator writes it: numbers are LEB128, texts have their length in front.
//!
//! One byte says how functions are chosen. Then come the types, each made of earlier ones, and the functions. A type that can be missing is
//! its number plus one, or zero.
//!
//! It knows the format. It must never know what is done with types.

use crate::types::{Case, Field, Kind, Style, Types};
use alloc::vec::Vec;

/// How input names a function, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// There is one function; the input is JSON.
    One,
    /// There is one function, which takes and gives bytes as they are.
    Bytes,
    /// The input is JSON that names the function.
    Named,
}

/// What can be called.
#[derive(Debug)]
pub struct Descriptor<'d> {
    /// How it is called.
    pub mode: Mode,
    /// Every type in it.
    pub types: Types<'d>,
    /// The functions by their numbers.
    pub functions: Vec<Function<'d>>,
}

/// A function.
#[derive(Debug)]
pub struct Function<'d> {
    /// Its interface; empty if it is of the world.
    pub interface: &'d str,
    /// Its name.
    pub name: &'d str,
    /// What it takes, laid out as a record.
    pub params: Vec<Field<'d>>,
    /// What it gives.
    pub result: Option<usize>,
}

impl<'d> Descriptor<'d> {
    /// Reads a description. `None` if it is none.
    pub fn read(bytes: &'d [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mode = match reader.byte()? {
            0 => Mode::One,
            1 => Mode::Bytes,
            2 => Mode::Named,
            _ => return None,
        };
        let mut types = Types::default();
        for _ in 0..reader.number()? {
            let kind = reader.kind(&types)?;
            types.push(kind)?;
        }
        let mut functions = Vec::new();
        for _ in 0..reader.number()? {
            let (interface, name) = (reader.text()?, reader.text()?);
            let params = reader.fields(&types)?;
            functions.push(Function { interface, name, params, result: reader.optional()? });
        }
        Some(Self { mode, types, functions })
    }
}

/// What was not read yet.
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number as usize);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'d str> {
        let length = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        core::str::from_utf8(text).ok()
    }

    fn optional(&mut self) -> Option<Option<usize>> {
        Some(self.number()?.checked_sub(1))
    }

    fn many<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn fields(&mut self, types: &Types<'d>) -> Option<Vec<Field<'d>>> {
        let named = self.many(|reader| Some((reader.text()?, reader.number()?)))?;
        types.fields(named)
    }

    fn kind(&mut self, types: &Types<'d>) -> Option<Kind<'d>> {
        let integer = |bytes, is_signed| Kind::Integer { bytes, is_signed };
        Some(match self.byte()? {
            0 => Kind::Bool,
            1 => integer(1, true),
            2 => integer(1, false),
            3 => integer(2, true),
            4 => integer(2, false),
            5 => integer(4, true),
            6 => integer(4, false),
            7 => integer(8, true),
            8 => integer(8, false),
            9 => Kind::Float32,
            10 => Kind::Float64,
            11 => Kind::Char,
            12 => Kind::String,
            13 => Kind::List(self.number()?),
            14 => Kind::Record(self.fields(types)?),
            15 => Kind::Tuple(types.fields(self.many(|reader| Some(("", reader.number()?)))?)?),
            16 => {
                let cases = self.many(|reader| Some(Case { name: reader.text()?, kind: reader.optional()? }))?;
                Kind::Choice(types.choice(Style::Variant, cases)?)
            }
            17 => Kind::Flags(self.many(Self::text)?),
            18 => {
                let some = self.number()?;
                let style = if types.is_optional(some) { Style::WrappedOption } else { Style::Option };
                Kind::Choice(types.choice(style, [Case { name: "none", kind: None }, Case { name: "some", kind: Some(some) }].into())?)
            }
            19 => {
                let (ok, err) = (self.optional()?, self.optional()?);
                Kind::Choice(types.choice(Style::Result, [Case { name: "ok", kind: ok }, Case { name: "err", kind: err }].into())?)
            }
            _ => return None,
        })
    }
}
