//! Times as they stand in requests: days, and moments as ISO 8601 has them; and how far back somebody may look.
//!
//! It knows calendars. It must never know what happened when.

use crate::platform::problem::{Problem, Refusal};
use spell_cast::Span;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Days that are looked back where nobody says.
pub(crate) const DAYS_DEFAULT: u64 = 30;
/// Days that are looked back at most.
pub(crate) const DAYS_MAX: u64 = 365;
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of a day, such as `2026-01-31`.
const DAY_CHARACTERS: usize = 10;

/// How many days somebody looks back.
pub(crate) fn days(asked: Option<u64>) -> Result<u64, Problem> {
    let days = asked.unwrap_or(DAYS_DEFAULT);
    if (1..=DAYS_MAX).contains(&days) {
        return Ok(days);
    }
    Err(Problem::new(Refusal::Invalid, format!("days must be between 1 and {DAYS_MAX}")))
}

/// The last days until now, and what ends in this very moment.
pub(crate) fn last_days(days: u64, now: SystemTime) -> Span {
    let back = DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX));
    Span { since: now.checked_sub(back).unwrap_or(SystemTime::UNIX_EPOCH), until: now + DAY }
}

/// From a start to an end. A day as an end is part of it; a moment is not. Without an end it is now, and without a start the days before
/// the end that are looked back anyway.
pub(crate) fn span(start: Option<&str>, end: Option<&str>, now: SystemTime) -> Result<Span, Problem> {
    let until = match end {
        Some(text) => moment("end", text)? + if is_day(text) { DAY } else { Duration::ZERO },
        None => now + Duration::from_millis(1),
    };
    let back = || until.checked_sub(DAY.saturating_mul(DAYS_DEFAULT as u32)).unwrap_or(SystemTime::UNIX_EPOCH);
    let since = start.map(|text| moment("start", text)).transpose()?.unwrap_or_else(back);
    match until.duration_since(since) {
        Ok(time) if time.is_zero() => Err(Problem::new(Refusal::Invalid, "start must be before end")),
        Ok(time) if time > DAY.saturating_mul(DAYS_MAX as u32 + 1) => {
            Err(Problem::new(Refusal::Invalid, format!("start must be at most {DAYS_MAX} days before end")))
        }
        Ok(_) => Ok(Span { since, until }),
        Err(_) => Err(Problem::new(Refusal::Invalid, "start must be before end")),
    }
}

fn moment(name: &str, text: &str) -> Result<SystemTime, Problem> {
    let full = if is_day(text) { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let parsed = OffsetDateTime::parse(&full, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp_nanos);
    let nanos = parsed.and_then(|nanos| u64::try_from(nanos).ok());
    nanos.map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos)).ok_or_else(|| {
        let detail = format!("{name} must be a day such as 2026-01-31, or a moment such as 2026-01-31T09:05:07Z");
        Problem::new(Refusal::Invalid, detail)
    })
}

fn is_day(text: &str) -> bool {
    text.len() == DAY_CHARACTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn days_and_moments_make_a_span() {
        let (now, day) = (at(1_000 * 86_400 + 60), 86_400);
        for (start, end, since, until) in [
            (Some("1972-02-28"), Some("1972-02-29"), 788 * day, 790 * day),
            (Some("1971-12-31"), Some("1972-01-01"), 729 * day, 731 * day),
            (Some("1972-02-28T01:00:00+01:00"), Some("1972-02-28T00:00:01Z"), 788 * day, 788 * day + 1),
            (None, Some("1972-02-28T00:00:00Z"), 758 * day, 788 * day),
            (Some("1971-09-28"), Some("1972-09-26"), 635 * day, 1_000 * day),
        ] {
            assert_eq!(span(start, end, now).unwrap(), Span { since: at(since), until: at(until) }, "{start:?} to {end:?}");
        }
        let recent = span(None, None, now).unwrap();
        assert!(recent.until > now && recent.until.duration_since(recent.since).unwrap() == DAY * 30);
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for (start, end) in [
            (Some("yesterday"), None),
            (Some("2026-02-30"), None),
            (Some("2026-13-01"), None),
            (Some("2026-01-31T24:00:00Z"), None),
            (Some("2026-01-31T09:05:07"), None),
            (Some("1969-12-31"), None),
            (Some("0000000000"), None),
            (Some("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"), None),
            (Some("2026-01-02"), Some("2026-01-01")),
            (Some("2026-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z")),
            (Some("2020-01-01"), Some("2026-01-01")),
            (Some("9999-12-31"), None),
            (None, Some("")),
        ] {
            assert!(span(start, end, at(0)).is_err(), "{start:?} to {end:?}");
        }
    }
}
