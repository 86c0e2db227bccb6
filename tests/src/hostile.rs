//! Attacks, and what has to be true after each of them.
//!
//! A card names an attack; its variants are data. Every variant is run in an [`Arena`]: a host that serves other spells at the same
//! time, and that is looked at afterwards from outside. This room knows what an attack does and what must come of it. It must
//! never know how the host defends itself.

mod arena;
mod canary;
mod guest;
mod vitals;

pub use arena::{Arena, Variant, Verdict, alone, run_all, run_unprotected};
pub use guest::{Guest, modules, sections, whole};
