//! What messages call the types that were expected.

use crate::fault::listed;
use crate::types::{Kind, Style, Types};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

/// The least and the most that a whole number can be.
pub(crate) fn bounds(bytes: u32, is_signed: bool) -> (i128, i128) {
    let bits = 8 * bytes;
    if is_signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}

/// How values of a type are written.
pub(crate) fn expected(types: &Types<'_>, kind: usize) -> String {
    let Some(of) = types.get(kind) else { return "nothing".to_owned() };
    match &of.kind {
        Kind::Bool => "a boolean".to_owned(),
        Kind::Integer { bytes, is_signed } => {
            let (least, most) = bounds(*bytes, *is_signed);
            format!("a whole number from {least} to {most}")
        }
        Kind::Float32 | Kind::Float64 => "a number".to_owned(),
        Kind::Char => "a string of one character".to_owned(),
        Kind::String => "a string".to_owned(),
        Kind::List(element) if types.is_byte(*element) => "base64 in a string, or an array of bytes".to_owned(),
        Kind::List(_) => "an array".to_owned(),
        Kind::Record(_) => "an object".to_owned(),
        Kind::Tuple(fields) => format!("an array of {}", fields.len()),
        Kind::Flags(names) => format!("an array of names from {}", listed(names.iter().copied())),
        Kind::Choice(choice) => match choice.style {
            Style::Variant if choice.cases.iter().all(|case| case.kind.is_none()) => {
                format!("one of {}", listed(choice.cases.iter().map(|case| case.name)))
            }
            Style::Variant => format!("one of {}, as `{{\"name\": value}}`", listed(choice.cases.iter().map(|case| case.name))),
            Style::Option => "null".to_owned(),
            Style::WrappedOption => "null or `{\"some\": value}`".to_owned(),
            Style::Result => "`{\"ok\": value}` or `{\"err\": value}`".to_owned(),
        },
    }
}
