//! Who is told what the platform does, as it does it.
//!
//! It knows what there is to tell. It must never know what becomes of it.

use crate::ledger::CastRecord;
use spell_types::SpellKey;

/// Nobody is told.
impl CastObserver for () {
    fn ended(&self, _: &CastRecord) {}

    fn replayed(&self, _: &CastRecord) {}

    fn loaded(&self, _: &SpellKey) {}
}

/// Is told of each cast, and must not wait for anything.
pub trait CastObserver: Send + Sync {
    /// A cast has ended, however it did: the record says how. It is told once.
    fn ended(&self, cast: &CastRecord);

    /// A request was answered with a cast that was there before, under the same key.
    fn replayed(&self, cast: &CastRecord);

    /// The code of a spell was loaded, for an upload or for a cast.
    fn loaded(&self, spell: &SpellKey);
}
