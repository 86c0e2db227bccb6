//! What was asked for lately, as much of it as there may be: what has not been asked for for the longest time makes room.
//!
//! It knows when something was asked for. It must never know what it is.

use std::collections::HashMap;
use std::hash::Hash;

/// At most so many values, each with the time of the last question for it.
pub(crate) struct Recent<K, V> {
    kept: HashMap<K, (V, u64)>,
    asked: u64,
    count_max: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn new(count_max: usize) -> Self {
        Self { kept: HashMap::new(), asked: 0, count_max }
    }

    /// What is kept under a key, if something is.
    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        self.asked += 1;
        let (value, asked) = self.kept.get_mut(key)?;
        *asked = self.asked;
        Some(value.clone())
    }

    /// Keeps a value under a key.
    pub(crate) fn keep(&mut self, key: K, value: V) {
        self.asked += 1;
        if !self.kept.contains_key(&key) && self.kept.len() >= self.count_max {
            let oldest = self.kept.iter().min_by_key(|(_, (_, asked))| *asked).map(|(key, _)| key.clone());
            oldest.map(|oldest| self.kept.remove(&oldest));
        }
        self.kept.insert(key, (value, self.asked));
    }

    /// Whatever is kept.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.kept.values().map(|(value, _)| value)
    }

    /// What is kept under a key, made if it is not there.
    pub(crate) fn get_or_keep(&mut self, key: K, make: impl FnOnce() -> V) -> V {
        self.get(&key).unwrap_or_else(|| {
            let value = make();
            self.keep(key, value.clone());
            value
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_longest_ago_makes_room() {
        let mut recent = Recent::new(2);
        for (at, key, expected) in [(0, "a", 0), (1, "b", 1), (2, "a", 0), (3, "c", 3), (4, "a", 0), (5, "b", 5)] {
            assert_eq!(recent.get_or_keep(key, || at), expected, "{key}");
        }
        assert_eq!((recent.kept.len(), recent.get(&"c")), (2, None));
    }
}
