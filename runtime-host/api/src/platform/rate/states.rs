//! How far each client has come, of so many clients at most.
//!
//! It knows keys and moments. It must never know rates.

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Clients that are told apart at most.
pub(super) const CLIENTS_MAX: usize = 65_536;

/// The states of clients. Those for whom there is no room share one.
pub(super) struct States<K>(Mutex<Kept<K>>);

struct Kept<K> {
    clients: HashMap<K, Nanos>,
    others: Option<Nanos>,
}

impl<K> Default for States<K> {
    fn default() -> Self {
        Self(Mutex::new(Kept { clients: HashMap::new(), others: None }))
    }
}

impl<K> States<K> {
    /// Nothing that could panic leaves them half changed.
    fn kept(&self) -> MutexGuard<'_, Kept<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> StateStore for States<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut kept = self.kept();
        if let Some(state) = kept.clients.get_mut(key) {
            let (outcome, after) = measure(Some(*state))?;
            *state = after;
            return Ok(outcome);
        }
        if kept.clients.len() < CLIENTS_MAX {
            let (outcome, after) = measure(None)?;
            kept.clients.insert(key.clone(), after);
            return Ok(outcome);
        }
        let (outcome, after) = measure(kept.others)?;
        kept.others = Some(after);
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<K> for States<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut kept = self.kept();
        kept.clients.retain(|_, state| *state >= drop_below);
        kept.clients.shrink_to(CLIENTS_MAX / 64);
    }

    fn len(&self) -> usize {
        self.kept().clients.len()
    }

    fn is_empty(&self) -> bool {
        self.kept().clients.is_empty()
    }
}
