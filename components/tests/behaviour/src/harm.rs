//! What a bad guest does to its host. Knows how to keep the optimiser from preventing it; must never return early.

use std::hint::black_box;

const MIB: usize = 1024 * 1024;
const PAGE_BYTES: usize = 4096;
/// The byte that marks memory for another request to find.
const STAIN: u8 = 0xA7;
/// Stained bytes in a row that are no accident.
const STAIN_RUN: usize = 64;

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

/// Allocates memory, fills it with a mark, and never gives it back.
pub fn stain(mib: usize) {
    black_box(vec![STAIN; mib.saturating_mul(MIB)].leak());
}

/// Grows memory past the allocator and counts marked bytes in it, which only another request can have left there.
///
/// `None` when memory did not grow.
#[must_use]
pub fn scan(mib: usize) -> Option<usize> {
    fresh_memory(mib.saturating_mul(MIB)).map(count_stains)
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

/// Memory that this instance never had before.
#[cfg(target_family = "wasm")]
fn fresh_memory(bytes: usize) -> Option<&'static [u8]> {
    const WASM_PAGE_BYTES: usize = 64 * 1024;
    let page = core::arch::wasm32::memory_grow(0, bytes / WASM_PAGE_BYTES);
    // SAFETY: these bytes exist since memory grew by them, they are nobody else's, and they are never given back.
    (page != usize::MAX).then(|| unsafe { std::slice::from_raw_parts((page * WASM_PAGE_BYTES) as *const u8, bytes) })
}

#[cfg(not(target_family = "wasm"))]
fn fresh_memory(_bytes: usize) -> Option<&'static [u8]> {
    None
}

fn count_stains(memory: &[u8]) -> usize {
    let runs = memory.chunk_by(|one, next| one == next);
    runs.filter(|run| run.len() >= STAIN_RUN && run.first() == Some(&STAIN)).map(<[u8]>::len).sum()
}

// Small frames: the call stack overflows long before the stack in linear memory would run into its lower end.
// Using the depth after the call keeps this from becoming a loop.
#[inline(never)]
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn descend(depth: u64) -> u64 {
    let below = descend(depth.wrapping_add(1));
    black_box(below).wrapping_add(depth)
}

#[cfg(test)]
mod tests {
    use super::{STAIN, count_stains};

    #[test]
    fn only_long_runs_of_the_mark_count() {
        let memory =
            |lengths: &[usize]| lengths.iter().flat_map(|length| [vec![STAIN; *length], vec![0; 100]].concat()).collect::<Vec<_>>();
        for (lengths, expected) in [(&[][..], 0), (&[63], 0), (&[64], 64), (&[63, 65, 100], 165)] {
            assert_eq!(count_stains(&memory(lengths)), expected, "for {lengths:?}");
        }
    }
}
