//! `process(address, length, where the answer's length goes) -> address`. `allocate` gives memory for the input.

#![cfg(target_family = "wasm")]

use std::ptr::null_mut;

/// Memory for the input.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(size: usize) -> *mut u8 {
    Box::into_raw(vec![0; size].into_boxed_slice()).cast()
}

/// # Safety
/// `pointer` is what `allocate(size)` gave, or an answer of so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn deallocate(pointer: *mut u8, size: usize) {
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(pointer, size)) });
}

/// The answer; null if there is none.
///
/// # Safety
/// At `input` are `length` bytes, at `answer_length` is room for one number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn process(input: *const u8, length: usize, answer_length: *mut usize) -> *mut u8 {
    let input = unsafe { std::slice::from_raw_parts(input, length) };
    let Ok(answer) = abi_rust::spell(input) else { return null_mut() };
    unsafe { answer_length.write(answer.len()) };
    Box::into_raw(answer.into_boxed_slice()).cast()
}
