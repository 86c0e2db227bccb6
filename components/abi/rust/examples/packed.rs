//! `execute(address, length) -> address << 32 | length`. `alloc` gives memory for the input.

#![cfg(target_family = "wasm")]

/// Memory for the input.
#[unsafe(no_mangle)]
pub extern "C" fn alloc(size: usize) -> *mut u8 {
    Box::into_raw(vec![0; size].into_boxed_slice()).cast()
}

/// # Safety
/// `pointer` is what `alloc(size)` gave.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dealloc(pointer: *mut u8, size: usize) {
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(pointer, size)) });
}

/// Where the answer is, and how long it is; negative if there is none.
///
/// # Safety
/// At `input` are `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execute(input: *const u8, length: usize) -> i64 {
    let input = unsafe { std::slice::from_raw_parts(input, length) };
    let Ok(answer) = abi_rust::spell(input) else { return -1 };
    let answer = answer.leak();
    (answer.as_ptr() as i64) << 32 | answer.len() as i64
}
