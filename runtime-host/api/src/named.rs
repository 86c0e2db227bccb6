//! Counters by name, where names come from outside: so many have counters of their own, and all others share one.
//!
//! It knows names and their bound. It must never know what is counted.

use arc_swap::ArcSwap;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The label of what has no counters of its own. No spell can have this name.
pub(crate) const OTHER: &str = "_other";

/// Counters of each name. Whoever counts takes no lock.
#[derive(Debug)]
pub(crate) struct Named<T> {
    known: ArcSwap<BTreeMap<Arc<str>, Arc<T>>>,
    names_max: usize,
    other: T,
    has_others: AtomicBool,
}

impl<T: Default> Named<T> {
    pub(crate) fn new(names_max: usize) -> Self {
        Self { known: ArcSwap::default(), names_max, other: T::default(), has_others: AtomicBool::new(false) }
    }

    /// Counts something of a name.
    pub(crate) fn count(&self, name: &str, count: impl FnOnce(&T)) {
        if let Some(counters) = self.known.load().get(name) {
            return count(counters);
        }
        self.known.rcu(|known| {
            let mut known = BTreeMap::clone(known);
            if known.len() < self.names_max {
                known.entry(name.into()).or_default();
            }
            known
        });
        match self.known.load().get(name) {
            Some(counters) => count(counters),
            None => {
                self.has_others.store(true, Relaxed);
                count(&self.other);
            }
        }
    }

    /// Does something with the counters of each name. Those that are shared show up only once there is something to show.
    pub(crate) fn each(&self, mut encode: impl FnMut(&str, &T) -> fmt::Result) -> fmt::Result {
        for (name, counters) in self.known.load().iter() {
            encode(name, counters)?;
        }
        if self.has_others.load(Relaxed) { encode(OTHER, &self.other) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn names_beyond_the_bound_share_their_counters_and_none_is_lost() {
        let named = Named::<AtomicU64>::new(3);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..1_000 {
                        named.count(&format!("spell-{}", number % 10), |count| {
                            count.fetch_add(1, Relaxed);
                        });
                    }
                });
            }
        });
        let mut counted = Vec::new();
        let _ = named.each(|name, count| {
            counted.push((name.to_owned(), count.load(Relaxed)));
            Ok(())
        });
        assert_eq!((counted.len(), counted.iter().map(|(_, count)| count).sum::<u64>()), (4, 4_000), "{counted:?}");
        assert_eq!(counted.last(), Some(&(OTHER.to_owned(), 2_800)));
    }
}
