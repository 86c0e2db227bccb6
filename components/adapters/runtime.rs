//! What the standard library would bring: memory, and an end for what cannot go on. Shared by the adapters, which are built each by itself,
//! because another guest would bring the library along; must never import anything.

use core::alloc::Layout;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

// For `memcmp` and its like, which take nothing from anyone.
#[link(name = "c")]
unsafe extern "C" {}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Where the host puts what it hands over; most guests have it from their C library.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_bytes: usize, align: usize, new_bytes: usize) -> *mut u8 {
    if new_bytes == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the canonical ABI asks with alignments that are powers of two, and hands back what it was given.
    let new = unsafe {
        if old_bytes == 0 {
            alloc::alloc::alloc(Layout::from_size_align_unchecked(new_bytes, align))
        } else {
            alloc::alloc::realloc(old, Layout::from_size_align_unchecked(old_bytes, align), new_bytes)
        }
    };
    if new.is_null() { core::arch::wasm32::unreachable() } else { new }
}
