//! `process(text) -> text`: addresses of bytes that end with a zero, and nothing beside it.

#![cfg(target_family = "wasm")]

use std::ffi::{CStr, CString, c_char};

/// The answer; null if there is none.
///
/// # Safety
/// `input` is a text that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn process(input: *const c_char) -> *const c_char {
    let input = unsafe { CStr::from_ptr(input) };
    match abi_rust::spell(input.to_bytes()).map(CString::new) {
        Ok(Ok(answer)) => answer.into_raw(),
        _ => std::ptr::null(),
    }
}
