//! Values in memory made JSON.
//!
//! It knows how each type is written. It must never know what the values are for.

use crate::flatten::{part, signed, unsigned};
use crate::machine::Machine;
use crate::types::{Choice, Field, Kind, Style, Types};
use alloc::string::String;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::fmt::Write;

/// Writes a value. `None` if what is there is no value of its type.
pub(crate) fn lift(types: &Types<'_>, machine: &dyn Machine, kind: usize, from: &[u8], out: &mut String) -> Option<()> {
    match &types.get(kind)?.kind {
        Kind::Bool => out.push_str(if *from.first()? == 0 { "false" } else { "true" }),
        Kind::Integer { bytes, is_signed: true } => write!(out, "{}", signed(part(from, 0, *bytes)?)?).ok()?,
        Kind::Integer { bytes, is_signed: false } => write!(out, "{}", unsigned(part(from, 0, *bytes)?)?).ok()?,
        Kind::Float32 => {
            let value = f32::from_bits(unsigned(part(from, 0, 4)?)? as u32);
            if value.is_finite() { write!(out, "{value:?}").ok()? } else { out.push_str(beyond(value.into())) }
        }
        Kind::Float64 => {
            let value = f64::from_bits(unsigned(part(from, 0, 8)?)?);
            if value.is_finite() { write!(out, "{value:?}").ok()? } else { out.push_str(beyond(value)) }
        }
        Kind::Char => {
            let char = char::from_u32(unsigned(part(from, 0, 4)?)? as u32)?;
            quoted(char.encode_utf8(&mut [0; 4]), out)?;
        }
        Kind::String => quoted(text(machine, from)?, out)?,
        Kind::List(element) if types.is_byte(*element) => {
            out.push('"');
            STANDARD.encode_string(bytes(machine, from, 1)?, out);
            out.push('"');
        }
        Kind::List(element) => {
            let size = types.get(*element)?.size;
            let elements = bytes(machine, from, size)?.chunks_exact(size.max(1) as usize);
            all(out, "[]", elements, |element_bytes, out| lift(types, machine, *element, element_bytes, out))?;
        }
        Kind::Tuple(fields) => all(out, "[]", fields.iter(), |field, out| lift_field(types, machine, field, from, out))?,
        Kind::Record(fields) => {
            let present = fields.iter().filter(|field| !is_none(types, field, from));
            all(out, "{}", present, |field, out| {
                quoted(field.name, out)?;
                out.push(':');
                lift_field(types, machine, field, from, out)
            })?;
        }
        Kind::Flags(names) => {
            let bits = unsigned(part(from, 0, types.get(kind)?.size)?)?;
            let set = names.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
            all(out, "[]", set, |(_, name), out| quoted(name, out))?;
        }
        Kind::Choice(choice) => lift_choice(types, machine, choice, from, out)?,
    }
    Some(())
}

/// The number of a case.
pub(crate) fn chosen(choice: &Choice<'_>, from: &[u8]) -> Option<usize> {
    Some(unsigned(part(from, 0, choice.discriminant)?)? as usize)
}

/// What a text's place leads to.
pub(crate) fn text<'m>(machine: &'m dyn Machine, from: &[u8]) -> Option<&'m str> {
    core::str::from_utf8(bytes(machine, from, 1)?).ok()
}

/// What a list's place leads to.
pub(crate) fn bytes<'m>(machine: &'m dyn Machine, from: &[u8], size: u32) -> Option<&'m [u8]> {
    let (address, count) = (unsigned(part(from, 0, 4)?)? as u32, unsigned(part(from, 4, 4)?)? as u32);
    machine.read(address, count.checked_mul(size)?)
}

fn lift_field(types: &Types<'_>, machine: &dyn Machine, field: &Field<'_>, from: &[u8], out: &mut String) -> Option<()> {
    lift(types, machine, field.kind, part(from, field.offset, types.get(field.kind)?.size)?, out)
}

/// Fields that have nothing are left out.
fn is_none(types: &Types<'_>, field: &Field<'_>, from: &[u8]) -> bool {
    types.is_optional(field.kind) && from.get(field.offset as usize) == Some(&0)
}

fn lift_choice(types: &Types<'_>, machine: &dyn Machine, choice: &Choice<'_>, from: &[u8], out: &mut String) -> Option<()> {
    let case = choice.cases.get(chosen(choice, from)?)?;
    let payload = |kind: usize, out: &mut String| lift(types, machine, kind, part(from, choice.payload, types.get(kind)?.size)?, out);
    match (choice.style, case.kind) {
        (Style::Variant, None) => return quoted(case.name, out),
        (Style::Option | Style::WrappedOption, None) => out.push_str("null"),
        (Style::Option, Some(kind)) => return payload(kind, out),
        (_, kind) => {
            out.push('{');
            quoted(case.name, out)?;
            out.push(':');
            match kind {
                Some(kind) => payload(kind, out)?,
                None => out.push_str("null"),
            }
            out.push('}');
        }
    }
    Some(())
}

/// What JSON has no numbers for.
fn beyond(value: f64) -> &'static str {
    match value {
        value if value.is_nan() => "\"NaN\"",
        value if value > 0.0 => "\"Infinity\"",
        _ => "\"-Infinity\"",
    }
}

/// Things between brackets.
fn all<T>(
    out: &mut String,
    brackets: &str,
    things: impl Iterator<Item = T>,
    mut write: impl FnMut(T, &mut String) -> Option<()>,
) -> Option<()> {
    let (open, close) = brackets.split_at_checked(1)?;
    out.push_str(open);
    for (index, thing) in things.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(thing, out)?;
    }
    out.push_str(close);
    Some(())
}

/// A text as JSON has it.
fn quoted(text: &str, out: &mut String) -> Option<()> {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at_checked(at)?;
        let (special, after) = special.split_at_checked(1)?;
        out.push_str(plain);
        match special {
            "\n" => out.push_str("\\n"),
            "\r" => out.push_str("\\r"),
            "\t" => out.push_str("\\t"),
            "\"" | "\\" => {
                out.push('\\');
                out.push_str(special);
            }
            _ => write!(out, "\\u{:04x}", special.as_bytes().first()?).ok()?,
        }
        rest = after;
    }
    out.push_str(rest);
    out.push('"');
    Some(())
}
