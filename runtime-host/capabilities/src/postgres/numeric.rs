//! Decimal numbers of any length, as PostgreSQL sends them: digits to the base of 10000.
//!
//! This module knows digits. It must never know rows.

use crate::outbound::AnswerBound;
use bytes::{BufMut, BytesMut};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// Decimal digits in one of its digits.
const GROUP: usize = 4;
/// Most decimal digits behind the point that PostgreSQL shows.
const SCALE_MAX: u16 = 16_383;

/// A number as text; `None` if it is malformed, or longer than what is left of an answer: few bytes may stand for very many zeros.
pub(super) fn read(bytes: &[u8], bound: &AnswerBound) -> Option<String> {
    let mut words = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, scale) = (words.next()?, words.next()?.cast_signed(), words.next()?, words.next()?);
    match sign {
        NAN => return Some("NaN".to_owned()),
        INFINITY => return Some("Infinity".to_owned()),
        NEGATIVE_INFINITY => return Some("-Infinity".to_owned()),
        0 | NEGATIVE => {}
        _ => return None,
    }
    let digits: Vec<u16> = words.collect();
    if digits.len() != usize::from(count)
        || bytes.len() != 8 + 2 * digits.len()
        || digits.iter().any(|digit| *digit > 9999)
        || scale > SCALE_MAX
    {
        return None;
    }
    let length = (i64::from(weight) + 1).max(0) * GROUP as i64 + i64::from(scale);
    bound.charge(length.unsigned_abs()).ok()?;
    let group = |index: i32| usize::try_from(index).ok().and_then(|index| digits.get(index)).copied().unwrap_or(0);
    let whole: String = (0..=i32::from(weight)).map(|index| format!("{:04}", group(index))).collect();
    let whole = whole.trim_start_matches('0');
    let mut text = if sign == NEGATIVE { "-".to_owned() } else { String::new() };
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if scale > 0 {
        let groups = i32::from(scale.div_ceil(GROUP as u16));
        let fraction: String = (0..groups).map(|index| format!("{:04}", group(i32::from(weight) + 1 + index))).collect();
        text.push('.');
        text.push_str(fraction.get(..usize::from(scale))?);
    }
    Some(text)
}

/// Writes a number given as text; false if it is none.
pub(super) fn write(text: &str, out: &mut BytesMut) -> bool {
    let special = match text {
        "NaN" => Some(NAN),
        "Infinity" => Some(INFINITY),
        "-Infinity" => Some(NEGATIVE_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        [0, 0, sign, 0].iter().for_each(|word| out.put_u16(*word));
        return true;
    }
    let (sign, unsigned) = text.strip_prefix('-').map_or((0, text.strip_prefix('+').unwrap_or(text)), |rest| (NEGATIVE, rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return false;
    }
    let whole = whole.trim_start_matches('0');
    let (Ok(scale), true) = (u16::try_from(fraction.len()), whole.len() <= 131_072) else { return false };
    if scale > SCALE_MAX {
        return false;
    }
    let groups = whole.len().div_ceil(GROUP);
    let padded = format!(
        "{}{whole}{fraction}{}",
        "0".repeat(groups * GROUP - whole.len()),
        "0".repeat(fraction.len().next_multiple_of(GROUP) - fraction.len())
    );
    let digits: Vec<u16> =
        padded.as_bytes().chunks(GROUP).map(|group| group.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))).collect();
    let (Ok(count), Ok(weight)) = (u16::try_from(digits.len()), i16::try_from(groups.cast_signed() - 1)) else { return false };
    [count, weight.cast_unsigned(), sign, scale].iter().chain(&digits).for_each(|word| out.put_u16(*word));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> Option<String> {
        read(bytes, &AnswerBound::new(1 << 20))
    }

    #[test]
    fn numbers_come_back_as_they_were_written() {
        let long = format!("-{}.{}", "9".repeat(200), "1".repeat(99));
        for (text, expected) in [
            ("0", "0"),
            ("1", "1"),
            ("-1.50", "-1.50"),
            ("10000", "10000"),
            ("0.0001", "0.0001"),
            ("0.00001", "0.00001"),
            ("+12345.6789", "12345.6789"),
            (".5", "0.5"),
            ("5.", "5"),
            ("0001.10", "1.10"),
            ("100000000", "100000000"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            (&long, &long),
        ] {
            let mut bytes = BytesMut::new();
            assert!(write(text, &mut bytes), "{text}");
            assert_eq!(read_all(&bytes).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", ".", "-", "1e5", "0x1", "1,5", " 1", "1 ", "--1", "١", &"1".repeat(200_000), &format!("0.{}", "1".repeat(20_000))]
        {
            assert!(!write(text, &mut BytesMut::new()), "{text}");
        }
        for bytes in [
            &[][..],
            &[0; 7],
            &[0, 1, 0, 0, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0x12, 0x34, 0, 0],
            &[0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            &[0, 0, 0, 0, 0, 0, 0xff, 0xff],
        ] {
            assert_eq!(read_all(bytes), None, "{bytes:?}");
        }
        // Of the greatest weight there is, and no digit: 131072 zeros are one.
        let zeros = [0, 0, 0x7f, 0xff, 0, 0, 0, 0];
        assert_eq!(read_all(&zeros).as_deref(), Some("0"));
        assert_eq!(read(&zeros, &AnswerBound::new(100_000)), None);
    }
}
