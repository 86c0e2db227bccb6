//! The one table of limits a component runs under: key, unit, default and meaning. docs/limits.md is checked against it.

use crate::Unit;
use std::time::Duration;

/// A limit that a component runs under. Its [`key`](Limit::key) is the word used in manifests, flags, refusals and docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Bytes of linear memory, summed over all memories of an instance.
    Memory,
    /// Elements of all tables of an instance, summed.
    TableElements,
    /// Fuel: guest instructions, bulk operations by the byte.
    Fuel,
    /// Wall time of a request, from its admission to the last byte of its answer.
    Time,
    /// Bytes of a request body.
    Request,
    /// Bytes of a response body.
    Response,
    /// Requests that run at the same time.
    Concurrency,
    /// Requests that wait for one of the running ones to end.
    Queue,
    /// The longest a request waits in the queue.
    QueueTime,
    /// Outbound requests made, and connections opened, by one request.
    OutboundRequests,
    /// Spells that have called each other until a request came about.
    Depth,
    /// Bytes of standard output and standard error kept of one request.
    Log,
}

struct Row {
    limit: Limit,
    key: &'static str,
    unit: Unit,
    default: u64,
    meaning: &'static str,
}

const COUNT: usize = 12;

#[rustfmt::skip]
const TABLE: [Row; COUNT] = [
    Row { limit: Limit::Memory, key: "memory", unit: Unit::Bytes, default: 128 << 20, meaning: "linear memory of an instance, all its memories together" },
    Row { limit: Limit::TableElements, key: "table_elements", unit: Unit::Count, default: 100_000, meaning: "table elements of an instance, all its tables together" },
    Row { limit: Limit::Fuel, key: "fuel", unit: Unit::Count, default: 20_000_000_000, meaning: "guest instructions of a request" },
    Row { limit: Limit::Time, key: "time", unit: Unit::Milliseconds, default: 30_000, meaning: "wall time of a request, body streaming included" },
    Row { limit: Limit::Request, key: "request", unit: Unit::Bytes, default: 10 << 20, meaning: "request body" },
    Row { limit: Limit::Response, key: "response", unit: Unit::Bytes, default: 10 << 20, meaning: "response body" },
    Row { limit: Limit::Concurrency, key: "concurrency", unit: Unit::Count, default: 64, meaning: "requests of the component that run at the same time" },
    Row { limit: Limit::Queue, key: "queue", unit: Unit::Count, default: 256, meaning: "requests of the component that wait for a place to run" },
    Row { limit: Limit::QueueTime, key: "queue_time", unit: Unit::Milliseconds, default: 5_000, meaning: "longest wait for a place to run" },
    Row { limit: Limit::OutboundRequests, key: "outbound_requests", unit: Unit::Count, default: 32, meaning: "outbound requests made, and connections opened, by a request" },
    Row { limit: Limit::Depth, key: "depth", unit: Unit::Count, default: 4, meaning: "spells that have called each other until a request came about" },
    Row { limit: Limit::Log, key: "log", unit: Unit::Bytes, default: 1 << 20, meaning: "standard output and standard error kept of a request" },
];

impl Limit {
    /// Every limit, in the order of the documentation.
    pub const ALL: [Limit; COUNT] = {
        let mut all = [Limit::Memory; COUNT];
        let mut index = 0;
        while index < COUNT {
            assert!(TABLE[index].limit as usize == index, "the table is in the order of the enum");
            all[index] = TABLE[index].limit;
            index += 1;
        }
        all
    };

    /// The word for this limit in manifests, flags and refusals.
    pub fn key(self) -> &'static str {
        TABLE[self as usize].key
    }

    /// What its number counts.
    pub fn unit(self) -> Unit {
        TABLE[self as usize].unit
    }

    /// Its value where nobody wrote one.
    pub fn default_value(self) -> u64 {
        TABLE[self as usize].default
    }

    /// What it bounds, as half a sentence.
    pub fn meaning(self) -> &'static str {
        TABLE[self as usize].meaning
    }

    /// The limit with this key.
    pub fn from_key(key: &str) -> Option<Limit> {
        Self::ALL.into_iter().find(|limit| limit.key() == key)
    }
}

/// A value for every [`Limit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits([u64; COUNT]);

/// A manifest asked for more than the operator allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("asks for {} = {}, but the operator's ceiling is {}", .limit.key(), .limit.unit().format(*.asked), .limit.unit().format(*.ceiling))]
pub struct CeilingExceeded {
    /// The limit in question.
    pub limit: Limit,
    /// What was asked for.
    pub asked: u64,
    /// The most that is allowed.
    pub ceiling: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self(Limit::ALL.map(Limit::default_value))
    }
}

impl Limits {
    /// Limits that bound nothing: what an operator without a configuration has as ceilings.
    pub fn unbounded() -> Self {
        Self([u64::MAX; COUNT])
    }

    /// The value of a limit, in its unit.
    pub fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// Sets a limit, in its unit.
    pub fn set(&mut self, limit: Limit, value: u64) {
        self.0[limit as usize] = value;
    }

    /// The value of [`Limit::Time`].
    pub fn time(&self) -> Duration {
        Duration::from_millis(self.get(Limit::Time))
    }

    /// The limits of a component: the operator's defaults, what the manifest asks for on top, all within the ceilings.
    ///
    /// A default above a ceiling is lowered to it; a wish above a ceiling is an error, so that nobody believes to have
    /// what they have not.
    ///
    /// ```
    /// use spell_types::{Limit, Limits};
    /// let mut ceilings = Limits::unbounded();
    /// ceilings.set(Limit::Memory, 64 << 20);
    /// let limits = Limits::resolve(&Limits::default(), &ceilings, &[(Limit::Fuel, 1_000)]).unwrap();
    /// assert_eq!((limits.get(Limit::Memory), limits.get(Limit::Fuel)), (64 << 20, 1_000));
    /// assert!(Limits::resolve(&Limits::default(), &ceilings, &[(Limit::Memory, 65 << 20)]).is_err());
    /// ```
    pub fn resolve(defaults: &Limits, ceilings: &Limits, asked: &[(Limit, u64)]) -> Result<Limits, CeilingExceeded> {
        let mut limits = Limits(Limit::ALL.map(|limit| defaults.get(limit).min(ceilings.get(limit))));
        for &(limit, asked) in asked {
            let ceiling = ceilings.get(limit);
            if asked > ceiling {
                return Err(CeilingExceeded { limit, asked, ceiling });
            }
            limits.set(limit, asked);
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_found_by_its_key() {
        for limit in Limit::ALL {
            assert_eq!(Limit::from_key(limit.key()), Some(limit));
        }
        assert_eq!(Limit::from_key("memroy"), None);
    }

    #[test]
    fn a_wish_above_the_ceiling_names_both_numbers() {
        let mut ceilings = Limits::unbounded();
        ceilings.set(Limit::Time, 5_000);
        let error = Limits::resolve(&Limits::default(), &ceilings, &[(Limit::Time, 60_000)]).expect_err("above");
        assert_eq!(error.to_string(), "asks for time = 1m, but the operator's ceiling is 5s");
    }
}
