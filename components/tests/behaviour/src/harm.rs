//! What a bad guest does to its host. Knows how to keep the optimiser from preventing it; must never return early.

use std::hint::black_box;

const MIB: usize = 1024 * 1024;
const PAGE_BYTES: usize = 4096;

/// Never returns, never calls the host.
pub fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Allocates memory, touches every page of it, gives it back; returns the number of pages.
#[must_use]
pub fn grow(mib: usize) -> usize {
    let mut memory = vec![0_u8; mib.saturating_mul(MIB)];
    let pages = memory.iter_mut().step_by(PAGE_BYTES).map(|byte| *byte = 1).count();
    black_box(&memory);
    pages
}

/// Overflows the stack.
#[must_use]
pub fn recurse() -> u64 {
    descend(black_box(1))
}

/// Executes the instruction `unreachable`.
pub fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort()
}

/// Panics, which writes a message to stderr and then traps.
#[expect(clippy::panic, reason = "that is what it is for")]
pub fn panic() -> ! {
    panic!("a guest's deliberate panic")
}

// Small frames: the call stack overflows long before the stack in linear memory would run into its lower end.
// Using the depth after the call keeps this from becoming a loop.
#[inline(never)]
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn descend(depth: u64) -> u64 {
    let below = descend(depth.wrapping_add(1));
    black_box(below).wrapping_add(depth)
}
