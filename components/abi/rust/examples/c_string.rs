//! `execute(text) -> text`: addresses of bytes that end with a zero. `allocate` gives memory for the input.

#![cfg(target_family = "wasm")]

use std::ffi::{CStr, CString, c_char};
use std::ptr::null_mut;

/// Memory for the input.
#[unsafe(no_mangle)]
pub extern "C" fn allocate(size: usize) -> *mut u8 {
    Box::into_raw(vec![0; size].into_boxed_slice()).cast()
}

/// # Safety
/// `pointer` is what `allocate(size)` gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn deallocate(pointer: *mut u8, size: usize) {
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(pointer, size)) });
}

/// The answer; null if there is none.
///
/// # Safety
/// `input` is a text that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execute(input: *const c_char) -> *mut c_char {
    let input = unsafe { CStr::from_ptr(input) };
    let answer = abi_rust::spell(input.to_bytes()).ok().and_then(|answer| CString::new(answer).ok());
    answer.map_or(null_mut(), CString::into_raw)
}
