//! What the interpreter works with: memory that functions read from and write to, and the functions.

use alloc::vec;
use alloc::vec::Vec;

/// Memory and functions, as far as values and calls go. What is kept stays until the cast has ended.
pub trait Machine {
    /// Where these bytes are from now on; the address is a multiple of 8.
    fn keep(&mut self, bytes: Vec<u8>) -> u32;

    /// Where bytes of the input can be read.
    fn lend(&mut self, bytes: &[u8]) -> u32;

    /// Bytes at an address, if they are there.
    fn read(&self, address: u32, length: u32) -> Option<&[u8]>;

    /// Calls a function by its number. Slots have its arguments, then where the answer goes if it is more than one number; a single
    /// number comes back in the first slot, so there is at least one.
    fn call(&mut self, function: u32, slots: &mut [u64]);

    /// So many bytes, all of them zero.
    fn reserve(&mut self, size: u32) -> u32 {
        self.keep(vec![0; size as usize])
    }
}
