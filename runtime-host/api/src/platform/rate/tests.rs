//! Rates, at times that the tests tell.

use super::*;
use governor::clock::FakeRelativeClock;
use states::CLIENTS_MAX;
use std::time::UNIX_EPOCH;

fn client(address: &str) -> Client {
    Client::new(address.parse().unwrap())
}

fn limiter(limit: u32) -> (Limiter<u32, FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Limiter::new("key", limit, &clock).unwrap(), clock)
}

#[test]
fn a_minutes_worth_may_come_at_once_and_then_as_much_as_time_brings() {
    let (limiter, clock) = limiter(6);
    for remaining in (0..6).rev() {
        let (told, wait) = limiter.check(&1);
        assert_eq!((told.remaining, told.reset.as_secs(), wait), (remaining, u64::from(10 * (6 - remaining)), None));
    }
    assert_eq!(limiter.check(&1).1, Some(Duration::from_secs(10)));
    assert_eq!(limiter.check(&2).1, None, "another one has a limit of its own");
    clock.advance(Duration::from_secs(4));
    let (told, wait) = limiter.check(&1);
    assert_eq!((told.remaining, wait), (0, Some(Duration::from_secs(6))), "being refused costs nothing");
    clock.advance(Duration::from_secs(6));
    assert_eq!((limiter.check(&1).1.is_none(), limiter.check(&1).1.is_none()), (true, false));
}

#[test]
fn no_limit_is_no_limit() {
    let gate = Gate::new(&Rates::default(), &FakeRelativeClock::default());
    let client = client("192.0.2.1");
    for _ in 0..10_000 {
        assert!(gate.enter(&client).is_ok() && gate.enter_without_key(&client).is_ok());
    }
    let mut headers = HeaderMap::new();
    client.tell(&mut headers, UNIX_EPOCH);
    assert!(headers.is_empty(), "{headers:?}");
}

#[test]
fn clients_are_their_addresses_networks_of_ipv6_and_this_machine_is_a_proxy() {
    let rates = Rates { address: 1, without_key: 1, ..Rates::default() };
    let gate = Gate::new(&rates, &FakeRelativeClock::default());
    for (address, expected) in [
        ("192.0.2.1", true),
        ("192.0.2.2", true),
        ("192.0.2.1", false),
        ("::ffff:192.0.2.2", false),
        ("2001:db8::1", true),
        ("2001:db8::ffff:1", false),
        ("2001:db8:0:1::1", true),
        ("127.0.0.1", true),
        ("127.0.0.1", true),
        ("::1", true),
        ("::ffff:127.0.0.1", true),
    ] {
        assert_eq!(gate.enter(&client(address)).is_ok(), expected, "{address}");
    }
    assert_eq!([gate.enter_without_key(&client("::1")).is_ok(), gate.enter_without_key(&client("::1")).is_ok()], [true, false]);
}

#[test]
fn of_more_clients_than_there_is_room_for_the_others_share_a_limit_until_some_are_forgotten() {
    let (limiter, clock) = limiter(2);
    for who in 0..CLIENTS_MAX as u32 {
        assert_eq!(limiter.check(&who).1, None);
    }
    let others = CLIENTS_MAX as u32..;
    assert_eq!(others.take(3).map(|who| limiter.check(&who).1.is_none()).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((limiter.rates.len(), limiter.check(&0).1), (CLIENTS_MAX, None), "those that are known keep their own");
    clock.advance(Duration::from_secs(90));
    for who in 0..SWEEP_INTERVAL as u32 {
        limiter.check(&(who % 7));
    }
    assert!(limiter.rates.len() <= 7, "{}", limiter.rates.len());
    assert_eq!(limiter.check(&u32::MAX).1, None);
}

#[test]
fn what_is_told_names_each_limit_and_the_nearest_one() {
    let client = client("192.0.2.1");
    client.note(Told { name: "address", limit: 6_000, remaining: 5_999, reset: Duration::from_millis(10) });
    client.note(Told { name: "key", limit: 60, remaining: 12, reset: Duration::from_secs(48) });
    let mut headers = HeaderMap::new();
    client.tell(&mut headers, UNIX_EPOCH);
    for (name, expected) in [
        ("ratelimit-policy", "\"address\";q=6000;w=60, \"key\";q=60;w=60"),
        ("ratelimit", "\"address\";r=5999;t=1, \"key\";r=12;t=48"),
        ("x-ratelimit-limit", "60"),
        ("x-ratelimit-remaining", "12"),
        ("x-ratelimit-reset", "1970-01-01T00:00:48.000Z"),
    ] {
        assert_eq!(headers[name], expected, "{name}");
    }
}
