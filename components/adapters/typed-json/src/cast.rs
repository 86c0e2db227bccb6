//! A cast: input becomes arguments, a function is called, and what it gives becomes the answer.
//!
//! It knows the order of things. It must never know how values are written.

use crate::arguments::arguments;
use crate::descriptor::{Descriptor, Function, Mode};
use crate::fault::{Failure, Step};
use crate::flatten::{flatten, part, unsigned};
use crate::lift::{chosen, lift, text};
use crate::machine::Machine;
use crate::named::{ARGUMENTS, named};
use crate::types::{Choice, Kind, Style, Types};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// Functions take so many numbers by themselves, and more in memory.
const FLAT_PARAMS_MAX: u32 = 16;

/// What a cast gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// JSON.
    Json(String),
    /// Bytes where the function left them: an address and a length.
    Bytes(u32, u32),
}

/// Casts.
///
/// # Errors
/// If the input does not fit, or the function says no.
pub fn cast(descriptor: &Descriptor<'_>, machine: &mut dyn Machine, input: &[u8]) -> Result<Answer, Failure> {
    let types = &descriptor.types;
    let (index, input, path) = match descriptor.mode {
        Mode::Named => {
            let (index, input) = named(&descriptor.functions, input)?;
            (index, input, vec![Step::Field(Cow::Borrowed(ARGUMENTS))])
        }
        Mode::One | Mode::Bytes => (0, input, Vec::new()),
    };
    let function = descriptor.functions.get(index).ok_or_else(Failure::bad_answer)?;
    let given = match descriptor.mode {
        Mode::Bytes => raw(types, machine, function, input)?,
        Mode::One | Mode::Named => arguments(types, machine, function, input, path)?,
    };
    let result = call(types, machine, index as u32, function, given).ok_or_else(Failure::bad_answer)?;
    let Some(kind) = function.result else { return Ok(Answer::Json("null".to_string())) };
    // The length was asked for as the type has it.
    let (kind, from) = success(types, machine, kind, &result)?;
    match kind {
        None => Ok(Answer::Json("null".to_string())),
        Some(_) if descriptor.mode == Mode::Bytes => place(from).ok_or_else(Failure::bad_answer),
        Some(kind) => {
            let mut json = String::new();
            lift(types, machine, kind, from, &mut json).ok_or_else(Failure::bad_answer)?;
            Ok(Answer::Json(json))
        }
    }
}

/// The input as it is, as the only argument.
fn raw(types: &Types<'_>, machine: &mut dyn Machine, function: &Function<'_>, input: &[u8]) -> Result<Vec<u8>, Failure> {
    let kind = function.params.first().and_then(|param| types.get(param.kind)).map(|of| &of.kind);
    if let (Some(Kind::String), Err(error)) = (kind, core::str::from_utf8(input)) {
        return Err(Failure::invalid_input(format!("the function takes text, and the input is not UTF-8: {error}")));
    }
    let address = machine.lend(input);
    Ok([address.to_le_bytes(), (input.len() as u32).to_le_bytes()].concat())
}

/// Calls a function with arguments that are laid out as a record, and gives what it answers as memory has it.
fn call(types: &Types<'_>, machine: &mut dyn Machine, index: u32, function: &Function<'_>, given: Vec<u8>) -> Option<Vec<u8>> {
    let mut slots = Vec::new();
    if types.size_of(&function.params)?.2 > FLAT_PARAMS_MAX {
        slots.push(machine.keep(given).into());
    } else {
        for param in &function.params {
            flatten(types, param.kind, part(&given, param.offset, types.get(param.kind)?.size)?, &mut slots)?;
        }
    }
    let result = function.result.and_then(|kind| types.get(kind));
    let place = result.filter(|of| of.flat > 1).map(|of| (machine.reserve(of.size), of.size));
    slots.extend(place.map(|(address, _)| u64::from(address)));
    if slots.is_empty() {
        slots.push(0);
    }
    machine.call(index, &mut slots);
    match (place, result) {
        (Some((address, size)), _) => machine.read(address, size).map(<[u8]>::to_vec),
        // The low bytes of a number are its bytes in memory.
        (None, Some(of)) => slots.first()?.to_le_bytes().get(..of.size as usize).map(<[u8]>::to_vec),
        (None, None) => Some(Vec::new()),
    }
}

/// What a function gives if it says yes; what it says otherwise is a failure.
fn success<'r>(types: &Types<'_>, machine: &dyn Machine, kind: usize, from: &'r [u8]) -> Result<(Option<usize>, &'r [u8]), Failure> {
    let Some(Kind::Choice(choice @ Choice { style: Style::Result, .. })) = types.get(kind).map(|of| &of.kind) else {
        return Ok((Some(kind), from));
    };
    let case = chosen(choice, from).and_then(|index| choice.cases.get(index)).ok_or_else(Failure::bad_answer)?;
    let payload = from.get(choice.payload as usize..).unwrap_or_default();
    match (case.name, case.kind) {
        ("ok", kind) => Ok((kind, payload)),
        (_, None) => Err(Failure::failed("the function says no, and not why")),
        (_, Some(kind)) => Err(said(types, machine, kind, payload).map_or_else(Failure::bad_answer, Failure::failed)),
    }
}

/// An error in words: a text as it is, a case by its name, anything else as JSON.
fn said(types: &Types<'_>, machine: &dyn Machine, kind: usize, from: &[u8]) -> Option<String> {
    match &types.get(kind)?.kind {
        Kind::String => Some(text(machine, from)?.to_string()),
        Kind::Choice(choice @ Choice { style: Style::Variant, .. }) => {
            let case = choice.cases.get(chosen(choice, from)?)?;
            let Some(payload) = case.kind else { return Some(case.name.to_string()) };
            Some(format!("{}: {}", case.name, said(types, machine, payload, from.get(choice.payload as usize..)?)?))
        }
        _ => {
            let mut json = String::new();
            lift(types, machine, kind, from, &mut json)?;
            Some(json)
        }
    }
}

/// Where bytes are.
fn place(from: &[u8]) -> Option<Answer> {
    Some(Answer::Bytes(unsigned(part(from, 0, 4)?)? as u32, unsigned(part(from, 4, 4)?)? as u32))
}
