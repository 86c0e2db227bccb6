//! What a program is given that is run for one request: arguments, environment, standard input, and a place for what it prints.
//!
//! This module knows bytes and names. It must never know what any of them mean.

use bytes::Bytes;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};

/// What a program is given beyond its grants.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its arguments, its own name first.
    pub arguments: Vec<String>,
    /// Environment variables beside those that it was granted.
    pub environment: Vec<(String, String)>,
    /// What it reads.
    pub input: Bytes,
    /// Where what it prints is kept.
    pub output: ProgramOutput,
}

/// What a program prints, kept in memory up to a bound.
#[derive(Debug, Clone)]
pub struct ProgramOutput {
    pipe: MemoryOutputPipe,
    bytes_max: usize,
}

impl ProgramOutput {
    /// A place for so many bytes. A program that prints more finds its standard output closed.
    pub fn new(bytes_max: usize) -> ProgramOutput {
        // One more tells a program that printed just as much from one that wanted to print more.
        ProgramOutput { pipe: MemoryOutputPipe::new(bytes_max.saturating_add(1)), bytes_max }
    }

    /// What was printed.
    pub fn contents(&self) -> Bytes {
        self.pipe.contents()
    }

    /// Whether it was more than there is place for.
    pub fn is_exceeded(&self) -> bool {
        self.pipe.contents().len() > self.bytes_max
    }

    pub(crate) fn stream(&self) -> MemoryOutputPipe {
        self.pipe.clone()
    }
}

impl Program {
    pub(crate) fn stdin(&self) -> MemoryInputPipe {
        MemoryInputPipe::new(self.input.clone())
    }
}
