//! When a delivery that was not taken is tried again.
//!
//! It knows the schedule of Standard Webhooks 1.0 ("Deliverability and reliability"). It must never know what was answered.

use std::time::Duration;

/// Waits between one attempt and the next, where the first is 5 s: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
const WAITS_S: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Attempts of one delivery.
pub(crate) const ATTEMPTS_MAX: u32 = WAITS_S.len() as u32 + 1;
/// The longest wait, also if the endpoint asks for a longer one.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// A wait is longer by up to this part of itself, so that what failed together does not come back together.
const JITTER_DIVISOR: u128 = 10;

/// The wait after an attempt, the first of which is 1. `None` after the last. `first` is the first wait; the others are in proportion.
/// `asked` is what the endpoint asks for, which makes a wait longer and never shorter; `random` is any number.
pub(crate) fn wait(attempt: u32, first: Duration, asked: Option<Duration>, random: u16) -> Option<Duration> {
    let seconds = *WAITS_S.get(usize::try_from(attempt.saturating_sub(1)).ok()?)?;
    let millis = first.as_millis().saturating_mul(u128::from(seconds)) / u128::from(WAITS_S[0]);
    let millis = millis.max(asked.unwrap_or_default().as_millis()).min(WAIT_MAX.as_millis());
    let jitter = millis / JITTER_DIVISOR * u128::from(random) / u128::from(u16::MAX);
    Some(Duration::from_millis(u64::try_from(millis + jitter).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_those_of_standard_webhooks_and_a_little_longer() {
        let first = Duration::from_secs(5);
        for (attempt, expected) in (1..).zip(WAITS_S) {
            let expected = Duration::from_secs(expected);
            assert_eq!(wait(attempt, first, None, 0), Some(expected));
            assert_eq!(wait(attempt, first, None, u16::MAX), Some(expected + expected / 10));
        }
        assert_eq!((wait(ATTEMPTS_MAX, first, None, 0), wait(u32::MAX, first, None, 0)), (None, None));
    }

    #[test]
    fn an_operator_and_an_endpoint_change_them_within_bounds() {
        let (first, s) = (Duration::from_millis(50), Duration::from_secs);
        assert_eq!(wait(2, first, None, 0), Some(s(3)));
        assert_eq!(wait(2, first, Some(s(2)), 0), Some(s(3)), "never earlier");
        assert_eq!(wait(2, first, Some(s(60)), 0), Some(s(60)));
        assert_eq!(wait(1, first, Some(Duration::MAX), 0), Some(WAIT_MAX));
        assert_eq!(wait(9, Duration::MAX, None, 0), Some(WAIT_MAX));
    }
}
