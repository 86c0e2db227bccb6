//! Schemas that are ready, while there is room; and where contents are checked, so that nobody else waits for it.
//!
//! It knows which schema is whose. It must never know what is in one.

use super::{Checker, Mismatch, Mismatches, SchemaError};
use spell_types::Content;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Schemas that are kept ready.
const READY_MAX: usize = 32;
/// Schemas that are made ready, and large contents that are checked, at a time.
const AT_A_TIME_MAX: usize = 2;
/// Parts of a schema times bytes of a content that are checked at once: well under a millisecond.
const AT_ONCE_WORK_MAX: usize = 1 << 16;

/// Which of its two schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Input,
    Output,
}

/// Schemas of spells.
pub(crate) struct Checkers {
    ready: Mutex<Ready>,
    turns: Semaphore,
}

#[derive(Default)]
struct Ready {
    checkers: HashMap<(String, Side), Entry>,
    asked: u64,
}

struct Entry {
    schema: String,
    checker: Arc<Checker>,
    asked: u64,
}

impl Default for Checkers {
    fn default() -> Self {
        Self { ready: Mutex::default(), turns: Semaphore::new(AT_A_TIME_MAX) }
    }
}

impl Checkers {
    /// Whether a content is what a schema of a spell says. Without a schema, it is.
    pub(crate) async fn check(&self, spell: &str, side: Side, schema: Option<&str>, content: &Content) -> Result<(), Mismatches> {
        let Some(schema) = schema else { return Ok(()) };
        let checker = match self.known(spell, side, schema) {
            Some(checker) => checker,
            None => self.make(spell, side, schema).await.map_err(unusable)?,
        };
        if checker.work(content) <= AT_ONCE_WORK_MAX {
            return checker.check(content);
        }
        let _turn = self.turns.acquire().await;
        let content = content.clone();
        spawn_blocking(move || checker.check(&content)).await.unwrap_or_else(|error| Err(unusable(error)))
    }

    fn known(&self, spell: &str, side: Side, schema: &str) -> Option<Arc<Checker>> {
        let mut ready = self.ready();
        ready.asked += 1;
        let asked = ready.asked;
        let entry = ready.checkers.get_mut(&(spell.to_owned(), side)).filter(|entry| entry.schema == schema)?;
        entry.asked = asked;
        Some(entry.checker.clone())
    }

    async fn make(&self, spell: &str, side: Side, schema: &str) -> Result<Arc<Checker>, String> {
        let _turn = self.turns.acquire().await;
        let text = schema.to_owned();
        let made = spawn_blocking(move || Checker::new(&text)).await.map_err(|error| error.to_string())?;
        let checker = Arc::new(made.map_err(|error: SchemaError| error.to_string())?);
        let mut ready = self.ready();
        if ready.checkers.len() >= READY_MAX {
            let oldest = ready.checkers.iter().min_by_key(|(_, entry)| entry.asked).map(|(key, _)| key.clone());
            oldest.map(|oldest| ready.checkers.remove(&oldest));
        }
        let entry = Entry { schema: schema.to_owned(), checker: checker.clone(), asked: ready.asked };
        ready.checkers.insert((spell.to_owned(), side), entry);
        Ok(checker)
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It could be used when it was set: this is another program, or the host failed.
fn unusable(reason: impl ToString) -> Mismatches {
    Mismatches(vec![Mismatch { at: String::new(), reason: format!("the schema cannot be used any more: {}", reason.to_string()) }])
}
