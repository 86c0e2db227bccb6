//! Dates and times, from and to the counts that PostgreSQL keeps since the year 2000.
//!
//! This module knows the calendar. It must never know a time zone: everything is UTC.

/// Days from 0000-03-01 to 2000-01-01.
const DAYS_TO_EPOCH: i64 = 730_425;
/// Seconds from 1970 to 2000.
const UNIX_SECONDS: i64 = 946_684_800;
const DAY_MICROS: i64 = 86_400 * 1_000_000;

pub(super) type Date = (i32, u8, u8);
pub(super) type Time = (u8, u8, u8, u32);
pub(super) type Datetime = (i32, u8, u8, u8, u8, u8, u32);

/// The date so many days after 2000-01-01.
pub(super) fn date(days: i32) -> Date {
    // Years begin in March here, so that the day that comes and goes is the last.
    let days = i64::from(days) + DAYS_TO_EPOCH;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    ((year + era * 400 + turn) as i32, month as u8, day as u8)
}

/// Days from 2000-01-01 to a date; `None` if there is no such date.
pub(super) fn days((year, month, day): Date) -> Option<i32> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (month_of_march, turn) = if month > 2 { (i64::from(month) - 3, 0) } else { (i64::from(month) + 9, 1) };
    let years = i64::from(year) - turn;
    let (era, of_era) = (years.div_euclid(400), years.rem_euclid(400));
    let of_year = (153 * month_of_march + 2) / 5 + i64::from(day) - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_EPOCH;
    // The 30th of February would have become a day of March.
    i32::try_from(days).ok().filter(|days| date(*days) == (year, month, day))
}

/// The time of day so many microseconds after midnight.
pub(super) fn time(micros: i64) -> Option<Time> {
    let seconds = u32::try_from(micros.div_euclid(1_000_000)).ok().filter(|seconds| *seconds <= 86_400)?;
    let nanos = u32::try_from(micros.rem_euclid(1_000_000)).ok()? * 1_000;
    Some(((seconds / 3_600) as u8, (seconds / 60 % 60) as u8, (seconds % 60) as u8, nanos))
}

/// Microseconds since midnight; what is finer is cut off.
pub(super) fn time_micros((hour, minute, second, nanos): Time) -> Option<i64> {
    let is_time = hour < 24 && minute < 60 && second < 60 && nanos < 1_000_000_000;
    let seconds = i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second);
    is_time.then(|| seconds * 1_000_000 + i64::from(nanos / 1_000))
}

/// The instant so many microseconds after 2000-01-01.
pub(super) fn datetime(micros: i64) -> Option<Datetime> {
    let (year, month, day) = date(i32::try_from(micros.div_euclid(DAY_MICROS)).ok()?);
    let (hour, minute, second, nanos) = time(micros.rem_euclid(DAY_MICROS))?;
    Some((year, month, day, hour, minute, second, nanos))
}

/// Microseconds from 2000-01-01 to an instant.
pub(super) fn datetime_micros((year, month, day, hour, minute, second, nanos): Datetime) -> Option<i64> {
    let days = i64::from(days((year, month, day))?);
    days.checked_mul(DAY_MICROS)?.checked_add(time_micros((hour, minute, second, nanos))?)
}

/// The same of seconds since 1970.
pub(super) fn timestamp_micros(seconds: i64) -> Option<i64> {
    seconds.checked_sub(UNIX_SECONDS)?.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_the_same_thing() {
        for (count, expected) in [
            (0, (2000, 1, 1)),
            (59, (2000, 2, 29)),
            (60, (2000, 3, 1)),
            (366, (2001, 1, 1)),
            (-1, (1999, 12, 31)),
            (-10_957, (1970, 1, 1)),
            (36_525, (2100, 1, 1)),
            (36_583, (2100, 2, 28)),
            (36_584, (2100, 3, 1)),
            (-730_119, (1, 1, 1)),
            (-730_120, (0, 12, 31)),
        ] {
            assert_eq!((date(count), days(expected)), (expected, Some(count)));
        }
        for count in (-2_000_000..2_000_000).step_by(97) {
            assert_eq!(days(date(count)), Some(count));
        }
        for none in
            [(2001, 2, 29), (2100, 2, 29), (2000, 2, 30), (2000, 13, 1), (2000, 0, 1), (2000, 1, 0), (2000, 4, 31), (i32::MAX, 1, 1)]
        {
            assert_eq!(days(none), None, "{none:?}");
        }
        for extreme in [i32::MIN, i32::MAX] {
            assert_eq!(days(date(extreme)), Some(extreme));
        }
    }

    #[test]
    fn times_are_counted_from_midnight() {
        assert_eq!(time_micros((23, 59, 59, 999_999_999)), Some(86_399_999_999));
        assert_eq!(
            (time(0), time(86_399_999_999), time(86_400_000_000)),
            (Some((0, 0, 0, 0)), Some((23, 59, 59, 999_999_000)), Some((24, 0, 0, 0)))
        );
        assert_eq!((time(-1), time(i64::MAX), time_micros((24, 0, 0, 0)), time_micros((0, 60, 0, 0))), (None, None, None, None));
        let instant = (1999, 12, 31, 23, 59, 59, 500_000_000);
        assert_eq!((datetime(-500_000), datetime_micros(instant)), (Some(instant), Some(-500_000)));
        assert_eq!(datetime_micros((i32::MAX, 1, 1, 0, 0, 0, 0)), None);
        assert_eq!((timestamp_micros(946_684_801), timestamp_micros(i64::MIN)), (Some(1_000_000), None));
        // PostgreSQL's infinities are the first and the last.
        assert!(datetime(i64::MAX).is_some() && datetime(i64::MIN).is_some());
    }
}
