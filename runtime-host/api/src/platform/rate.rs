//! How often clients may ask: by their key, by their tenant, and by the address that they ask from.
//!
//! It knows rates, and how they are told. It must never know what is asked, and believes no header that says who asks.

mod states;

use crate::platform::problem::{Problem, Refusal};
use crate::platform::wire::moment;
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use spell_cast::ApiKey;
use spell_types::TenantId;
use states::States;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Seconds in which as many requests may be made as a limit says.
const WINDOW_S: u32 = 60;
/// Requests after which clients are forgotten that have not asked for long enough to be as good as new.
const SWEEP_INTERVAL: u64 = 4_096;
/// The part of an IPv6 address that one client has for itself.
const NETWORK_BITS: u32 = 64;

// https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const X_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const X_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const X_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Requests in a minute, which may also come at once. Zero is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of an API key.
    pub key: u32,
    /// Of a tenant, with all its keys.
    pub tenant: u32,
    /// From an address, unless it is this machine's: there, a proxy may speak for many.
    pub address: u32,
    /// From an address without a key that is worth something.
    pub without_key: u32,
}

/// Whoever makes a request, and what it is told of its limits.
pub(crate) struct Client {
    address: IpAddr,
    told: Mutex<Vec<Told>>,
}

/// One limit, as a client is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    name: &'static str,
    limit: u32,
    remaining: u32,
    reset: Duration,
}

/// All limits, and how far each client has come.
pub(crate) struct Gate<C: Clock = MonotonicClock> {
    key: Option<Limiter<String, C>>,
    tenant: Option<Limiter<TenantId, C>>,
    address: Option<Limiter<IpAddr, C>>,
    without_key: Option<Limiter<IpAddr, C>>,
}

impl<C: Clock + Clone> Gate<C> {
    pub(crate) fn new(rates: &Rates, clock: &C) -> Self {
        Self {
            key: Limiter::new("key", rates.key, clock),
            tenant: Limiter::new("tenant", rates.tenant, clock),
            address: Limiter::new("address", rates.address, clock),
            without_key: Limiter::new("without_key", rates.without_key, clock),
        }
    }

    /// Counts a request of whomever.
    pub(crate) fn enter(&self, client: &Client) -> Result<(), Problem> {
        if client.address.is_loopback() { Ok(()) } else { check(self.address.as_ref(), &client.address, client) }
    }

    /// Counts a request with a key.
    pub(crate) fn enter_with(&self, key: &ApiKey, client: &Client) -> Result<(), Problem> {
        check(self.key.as_ref(), &key.id, client)?;
        check(self.tenant.as_ref(), &key.tenant, client)
    }

    /// Counts a request without a key that is worth something.
    pub(crate) fn enter_without_key(&self, client: &Client) -> Result<(), Problem> {
        check(self.without_key.as_ref(), &client.address, client)
    }
}

impl Client {
    pub(crate) fn new(address: IpAddr) -> Self {
        let address = match address.to_canonical() {
            IpAddr::V6(address) if !address.is_loopback() => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - NETWORK_BITS))))
            }
            address => address,
        };
        Self { address, told: Mutex::default() }
    }

    /// Writes what there is to tell.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, now: SystemTime) {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(nearest) = told.iter().min_by_key(|told| told.remaining) else { return };
        let list = |item: &dyn Fn(&Told) -> String| told.iter().map(item).collect::<Vec<_>>().join(", ");
        let policy = list(&|told| format!("\"{}\";q={};w={WINDOW_S}", told.name, told.limit));
        let rate_limit = list(&|told| format!("\"{}\";r={};t={}", told.name, told.remaining, seconds(told.reset)));
        let reset = moment(now.checked_add(nearest.reset).unwrap_or(now));
        let said = [
            (POLICY, policy),
            (RATE_LIMIT, rate_limit),
            (X_LIMIT, nearest.limit.to_string()),
            (X_REMAINING, nearest.remaining.to_string()),
            (X_RESET, reset),
        ];
        // All of it is visible ASCII.
        headers.extend(said.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?))));
    }

    fn note(&self, told: Told) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }
}

fn check<K: Hash + Eq + Clone, C: Clock + Clone>(limiter: Option<&Limiter<K, C>>, who: &K, client: &Client) -> Result<(), Problem> {
    let Some(limiter) = limiter else { return Ok(()) };
    let (told, wait) = limiter.check(who);
    client.note(told);
    let Some(wait) = wait else { return Ok(()) };
    let Told { name, limit, .. } = told;
    let detail = format!("too many requests: there may be {limit} in a minute by `rate.{name}`");
    Err(Problem::new(Refusal::RateLimited, detail).with("limit", format!("rate.{name}")).after(wait))
}

/// One limit for each client of a kind.
struct Limiter<K: Hash + Eq + Clone, C: Clock> {
    name: &'static str,
    limit: u32,
    checks: AtomicU64,
    rates: RateLimiter<K, States<K>, C, StateInformationMiddleware>,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Limiter<K, C> {
    fn new(name: &'static str, limit: u32, clock: &C) -> Option<Self> {
        let quota = Quota::per_minute(NonZeroU32::new(limit)?);
        let rates = RateLimiter::new(quota, States::default(), clock.clone());
        Some(Self { name, limit, checks: AtomicU64::new(0), rates })
    }

    /// Counts a request; if it is one too many, also says how long to wait.
    fn check(&self, who: &K) -> (Told, Option<Duration>) {
        if self.checks.fetch_add(1, Relaxed) % SWEEP_INTERVAL == SWEEP_INTERVAL - 1 {
            self.rates.retain_recent();
        }
        let (remaining, wait) = match self.rates.check_key(who) {
            Ok(state) => (state.remaining_burst_capacity().min(self.limit), None),
            Err(until) => (0, Some(until.wait_time_from(self.rates.clock().now()))),
        };
        let reset = Duration::from_secs(WINDOW_S.into()).mul_f64(f64::from(self.limit - remaining) / f64::from(self.limit));
        (Told { name: self.name, limit: self.limit, remaining, reset }, wait)
    }
}

/// Whole seconds after which a time has passed.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
