//! Where what one module has is in the whole.

use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode};

/// New indices of one of the two modules. What comes without a list is moved as a whole; a list that is empty moves nothing.
#[derive(Debug, Default)]
pub(super) struct Indices {
    pub(super) types: u32,
    pub(super) functions: Vec<u32>,
    pub(super) memories: Vec<u32>,
    pub(super) globals: Vec<u32>,
    pub(super) tables: u32,
    pub(super) elements: u32,
    pub(super) data: u32,
}

type Moved = Result<u32, Error<Infallible>>;

impl Reencode for Indices {
    type Error = Infallible;

    fn type_index(&mut self, index: u32) -> Moved {
        Ok(index.saturating_add(self.types))
    }

    fn function_index(&mut self, index: u32) -> Moved {
        listed(&self.functions, index)
    }

    fn memory_index(&mut self, index: u32) -> Moved {
        listed(&self.memories, index)
    }

    fn global_index(&mut self, index: u32) -> Moved {
        listed(&self.globals, index)
    }

    fn table_index(&mut self, index: u32) -> Moved {
        Ok(index.saturating_add(self.tables))
    }

    fn element_index(&mut self, index: u32) -> Moved {
        Ok(index.saturating_add(self.elements))
    }

    fn data_index(&mut self, index: u32) -> Moved {
        Ok(index.saturating_add(self.data))
    }
}

/// Modules are validated before: an index that is in no list cannot be, and stays wrong.
fn listed(list: &[u32], index: u32) -> Moved {
    if list.is_empty() {
        return Ok(index);
    }
    Ok(list.get(index as usize).copied().unwrap_or(u32::MAX))
}
