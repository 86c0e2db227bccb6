//! Names for machines: they sort by time, and nobody guesses one.

use std::time::{Duration, SystemTime};

/// The system gave no random bytes, so nothing secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// A new one, such as `cast_0192f3a1b2c4…`: 12 hexadecimal digits of milliseconds since 1970, and 20 that are random.
pub(crate) fn new_id(kind: &str, now: SystemTime) -> Result<String, NoRandomness> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Ok(format!("{kind}_{:012x}{}", since.as_millis(), random_hex::<10>()?))
}

/// Random bytes in hexadecimal digits.
pub(crate) fn random_hex<const COUNT: usize>() -> Result<String, NoRandomness> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_differ_within_a_millisecond() {
        let at = |ms| new_id("x", SystemTime::UNIX_EPOCH + Duration::from_millis(ms)).unwrap();
        assert!(at(5) < at(6) && at(255) < at(256) && at(5) != at(5));
        assert_eq!(at(1).len(), 2 + 12 + 20);
    }
}
