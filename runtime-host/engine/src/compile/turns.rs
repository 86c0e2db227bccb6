//! Who may compile now: one caller for each name, so many names at a time. It must never know what a name stands for.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// Hands out turns. Those who wait block their thread.
pub(crate) struct Turns {
    names: Mutex<HashSet<String>>,
    changed: Condvar,
    at_once_max: usize,
}

/// A turn; over when dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    name: String,
}

impl Turns {
    pub(crate) fn new(at_once_max: usize) -> Self {
        Self { names: Mutex::default(), changed: Condvar::new(), at_once_max: at_once_max.max(1) }
    }

    /// Waits for the turn of a name.
    pub(crate) fn take(&self, name: &str) -> Turn<'_> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let must_wait = |names: &mut HashSet<String>| names.contains(name) || names.len() >= self.at_once_max;
        let mut names = self.changed.wait_while(names, must_wait).unwrap_or_else(PoisonError::into_inner);
        names.insert(name.to_owned());
        Turn { turns: self, name: name.to_owned() }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_name_has_one_turn_at_a_time_and_all_names_so_many() {
        let turns = Turns::new(2);
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let of_name: [AtomicUsize; 4] = Default::default();
        std::thread::scope(|scope| {
            for index in 0..32 {
                let (turns, running, most, of_name) = (&turns, &running, &most, &of_name);
                scope.spawn(move || {
                    let _turn = turns.take(&(index % 4).to_string());
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    assert_eq!(of_name[index % 4].fetch_add(1, Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    of_name[index % 4].fetch_sub(1, Ordering::SeqCst);
                    running.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }
}
