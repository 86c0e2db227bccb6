//! The core module: what it exports to the glue, what it imports from it, and its memory.
//!
//! Everything that a cast needs is taken from the end of memory, and given back when its answer has been read. So the functions' answers,
//! which the component model puts where `cabi_realloc` says, cost no more than their size.
//!
//! It knows addresses, and is the only place that does. It must never know what is at them.

#![expect(unsafe_code, reason = "addresses come in from outside, and memory is handed out here")]

use crate::cast::{Answer, cast};
use crate::descriptor::Descriptor;
use crate::fault::Failure;
use crate::machine::Machine;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;

/// Every address given is a multiple of it: the largest alignment of a value.
const ALIGN: usize = 8;
const PAGE_BYTES: usize = 1 << 16;

#[link(wasm_import_module = "bridge")]
unsafe extern "C" {
    /// How many bytes the description has.
    fn describe_size() -> usize;
    /// Writes the description.
    fn describe(to: *mut u8);
    /// Calls a function.
    #[link_name = "call"]
    fn call_function(function: u32, slots: *mut u64);
}

unsafe extern "C" {
    static __heap_base: u8;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Memory from the end of what the program itself has; only what was given last can be taken back or grow where it is.
struct Arena {
    /// Where what is free begins; 0 before anything was given.
    next: Cell<usize>,
}

// SAFETY: There is one thread.
unsafe impl Sync for Arena {}

#[global_allocator]
static ARENA: Arena = Arena { next: Cell::new(0) };

fn heap_base() -> usize {
    (&raw const __heap_base).addr()
}

// SAFETY: What is given is within memory, aligned, and given to nobody else before it is taken back.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let next = if self.next.get() == 0 { heap_base() } else { self.next.get() };
        let start = next.next_multiple_of(ALIGN.max(layout.align()));
        let Some(end) = start.checked_add(layout.size()) else { return core::ptr::null_mut() };
        let missing = end.div_ceil(PAGE_BYTES).saturating_sub(core::arch::wasm32::memory_size(0));
        if missing > 0 && core::arch::wasm32::memory_grow(0, missing) == usize::MAX {
            return core::ptr::null_mut();
        }
        self.next.set(end);
        core::ptr::without_provenance_mut(start)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if at.addr() + layout.size() == self.next.get() {
            self.next.set(at.addr());
        }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: The caller's promises are those that are asked for here; the new place does not reach into the old one, or is it.
        unsafe {
            let is_last = at.addr() + layout.size() == self.next.get();
            if is_last {
                self.next.set(at.addr());
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if new.is_null() && is_last {
                self.next.set(at.addr() + layout.size());
            } else if !new.is_null() && new != at {
                core::ptr::copy_nonoverlapping(at, new, layout.size().min(size));
            }
            new
        }
    }
}

struct Module;

impl Machine for Module {
    fn keep(&mut self, bytes: Vec<u8>) -> u32 {
        // Also where nothing is, an address has to be aligned.
        if bytes.is_empty() { ALIGN as u32 } else { bytes.leak().as_ptr().addr() as u32 }
    }

    fn lend(&mut self, bytes: &[u8]) -> u32 {
        bytes.as_ptr().addr() as u32
    }

    fn read(&self, address: u32, length: u32) -> Option<&[u8]> {
        if length == 0 {
            return Some(&[]);
        }
        let end = address.checked_add(length)? as usize;
        let is_there = address != 0 && end.div_ceil(PAGE_BYTES) <= core::arch::wasm32::memory_size(0);
        // SAFETY: It is within memory, and nothing writes there until the cast has ended.
        is_there.then(|| unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(address as usize), length as usize) })
    }

    fn call(&mut self, function: u32, slots: &mut [u64]) {
        // SAFETY: There are as many slots as the function takes, and at least one.
        unsafe { call_function(function, slots.as_mut_ptr()) }
    }
}

/// The function `cast` of the canonical ABI; what it gives is where a `result<content, failure>` is.
#[unsafe(export_name = "cast")]
extern "C" fn exported_cast(input: *const u8, length: usize, _has_type: u32, _type: u32, _type_length: u32) -> *const u32 {
    // SAFETY: The component model has put the input there.
    let input = if length == 0 { &[] } else { unsafe { core::slice::from_raw_parts(input, length) } };
    // SAFETY: The glue writes as many bytes as it says.
    let description = unsafe {
        let mut description = vec![0; describe_size()];
        describe(description.as_mut_ptr());
        description
    };
    let answer =
        Descriptor::read(&description).ok_or_else(Failure::bad_answer).and_then(|descriptor| cast(&descriptor, &mut Module, input));
    let place = |bytes: Vec<u8>| (bytes.len() as u32, Module.keep(bytes));
    let result: [u32; 6] = match answer {
        Ok(Answer::Json(json)) => {
            let (length, address) = place(json.into_bytes());
            let kind = "application/json";
            [0, address, length, 1, kind.as_ptr().addr() as u32, kind.len() as u32]
        }
        Ok(Answer::Bytes(address, length)) => [0, address, length, 0, 0, 0],
        Err(Failure { code, message }) => {
            let (length, address) = place(message.into_bytes());
            [1, code.as_ptr().addr() as u32, code.len() as u32, address, length, 0]
        }
    };
    Box::leak(Box::new(result)).as_ptr()
}

/// The answer has been read: all memory is free again.
#[unsafe(export_name = "end")]
extern "C" fn end(_answer: u32) {
    ARENA.next.set(0);
}

/// Memory for what the component model puts into it.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
    if size == 0 {
        return core::ptr::without_provenance_mut(ALIGN);
    }
    // SAFETY: The component model asks for alignments of values alone, and gives back what it was given.
    let new = unsafe {
        match Layout::from_size_align(old_size, align) {
            Ok(layout) if old_size > 0 => ARENA.realloc(old, layout, size),
            _ => ARENA.alloc(Layout::from_size_align_unchecked(size, ALIGN)),
        }
    };
    if new.is_null() { core::arch::wasm32::unreachable() } else { new }
}
