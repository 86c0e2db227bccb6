//! Quantities as people write them in TOML and on the command line: `64MiB`, `5s`, `2_000_000_000`.

use std::fmt;

/// What a number counts. It decides how a quantity is read and printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes; written with an optional suffix `B`, `kB`, `MB`, `GB` (powers of 1000) or `KiB`, `MiB`, `GiB` (powers of 1024).
    Bytes,
    /// Milliseconds; written with a suffix `ms`, `s`, `m` or `h`. A bare number counts seconds.
    Milliseconds,
    /// A plain count.
    Count,
    /// Millionths of a cent; written as cents, with a fraction if there is one.
    Microcents,
}

const MICROCENTS_PER_CENT: u64 = 1_000_000;
/// Digits of cents behind the point.
const CENT_DIGITS: usize = 6;

/// Why a written quantity was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The text does not begin with a number.
    #[error("\"{text}\" is not a number{}", .unit.example())]
    NotANumber {
        /// What was written.
        text: String,
        /// What was expected.
        unit: Unit,
    },
    /// The suffix means nothing for this unit.
    #[error("\"{suffix}\" is not a unit known here{}", .unit.example())]
    UnknownSuffix {
        /// The part behind the number.
        suffix: String,
        /// What was expected.
        unit: Unit,
    },
    /// The number does not fit into 64 bits once its suffix is applied.
    #[error("\"{text}\" is too large")]
    TooLarge {
        /// What was written.
        text: String,
    },
}

