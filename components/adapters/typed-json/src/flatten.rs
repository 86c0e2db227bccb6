//! Values in memory made numbers in slots, as functions take up to 16 of them.
//!
//! A slot has 64 bits, and what is less is filled up with zeros. So a slot is right for every type that cases of a variant share it as.

use crate::types::{Kind, Types};
use alloc::vec::Vec;

/// The bytes of a part of a value.
pub(crate) fn part(from: &[u8], offset: u32, size: u32) -> Option<&[u8]> {
    let start = offset as usize;
    from.get(start..start.checked_add(size as usize)?)
}

/// A number of up to 8 bytes.
pub(crate) fn unsigned(from: &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..from.len())?.copy_from_slice(from);
    Some(u64::from_le_bytes(bytes))
}

/// The same, where the highest bit is a sign.
pub(crate) fn signed(from: &[u8]) -> Option<i64> {
    let unused = 64_u32.checked_sub(8 * from.len() as u32).filter(|unused| *unused < 64)?;
    Some((unsigned(from)? << unused) as i64 >> unused)
}

/// Adds the numbers of a value.
pub(crate) fn flatten(types: &Types<'_>, kind: usize, from: &[u8], slots: &mut Vec<u64>) -> Option<()> {
    let of = types.get(kind)?;
    match &of.kind {
        // Numbers of less than 32 bits keep their sign in 32.
        Kind::Integer { bytes: 1 | 2, is_signed: true } => slots.push(u64::from(signed(from)? as u32)),
        Kind::Record(fields) | Kind::Tuple(fields) => {
            for field in fields {
                flatten(types, field.kind, part(from, field.offset, types.get(field.kind)?.size)?, slots)?;
            }
        }
        Kind::String | Kind::List(_) => slots.extend([unsigned(part(from, 0, 4)?)?, unsigned(part(from, 4, 4)?)?]),
        Kind::Choice(choice) => {
            let end = slots.len() + of.flat as usize;
            let chosen = unsigned(part(from, 0, choice.discriminant)?)?;
            slots.push(chosen);
            if let Some(payload) = choice.cases.get(chosen as usize)?.kind {
                flatten(types, payload, part(from, choice.payload, types.get(payload)?.size)?, slots)?;
            }
            slots.resize(end, 0);
        }
        _ => slots.push(unsigned(from)?),
    }
    Some(())
}
