//! Sums of casts: by the day, by engine, by spell, and what somebody who adds them up one by one finds.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{DAY_SECONDS, acme, answer, at, cast, database, failure, other, tamper, usage};
use spell_cast::{
    FAILURE_CODE_BYTES_MAX, FAILURE_OTHER, FAILURES_TOLD_MAX, FailedKind, FailureCount, Ledger, Percentiles, Span, Statistics, TopBy, Trend,
};
use spell_store::Database;
use spell_types::TenantId;
use std::time::Duration;

fn always() -> Span {
    Span { since: at(0), until: at(1 << 32) }
}

/// A cast of a spell that has ended.
struct Past {
    spell: &'static str,
    ended_seconds: u64,
    wall_ms: u64,
    memory_bytes: u64,
    cost_cents: u64,
    failed: Option<FailedKind>,
}

async fn keep(database: &Database, tenant: TenantId, number: usize, past: &Past) {
    let mut record = cast(tenant, &format!("cast_{number:06}"), at(1));
    record.spell_id = format!("id-{}", past.spell);
    record.spell_key = past.spell.parse().unwrap();
    database.reserve(record.clone(), None, 0).await.unwrap();
    let mut ending = past.failed.map_or_else(|| answer("hello"), failure);
    (ending.ended_at, ending.usage, ending.cost_cents) = (at(past.ended_seconds), usage(past.wall_ms, past.memory_bytes), past.cost_cents);
    database.finish(&record.id, ending).await.unwrap();
}