impl Unit {
    /// Reads a quantity of this unit: bytes, milliseconds, a count or millionths of a cent.
    ///
    /// ```
    /// use spell_types::Unit;
    /// assert_eq!(Unit::Bytes.parse("64MiB"), Ok(64 << 20));
    /// assert_eq!(Unit::Milliseconds.parse("1.5s"), Ok(1500));
    /// assert_eq!(Unit::Count.parse("2_000"), Ok(2000));
    /// assert_eq!(Unit::Microcents.parse("0.1"), Ok(100_000));
    /// assert!(Unit::Count.parse("2 apples").is_err());
    /// ```
    pub fn parse(self, text: &str) -> Result<u64, QuantityError> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '_' && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(split);
        let number: String = number.chars().filter(|c| *c != '_').collect();
        let factor = self.factor(suffix.trim())?;
        let too_large = || QuantityError::TooLarge { text: text.to_owned() };
        let not_a_number = || QuantityError::NotANumber { text: text.to_owned(), unit: self };
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        if whole.is_empty() || !fraction.chars().all(|c| c.is_ascii_digit()) || fraction.len() > 9 {
            return Err(not_a_number());
        }
        let whole: u64 = whole.parse().map_err(|_| too_large())?;
        let mut value = whole.checked_mul(factor).ok_or_else(too_large)?;
        if !fraction.is_empty() {
            let digits: u128 = fraction.parse().map_err(|_| not_a_number())?;
            // A price that is smaller than anything that can be kept is not silently another.
            if self == Unit::Microcents && fraction.trim_end_matches('0').len() > CENT_DIGITS {
                return Err(not_a_number());
            }
            let part = u128::from(factor) * digits / 10u128.pow(fraction.len() as u32);
            value = value.checked_add(u64::try_from(part).map_err(|_| too_large())?).ok_or_else(too_large)?;
        }
        Ok(value)
    }

    /// Writes a value so that [`Unit::parse`] reads it back unchanged, with the largest suffix that is exact.
    pub fn format(self, value: u64) -> String {
        let suffixes: &[(u64, &str)] = match self {
            Unit::Bytes => &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")],
            Unit::Milliseconds => &[(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")],
            Unit::Count | Unit::Microcents => &[],
        };
        for (factor, suffix) in suffixes {
            if value >= *factor && value.is_multiple_of(*factor) {
                return format!("{}{suffix}", value / factor);
            }
        }
        match self {
            Unit::Bytes => "0B".to_owned(),
            Unit::Milliseconds => "0ms".to_owned(),
            Unit::Count => value.to_string(),
            Unit::Microcents => {
                let (cents, rest) = (value / MICROCENTS_PER_CENT, value % MICROCENTS_PER_CENT);
                let digits = format!("{cents}.{rest:0CENT_DIGITS$}");
                digits.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }

    fn factor(self, suffix: &str) -> Result<u64, QuantityError> {
        Ok(match (self, suffix) {
            (Unit::Bytes, "" | "B") => 1,
            (Unit::Bytes, "kB" | "KB") => 1_000,
            (Unit::Bytes, "MB") => 1_000_000,
            (Unit::Bytes, "GB") => 1_000_000_000,
            (Unit::Bytes, "KiB") => 1 << 10,
            (Unit::Bytes, "MiB") => 1 << 20,
            (Unit::Bytes, "GiB") => 1 << 30,
            (Unit::Milliseconds, "ms") => 1,
            (Unit::Milliseconds, "" | "s") => 1_000,
            (Unit::Milliseconds, "m") => 60_000,
            (Unit::Milliseconds, "h") => 3_600_000,
            (Unit::Count, "") => 1,
            (Unit::Microcents, "") => MICROCENTS_PER_CENT,
            _ => return Err(QuantityError::UnknownSuffix { suffix: suffix.to_owned(), unit: self }),
        })
    }

    fn example(self) -> &'static str {
        match self {
            Unit::Bytes => "; write a size like \"64MiB\"",
            Unit::Milliseconds => "; write a duration like \"5s\" or \"250ms\"",
            Unit::Count => "; write a whole number",
            Unit::Microcents => "; write cents like 0.1, with at most six digits behind the point",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Bytes => "bytes",
            Unit::Milliseconds => "milliseconds",
            Unit::Count => "count",
            Unit::Microcents => "cents",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_written() {
        let cases = [
            (Unit::Bytes, "0", 0),
            (Unit::Bytes, "10", 10),
            (Unit::Bytes, "1kB", 1000),
            (Unit::Bytes, "1 KiB", 1024),
            (Unit::Bytes, "1.5GiB", 3 << 29),
            (Unit::Milliseconds, "2", 2000),
            (Unit::Milliseconds, "0.25", 250),
            (Unit::Milliseconds, "250ms", 250),
            (Unit::Milliseconds, "5m", 300_000),
            (Unit::Count, "2_000_000_000", 2_000_000_000),
            (Unit::Microcents, "0.1", 100_000),
            (Unit::Microcents, "12", 12_000_000),
            (Unit::Microcents, "0.0000010", 1),
        ];
        for (unit, text, value) in cases {
            assert_eq!(unit.parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn bad_quantities_are_refused_with_the_reason() {
        for (unit, text, part) in [
            (Unit::Bytes, "", "not a number"),
            (Unit::Bytes, "MiB", "not a number"),
            (Unit::Bytes, "-1", "not a unit"),
            (Unit::Bytes, "64Mib", "not a unit known here; write a size"),
            (Unit::Bytes, "99999999999999999999", "too large"),
            (Unit::Bytes, "99999999999GiB", "too large"),
            (Unit::Milliseconds, "5 weeks", "not a unit"),
            (Unit::Count, "1.2.3", "not a number"),
            (Unit::Microcents, "0.0000001", "write cents like 0.1"),
            (Unit::Microcents, "1 cent", "not a unit"),
        ] {
            let error = unit.parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for (unit, value) in [
            (Unit::Bytes, 0),
            (Unit::Bytes, 134_217_728),
            (Unit::Bytes, 1_000_001),
            (Unit::Milliseconds, 30_000),
            (Unit::Milliseconds, 1),
            (Unit::Count, 7),
            (Unit::Microcents, 0),
            (Unit::Microcents, 100_000),
            (Unit::Microcents, 12_000_001),
            (Unit::Microcents, 10_000_000),
        ] {
            assert_eq!(unit.parse(&unit.format(value)), Ok(value));
        }
    }
}
