//! `run(address, length) -> address`, and `result_len() -> length` after it. `alloc` gives memory for the input.

#![cfg(target_family = "wasm")]

use std::sync::atomic::{AtomicUsize, Ordering};

static RESULT_LENGTH: AtomicUsize = AtomicUsize::new(0);

/// Memory for the input.
#[unsafe(no_mangle)]
pub extern "C" fn alloc(size: usize) -> *mut u8 {
    Vec::with_capacity(size).leak().as_mut_ptr()
}

/// The answer; null if there is none.
///
/// # Safety
/// At `input` are `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn run(input: *const u8, length: usize) -> *const u8 {
    let input = unsafe { std::slice::from_raw_parts(input, length) };
    let Ok(answer) = abi_rust::spell(input) else {
        RESULT_LENGTH.store(usize::MAX, Ordering::Relaxed);
        return std::ptr::null();
    };
    RESULT_LENGTH.store(answer.len(), Ordering::Relaxed);
    answer.leak().as_ptr()
}

/// How long the last answer is.
#[unsafe(no_mangle)]
pub extern "C" fn result_len() -> usize {
    RESULT_LENGTH.load(Ordering::Relaxed)
}