#[tokio::test]
async fn trends_sum_up_each_day_on_which_casts_ended() {
    let (_directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        let (day_3, day_5) = (3 * DAY_SECONDS, 5 * DAY_SECONDS);
        let endings = [
            (day_3 - 1, 99, 99, 99, true),
            (day_3, 10, 100, 4, true),
            (day_3 + 60, 20, 200, 3, false),
            (day_3 + DAY_SECONDS - 1, 60, 601, 2, true),
            (day_5, 7, 8, 1, false),
        ];
        for (number, (seconds, wall_ms, memory_bytes_peak, cost_cents, is_answered)) in endings.into_iter().enumerate() {
            let id = format!("cast_{number}");
            database.reserve(cast(acme(), &id, at(1)), None, 0).await.unwrap();
            let mut ending = if is_answered { answer("hello") } else { failure(FailedKind::Trapped) };
            (ending.ended_at, ending.usage, ending.cost_cents) = (at(seconds), usage(wall_ms, memory_bytes_peak), cost_cents);
            database.finish(&id, ending).await.unwrap();
        }
        database.reserve(cast(acme(), "cast_running", at(day_3)), None, 0).await.unwrap();
        let trend = |day, executions, completed, wall_ms, memory_bytes_mean, cost_cents| {
            let wall_mean = Duration::from_millis(wall_ms);
            Trend { day, executions, completed, wall_mean, memory_bytes_mean, cost_cents }
        };
        let expected = vec![trend(3, 3, 2, 30, 300, 9), trend(5, 1, 0, 7, 8, 1)];
        assert_eq!(database.trends(&acme(), "spell_1", at(day_3)).await, Ok(expected));
        assert_eq!(database.trends(&acme(), "spell_2", at(0)).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn numbers_that_are_too_large_break_no_sum() {
    let (_directory, database) = database();
    for id in ["cast_1", "cast_2"] {
        database.reserve(cast(acme(), id, at(1)), None, 0).await.unwrap();
        let mut ending = answer("hello");
        (ending.usage.wall, ending.usage.memory_bytes_peak, ending.cost_cents) = (Duration::MAX, u64::MAX, u64::MAX);
        database.finish(id, ending).await.unwrap();
    }
    let trends = database.trends(&acme(), "spell_1", at(0)).await.unwrap();
    assert_eq!((trends.len(), trends[0].cost_cents), (1, i64::MAX.unsigned_abs()));
}

/// Numbers that look as if nobody had chosen them, and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The smallest of the values that `percent` of 100 do not exceed, found by looking at each.
fn naive(values: &[u64], percent: usize) -> u64 {
    let enough = |value: &u64| values.iter().filter(|other| *other <= value).count() * 100 >= values.len() * percent;
    values.iter().copied().filter(enough).min().unwrap_or(0)
}

#[tokio::test]
async fn sums_of_a_spell_are_what_somebody_finds_who_looks_at_each_cast() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for count in [0, 1, 2, 3, 19, 20, 21, 100, 173] {
        let (_directory, database) = database();
        let mut all = Vec::new();
        for number in 0..count {
            let kind = FailedKind::ALL.get(random.below(20) as usize).map(|(kind, _)| *kind);
            let past = Past {
                spell: "hello",
                ended_seconds: 100 + random.below(100),
                wall_ms: random.below(50),
                memory_bytes: random.below(1 << 30),
                cost_cents: random.below(9),
                failed: kind,
            };
            keep(&database, acme(), number, &past).await;
            all.push(past);
        }
        let sums = database.spell_sums(&acme(), "id-hello", Span { since: at(120), until: at(180) }).await.unwrap();
        let within: Vec<&Past> = all.iter().filter(|past| (120..180).contains(&past.ended_seconds)).collect();
        let ran: Vec<&&Past> = within.iter().filter(|past| past.failed.is_none_or(FailedKind::is_of_the_program)).collect();
        let expected = |of: fn(&Past) -> u64| {
            let values: Vec<u64> = ran.iter().map(|past| of(past)).collect();
            Percentiles { p50: naive(&values, 50), p95: naive(&values, 95), p99: naive(&values, 99) }
        };
        assert_eq!(sums.wall_us, expected(|past| past.wall_ms * 1_000), "of {count}");
        assert_eq!(sums.memory_bytes, expected(|past| past.memory_bytes), "of {count}");
        assert_eq!((sums.executions, sums.sampled), (within.len() as u64, ran.len() as u64));
        assert_eq!(sums.completed, within.iter().filter(|past| past.failed.is_none()).count() as u64);
        assert_eq!(sums.cost_cents, within.iter().map(|past| past.cost_cents).sum::<u64>());
        assert_eq!(sums.failures.iter().map(|failure| failure.count).sum::<u64>(), sums.executions - sums.completed);
        assert!(sums.failures.is_sorted_by(|one, next| one.count >= next.count) && !sums.is_partial, "{:?}", sums.failures);
    }
}

#[tokio::test]
async fn engines_are_told_apart_by_what_is_recorded_and_each_cast_is_in_the_time_in_which_it_ended() {
    let (directory, database) = database();
    let month_ends = 31 * DAY_SECONDS;
    for (number, (ended_seconds, failed)) in
        [(month_ends - 1, None), (month_ends, None), (month_ends + 5, Some(FailedKind::Trapped)), (2 * month_ends, None)]
            .into_iter()
            .enumerate()
    {
        let past = Past { spell: "hello", ended_seconds, wall_ms: 10 * (number as u64 + 1), memory_bytes: 1, cost_cents: 3, failed };
        keep(&database, acme(), number, &past).await;
        keep(&database, other(), 100 + number, &past).await;
    }
    let span = |since, until| Span { since: at(since), until: at(until) };
    let told = async |span| {
        let sums = database.engine_sums(&acme(), span).await.unwrap();
        let told = sums
            .entries
            .iter()
            .map(|sums| (sums.engine.clone(), sums.executions, sums.completed, sums.wall_mean.as_millis(), sums.cost_cents));
        (told.collect::<Vec<_>>(), sums.is_partial)
    };
    assert_eq!(told(span(0, month_ends)).await, (vec![("wasm".to_owned(), 1, 1, 10, 3)], false));
    assert_eq!(told(span(month_ends, 2 * month_ends)).await, (vec![("wasm".to_owned(), 2, 1, 25, 6)], false));
    assert_eq!(told(span(3 * month_ends, 4 * month_ends)).await, (vec![], false));
    // As a host with other engines would record it.
    tamper(directory.path(), "UPDATE casts SET engine = 'elsewhere', cost_cents = 50 WHERE id = 'cast_000003'");
    let expected = vec![("elsewhere".to_owned(), 1, 1, 40, 50), ("wasm".to_owned(), 3, 2, 20, 9)];
    assert_eq!(told(always()).await, (expected, false));
}

#[tokio::test]
async fn spells_come_first_by_what_is_asked_for() {
    let (directory, database) = database();
    let past = |spell, wall_ms, cost_cents, failed| Past { spell, ended_seconds: 100, wall_ms, memory_bytes: 1, cost_cents, failed };
    let trapped = Some(FailedKind::Trapped);
    let casts = [
        past("a", 1, 1, None),
        past("a", 1, 1, None),
        past("a", 1, 1, None),
        past("b", 1, 9, trapped),
        past("b", 1, 1, trapped),
        past("c", 50, 1, None),
    ];
    for (number, past) in casts.iter().enumerate() {
        keep(&database, acme(), number, past).await;
    }
    for (by, expected) in [
        (TopBy::Executions, ["a", "b", "c"]),
        (TopBy::Cost, ["b", "a", "c"]),
        (TopBy::Time, ["c", "a", "b"]),
        (TopBy::Failures, ["b", "a", "c"]),
    ] {
        for count_max in 0..=3 {
            let sums = database.top_spells(&acme(), always(), by, count_max).await.unwrap();
            let keys: Vec<&str> = sums.entries.iter().map(|total| total.spell_key.as_str()).collect();
            assert_eq!((keys, sums.is_partial), (expected[..count_max].to_vec(), false), "{by:?}");
        }
    }
    let first = &database.top_spells(&acme(), always(), TopBy::Failures, 1).await.unwrap().entries[0];
    assert_eq!((first.executions, first.failures, first.wall_total, first.cost_cents), (2, 2, Duration::from_millis(2), 10));
    tamper(directory.path(), "UPDATE casts SET spell_key = 'renamed' WHERE id = 'cast_000004'");
    let first = &database.top_spells(&acme(), always(), TopBy::Failures, 1).await.unwrap().entries[0];
    assert_eq!(first.spell_key, "renamed", "what it was called last");
    assert!(database.top_spells(&other(), always(), TopBy::Cost, 9).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn ways_to_fail_are_told_apart_up_to_a_bound() {
    let (_directory, database) = database();
    let long = "x".repeat(FAILURE_CODE_BYTES_MAX + 1);
    let codes = (0..FAILURES_TOLD_MAX + 20).map(|number| format!("code-{number:03}")).chain([long.clone(), long.clone()]);
    for (number, code) in codes.enumerate() {
        let record = cast(acme(), &format!("cast_{number:06}"), at(1));
        database.reserve(record.clone(), None, 0).await.unwrap();
        let mut ending = failure(FailedKind::Refused);
        ending.ended_at = at(10_000 - number as u64);
        ending.result.as_mut().unwrap_err().code = code;
        database.finish(&record.id, ending).await.unwrap();
    }
    let sums = database.spell_sums(&acme(), "spell_1", always()).await.unwrap();
    let other = FailureCount { kind: FailedKind::Refused, code: FAILURE_OTHER.to_owned(), count: 22 };
    assert_eq!((sums.failures.len(), &sums.failures[0]), (FAILURES_TOLD_MAX + 1, &other));
    assert!(sums.failures.iter().all(|failure| failure.code.len() <= FAILURE_CODE_BYTES_MAX));
}
